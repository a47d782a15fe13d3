"""The back office's tables, with their constraints and triggers.

No statement here reads or writes rows. Amounts are fen in signed 64-bit integers; dates are YYYYMMDD; moments
are microseconds since 1970-01-01 UTC. An *effect* is a signed amount as the bank's clearing account sees it:
a collection in effect is +amount (the bank owes us), a payout in effect is -amount, a reversed transaction
is 0.
"""

from __future__ import annotations

from sqlalchemy import (
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
)

from ledger.book.guards import attach, make_append_only
from ledger.book.schema import audit_record_columns, entry_columns, integer_column, partial_index, text_column
from ledger.rules.break_classes import BreakClass
from office.database.date_guards import DATE_GUARDS
from office.database.guards import GUARDS
from office.database.receipt_tables import RECEIPT_GUARDS, receipt_tables

OFFICE = MetaData()

facts = Table("facts", OFFICE, Column("name", Text, primary_key=True), text_column("value"))
"""Facts about this database by name: today one, `schema`, the version of its schema."""

days = Table(
    "days",
    OFFICE,
    Column("date", Text, primary_key=True),
    text_column("state"),
    text_column("next_date"),
    integer_column("closed_at"),
    text_column("root"),
    text_column("signature"),
    integer_column("entries"),
    CheckConstraint("state IN ('closed', 'reconciled', 'posted', 'archived')", name="day_state"),
)
"""Each business day that the front has closed, with its state at the office (ledger.rules.day.TRANSITIONS).

`closed_at` is the moment of the cut-over; `root` and `signature` are the front's seal on the day (hex);
`entries` counts the journal entries of the date.
"""

chains = Table(
    "chains",
    OFFICE,
    Column("chain", Integer, primary_key=True),
    integer_column("position"),
    text_column("tip"),
)
"""For each of the front's chains: the position of the last entry pulled, and that entry's hash."""

entries = Table(
    "entries",
    OFFICE,
    *entry_columns(),
    PrimaryKeyConstraint("chain", "position"),
    UniqueConstraint("key", name="entry_key_once"),
    Index("entries_by_day", "business_date", "bank", "key"),
    partial_index("entries_by_original", "original", where="original <> '' AND sequence IS NOT NULL"),
)
"""The front's journal as pulled, in the columns of ledger.rules.entry.Entry. Append-only."""

bank_files = Table(
    "bank_files",
    OFFICE,
    text_column("bank"),
    text_column("date"),
    text_column("digest"),
    text_column("layout"),
    integer_column("lines"),
    integer_column("collected"),
    integer_column("paid"),
    integer_column("taken_at"),
    PrimaryKeyConstraint("bank", "date"),
    partial_index("file_once", "digest", where="lines > 0", unique=True),
)
"""The day files taken: one for each bank and date. `collected` and `paid` are the sums, in fen, of the lines
in state S. Append-only.
"""

bank_lines = Table(
    "bank_lines",
    OFFICE,
    text_column("bank"),
    text_column("date"),
    integer_column("line"),
    text_column("key"),
    text_column("direction"),
    text_column("terminal"),
    text_column("branch"),
    text_column("sent_at"),
    text_column("stan"),
    text_column("rrn"),
    text_column("code"),
    text_column("policy"),
    text_column("due"),
    integer_column("amount"),
    text_column("receipt"),
    text_column("state"),
    PrimaryKeyConstraint("bank", "date", "line"),
    ForeignKeyConstraint(
        ["bank", "date"],
        ["bank_files.bank", "bank_files.date"],
        name="line_of_file",
        deferrable=True,
        initially="DEFERRED",
    ),
    CheckConstraint("direction IN ('C', 'P')", name="line_direction"),
    CheckConstraint("state IN ('S', 'R')", name="line_state"),
    Index("bank_lines_by_key", "key"),
)
"""The lines of the banks' files. `key` is ledger.rules.request.key_of(bank, terminal, sent_at, stan);
`direction` is C for a collection, P for a payout; `state` is S for done, R for reversed. The file's row in
`bank_files` is inserted after its lines, because it counts them. Append-only.
"""

