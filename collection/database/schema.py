"""The tables of collection, with their constraints.

No statement here reads or writes rows. Dates are YYYYMMDD; moments are microseconds since 1970-01-01 UTC;
amounts are in fen. A column `*_sealed` holds a sealed line (`customers.sealing`) under the payer's own key.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from collection.database.guards import GUARDS
from collection.rules.mandate import AccountKind, Period, Purpose, SignedBy
from collection.rules.states import OPEN_LINES, BatchState, LineState, MandateState
from ledger.book.guards import attach, make_append_only, make_lasting
from ledger.book.schema import audit_record_columns, integer_column, one_of, partial_index, text_column

COLLECTION = MetaData()
SCHEMA_VERSION: Final = "1"


class DueState(StrEnum):
    """What collection knows of a due. The front's book alone decides: it refuses to hold one that is paid."""

    OPEN = "open"
    SETTLED = "settled"
    WITHDRAWN = "withdrawn"


class Direction(StrEnum):
    """From whom to whom a file went."""

    HOLD = "hold"
    HOLD_ANSWER = "hold_answer"
    REQUEST = "request"
    ANSWER = "answer"
    APPLY = "apply"
    APPLY_ANSWER = "apply_answer"
    RELEASE = "release"
    RELEASE_ANSWER = "release_answer"
    RETURNS = "returns"
    STATEMENT = "statement"
    MANDATES = "mandates"


facts = Table("facts", COLLECTION, Column("name", Text, primary_key=True), text_column("value"))
"""Facts about this database by name: `schema`, the version of these tables, and `account` and `files`, the
check values of its two keys.
"""

dues_files = Table(
    "dues_files",
    COLLECTION,
    Column("date", Text, primary_key=True),
    text_column("digest"),
    integer_column("dues"),
    integer_column("withdrawn"),
    integer_column("taken_at"),
    UniqueConstraint("digest", name="dues_file_once"),
)
"""The day's files of dues that were taken: the core system's, as the front loads them. Append-only."""

dues = Table(
    "dues",
    COLLECTION,
    Column("due", Text, primary_key=True),
    text_column("policy"),
    text_column("code"),
    text_column("due_date"),
    integer_column("amount"),
    text_column("state"),
    text_column("file_date"),
    CheckConstraint(one_of("state", DueState), name="due_state"),
    CheckConstraint("amount > 0", name="due_amount"),
    Index("dues_by_policy", "policy"),
    partial_index("dues_open", "due_date", where="state = 'open'"),
)
"""The premiums that may be collected, as `dues_files` brought them."""

attempts = Table(
    "attempts",
    COLLECTION,
    text_column("due"),
    integer_column("attempt"),
    text_column("date"),
    integer_column("made_at"),
    PrimaryKeyConstraint("due", "attempt"),
    ForeignKeyConstraint(["due"], ["dues.due"], name="attempt_of_due"),
    CheckConstraint("attempt > 0 AND length(date) = 8", name="attempt_is_whole"),
    Index("attempts_by_date", "date"),
)
"""The dates on which dues will be tried, as customers are told beforehand. Append-only."""

