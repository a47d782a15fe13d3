"""What one batch sees of the front book, and how its own decisions change that before anything is written.

`ledger.book.front` fills a View (one read a table), `ledger.rules.decide` decides a batch over it, and
`ledger.book.front` writes what it then holds in one database transaction. No SQL, no rules, no clock:
`recorded_at` is given once for the whole batch.
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
    """A business day; `date` YYYYMMDD. Only an OPEN day takes transactions."""

    date: str
    state: DayState


class DueState(StrEnum):
    """The state of a due; only an OPEN due can be collected or paid."""

    OPEN = "open"
    SETTLED = "settled"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"


class Due(NamedTuple):
    """One amount in fen to collect (`kind` premium) or to pay (benefit) on a policy; `due_date` YYYYMMDD.

    `settled_by` is the key of the transaction in effect, empty if there is none; `sequence` counts the
    effects so far (ledger.rules.entry.Entry); `withdrawn` is 1 for a due that may not be settled, or not
    again; `beneficiary` is the keyed digest of an identity number, never the number; `payee` is that person's
    name, empty if it is not known. `held_by` is the batch line that alone may settle it, BATCH/LINE; empty if
    none holds it, and only an open due is held. `grace_until` is the last day on which a premium can be paid,
    YYYYMMDD; empty if the file of dues does not say it.
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
    payee: str = ""
    held_by: str = ""
    grace_until: str = ""

    def settled(self, key: str) -> Due:
        """The due after the transaction with this key has settled it; nothing holds it then."""
        effects = (DueState.SETTLED, key, self.sequence + 1, self.withdrawn)
        return Due(*self[:7], *effects, self.payee, grace_until=self.grace_until)


class Guesses(NamedTuple):
    """The count of wrong identity numbers for one due on the business date `date` (YYYYMMDD). A locked due is
    paid to nobody until a person unlocks it.
    """

    due: str
    date: str
    wrong: int
    locked: bool


class Chain(NamedTuple):
    """One node's chain of the journal: its number, the epoch under which this process writes, the position of
    its last entry, and that entry's hash (hex).
    """

    chain: int
    epoch: int
    position: int
    tip: str


@dataclass(slots=True)
class View:
    """The state that a batch's decisions read and change. Mutable by design: one batch owns it, from its
    reads to its write.

    `entries` are by key, `receipts` by receipt number, `figures` by bank and business date. `undone` and
    `reversed` are keys of originals (see `note_reversing`). `earlier_dates` are the business days before the
    open one, the latest first. `known_dates` are the dates of the batch's 0500s that are business days of
    this book. `..._read` is what was read, so that what has changed since can be written.
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
    known_dates: frozenset[str] = frozenset()
    written: list[Entry] = field(default_factory=list)
    dues_read: dict[str, Due] = field(default_factory=dict)
    figures_read: frozenset[tuple[str, str]] = frozenset()
    figures_changed: set[tuple[str, str]] = field(default_factory=set)
    guesses_read: frozenset[str] = frozenset()
    guesses_changed: set[str] = field(default_factory=set)

    def add_dues(self, dues: Iterable[Due]) -> None:
        """Add dues that were read for this batch."""
        for due in dues:
            self.dues[due.due] = due
            self.dues_by_policy.setdefault(due.policy, []).append(due.due)

    def add_figures(self, figures: Mapping[tuple[str, str], BankDay]) -> None:
        """Add banks' figures that were read, and note which rows exist already."""
        self.figures.update(figures)
        self.figures_read = frozenset(figures)

    def add_guesses(self, guesses: Iterable[Guesses]) -> None:
        """Add guesses that were read, and note which rows exist already."""
        self.guesses.update((guess.due, guess) for guess in guesses)
        self.guesses_read = frozenset(self.guesses)

    @property
    def next_position(self) -> int:
        """The chain position of the next entry that is written."""
        return self.chain.position + len(self.written) + 1

    def figures_of(self, bank: str, date: str) -> BankDay:
        """A bank's running figures for a business date, with this batch's earlier decisions."""
        return self.figures.get((bank, date), NO_FIGURES)

    def write(self, entry: Entry) -> None:
        """Add an entry that is to be written, so that the batch's next decision sees it."""
        self.written.append(entry)
        self.entries[entry.key] = entry
        if entry.receipt is not None:
            self.receipts[entry.receipt] = entry
        if entry.original and entry.response is Response.APPROVED:
            self.note_reversing(entry.original, entry.kind, entry.sequence)

    def note_reversing(self, original: str, kind: Kind, sequence: int | None) -> None:
        """Record an approved cancel or reversal of `original`: adds it to `undone` if it was in effect (the
        cancel or reversal has a `sequence`), and to `reversed` if it is a reversal.
        """
        if sequence is not None:
            self.undone.add(original)
        if kind is Kind.REVERSAL:
            self.reversed.add(original)

    def change_due(self, due: Due) -> None:
        """Set a due's new state; the state that was read is kept for the conditional update."""
        self.dues_read.setdefault(due.due, self.dues[due.due])
        self.dues[due.due] = due

    def change_figures(self, bank: str, date: str, figures: BankDay) -> None:
        """Set a bank's new figures for a business date."""
        self.figures[bank, date] = figures
        self.figures_changed.add((bank, date))

    def change_guesses(self, guesses: Guesses) -> None:
        """Set a due's new count of wrong identity numbers, if it is another."""
        if self.guesses.get(guesses.due) != guesses:
            self.guesses[guesses.due] = guesses
            self.guesses_changed.add(guesses.due)