reconciliations = Table(
    "reconciliations",
    OFFICE,
    text_column("bank"),
    text_column("date"),
    integer_column("ours"),
    integer_column("theirs"),
    integer_column("matched"),
    integer_column("ours_effect"),
    integer_column("theirs_effect"),
    integer_column("breaks_allowed"),
    integer_column("made_at"),
    PrimaryKeyConstraint("bank", "date"),
)
"""The result of each bank's date: the numbers of lines on our side and on theirs, of pairs that agree, and
the sums of effects in fen. `breaks_allowed` is the number of breaks that it might have without two people's
word. Append-only.
"""

held_files = Table(
    "held_files",
    OFFICE,
    text_column("bank"),
    text_column("date"),
    text_column("digest"),
    text_column("layout"),
    integer_column("ours"),
    integer_column("theirs"),
    integer_column("breaks"),
    integer_column("breaks_allowed"),
    integer_column("difference"),
    text_column("examples"),
    integer_column("held_at"),
    PrimaryKeyConstraint("bank", "date", "digest", "layout"),
    CheckConstraint("breaks > breaks_allowed", name="held_for_its_breaks"),
)
"""Each file that would have made more breaks than allowed, by its digest (SHA-256, hex) and its layout's
edition. Nothing of such a file is kept: no line, no break. `difference` is theirs - ours in fen; `examples`
has the reasons of its first breaks. Append-only.
"""

date_decisions = Table(
    "date_decisions",
    OFFICE,
    text_column("bank"),
    text_column("date"),
    integer_column("number"),
    integer_column("at"),
    text_column("by"),
    text_column("step"),
    text_column("resolution"),
    text_column("digest"),
    text_column("layout"),
    text_column("note"),
    PrimaryKeyConstraint("bank", "date", "number"),
    CheckConstraint("step IN ('propose', 'approve', 'reject', 'withdraw')", name="decision_step"),
    CheckConstraint("resolution IN ('without_file', 'let_through')", name="decision_resolution"),
    CheckConstraint("step <> 'propose' OR note <> ''", name="proposal_has_a_reason"),
)
"""What people decided about a bank's date, a row a step, numbered from 1: that the date is closed without the
bank's file, or that a held file is let through (`digest` and `layout` say which). Append-only.
"""

posted_dates = Table(
    "posted_dates",
    OFFICE,
    text_column("bank"),
    text_column("date"),
    text_column("posted_on"),
    integer_column("posted_at"),
    PrimaryKeyConstraint("bank", "date"),
    ForeignKeyConstraint(
        ["bank", "date"], ["reconciliations.bank", "reconciliations.date"], name="posted_was_reconciled"
    ),
)
"""Each bank's date that is in the books. `posted_on` is the date of its posting: the date itself, or a later
one if the date was closed without the bank's file. Append-only.
"""

products = Table(
    "products",
    OFFICE,
    text_column("bank"),
    text_column("date"),
    text_column("code"),
    integer_column("lines"),
    integer_column("effect"),
    PrimaryKeyConstraint("bank", "date", "code"),
    ForeignKeyConstraint(
        ["bank", "date"], ["reconciliations.bank", "reconciliations.date"], name="product_of_reconciliation"
    ),
)
"""Our side of a reconciled date by processing code: the number of lines and the sum of their effects in fen.
Append-only.
"""

breaks = Table(
    "breaks",
    OFFICE,
    Column("break", Text, primary_key=True),
    text_column("bank"),
    text_column("date"),
    text_column("class"),
    text_column("key"),
    integer_column("line"),
    text_column("direction"),
    text_column("code"),
    text_column("policy"),
    text_column("due"),
    integer_column("ours_effect"),
    integer_column("theirs_effect"),
    integer_column("withheld"),
    integer_column("difference"),
    text_column("bank_code"),
    text_column("bank_policy"),
    text_column("bank_due"),
    text_column("reason"),
    text_column("hint"),
    text_column("owner"),
    text_column("state"),
    text_column("resolution"),
    text_column("proposed_by"),
    text_column("approved_by"),
    text_column("suspense_on"),
    text_column("settled_on"),
    UniqueConstraint("bank", "date", "key", "line", "class", name="break_once"),
    CheckConstraint(f"class IN ({', '.join(map(repr, map(str, BreakClass)))})", name="break_class"),
    CheckConstraint(
        "state IN ('open', 'suspense', 'proposed', 'approved', 'posted', 'closed')", name="break_state"
    ),
    CheckConstraint("difference = theirs_effect - ours_effect + withheld", name="break_difference"),
    CheckConstraint("approved_by = '' OR approved_by <> proposed_by", name="two_people"),
    CheckConstraint(
        "(state IN ('approved', 'posted') AND approved_by <> '') OR state NOT IN ('approved', 'posted')",
        name="approval_names_someone",
    ),
    CheckConstraint(
        "state NOT IN ('proposed', 'approved', 'posted') OR (proposed_by <> '' AND resolution <> '')",
        name="proposal_names_someone",
    ),
    CheckConstraint(
        "state <> 'closed' OR (settled_on <> '' AND (resolution = '' OR approved_by <> ''))",
        name="end_was_approved_or_matched",
    ),
    Index("breaks_by_key", "key"),
)
"""One row for each difference between our journal and a bank's file.

The name is `B<date>-<bank>-<number>`; `line` is the number of the line in the bank's file, 0 where only we
have it; `difference` is what lies in suspense, in fen: theirs - ours + withheld. `withheld` is an effect in
our journal that no product's account takes before the break is decided: that of an exception advice, of a
pair whose details differ, or of what the bank asked too late to reverse. `bank_code`, `bank_policy` and
`bank_due` are what the bank's line names where it names another. `suspense_on` is the business date on which
it was posted to suspense, mostly its own. `settled_on` is the business date on which the break was posted out
of suspense, or on which a later line closed it. What a break is about never changes,
and no break is ever deleted.
"""

