"""What one batch sees of the front book, and how its own decisions change that before anything is written.

A View is filled by the edge (one read a table), folded over by `ledger.rules.decide`, and then emptied into
one database transaction. No SQL, no rules, no clock: `recorded_at` is stamped once for the whole batch by
whoever fills it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from ledger.rules.day import DayState
from ledger.rules.dues import Policy
from ledger.rules.entry import Entry, Kind
from ledger.rules.request import NO_FIGURES, BankDay
from protocol.responses import Response


class Day(NamedTuple):
    """A business day: `date` YYYYMMDD. Only an OPEN one takes transactions."""

    date: str
    state: DayState


class DueState(StrEnum):
    """The state of a due; only an OPEN one can be collected or paid."""

    OPEN = "open"
    SETTLED = "settled"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"


class Due(NamedTuple):
    """One amount (fen) to collect or to pay.

    `settled_by` is the key of the transaction in effect, empty when there is none; `sequence` counts the
    effects so far (see ledger.rules.entry.Entry); `withdrawn` is 1 for one that is not to be settled (any
    more); `beneficiary` is the keyed digest of an identity number, never the number.
    """

    due: str
    policy: str
    code: str
    kind: str
    due_date: str
    amount: int
    beneficiary: str
    state: DueState
    settled_by: str
    sequence: int
    withdrawn: int

    def settled(self, key: str) -> Due:
        """As the transaction with this key leaves it that settles it."""
        return Due(*self[:7], DueState.SETTLED, key, self.sequence + 1, self.withdrawn)


class Guesses(NamedTuple):
    """Wrong identity numbers for one due: how many on the business date `date`. A locked due is paid to
    nobody until a person unlocks it.
    """

    due: str
    date: str
    wrong: int
    locked: bool


class Chain(NamedTuple):
    """One node's journal chain: its number, the epoch under which this process writes, the last position
    and its hash.
    """

    chain: int
    epoch: int
    position: int
    tip: str


@dataclass(slots=True)
class View:
    """The state that a batch's decisions read and change. Mutable by design: one batch owns it, from read
    to write. `earlier_dates` are the business days before the open one, the latest first; `kept` are the
    reconciled dates that are business days of the book.
    """

    day: Day | None
    chain: Chain
    recorded_at: int
    entries: dict[str, Entry] = field(default_factory=dict)
    receipts: dict[str, Entry] = field(default_factory=dict)
    undone: set[str] = field(default_factory=set)
    reversed: set[str] = field(default_factory=set)
    policies: dict[str, Policy] = field(default_factory=dict)
    dues: dict[str, Due] = field(default_factory=dict)
    dues_by_policy: dict[str, list[str]] = field(default_factory=dict)
    figures: dict[tuple[str, str], BankDay] = field(default_factory=dict)
    guesses: dict[str, Guesses] = field(default_factory=dict)
    earlier_dates: tuple[str, ...] = ()
    kept: frozenset[str] = frozenset()
    written: list[Entry] = field(default_factory=list)
    dues_read: dict[str, Due] = field(default_factory=dict)
    figures_read: frozenset[tuple[str, str]] = frozenset()
    figures_changed: set[tuple[str, str]] = field(default_factory=set)
    guesses_read: frozenset[str] = frozenset()
    guesses_changed: set[str] = field(default_factory=set)

    def add_dues(self, dues: Iterable[Due]) -> None:
        """Take the dues that were read for this batch."""
        for due in dues:
            self.dues[due.due] = due
            self.dues_by_policy.setdefault(due.policy, []).append(due.due)

    def add_figures(self, figures: Mapping[tuple[str, str], BankDay]) -> None:
        """Take the banks' figures that were read, and remember which ones exist already."""
        self.figures.update(figures)
        self.figures_read = frozenset(figures)

    def add_guesses(self, guesses: Iterable[Guesses]) -> None:
        """Take the guesses that were read, and remember which ones exist already."""
        self.guesses.update((one.due, one) for one in guesses)
        self.guesses_read = frozenset(self.guesses)

    @property
    def next_position(self) -> int:
        """The chain position that the next written entry gets."""
        return self.chain.position + len(self.written) + 1

    def figures_of(self, bank: str, date: str) -> BankDay:
        """A bank's running figures for a business date, this batch's decisions included."""
        return self.figures.get((bank, date), NO_FIGURES)

    def write(self, entry: Entry) -> None:
        """Record an entry, so that the next decision of this batch sees it."""
        self.written.append(entry)
        self.entries[entry.key] = entry
        if entry.receipt is not None:
            self.receipts[entry.receipt] = entry
        if entry.original and entry.response is Response.APPROVED:
            self.note_reversing(entry.original, entry.kind, entry.sequence)

    def note_reversing(self, original: str, kind: Kind, sequence: int | None) -> None:
        """Remember an approved cancel or reversal: `undone` are the originals that one took out of effect,
        `reversed` those that their bank has reversed, in effect then or not.
        """
        if sequence is not None:
            self.undone.add(original)
        if kind is Kind.REVERSAL:
            self.reversed.add(original)

    def change_due(self, due: Due) -> None:
        """Put a due's new row in place; the one that was read stays at hand for the conditional update."""
        self.dues_read.setdefault(due.due, self.dues[due.due])
        self.dues[due.due] = due

    def change_figures(self, bank: str, date: str, figures: BankDay) -> None:
        """Put a bank's new figures for a business date in place."""
        self.figures[bank, date] = figures
        self.figures_changed.add((bank, date))

    def change_guesses(self, guesses: Guesses) -> None:
        """Put a due's new guesses in place."""
        if self.guesses.get(guesses.due) != guesses:
            self.guesses[guesses.due] = guesses
            self.guesses_changed.add(guesses.due)
