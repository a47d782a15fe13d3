"""The front book's tables, and what the database itself refuses.

Tables, constraints and triggers only: no statements that read or write rows. What the database enforces
here holds whatever the program above it does (DESIGN section 6): a key once, a due's effects one after the
other, a journal that cannot be changed.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)

from ledger.request import Totals

FRONT = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _integer(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


facts = Table(
    "facts",
    FRONT,
    Column("name", Text, primary_key=True),
    _text("value"),
)
"""What this book is: its schema's version, and the check value of the key that its digests were made with."""

days = Table(
    "days",
    FRONT,
    Column("date", Text, primary_key=True),
    _text("state"),
    _text("next_date"),
    _integer("closed_at"),
    _text("chains"),
    _text("root"),
    _text("signature"),
    CheckConstraint("state IN ('open', 'closed')", name="day_state"),
    CheckConstraint(
        "(state = 'closed') = (signature <> '' AND next_date > date)", name="day_closed_is_sealed"
    ),
)
Index(
    "one_open_day",
    text("(state = 'open')"),
    unique=True,
    sqlite_where=text("state = 'open'"),
    postgresql_where=text("state = 'open'"),
    _table=days,
)
"""At most one open day: there is never a doubt which date a transaction gets. A closed one carries its seal
(ledger.seal); the other columns are empty, or 0, while it is open."""

loads = Table(
    "loads",
    FRONT,
    Column("digest", Text, primary_key=True),
    _text("date"),
    _integer("policies"),
    _integer("dues"),
    _integer("premium"),
    _integer("benefit"),
    _integer("withdrawn"),
    _integer("withdrawn_late"),
    _integer("lapsed"),
    _integer("loaded_at"),
    UniqueConstraint("date", name="one_load_a_day"),
)
"""One file of dues taken. `withdrawn_late` counts dues that were settled before they could be withdrawn;
`lapsed` those that went with their policy."""

policies = Table(
    "policies",
    FRONT,
    Column("policy", Text, primary_key=True),
    _text("state"),
    _text("holder"),
)

dues = Table(
    "dues",
    FRONT,
    Column("due", Text, primary_key=True),
    _text("policy"),
    _text("code"),
    _text("kind"),
    _text("due_date"),
    _integer("amount"),
    _text("beneficiary"),
    _text("state"),
    _text("settled_by"),
    _integer("turn"),
    _integer("withdrawn"),
    ForeignKeyConstraint(["policy"], ["policies.policy"], name="due_of_policy"),
    CheckConstraint("withdrawn IN (0, 1)", name="due_withdrawn_or_not"),
    CheckConstraint("state <> 'withdrawn' OR withdrawn = 1", name="due_withdrawn_says_so"),
    CheckConstraint("state <> 'open' OR withdrawn = 0", name="due_withdrawn_is_not_open"),
    CheckConstraint("amount > 0", name="due_amount"),
    CheckConstraint("kind IN ('premium', 'benefit')", name="due_kind"),
    CheckConstraint("state IN ('open', 'settled', 'lapsed', 'withdrawn')", name="due_state"),
    CheckConstraint("(state = 'settled') = (settled_by <> '')", name="due_settled_by_someone"),
    CheckConstraint("(state = 'settled') = (turn % 2 = 1)", name="due_turn_is_its_state"),
    Index("dues_by_policy", "policy"),
)

incoming_policies = Table(
    "incoming_policies",
    FRONT,
    Column("policy", Text, primary_key=True),
    _text("state"),
    _text("holder"),
)

incoming_dues = Table(
    "incoming_dues",
    FRONT,
    Column("due", Text, primary_key=True),
    _text("policy"),
    _text("code"),
    _text("kind"),
    _text("due_date"),
    _integer("amount"),
    _text("beneficiary"),
    _text("state"),
)
"""A file of dues on its way in: staged in small transactions that hold nobody up, then taken by one. `state`
says what is to be: `open` for a new due, `withdrawn` for one that leaves. Nothing serves from these tables.
"""

chains = Table(
    "chains",
    FRONT,
    Column("chain", Integer, primary_key=True),
    Column("node", Text, nullable=False, unique=True),
    _integer("epoch"),
    _integer("position"),
    _text("tip"),
    CheckConstraint("chain BETWEEN 1 AND 99", name="chain_fits_receipt_number"),
)