break_events = Table(
    "break_events",
    OFFICE,
    text_column("break"),
    integer_column("number"),
    integer_column("at"),
    text_column("by"),
    text_column("from_state"),
    text_column("to_state"),
    text_column("note"),
    PrimaryKeyConstraint("break", "number"),
    ForeignKeyConstraint(["break"], ["breaks.break"], name="event_of_break"),
)
"""The history of each break: one row a step, numbered from 1. Append-only."""

accounts = Table(
    "accounts",
    OFFICE,
    Column("account", Text, primary_key=True),
    text_column("name"),
    text_column("kind"),
    text_column("normal"),
    CheckConstraint("kind IN ('asset', 'liability', 'equity', 'income', 'expense')", name="account_kind"),
    CheckConstraint("normal IN ('debit', 'credit')", name="account_normal"),
)

postings = Table(
    "postings",
    OFFICE,
    Column("posting", Text, primary_key=True),
    text_column("date"),
    text_column("bank"),
    text_column("description"),
    integer_column("legs"),
    integer_column("posted_at"),
    CheckConstraint("legs >= 2", name="posting_moves_something"),
)
"""The balanced postings. The name says what a posting is for, so that it can be made only once:
`<date>/<bank>/day`, `<date>/<bank>/<break>`, or `<date>/<bank>/<earlier date>` for a date that was closed
without the bank's file and is posted on a later one. A posting's row is inserted after its legs; the database
then checks that the legs are as many as the row says and add up to zero in each currency. Append-only.
"""

legs = Table(
    "legs",
    OFFICE,
    text_column("posting"),
    integer_column("number"),
    text_column("account"),
    text_column("bank"),
    text_column("currency"),
    integer_column("amount"),
    PrimaryKeyConstraint("posting", "number"),
    ForeignKeyConstraint(
        ["posting"], ["postings.posting"], name="leg_of_posting", deferrable=True, initially="DEFERRED"
    ),
    ForeignKeyConstraint(["account"], ["accounts.account"], name="leg_on_account"),
    CheckConstraint("amount <> 0", name="leg_moves_something"),
    Index("legs_by_account", "account", "bank"),
)
"""The legs of postings: `amount` in fen, debit positive, credit negative. `bank` divides the clearing and
suspense accounts by bank, and is empty on other accounts. Append-only; no leg can be added to a posting whose
row is there.
"""

chart_lines = Table(
    "chart_lines",
    OFFICE,
    Column("chart", Integer, nullable=False),
    text_column("name"),
    text_column("value"),
    PrimaryKeyConstraint("chart", "name"),
)
"""Every chart of accounts that was ever in force, line by line as `office.accounting.chart.lines_of` gives
it; the chart in force has the highest number. Append-only; on PostgreSQL only the database's owner adds a
chart, since it says where money may go.
"""

audit_log = Table(
    "audit_log",
    OFFICE,
    *audit_record_columns(),
    Index("audit_log_by_subject", "subject"),
)
"""The audit log: every pull, file, reconciliation, posting and decision, each with its author; chained as
ledger.book.audit_log says. Append-only.
"""

