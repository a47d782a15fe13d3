"""Puts discrepancies of every class into the lines that a bank should send, and says what must be found.

Pure: whoever calls brings the lines and a seeded random.Random, and numbers and writes what comes back. The
proof of the reconciliation rests on this, so nothing of how lines are matched may be used here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from random import Random
from typing import NamedTuple

from ledger.files.bankline import AMOUNT_MAX, BankLine
from ledger.rules.break_classes import BreakClass
from ledger.rules.dues import KINDS
from ledger.rules.request import key_of

_STANS = 1_000_000
_AMOUNT_CHANGE = 100
_DETAILS = ("policy", "due", "code")


class Counts(NamedTuple):
    """How many of each to put in. A `renumbered` line has another STAN and the same RRN: it is no break."""

    bank_only: int = 0
    ours_only: int = 0
    amount_differs: int = 0
    state_differs: int = 0
    details_differ: int = 0
    duplicate: int = 0
    timing: int = 0
    renumbered: int = 0


class Expected(NamedTuple):
    """What the reconciliation must report: `difference` is theirs - ours, in fen; where details differ, the
    whole amount.

    TIMING is reported as OURS_ONLY, with this difference, on the day itself; the next day's file ends it,
    under the class TIMING.
    """

    cls: BreakClass
    key: str
    difference: int


class Seeded(NamedTuple):
    """The lines of today's file, those that go into tomorrow's instead, and what must be reported, by key.

    The numbers of the lines are no longer in order: what writes them numbers them.
    """

    lines: tuple[BankLine, ...]
    tomorrow: tuple[BankLine, ...]
    expected: tuple[Expected, ...]


def seed(
    bank: str, lines: Sequence[BankLine], near: Collection[str], random: Random, counts: Counts
) -> Seeded:
    """Put discrepancies into `lines`, which hold what this bank should send; each line gets one at most.

    Only lines whose keys are in `near` are moved to tomorrow. Raises ValueError where there are too few lines
    (for `renumbered`: with an RRN of their own).
    """
    seeding = _Seeding(bank, lines, random)
    seeding.timing(counts.timing, near)
    seeding.renumbered(counts.renumbered)
    seeding.ours_only(counts.ours_only)
    seeding.amount_differs(counts.amount_differs)
    seeding.state_differs(counts.state_differs)
    seeding.details_differ(counts.details_differ)
    seeding.duplicate(counts.duplicate)
    seeding.bank_only(counts.bank_only)
    return seeding.seeded()


def effect(line: BankLine) -> int:
    """What the clearing account sees of a line, in signed fen: collections +, payouts -, reversed 0."""
    if line.state == "R":
        return 0
    return line.amount if KINDS[line.code] == "premium" else -line.amount


class _Seeding:
    """A file in the making: lines not touched yet, finished lines, and what must be reported of them."""

    def __init__(self, bank: str, lines: Sequence[BankLine], random: Random) -> None:
        self._bank = bank
        self._random = random
        self._whole = list(lines)
        self._changed: list[BankLine] = []
        self._tomorrow: list[BankLine] = []
        self._expected: list[Expected] = []
        self._models = tuple(lines)
        self._keys = {self._key(line) for line in lines}
        self._rrns = Counter(line.rrn for line in lines)

    def timing(self, count: int, near: Collection[str]) -> None:
        for line in self._take(count, [line for line in self._whole if self._key(line) in near]):
            self._tomorrow.append(line)
            self._expect(BreakClass.TIMING, line, -effect(line))

    def renumbered(self, count: int) -> None:
        with_own_rrn = [line for line in self._whole if line.rrn and self._rrns[line.rrn] == 1]
        self._changed += map(self._with_new_stan, self._take(count, with_own_rrn))

    def ours_only(self, count: int) -> None:
        for line in self._take(count, self._whole):
            self._expect(BreakClass.OURS_ONLY, line, -effect(line))

    def amount_differs(self, count: int) -> None:
        for line in self._take(count, self._whole):
            lowest = max(1, line.amount - _AMOUNT_CHANGE)
            highest = min(AMOUNT_MAX, line.amount + _AMOUNT_CHANGE)
            amount = self._random.choice([*range(lowest, line.amount), *range(line.amount + 1, highest + 1)])
            self._replace(BreakClass.AMOUNT_DIFFERS, line, line._replace(amount=amount))

    def state_differs(self, count: int) -> None:
        for line in self._take(count, self._whole):
            flipped = line._replace(state="R" if line.state == "S" else "S")
            self._replace(BreakClass.STATE_DIFFERS, line, flipped)

    def details_differ(self, count: int) -> None:
        """Give lines another policy, another due, or another code of their own direction, by turns."""
        for number, line in enumerate(self._take(count, self._whole)):
            self._changed.append(self._with_other_detail(line, _DETAILS[number % len(_DETAILS)]))
            self._expect(BreakClass.DETAILS_DIFFER, line, effect(line))

    def duplicate(self, count: int) -> None:
        for line in self._take(count, self._whole):
            self._changed += (line, line)
            self._expect(BreakClass.DUPLICATE, line, effect(line))

    def bank_only(self, count: int) -> None:
        """Add lines of transactions that nobody else has, each similar to a real one."""
        for _ in range(count):
            line = self._with_new_stan(self._random.choice(self._models))
            line = line._replace(rrn=self._new_rrn(), state="S")
            self._changed.append(line)
            self._expect(BreakClass.BANK_ONLY, line, effect(line))

    def seeded(self) -> Seeded:
        today = [*self._whole, *self._changed]
        self._random.shuffle(today)
        expected = sorted(self._expected, key=lambda expectation: (expectation.key, expectation.cls))
        return Seeded(tuple(today), tuple(self._tomorrow), tuple(expected))

    def _key(self, line: BankLine) -> str:
        return key_of(self._bank, line.terminal, line.sent_at, line.stan)

    def _take(self, count: int, candidates: Sequence[BankLine]) -> list[BankLine]:
        taken = self._random.sample(candidates, count)
        keys = {self._key(line) for line in taken}
        self._whole = [line for line in self._whole if self._key(line) not in keys]
        return taken

    def _expect(self, cls: BreakClass, line: BankLine, difference: int) -> None:
        self._expected.append(Expected(cls, self._key(line), difference))

    def _replace(self, cls: BreakClass, line: BankLine, other: BankLine) -> None:
        self._changed.append(other)
        self._expect(cls, line, effect(other) - effect(line))

    def _with_other_detail(self, line: BankLine, name: str) -> BankLine:
        """The line with another code, due or policy; with another policy, where it names no due."""
        if name == "code":
            codes = [code for code, kind in KINDS.items() if kind == KINDS[line.code] and code != line.code]
            return line._replace(code=self._random.choice(codes))
        if name == "due" and line.due:
            return line._replace(due=_other_name(line.due))
        return line._replace(policy=_other_name(line.policy))

    def _with_new_stan(self, line: BankLine) -> BankLine:
        """The line under a key that no other has."""
        while self._key(line) in self._keys:
            line = line._replace(stan=f"{self._random.randrange(_STANS):06d}")
        self._keys.add(self._key(line))
        return line

    def _new_rrn(self) -> str:
        """An RRN that no other line has."""
        rrn = f"{self._random.randrange(10**12):012d}"
        while self._rrns[rrn]:
            rrn = f"{self._random.randrange(10**12):012d}"
        self._rrns[rrn] += 1
        return rrn


def _other_name(name: str) -> str:
    """Another name of the same length."""
    return name[:-1] + ("8" if name.endswith("7") else "7")