bank_days = Table(
    "bank_days",
    FRONT,
    _text("bank"),
    _text("date"),
    *(_integer(name) for name in Totals._fields),
    PrimaryKeyConstraint("bank", "date"),
)


def entry_columns() -> tuple[Column[Any], ...]:
    """The columns of ledger.entry.Entry in its order, anew: for the journal and the office's copy of it."""
    return (
        Column("chain", Integer, nullable=False),
        _integer("position"),
        _text("key"),
        _text("kind"),
        _text("mti"),
        _text("code"),
        _text("bank"),
        _text("terminal"),
        _text("branch"),
        _text("stan"),
        _text("sent_at"),
        _text("local_at"),
        _text("rrn"),
        _text("card"),
        _integer("amount"),
        _text("currency"),
        _text("policy"),
        _text("holder"),
        _text("due"),
        _text("due_date"),
        _text("original"),
        _text("content"),
        _text("business_date"),
        _integer("recorded_at"),
        _text("response"),
        _text("reason"),
        _text("authorization"),
        Column("receipt", Text),
        _text("misfit"),
        _text("side"),
        Column("subject", Text),
        Column("turn", BigInteger),
        Column("turn_before", BigInteger),
        _text("previous"),
    )


journal = Table(
    "journal",
    FRONT,
    *entry_columns(),
    PrimaryKeyConstraint("chain", "position"),
    UniqueConstraint("key", name="one_key_once"),
    UniqueConstraint("receipt", name="one_receipt_once"),
    UniqueConstraint("subject", "turn", name="one_turn_once"),
    ForeignKeyConstraint(
        ["subject", "turn_before"], ["journal.subject", "journal.turn"], name="turn_follows_turn"
    ),
    CheckConstraint("(subject IS NULL) = (turn IS NULL)", name="effect_has_subject_and_turn"),
    CheckConstraint("turn IS NULL OR turn >= 1", name="turns_count_from_one"),
    CheckConstraint(
        "CASE WHEN turn > 1 THEN turn_before IS NOT NULL AND turn_before = turn - 1"
        " ELSE turn_before IS NULL END",
        name="turn_before_is_the_one_before",
    ),
    CheckConstraint("turn IS NULL OR response = '00'", name="refusal_has_no_effect"),
    CheckConstraint(
        "CASE kind"
        " WHEN 'collection' THEN (response = '00') = (turn IS NOT NULL) AND (turn IS NULL OR turn % 2 = 1)"
        " WHEN 'payout' THEN (response = '00') = (turn IS NOT NULL) AND (turn IS NULL OR turn % 2 = 1)"
        " WHEN 'cancel' THEN turn IS NULL OR turn % 2 = 0"
        " WHEN 'reversal' THEN turn IS NULL OR turn > 1"
        " WHEN 'tombstone' THEN turn IS NULL AND response = '21'"
        " ELSE FALSE END",
        name="effect_fits_kind",
    ),
    Index(
        "approved_undoings",
        "original",
        sqlite_where=text("original <> '' AND response = '00'"),
        postgresql_where=text("original <> '' AND response = '00'"),
    ),
)

acts = Table(
    "acts",
    FRONT,
    Column("number", Integer, primary_key=True),
    _integer("at"),
    _text("by"),
    _text("act"),
    _text("subject"),
    _text("note"),
    _text("previous"),
)
"""What operators had the machine do, chained as ledger.acts says. Append-only."""

_APPEND_ONLY = (
    (
        "sqlite",
        "CREATE TRIGGER {table}_is_never_updated BEFORE UPDATE ON {table}"
        " BEGIN SELECT RAISE(ABORT, 'the {table} is append-only'); END",
    ),
    (
        "sqlite",
        "CREATE TRIGGER {table}_is_never_deleted BEFORE DELETE ON {table}"
        " BEGIN SELECT RAISE(ABORT, 'the {table} is append-only'); END",
    ),
    (
        "postgresql",
        "CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the {table} is append-only'; END $$",
    ),
    (
        "postgresql",
        "CREATE TRIGGER {table}_is_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_append_only()",
    ),
)
for _table in (journal, acts):
    for _dialect, _statement in _APPEND_ONLY:
        _ddl = DDL(_statement.format(table=_table.name))  # type: ignore[no-untyped-call]
        event.listen(_table, "after_create", _ddl.execute_if(dialect=_dialect))