mandates = Table(
    "mandates",
    COLLECTION,
    Column("mandate", Text, primary_key=True),
    text_column("policy"),
    text_column("purpose"),
    text_column("person"),
    text_column("payer"),
    text_column("account_sealed"),
    text_column("name_sealed"),
    text_column("account_digest"),
    text_column("tail"),
    text_column("bank"),
    text_column("kind"),
    text_column("channel"),
    integer_column("limit_fen"),
    text_column("period"),
    text_column("valid_from"),
    text_column("valid_to"),
    text_column("evidence_digest"),
    integer_column("signed_at"),
    text_column("signed_by"),
    text_column("state"),
    text_column("first_use"),
    text_column("last_use"),
    text_column("made_by"),
    integer_column("made_at"),
    CheckConstraint(one_of("purpose", Purpose), name="mandate_purpose"),
    CheckConstraint(one_of("kind", AccountKind), name="mandate_kind"),
    CheckConstraint(one_of("period", Period), name="mandate_period"),
    CheckConstraint(one_of("state", MandateState), name="mandate_state"),
    CheckConstraint(f"signed_by = '' OR {one_of('signed_by', SignedBy)}", name="mandate_road"),
    CheckConstraint(
        "state NOT IN ('active', 'suspended', 'expired')"
        " OR (length(evidence_digest) = 64 AND signed_by <> '' AND signed_at > 0)",
        name="mandate_has_evidence",
    ),
    CheckConstraint(
        "length(person) = 16 AND length(payer) = 16 AND length(account_digest) = 32"
        " AND length(tail) BETWEEN 1 AND 4 AND limit_fen >= 0 AND made_by <> ''",
        name="mandate_is_whole",
    ),
    CheckConstraint("valid_to = '' OR valid_to >= valid_from", name="mandate_dates"),
    CheckConstraint("last_use >= first_use", name="mandate_uses"),
    partial_index("one_active_mandate", "policy", "purpose", where="state = 'active'", unique=True),
    Index("mandates_by_policy", "policy"),
    Index("mandates_by_account", "account_digest"),
)
"""What payers have signed: the account, under the payer's key, the keyed digest and the last digits of its
number, for which policy and purpose, up to which amount (0: any). Only state, evidence and use change.
"""

batches = Table(
    "batches",
    COLLECTION,
    Column("batch", Text, primary_key=True),
    text_column("channel"),
    text_column("date"),
    text_column("kind"),
    text_column("state"),
    integer_column("lines"),
    integer_column("amount"),
    text_column("file_sha256"),
    text_column("made_by"),
    integer_column("made_at"),
    text_column("approved_by"),
    integer_column("approved_at"),
    integer_column("sent_at"),
    text_column("answer_sha256"),
    integer_column("answered_at"),
    integer_column("parts"),
    integer_column("settled_fen"),
    integer_column("fee_fen"),
    CheckConstraint("length(batch) = 8 AND batch LIKE 'B%'", name="batch_name"),
    CheckConstraint("kind IN ('debit', 'credit')", name="batch_kind"),
    CheckConstraint(one_of("state", BatchState), name="batch_state"),
    CheckConstraint("lines > 0 AND amount > 0 AND made_by <> ''", name="batch_is_whole"),
    CheckConstraint(
        "state IN ('planned', 'held', 'cancelled')"
        " OR (approved_by <> '' AND lower(approved_by) <> lower(made_by))",
        name="batch_by_two",
    ),
)
"""The files of requests: one channel, one date, how many lines and fen were planned. `parts` counts the files
of outcomes that were written for the front.
"""

lines = Table(
    "lines",
    COLLECTION,
    text_column("batch"),
    integer_column("line"),
    text_column("due"),
    text_column("policy"),
    text_column("mandate"),
    integer_column("amount"),
    integer_column("attempt"),
    text_column("state"),
    text_column("code"),
    text_column("class"),
    integer_column("retry"),
    text_column("text"),
    text_column("value_date"),
    text_column("reference"),
    integer_column("request_part"),
    integer_column("part"),
    text_column("receipt"),
    text_column("entry_key"),
    text_column("business_date"),
    PrimaryKeyConstraint("batch", "line"),
    ForeignKeyConstraint(["batch"], ["batches.batch"], name="line_of_batch"),
    ForeignKeyConstraint(["mandate"], ["mandates.mandate"], name="line_of_mandate"),
    ForeignKeyConstraint(["due"], ["dues.due"], name="line_of_due"),
    CheckConstraint("line BETWEEN 1 AND 999999 AND amount > 0 AND attempt > 0", name="line_is_whole"),
    CheckConstraint(one_of("state", LineState), name="line_state"),
    partial_index("due_in_one_open_line", "due", where=one_of("state", OPEN_LINES), unique=True),
    Index("lines_by_due", "due"),
    partial_index("lines_open", "batch", where=one_of("state", OPEN_LINES)),
)
"""One due in one batch. `request_part` is the file of requests that has it, 0 until it is written. `code`,
`class`, `retry` and `text` are what the bank said; `part` is the file of outcomes for the front that has this
line, 0 for none; `receipt`, `entry_key` and `business_date` are what the front answered to it.
"""