statements = Table(
    "statements",
    OFFICE,
    text_column("bank"),
    integer_column("number"),
    text_column("statement"),
    text_column("digest"),
    text_column("layout"),
    text_column("from_date"),
    text_column("to_date"),
    integer_column("opening"),
    integer_column("closing"),
    integer_column("lines"),
    text_column("date"),
    integer_column("taken_at"),
    PrimaryKeyConstraint("bank", "number"),
    UniqueConstraint("bank", "statement", name="statement_once"),
    CheckConstraint("from_date <= to_date", name="statement_dates"),
)
"""The statements of account that were taken, counted by bank from 1: the bank's own number, the SHA-256 of
the file, the dates that it covers, and the balances at its beginning and its end in fen. `date` is the
business date on which it is posted. Its row, with their sums, is inserted after its lines. Append-only.
"""

statement_lines = Table(
    "statement_lines",
    OFFICE,
    text_column("bank"),
    integer_column("number"),
    integer_column("line"),
    text_column("date"),
    integer_column("amount"),
    text_column("kind"),
    text_column("settles"),
    text_column("reference"),
    text_column("text"),
    PrimaryKeyConstraint("bank", "number", "line"),
    ForeignKeyConstraint(
        ["bank", "number"],
        ["statements.bank", "statements.number"],
        name="line_of_statement",
        deferrable=True,
        initially="DEFERRED",
    ),
    CheckConstraint("kind IN ('settlement', 'fee')", name="statement_line_kind"),
    CheckConstraint("amount <> 0", name="statement_line_moves_something"),
)
"""The bookings of the statements: `amount` in fen, + what came in; `settles` is the business date whose
transactions a line pays, empty where it names none. Append-only.
"""

exports = Table(
    "exports",
    OFFICE,
    Column("date", Text, primary_key=True),
    integer_column("number"),
    integer_column("chart"),
    text_column("manifest"),
    integer_column("exported_at"),
    UniqueConstraint("number", name="export_number_once"),
    CheckConstraint("number > 0", name="export_number_from_one"),
)
"""What was handed to the core system: an export for each posted date, numbered from 1 in the order of dates,
without a gap. `manifest` is the SHA-256 (hex) of its manifest; `chart` is the number of the chart by which
accounts are named in it. Append-only.
"""

export_files = Table(
    "export_files",
    OFFICE,
    text_column("date"),
    text_column("name"),
    text_column("digest"),
    integer_column("bytes"),
    integer_column("lines"),
    integer_column("amount"),
    text_column("rows"),
    PrimaryKeyConstraint("date", "name"),
    ForeignKeyConstraint(["date"], ["exports.date"], name="file_of_export"),
)
"""The files of an export: SHA-256 and length of each, the number of its lines, their sum in fen, and the
SHA-256 over the lines themselves (empty for the workbook, which repeats them). Append-only.
"""

export_answers = Table(
    "export_answers",
    OFFICE,
    text_column("date"),
    integer_column("number"),
    text_column("digest"),
    integer_column("accepted"),
    integer_column("refused"),
    integer_column("taken_at"),
    PrimaryKeyConstraint("date", "number"),
    ForeignKeyConstraint(["date"], ["exports.date"], name="answer_to_export"),
    CheckConstraint("number > 0 AND accepted >= 0 AND refused >= 0", name="answer_counts"),
)
"""What the core system answered to an export, numbered from 1: the SHA-256 of the file, and the numbers of
lines that it accepted and refused. The last answer counts. Append-only.
"""

export_refusals = Table(
    "export_refusals",
    OFFICE,
    text_column("date"),
    integer_column("number"),
    text_column("file"),
    integer_column("line"),
    text_column("reason"),
    PrimaryKeyConstraint("date", "number", "file", "line"),
    ForeignKeyConstraint(
        ["date", "number"], ["export_answers.date", "export_answers.number"], name="refusal_of_answer"
    ),
)
"""The lines that an answer of the core system refuses, each with the core's reason. Append-only."""

receipt_keys, signed_receipts = receipt_tables(OFFICE)

_CHANGING = (facts, days, chains, breaks, accounts)
"""The tables whose rows may change, each as its own text says; all others are append-only."""

for _table in OFFICE.tables.values():
    if _table not in _CHANGING:
        make_append_only(_table)

for _guard in (*GUARDS, *DATE_GUARDS, *RECEIPT_GUARDS):
    attach(OFFICE.tables[_guard.table], _guard)
