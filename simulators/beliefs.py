"""What a bank believes: its own record of every transaction, kept without looking at the front-end
machine's books.

Pure. No sockets, no clock: what was sent and what was answered is told from outside. This record is what
the demo and the tests hold against the journal, so nothing of `ledger` but plain figures may be used here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from ledger.bookfile import KINDS
from ledger.request import Totals

CANCEL_CODE = "020000"


class State(StrEnum):
    """What the bank holds of a transaction."""

    UNKNOWN = "unknown"
    DONE = "done"
    REFUSED = "refused"
    REVERSED = "reversed"
    NEVER_WAS = "never was"


class Told(StrEnum):
    """What the bank was told about a transaction."""

    APPROVED = "approved"
    REFUSED = "refused"
    UNDONE = "undone"
    NO_ORIGINAL = "no original"


TRANSITIONS: Mapping[tuple[State, Told], State] = MappingProxyType(
    {
        (State.UNKNOWN, Told.APPROVED): State.DONE,
        (State.UNKNOWN, Told.REFUSED): State.REFUSED,
        (State.UNKNOWN, Told.UNDONE): State.REVERSED,
        (State.UNKNOWN, Told.NO_ORIGINAL): State.NEVER_WAS,
        (State.DONE, Told.APPROVED): State.DONE,
        (State.DONE, Told.UNDONE): State.REVERSED,
        (State.REFUSED, Told.REFUSED): State.REFUSED,
        (State.REFUSED, Told.NO_ORIGINAL): State.REFUSED,
        (State.REVERSED, Told.APPROVED): State.REVERSED,
        (State.REVERSED, Told.UNDONE): State.REVERSED,
        (State.NEVER_WAS, Told.REFUSED): State.NEVER_WAS,
        (State.NEVER_WAS, Told.NO_ORIGINAL): State.NEVER_WAS,
    }
)
"""Every pair that may happen. Any other is a contradiction in what the front-end machine said, and raises."""


class ContradictionError(Exception):
    """The front-end machine said two things about one transaction that cannot both be true."""


@dataclass(frozen=True, slots=True)
class Belief:
    """One transaction as the bank knows it; `amount` in fen, `sent_at` MMDDhhmmss."""

    mti: str
    code: str
    terminal: str
    branch: str
    sent_at: str
    stan: str
    rrn: str
    policy: str
    due: str
    amount: int
    state: State = State.UNKNOWN
    response: str = ""
    reason: str = ""
    receipt: str = ""
    authorization: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Terminal, transmission time and STAN: what is unique within the bank."""
        return self.terminal, self.sent_at, self.stan

    def told(self, what: Told) -> Belief:
        """The belief after the bank was told something. Raises ContradictionError."""
        after = TRANSITIONS.get((self.state, what))
        if after is None:
            raise ContradictionError(f"{'/'.join(self.key)} is {self.state}, and now is said to be {what}")
        return replace(self, state=after)


@dataclass(slots=True)
class Record:
    """A bank's record of one business date, in the order in which its transactions were made."""

    bank: str
    beliefs: dict[tuple[str, str, str], Belief] = field(default_factory=dict)

    def keep(self, belief: Belief) -> Belief:
        """Write a belief, in place of what was believed before."""
        self.beliefs[belief.key] = belief
        return belief

    def settled(self) -> Iterator[Belief]:
        """The collections and payouts that took effect at least once: done, or reversed since."""
        for belief in self.beliefs.values():
            if belief.code in KINDS and belief.state in (State.DONE, State.REVERSED):
                yield belief

    def totals(self) -> Totals:
        """The eight figures of DE 74-77 and 86-89 as the bank counts them."""
        figures = Totals()
        for belief in self.settled():
            figures = _count(figures, KINDS[belief.code], belief.amount, belief.state is State.REVERSED)
        return figures

    def undecided(self) -> tuple[Belief, ...]:
        """What the bank has no answer to: it must go on asking."""
        return tuple(belief for belief in self.beliefs.values() if belief.state is State.UNKNOWN)


def _count(figures: Totals, kind: str, amount: int, is_reversed: bool) -> Totals:
    """One more transaction in the totals, and one more reversal where it was reversed."""
    undone = int(is_reversed)
    if kind == "premium":
        return figures._replace(
            collections=figures.collections + 1,
            collected=figures.collected + amount,
            collections_reversed=figures.collections_reversed + undone,
            collected_reversed=figures.collected_reversed + undone * amount,
        )
    return figures._replace(
        payouts=figures.payouts + 1,
        paid=figures.paid + amount,
        payouts_reversed=figures.payouts_reversed + undone,
        paid_reversed=figures.paid_reversed + undone * amount,
    )
