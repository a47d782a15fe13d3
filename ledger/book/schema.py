"""The front book's tables, and what the database itself refuses.

Tables, constraints and triggers only: no statements that read or write rows. What is enforced here holds
whatever the program above it does: a key acts once, a due's effects follow each other, the journal cannot be
changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    Connection,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    event,
    inspect,
    text,
)

from ledger.rules.request import Totals

FRONT = MetaData()


def make_missing(connection: Connection, metadata: MetaData) -> None:
    """Make the tables that are missing. One query lists all tables, so that a start on a book that has them
    costs one query and not one a table.
    """
    existing = inspect(connection).get_table_names()
    missing = [table for name, table in metadata.tables.items() if name not in existing]
    if missing:
        metadata.create_all(connection, missing)


def text_column(name: str) -> Column[str]:
    """A text column that is never null."""
    return Column(name, Text, nullable=False)


def integer_column(name: str) -> Column[int]:
    """A 64-bit integer column that is never null."""
    return Column(name, BigInteger, nullable=False)


def one_of(column: str, values: Iterable[StrEnum]) -> str:
    """The condition that a column holds one of these values: those of an enumeration, or some of them."""
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def partial_index(name: str, *expressions: str | TextClause, where: str, unique: bool = False) -> Index:
    """An index, for a table's definition, of only the rows that meet the condition `where`."""
    condition = text(where)
    return Index(name, *expressions, unique=unique, sqlite_where=condition, postgresql_where=condition)


def _pending(name: str) -> Column[int]:
    """A column for the number of a load; 0 for a row with which no load does anything."""
    return Column(name, BigInteger, nullable=False, server_default="0")


def audit_record_columns() -> tuple[Column[Any], ...]:
    """New columns in the order of ledger.book.audit_log.AuditRecord: for the front's audit log and the
    office's.
    """
    return (
        Column("number", Integer, primary_key=True),
        integer_column("at"),
        text_column("by"),
        text_column("act"),
        text_column("subject"),
        text_column("note"),
        text_column("previous"),
    )


facts = Table(
    "facts",
    FRONT,
    Column("name", Text, primary_key=True),
    text_column("value"),
)
"""The version of these tables (`schema`), and the check value of the key that the book's digests were made
with (`front_key`)."""

days = Table(
    "days",
    FRONT,
    Column("date", Text, primary_key=True),
    text_column("state"),
    text_column("next_date"),
    integer_column("closed_at"),
    text_column("chains"),
    text_column("root"),
    text_column("signature"),
    CheckConstraint("state IN ('open', 'closed')", name="day_state"),
    CheckConstraint(
        "(state = 'closed') = (signature <> '' AND next_date > date)", name="day_closed_is_sealed"
    ),
    partial_index("one_open_day", text("(state = 'open')"), where="state = 'open'", unique=True),
)
"""At most one day is open, so there is never a doubt which date a transaction gets. A closed day has its seal
in `closed_at` to `signature` (ledger.rules.seal); these columns, and `next_date`, are empty or 0 while it is
open.
"""