proposals = Table(
    "proposals",
    COLLECTION,
    Column("number", Integer, primary_key=True, autoincrement=False),
    text_column("batch"),
    text_column("lines"),
    text_column("reason"),
    text_column("proposed_by"),
    integer_column("proposed_at"),
    text_column("state"),
    text_column("decided_by"),
    integer_column("decided_at"),
    ForeignKeyConstraint(["batch"], ["batches.batch"], name="proposal_of_batch"),
    CheckConstraint("state IN ('proposed', 'approved', 'rejected')", name="proposal_state"),
    CheckConstraint(
        "number > 0 AND reason <> '' AND proposed_by <> '' AND lines <> ''", name="proposal_is_whole"
    ),
    CheckConstraint(
        "(state = 'proposed') = (decided_by = '') AND lower(decided_by) <> lower(proposed_by)",
        name="proposal_by_two",
    ),
    partial_index("one_open_proposal", "batch", where="state = 'proposed'", unique=True),
)
"""Forced releases: which lines of a batch (their numbers, separated by commas), why, and who decided."""

files = Table(
    "files",
    COLLECTION,
    Column("sha256", Text, primary_key=True),
    text_column("batch"),
    text_column("channel"),
    text_column("direction"),
    text_column("name"),
    integer_column("at"),
    text_column("by"),
    integer_column("size"),
    Column("content_sealed", LargeBinary, nullable=False),
    CheckConstraint(one_of("direction", Direction), name="file_direction"),
    CheckConstraint("length(sha256) = 64 AND size >= 0", name="file_is_whole"),
    Index("files_by_batch", "batch"),
)
"""Every file that was written or taken, once, with its bytes (nonce, ciphertext, tag). Append-only."""

events = Table(
    "events",
    COLLECTION,
    Column("number", Integer, primary_key=True, autoincrement=True),
    integer_column("at"),
    text_column("by"),
    text_column("mandate"),
    text_column("batch"),
    integer_column("line"),
    text_column("event"),
    text_column("state"),
    Index("events_by_batch", "batch"),
)
"""What happened to a mandate, a batch (line 0) or a line, and the state then. Append-only."""

returns = Table(
    "returns",
    COLLECTION,
    text_column("batch"),
    integer_column("line"),
    text_column("channel"),
    text_column("reference"),
    text_column("code"),
    text_column("date"),
    integer_column("amount"),
    text_column("file_sha256"),
    integer_column("part"),
    text_column("business_date"),
    PrimaryKeyConstraint("batch", "line"),
    ForeignKeyConstraint(["batch", "line"], ["lines.batch", "lines.line"], name="return_of_line"),
    CheckConstraint("amount > 0", name="return_amount"),
)
"""What the bank took back of a line that was done, once a line; `part` is the file for the front that has it,
`business_date` the front's date in whose books it is.
"""

statements = Table(
    "statements",
    COLLECTION,
    Column("sha256", Text, primary_key=True),
    text_column("channel"),
    text_column("date"),
    integer_column("lines"),
    integer_column("amount"),
    integer_column("fee"),
    integer_column("taken_at"),
)
"""A channel's statements of settlement. Append-only."""

statement_lines = Table(
    "statement_lines",
    COLLECTION,
    text_column("sha256"),
    integer_column("line"),
    text_column("batch"),
    text_column("reference"),
    text_column("value_date"),
    integer_column("amount"),
    integer_column("fee"),
    PrimaryKeyConstraint("sha256", "line"),
    ForeignKeyConstraint(["sha256"], ["statements.sha256"], name="line_of_statement"),
)
"""What was settled, by batch or reference and value date. Append-only."""

audit_log = Table("audit_log", COLLECTION, *audit_record_columns())
"""What was done, by whom and when (ledger.book.audit_log). Append-only."""

for _table in (dues_files, attempts, files, events, statements, statement_lines, audit_log):
    make_append_only(_table)
for _table in (facts, dues, mandates, batches, lines, proposals, returns):
    make_lasting(_table)
for _guard in GUARDS:
    attach(COLLECTION.tables[_guard.table], _guard)
