"""What a break is, as values: its row, its states and events, the table of its life, a line of its history.

Pure data. `office.accounting.breaks` has the statements that take a break from a state to the next. What
reads or writes the database does not belong here, nor what is posted for a break
(`office.accounting.posting`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple


class BreakState(StrEnum):
    """The states of a break."""

    OPEN = "open"
    SUSPENSE = "suspense"
    PROPOSED = "proposed"
    APPROVED = "approved"
    POSTED = "posted"
    CLOSED = "closed"


class BreakEvent(StrEnum):
    """The events of a break. MATCHED: a line of a later day is the other half of the difference."""

    POSTED_TO_SUSPENSE = "posted_to_suspense"
    PROPOSE = "propose"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    REJECT = "reject"
    POST = "post"
    CLOSE = "close"
    MATCHED = "matched"


TRANSITIONS: Final[Mapping[tuple[BreakState, BreakEvent], BreakState]] = MappingProxyType(
    {
        (BreakState.OPEN, BreakEvent.POSTED_TO_SUSPENSE): BreakState.SUSPENSE,
        (BreakState.SUSPENSE, BreakEvent.PROPOSE): BreakState.PROPOSED,
        (BreakState.SUSPENSE, BreakEvent.MATCHED): BreakState.CLOSED,
        (BreakState.PROPOSED, BreakEvent.WITHDRAW): BreakState.SUSPENSE,
        (BreakState.PROPOSED, BreakEvent.APPROVE): BreakState.APPROVED,
        (BreakState.PROPOSED, BreakEvent.REJECT): BreakState.SUSPENSE,
        (BreakState.PROPOSED, BreakEvent.MATCHED): BreakState.CLOSED,
        (BreakState.APPROVED, BreakEvent.POST): BreakState.POSTED,
        (BreakState.POSTED, BreakEvent.CLOSE): BreakState.CLOSED,
    }
)
"""All that can happen to a break. What two people have approved is posted: it cannot be matched or withdrawn
any more, and a line that comes later is a break of its own.
"""


class Break(NamedTuple):
    """One break, as the table has it: `name` is the column `break`, `cls` the column `class`.

    `difference` is its amount in suspense, in fen: theirs - ours + withheld. `bank_code`, `bank_policy` and
    `bank_due` are the values of the bank's line if they differ from ours, or else empty.
    """

    name: str
    bank: str
    date: str
    cls: str
    key: str
    line: int
    direction: str
    code: str
    policy: str
    due: str
    ours_effect: int
    theirs_effect: int
    withheld: int
    difference: int
    bank_code: str
    bank_policy: str
    bank_due: str
    reason: str
    hint: str
    owner: str
    state: BreakState
    resolution: str
    proposed_by: str
    approved_by: str
    suspense_on: str
    settled_on: str


class HistoryLine(NamedTuple):
    """One line of a break's history: `at` is microseconds since 1970-01-01 UTC."""

    number: int
    at: int
    by: str
    from_state: str
    to_state: str
    note: str


class Step(NamedTuple):
    """The person or MACHINE that takes a step, the moment (microseconds since 1970-01-01 UTC), and the
    note.
    """

    by: str
    at: int
    note: str = ""