loads = Table(
    "loads",
    FRONT,
    Column("digest", Text, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    text_column("date"),
    integer_column("policies"),
    integer_column("dues"),
    integer_column("premium"),
    integer_column("benefit"),
    integer_column("withdrawn"),
    integer_column("withdrawn_late"),
    integer_column("lapsed"),
    integer_column("withdrawn_held"),
    integer_column("lapsed_held"),
    text_column("left_out"),
    integer_column("loaded_at"),
    UniqueConstraint("date", name="one_load_a_day"),
)
"""One file of dues that was loaded. This row makes everything that came with the file be seen.
`withdrawn_late` counts dues that were settled before they could be withdrawn, `lapsed` those that left with
their policy, `withdrawn_held` and `lapsed_held` those that would have left so and that a batch held; all, and
`withdrawn`, are counted as the dues leave, which goes on after the row is there.
`left_out` has a line of text for each row of the file that was left out."""

loading = Table(
    "loading",
    FRONT,
    Column("number", Integer, primary_key=True),
    integer_column("rows"),
)
"""The load that is under way, or was when its process was lost; its rows are in the book and cannot be seen.
Each of its transactions adds the count of its rows here, and so learns whether another load has begun since.
"""

policies = Table(
    "policies",
    FRONT,
    Column("policy", Text, primary_key=True),
    text_column("state"),
    text_column("holder"),
    _pending("load"),
    _pending("changes"),
    Column("next_state", Text, nullable=False, server_default=""),
    Column("next_holder", Text, nullable=False, server_default=""),
    *(Column(name, Text, nullable=False, server_default="") for name in ("serving", "serving_phone")),
    *(
        Column(f"next_{name}", Text, nullable=False, server_default="")
        for name in ("serving", "serving_phone")
    ),
    partial_index("policies_changing", "changes", where="changes > 0"),
)
"""`load` is the number of the load with which a row came. If `changes` is not 0, then from the load of that
number on the policy has `next_state`, `next_holder` and who serves it next (ledger.book.visible)."""

dues = Table(
    "dues",
    FRONT,
    Column("due", Text, primary_key=True),
    text_column("policy"),
    text_column("code"),
    text_column("kind"),
    text_column("due_date"),
    integer_column("amount"),
    text_column("beneficiary"),
    text_column("state"),
    text_column("settled_by"),
    integer_column("sequence"),
    integer_column("withdrawn"),
    _pending("load"),
    _pending("leaves"),
    Column("leaves_as", Text, nullable=False, server_default=""),
    Column("payee", Text, nullable=False, server_default=""),
    Column("held_by", Text, nullable=False, server_default=""),
    Column("grace_until", Text, nullable=False, server_default=""),
    ForeignKeyConstraint(["policy"], ["policies.policy"], name="due_of_policy"),
    CheckConstraint("withdrawn IN (0, 1)", name="due_withdrawn_or_not"),
    CheckConstraint("state <> 'withdrawn' OR withdrawn = 1", name="due_withdrawn_says_so"),
    CheckConstraint("state <> 'open' OR withdrawn = 0 OR held_by <> ''", name="due_withdrawn_is_not_open"),
    CheckConstraint("state = 'open' OR held_by = ''", name="due_held_is_open"),
    CheckConstraint("kind = 'premium' OR held_by = ''", name="due_held_is_a_premium"),
    CheckConstraint("amount > 0", name="due_amount"),
    CheckConstraint("kind = 'benefit' OR payee = ''", name="due_payee_of_a_benefit"),
    CheckConstraint("grace_until = '' OR (kind = 'premium' AND grace_until >= due_date)", name="due_grace"),
    CheckConstraint("kind IN ('premium', 'benefit')", name="due_kind"),
    CheckConstraint("state IN ('open', 'settled', 'lapsed', 'withdrawn')", name="due_state"),
    CheckConstraint("(state = 'settled') = (settled_by <> '')", name="due_settled_by_someone"),
    CheckConstraint("(state = 'settled') = (sequence % 2 = 1)", name="due_sequence_is_its_state"),
    CheckConstraint(
        "CASE WHEN leaves = 0 THEN leaves_as = '' ELSE leaves_as IN ('lapsed', 'withdrawn') END",
        name="due_leaves_somehow",
    ),
    Index("dues_by_policy", "policy"),
    partial_index("dues_leaving", "leaves", where="leaves > 0"),
    partial_index("dues_held", "held_by", where="held_by <> ''", unique=True),
)
"""`load` is the number of the load with which a row came. If `leaves` is not 0, then from the load of that
number on the due is withdrawn or lapsed, as `leaves_as` says, unless it is settled (ledger.book.visible).
`payee` is the name of the person to whom a benefit is paid, for its receipt; no other table has it.
`held_by` is the line of a batch that alone may settle the due, BATCH/LINE (hold_lines); a due that is to
leave while it is held is `withdrawn` and stays open until it is let go."""

holds = Table(
    "holds",
    FRONT,
    Column("batch", Text, primary_key=True),
    text_column("channel"),
    text_column("date"),
    text_column("created_at"),
    text_column("digest"),
    integer_column("lines"),
    integer_column("amount"),
    integer_column("held_at"),
    integer_column("released_at"),
    CheckConstraint("released_at = 0 OR held_at > 0", name="hold_ends_after_it_began"),
    CheckConstraint("held_at > 0 OR (lines = 0 AND amount = 0)", name="hold_is_counted_when_whole"),
)
"""One batch that holds dues, or held some: its channel, the digest of its file, and how many lines with which
sum (fen) it was granted. `held_at` is 0 while its lines are being held, `released_at` until none is held any
more (microseconds since 1970-01-01 UTC)."""

hold_lines = Table(
    "hold_lines",
    FRONT,
    text_column("batch"),
    integer_column("line"),
    text_column("due"),
    text_column("policy"),
    text_column("code"),
    integer_column("amount"),
    PrimaryKeyConstraint("batch", "line"),
    ForeignKeyConstraint(["batch"], ["holds.batch"], name="line_of_hold"),
    CheckConstraint("line BETWEEN 1 AND 999999", name="line_fits_stan"),
    CheckConstraint("amount > 0", name="line_amount"),
)
"""The lines that a batch was granted, never changed: what a result, however late, is about."""

hold_files = Table(
    "hold_files",
    FRONT,
    Column("digest", Text, primary_key=True),
    text_column("batch"),
    text_column("act"),
    integer_column("at"),
    integer_column("lines"),
    integer_column("amount"),
    integer_column("withdrawn"),
    text_column("answer"),
    CheckConstraint("(at = 0) = (answer = '')", name="file_ends_with_its_answer"),
)
"""The files of batches, by digest, each with the answer that it gets again; while one is being carried out,
`at` is 0 and the answer empty. `lines` and `amount` (fen) count the dues that it has let go so far,
`withdrawn` those among them that have left by it."""

chains = Table(
    "chains",
    FRONT,
    Column("chain", Integer, primary_key=True),
    Column("node", Text, nullable=False, unique=True),
    integer_column("epoch"),
    integer_column("position"),
    text_column("tip"),
    CheckConstraint("chain BETWEEN 1 AND 99", name="chain_fits_receipt_number"),
)

bank_days = Table(
    "bank_days",
    FRONT,
    text_column("bank"),
    text_column("date"),
    *(integer_column(name) for name in Totals._fields),
    integer_column("used"),
    integer_column("unfit"),
    PrimaryKeyConstraint("bank", "date"),
)
"""A bank's running figures for a business date (ledger.rules.request.BankDay)."""

identity_guesses = Table(
    "identity_guesses",
    FRONT,
    Column("due", Text, primary_key=True),
    text_column("date"),
    integer_column("wrong"),
    integer_column("locked"),
    CheckConstraint("wrong >= 0", name="guesses_are_counted"),
    CheckConstraint("locked IN (0, 1)", name="guesses_lock_or_not"),
)
"""Counts of wrong identity numbers for a due (ledger.rules.view.Guesses). No number is kept, right or wrong.
"""


def entry_columns() -> tuple[Column[Any], ...]:
    """New columns in the order of ledger.rules.entry.Entry: for the journal and the office's copy of it."""
    return (
        Column("chain", Integer, nullable=False),
        integer_column("position"),
        text_column("key"),
        text_column("kind"),
        text_column("mti"),
        text_column("code"),
        text_column("bank"),
        text_column("terminal"),
        text_column("branch"),
        text_column("stan"),
        text_column("sent_at"),
        text_column("local_at"),
        text_column("rrn"),
        text_column("card"),
        integer_column("amount"),
        text_column("currency"),
        text_column("policy"),
        text_column("holder"),
        text_column("due"),
        text_column("due_date"),
        text_column("original"),
        text_column("content"),
        text_column("business_date"),
        integer_column("recorded_at"),
        text_column("response"),
        text_column("reason"),
        text_column("authorization"),
        Column("receipt", Text),
        text_column("exception_code"),
        text_column("side"),
        Column("subject", Text),
        Column("sequence", BigInteger),
        Column("sequence_before", BigInteger),
        text_column("previous"),
        text_column("salt"),
    )


journal = Table(
    "journal",
    FRONT,
    *entry_columns(),
    PrimaryKeyConstraint("chain", "position"),
    UniqueConstraint("key", name="one_key_once"),
    UniqueConstraint("receipt", name="one_receipt_once"),
    UniqueConstraint("subject", "sequence", name="one_sequence_once"),
    CheckConstraint("length(salt) = 32", name="holder_is_salted"),
    CheckConstraint("(subject IS NULL) = (sequence IS NULL)", name="effect_has_subject_and_sequence"),
    CheckConstraint("sequence IS NULL OR sequence >= 1", name="sequences_count_from_one"),
    CheckConstraint(
        "CASE WHEN sequence > 1 THEN sequence_before IS NOT NULL AND sequence_before = sequence - 1"
        " ELSE sequence_before IS NULL END",
        name="sequence_before_is_the_one_before",
    ),
    CheckConstraint("sequence IS NULL OR response = '00'", name="refusal_has_no_effect"),
    CheckConstraint(
        "CASE kind"
        " WHEN 'collection' THEN (response = '00') = (sequence IS NOT NULL)"
        "  AND (sequence IS NULL OR sequence % 2 = 1)"
        " WHEN 'payout' THEN (response = '00') = (sequence IS NOT NULL)"
        "  AND (sequence IS NULL OR sequence % 2 = 1)"
        " WHEN 'cancel' THEN sequence IS NULL OR sequence % 2 = 0"
        " WHEN 'reversal' THEN sequence IS NULL OR sequence > 1"
        " WHEN 'tombstone' THEN sequence IS NULL AND response = '21'"
        " ELSE FALSE END",
        name="effect_fits_kind",
    ),
    partial_index("approved_reversing", "original", where="original <> '' AND response = '00'"),
)

audit_log = Table(
    "audit_log",
    FRONT,
    *audit_record_columns(),
)
"""What people had the machine do, a record an act, chained (ledger.book.audit_log). Append-only."""

retired = Table(
    "retired",
    FRONT,
    Column("date", Text, primary_key=True),
    text_column("root"),
    integer_column("entries"),
    integer_column("retired_at"),
)
"""The business days whose entries may be deleted from the journal, each with its sealed root, how many
entries it had, and when it was retired (microseconds since 1970-01-01 UTC). The oldest day first;
append-only."""

_NEVER_UPDATED = (
    "CREATE TRIGGER {table}_is_never_updated BEFORE UPDATE ON {table}"
    " BEGIN SELECT RAISE(ABORT, 'the {table} is append-only'); END"
)
_NEVER_DELETED = (
    "CREATE TRIGGER {table}_is_never_deleted BEFORE DELETE ON {table}{unless}"
    " BEGIN SELECT RAISE(ABORT, 'the {table} is append-only'); END"
)
_REFUSES = (
    "CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'the {table} is append-only'; END $$"
)
_NEVER_CHANGED = (
    "CREATE TRIGGER {table}_is_never_changed BEFORE {events} ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_append_only()"
)
_NOT_RETIRED = "NOT EXISTS (SELECT 1 FROM retired WHERE retired.date = OLD.business_date)"
_JOURNAL_DELETED = (
    "CREATE FUNCTION journal_keeps_entry() RETURNS trigger LANGUAGE plpgsql AS"
    f" $$ BEGIN IF {_NOT_RETIRED} THEN RAISE EXCEPTION 'the journal is append-only'; END IF;"
    " RETURN OLD; END $$",
    "CREATE TRIGGER journal_is_never_deleted BEFORE DELETE ON journal"
    " FOR EACH ROW EXECUTE FUNCTION journal_keeps_entry()",
    # Runs with its owner's rights: the role that serves may not delete (ledger/book/roles.sql).
    "CREATE FUNCTION forget_entries(of_chain integer, first bigint, last bigint) RETURNS bigint"
    " LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS"
    " $$ DECLARE forgotten bigint; BEGIN"
    " DELETE FROM journal WHERE chain = of_chain AND position BETWEEN first AND last;"
    " GET DIAGNOSTICS forgotten = ROW_COUNT; RETURN forgotten; END $$",
)
_NO_SEQUENCE_BEFORE = (
    "NOT EXISTS (SELECT 1 FROM journal AS j"
    "  WHERE j.subject = NEW.subject AND j.sequence = NEW.sequence_before)"
    " AND NOT EXISTS (SELECT 1 FROM dues AS d"
    "  WHERE d.due = NEW.subject AND d.sequence = NEW.sequence_before)"
)
"""True where the sequence before the new one is missing: it is neither in the journal nor, its entry being
retired, the due's own."""
_NOT_TO_RETIRE = (
    "NOT EXISTS (SELECT 1 FROM days AS d WHERE d.date = NEW.date AND d.root = NEW.root"
    " AND d.state = 'closed')"
    " OR EXISTS (SELECT 1 FROM days AS d WHERE d.date < NEW.date"
    " AND NOT EXISTS (SELECT 1 FROM retired AS r WHERE r.date = d.date))"
)
_GUARDS = (
    (
        journal,
        "sequence_follows_sequence",
        _NO_SEQUENCE_BEFORE,
        "WHEN (NEW.sequence_before IS NOT NULL)",
        "sequence_follows_sequence: the effect before this one is not there",
    ),
    (retired, "retired_in_order", _NOT_TO_RETIRE, "", "only the oldest day that is closed can be retired"),
)
"""What refuses a new row: its table, the trigger's name, the condition that refuses, on which rows the
trigger fires (SQL, empty for all), the error's text."""


def _on_creation(table: Table, dialect: str, statement: str) -> None:
    ddl = DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
    event.listen(table, "after_create", ddl.execute_if(dialect=dialect))


for _table in (journal, audit_log, retired):
    _is_journal = _table is journal
    _unless = f" WHEN {_NOT_RETIRED}" if _is_journal else ""
    _events = "UPDATE OR TRUNCATE" if _is_journal else "UPDATE OR DELETE OR TRUNCATE"
    _on_creation(_table, "sqlite", _NEVER_UPDATED.format(table=_table.name))
    _on_creation(_table, "sqlite", _NEVER_DELETED.format(table=_table.name, unless=_unless))
    _on_creation(_table, "postgresql", _REFUSES.format(table=_table.name))
    _on_creation(_table, "postgresql", _NEVER_CHANGED.format(table=_table.name, events=_events))
for _statement in _JOURNAL_DELETED:
    _on_creation(journal, "postgresql", _statement)
for _table, _name, _refused, _when, _text in _GUARDS:
    # A BEFORE trigger makes SQLite copy each row; the journal's condition can as well be checked AFTER.
    _sqlite_time = "AFTER" if _when else "BEFORE"
    _sqlite_when = f"WHEN {'NEW.sequence_before IS NOT NULL AND ' if _when else ''}({_refused})"
    _on_creation(
        _table,
        "sqlite",
        f"CREATE TRIGGER {_name} {_sqlite_time} INSERT ON {_table.name} {_sqlite_when}"
        f" BEGIN SELECT RAISE(ABORT, '{_text}'); END",
    )
    _on_creation(
        _table,
        "postgresql",
        f"CREATE FUNCTION {_name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {_refused}"
        f" THEN RAISE EXCEPTION '{_text}' USING ERRCODE = 'foreign_key_violation'; END IF;"
        " RETURN NEW; END $$",
    )
    _on_creation(
        _table,
        "postgresql",
        f"CREATE TRIGGER {_name} BEFORE INSERT ON {_table.name} FOR EACH ROW {_when}"
        f" EXECUTE FUNCTION {_name}()",
    )
