"""The bank's own record of its transactions: what it believes of each, without a look at the machine's
books.

Pure: no sockets, no clock; messages sent and answers received are reported from outside. The demo and the
tests compare this record with the journal, so nothing of `ledger` but plain tables and totals may be used
here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from ledger.rules.dues import KINDS
from ledger.rules.request import Totals
from qianzhi_errors import QianzhiError


class State(StrEnum):
    """The state of a transaction in the bank's record."""

    UNKNOWN = "unknown"
    DONE = "done"
    REFUSED = "refused"
    REVERSED = "reversed"
    NEVER_WAS = "never was"


class Meaning(StrEnum):
    """What an answer means for the transaction that it is about."""

    APPROVED = "approved"
    REFUSED = "refused"
    UNDONE = "undone"
    NO_ORIGINAL = "no original"


TRANSITIONS: Mapping[tuple[State, Meaning], State] = MappingProxyType(
    {
        (State.UNKNOWN, Meaning.APPROVED): State.DONE,
        (State.UNKNOWN, Meaning.REFUSED): State.REFUSED,
        (State.UNKNOWN, Meaning.UNDONE): State.REVERSED,
        (State.UNKNOWN, Meaning.NO_ORIGINAL): State.NEVER_WAS,
        (State.DONE, Meaning.APPROVED): State.DONE,
        (State.DONE, Meaning.UNDONE): State.REVERSED,
        (State.REFUSED, Meaning.REFUSED): State.REFUSED,
        (State.REFUSED, Meaning.NO_ORIGINAL): State.REFUSED,
        (State.REVERSED, Meaning.APPROVED): State.REVERSED,
        (State.REVERSED, Meaning.UNDONE): State.REVERSED,
        (State.NEVER_WAS, Meaning.REFUSED): State.NEVER_WAS,
        (State.NEVER_WAS, Meaning.NO_ORIGINAL): State.NEVER_WAS,
    }
)
"""Every pair that may happen. Any other is a contradiction in what the front-end machine said, and raises."""


class ContradictionError(QianzhiError):
    """The machine gave two answers about one transaction that cannot both be true."""


@dataclass(frozen=True, slots=True)
class Belief:
    """One transaction as the bank knows it; `amount` in fen, `sent_at` YYYYMMDDhhmmss.

    `date` is the business date (MMDD) that its approval named in DE 15, `undone_on` the one that its
    reversal's or cancel's approval named; a bank that never got the approval knows only the second.
    """

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
    date: str = ""
    undone_on: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Terminal, transmission time with its year, and STAN; unique within the bank."""
        return self.terminal, self.sent_at, self.stan

    def after(self, meaning: Meaning, date: str = "") -> Belief:
        """The belief after an answer with this meaning, on the business date `date` (MMDD). Raises
        ContradictionError where the answer contradicts what is known.
        """
        after = TRANSITIONS.get((self.state, meaning))
        if after is None:
            raise ContradictionError(f"{'/'.join(self.key)} is {self.state}, and now is said to be {meaning}")
        if meaning is Meaning.APPROVED and after is State.DONE:
            return replace(self, state=after, date=self.date or date)
        if meaning is Meaning.UNDONE:
            return replace(self, state=after, undone_on=self.undone_on or date)
        return replace(self, state=after)


@dataclass(slots=True)
class Record:
    """A bank's record of its transactions, in the order in which they were made."""

    bank: str
    beliefs: dict[tuple[str, str, str], Belief] = field(default_factory=dict)

    def keep(self, belief: Belief) -> Belief:
        """Store a belief in place of the one with the same key, and return it."""
        self.beliefs[belief.key] = belief
        return belief

    def done_on(self, date: str) -> Iterator[Belief]:
        """The collections and payouts that took effect on a business date (MMDD), as the bank knows it."""
        for belief in self.beliefs.values():
            took_effect = belief.state in (State.DONE, State.REVERSED)
            if belief.code in KINDS and took_effect and (belief.date or belief.undone_on) == date:
                yield belief

    def undone_on(self, date: str) -> Iterator[Belief]:
        """The collections and payouts that were taken out of effect on a business date (MMDD)."""
        for belief in self.beliefs.values():
            if belief.code in KINDS and belief.state is State.REVERSED and belief.undone_on == date:
                yield belief

    def totals(self, date: str) -> Totals:
        """The eight figures of DE 74-77 and 86-89 for a business date (MMDD), as the bank counts them."""
        figures = Totals()
        for belief in self.done_on(date):
            figures = _count(figures, KINDS[belief.code], belief.amount)
        for belief in self.undone_on(date):
            figures = _count_undone(figures, KINDS[belief.code], belief.amount)
        return figures

    def undecided(self) -> tuple[Belief, ...]:
        """The transactions whose outcome is not known yet."""
        return tuple(belief for belief in self.beliefs.values() if belief.state is State.UNKNOWN)


def _count(figures: Totals, kind: str, amount: int) -> Totals:
    """One more transaction in the totals."""
    if kind == "premium":
        return figures._replace(collections=figures.collections + 1, collected=figures.collected + amount)
    return figures._replace(payouts=figures.payouts + 1, paid=figures.paid + amount)


def _count_undone(figures: Totals, kind: str, amount: int) -> Totals:
    """One more that was taken out of effect."""
    if kind == "premium":
        return figures._replace(
            collections_reversed=figures.collections_reversed + 1,
            collected_reversed=figures.collected_reversed + amount,
        )
    return figures._replace(
        payouts_reversed=figures.payouts_reversed + 1, paid_reversed=figures.paid_reversed + amount
    )
