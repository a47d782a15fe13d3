"""The triggers with which the database of collection refuses a state that no table leads to.

Each is made of a table of `collection.rules.states`, so that the database and the program cannot differ.
Checks that the program makes first, with a message for people, do not belong here.
"""

# ruff: noqa: S608 - the statements consist of the tables' own names
from __future__ import annotations

from typing import Final

from collection.rules.states import BATCH, LINE, MANDATE, OPEN_LINES, LineState
from ledger.book.guards import Guard, changed, not_a_step, refused_insert, refused_update

_MANDATE_STANDS: Final = (
    *("mandate", "policy", "purpose", "person", "payer", "account_sealed", "name_sealed", "account_digest"),
    *(
        "tail",
        "bank",
        "kind",
        "channel",
        "limit_fen",
        "period",
        "valid_from",
        "valid_to",
        "made_by",
        "made_at",
    ),
)
_BATCH_STANDS: Final = ("batch", "channel", "date", "kind", "lines", "amount", "made_by", "made_at")
_LINE_STANDS: Final = ("batch", "line", "due", "policy", "mandate", "amount", "attempt")
_RETURN_STANDS: Final = (*("batch", "line", "channel", "reference", "code", "date", "amount", "file_sha256"),)
_PROPOSAL_STANDS: Final = ("number", "batch", "lines", "reason", "proposed_by", "proposed_at")
_NO_MANDATE: Final = (
    "NOT EXISTS (SELECT 1 FROM mandates m JOIN batches b ON b.batch = NEW.batch"
    " WHERE m.mandate = NEW.mandate AND m.state = 'active' AND m.policy = NEW.policy"
    " AND m.channel = b.channel AND m.valid_from <= b.date AND (m.valid_to = '' OR m.valid_to >= b.date)"
    " AND (m.limit_fen = 0 OR NEW.amount <= m.limit_fen))"
)
_UNDECIDED: Final = (
    f"OLD.state <> NEW.state AND NEW.state = '{LineState.RELEASED.value}' AND NOT EXISTS"
    " (SELECT 1 FROM proposals p WHERE p.batch = NEW.batch AND p.state = 'approved'"
    " AND replace(',' || p.lines || ',', ',' || CAST(NEW.line AS TEXT) || ',', '') <> ',' || p.lines || ',')"
)
_NOT_SENT: Final = (
    f"OLD.state <> NEW.state AND NEW.state = '{LineState.SENT.value}' AND NOT EXISTS"
    " (SELECT 1 FROM batches b WHERE b.batch = NEW.batch AND b.state = 'sent')"
)
_STILL_OPEN: Final = (
    "OLD.state <> NEW.state AND NEW.state IN ('closed', 'cancelled', 'refused_whole') AND EXISTS"
    " (SELECT 1 FROM lines l WHERE l.batch = NEW.batch AND l.state IN ("
    + ", ".join(f"'{state.value}'" for state in OPEN_LINES)
    + "))"
)

GUARDS: Final[tuple[Guard, ...]] = (
    *refused_insert(
        "mandate_begins_as_draft", "mandates", "NEW.state <> 'draft'", "a mandate begins as a draft"
    ),
    *refused_update(
        "mandate_step", "mandates", "state", not_a_step(MANDATE), "a mandate cannot take this step"
    ),
    *refused_update(
        "mandate_stands",
        "mandates",
        ", ".join(_MANDATE_STANDS),
        changed(*_MANDATE_STANDS),
        "what a payer signed is not changed",
    ),
    *refused_insert("batch_begins_planned", "batches", "NEW.state <> 'planned'", "a batch begins as planned"),
    *refused_update("batch_step", "batches", "state", not_a_step(BATCH), "a batch cannot take this step"),
    *refused_update(
        "batch_stands",
        "batches",
        ", ".join(_BATCH_STANDS),
        changed(*_BATCH_STANDS),
        "what was planned is not changed",
    ),
    *refused_update(
        "batch_keeps_its_approval",
        "batches",
        "approved_by, approved_at",
        f"OLD.approved_by <> '' AND ({changed('approved_by', 'approved_at')})",
        "an approval is not changed",
    ),
    *refused_update(
        "batch_ends_without_open_lines", "batches", "state", _STILL_OPEN, "a line of this batch is still open"
    ),
    *refused_insert("line_begins_planned", "lines", "NEW.state <> 'planned'", "a line begins as planned"),
    *refused_insert("line_has_a_mandate", "lines", _NO_MANDATE, "no active mandate lets this be collected"),
    *refused_update("line_step", "lines", "state", not_a_step(LINE), "a line cannot take this step"),
    *refused_update(
        "line_stands", "lines", ", ".join(_LINE_STANDS), changed(*_LINE_STANDS), "a line is not changed"
    ),
    *refused_update("line_two_people", "lines", "state", _UNDECIDED, "two people release a line"),
    *refused_update("line_goes_with_its_batch", "lines", "state", _NOT_SENT, "its batch was not sent"),
    *refused_update(
        "return_stands",
        "returns",
        ", ".join(_RETURN_STANDS),
        changed(*_RETURN_STANDS),
        "a return is not changed",
    ),
    *refused_insert(
        "proposal_begins",
        "proposals",
        "NEW.state <> 'proposed' OR NEW.number <> (SELECT count(*) + 1 FROM proposals)",
        "a proposal begins as proposed, under the next number",
    ),
    *refused_update(
        "proposal_stands",
        "proposals",
        ", ".join((*_PROPOSAL_STANDS, "state", "decided_by", "decided_at")),
        f"OLD.state <> 'proposed' OR {changed(*_PROPOSAL_STANDS)}",
        "a proposal is decided once",
    ),
)
"""What the database refuses, whatever the program above it does."""
