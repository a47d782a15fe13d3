"""Whether a line of a batch may hold a due, and what a due is once it is let go.

Pure. What a hold keeps others from is in `ledger.rules.settlement` and `ledger.rules.reversal`; who may let a
due go, and on whose word, is in `ledger.book.hold`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from ledger.rules.dues import ENDED, Policy
from ledger.rules.view import Due, DueState


class NotHeld(StrEnum):
    """Why a line of a batch may not hold its due."""

    NO_DUE = "no such due"
    OTHER_POLICY = "of another policy"
    NO_PREMIUM = "no premium"
    PAID = "paid"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"
    POLICY_ENDED = "policy ended"
    HELD = "held by another line"
    AMOUNT = "amount differs"


_OF_STATE: Final = {
    DueState.SETTLED: NotHeld.PAID,
    DueState.LAPSED: NotHeld.LAPSED,
    DueState.WITHDRAWN: NotHeld.WITHDRAWN,
}


def why_not_held(due: Due | None, policy: Policy | None, amount: int, hold: str) -> NotHeld | None:
    """Why the line `hold` (BATCH/LINE) may not hold a due of a policy for this amount in fen; None where it
    may, or does already.
    """
    if due is None:
        return NotHeld.NO_DUE
    if policy is None or due.policy != policy.policy:
        return NotHeld.OTHER_POLICY
    if due.kind != "premium":
        return NotHeld.NO_PREMIUM
    if due.state is not DueState.OPEN:
        return _OF_STATE[due.state]
    if due.amount != amount:
        return NotHeld.AMOUNT
    if due.held_by:
        return None if due.held_by == hold else NotHeld.HELD
    return NotHeld.POLICY_ENDED if policy.state in ENDED else None


def let_go(due: Due) -> Due:
    """A held due after its line has let it go: open, or withdrawn if it was to leave meanwhile."""
    return due._replace(state=DueState.WITHDRAWN if due.withdrawn else DueState.OPEN, held_by="")
