"""What a reconciliation report says: plain values, and their sums, worked out of the rows when asked.

Pure. `check` holds every sum that was written down elsewhere against the rows beside which it is shown, so
that no page can lie. Where the values come from, `office.reports.extract` says; how they look,
`office.reports.report`.

Effects and differences are signed fen as the bank's clearing account sees them; legs are fen, debit positive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ledger.errors import InvariantBroken
from ledger.rules.break_classes import BreakClass
from ledger.rules.day import DayState
from ledger.rules.dues import KINDS
from office.accounting.breaks import Break

_POSTED = (DayState.POSTED, DayState.ARCHIVED)


class Day(NamedTuple):
    """A closed business day: `entries` of all banks, and the seal's `root` over them (hex)."""

    date: str
    state: DayState
    entries: int
    root: str

    @property
    def is_posted(self) -> bool:
        """Whether the day is in the books."""
        return self.state in _POSTED


class Outcome(NamedTuple):
    """What reconciliation wrote down: lines on our side and on theirs, pairs that agree, sums of effects."""

    ours: int
    theirs: int
    matched: int
    ours_effect: int
    theirs_effect: int


class Product(NamedTuple):
    """Our side under one processing code: lines, and the sum of their effects."""

    code: str
    lines: int
    effect: int


class BankFile(NamedTuple):
    """The bank's file as it was taken; `collected` and `paid` are fen of its lines in state S."""

    digest: str
    layout: str
    lines: int
    collected: int
    paid: int


class FileSum(NamedTuple):
    """The file's lines of one direction (C, P) and state (S, R): how many, and their amounts in fen."""

    direction: str
    state: str
    lines: int
    amount: int


class Listed(NamedTuple):
    """A break as the report lists it: its age in calendar days, and its resolution's name in both languages
    (empty where there is none).
    """

    found: Break
    age: int
    ending: str


class ShownLeg(NamedTuple):
    """One leg of a posting, with its account's name."""

    account: str
    name: str
    bank: str
    currency: str
    amount: int


class ShownPosting(NamedTuple):
    """One posting of the date; `leg_count` is how many legs the posting itself says that it has."""

    posting: str
    description: str
    leg_count: int
    legs: tuple[ShownLeg, ...]

    @property
    def totals(self) -> tuple[tuple[str, int, int], ...]:
        """Each currency, with the sums of its debits and of its credits."""
        return tuple(
            (
                currency,
                sum(leg.amount for leg in self.legs if leg.currency == currency and leg.amount > 0),
                -sum(leg.amount for leg in self.legs if leg.currency == currency and leg.amount < 0),
            )
            for currency in sorted({leg.currency for leg in self.legs})
        )


class DayAccounts(NamedTuple):
    """The accounts of a bank's day, and what the books hold for the bank on the last two when the date ends
    (debit positive).
    """

    clearing: str
    long: str
    short: str
    long_balance: int
    short_balance: int


class Side(NamedTuple):
    """One direction (C, P) of the date on both sides: lines, and sums of effects."""

    direction: str
    ours_lines: int
    ours_effect: int
    theirs_lines: int
    theirs_effect: int

    @property
    def difference(self) -> int:
        """The bank's effects less ours."""
        return self.theirs_effect - self.ours_effect


class ClassSum(NamedTuple):
    """The breaks of one class that the date opened: how many, and the sum of their differences."""

    cls: str
    number: int
    difference: int


class Movement(NamedTuple):
    """Suspense over the date, of differences of one sign: `matched` left by a line of this date, `resolved`
    by a posting that two people decided; before + opened - matched - resolved = after.
    """

    before: int
    opened: int
    matched: int
    resolved: int

    @property
    def after(self) -> int:
        """What remains when the date ends."""
        return self.before + self.opened - self.matched - self.resolved


class Report(NamedTuple):
    """A bank's date for people: what was read. What it adds up to is worked out of the rows when asked.

    `breaks` are those of the date, and those of earlier dates that were in suspense when it began; a break's
    state is that of the moment of reading. `today` (YYYYMMDD) is the date on which ages are counted.
    """

    bank: str
    bank_name: str
    today: str
    day: Day
    outcome: Outcome
    products: tuple[Product, ...]
    file: BankFile
    file_sums: tuple[FileSum, ...]
    breaks: tuple[Listed, ...]
    postings: tuple[ShownPosting, ...]
    accounts: DayAccounts

    @property
    def date(self) -> str:
        """The business date, YYYYMMDD."""
        return self.day.date

    @property
    def difference(self) -> int:
        """The bank's effects less ours."""
        return self.outcome.theirs_effect - self.outcome.ours_effect

    @property
    def withheld(self) -> int:
        """What the date's breaks withhold of our effects, less what was withheld by earlier ones that a line
        of the date matched.
        """
        matched = (one.found for one in self.brought_forward if _is_matched(one.found, self.date))
        return sum(one.found.withheld for one in self.opened) - sum(one.withheld for one in matched)

    @property
    def taken_back(self) -> int:
        """What the file's reversed lines take back of the bank's earlier files."""
        return self.outcome.theirs_effect - self.file.collected + self.file.paid

    @property
    def sides(self) -> tuple[Side, ...]:
        """Both sides by direction; what the bank takes back of earlier files is in neither."""
        file = self.file
        return self._side("C", "premium", file.collected), self._side("P", "benefit", -file.paid)

    @property
    def opened(self) -> tuple[Listed, ...]:
        """The breaks of this date."""
        return tuple(one for one in self.breaks if one.found.date == self.date)

    @property
    def brought_forward(self) -> tuple[Listed, ...]:
        """The breaks of earlier dates."""
        return tuple(one for one in self.breaks if one.found.date != self.date)

    @property
    def outstanding(self) -> tuple[Listed, ...]:
        """The breaks that were not settled when the date ended."""
        return tuple(one for one in self.breaks if not settled_by(one.found, self.date))

    @property
    def classes(self) -> tuple[ClassSum, ...]:
        """Every class of breaks, with what the date opened of it."""
        found = [(one.found.cls, one.found.difference) for one in self.opened]
        numbers = Counter(cls for cls, _ in found)
        return tuple(
            ClassSum(cls, numbers[cls], sum(amount for of, amount in found if of == cls))
            for cls in BreakClass
        )

    @property
    def long(self) -> Movement:
        """Suspense where the bank has more than we."""
        return self._movement(one.found for one in self.breaks if one.found.difference > 0)

    @property
    def short(self) -> Movement:
        """Suspense where the bank has less than we: its amounts are negative."""
        return self._movement(one.found for one in self.breaks if one.found.difference < 0)

    def _side(self, direction: str, kind: str, theirs_effect: int) -> Side:
        ours = [one for one in self.products if KINDS.get(one.code) == kind]
        return Side(
            direction,
            sum(one.lines for one in ours),
            sum(one.effect for one in ours),
            sum(one.lines for one in self.file_sums if one.direction == direction),
            theirs_effect,
        )

    def _movement(self, found: Iterable[Break]) -> Movement:
        before = opened = matched = resolved = 0
        for one in found:
            if one.date == self.date:
                opened += one.difference
            else:
                before += one.difference
            if settled_by(one, self.date):
                if one.resolution:
                    resolved += one.difference
                else:
                    matched += one.difference
        return Movement(before, opened, matched, resolved)


class Total(NamedTuple):
    """What a date comes to over all its reports: lines, breaks, and amounts in fen."""

    ours: int
    theirs: int
    matched: int
    ours_effect: int
    theirs_effect: int
    difference: int
    breaks: int
    outstanding: int
    long: int
    short: int


class Overview(NamedTuple):
    """A business date of all banks: a report each, and the code and name of each that is not reconciled."""

    today: str
    day: Day
    reports: tuple[Report, ...]
    waiting: tuple[tuple[str, str], ...]

    @property
    def total(self) -> Total:
        """The sums of the reports' figures."""
        rows = [
            (
                *one.outcome,
                one.difference,
                len(one.opened),
                len(one.outstanding),
                one.long.after,
                one.short.after,
            )
            for one in self.reports
        ]
        return Total(*(sum(row[place] for row in rows) for place in range(len(Total._fields))))


def check(found: Report) -> None:
    """Add up again, from the rows shown, every sum that the report shows. Raises InvariantBroken."""
    for what, said, made in (*_side_sums(found), *_difference_sums(found), *_book_sums(found)):
        if said != made:
            raise InvariantBroken(
                f"{found.date}/{found.bank}: {what}: {said} is said, but the rows make {made}"
            )


def check_overview(found: Overview) -> None:
    """Check each report, and that all are of one day. Raises InvariantBroken."""
    for one in found.reports:
        check(one)
        if one.day != found.day:
            raise InvariantBroken(f"{found.day.date}: the report of bank {one.bank} is of another day")


_Sum = tuple[str, int, int]
"""What is summed, the sum as it is stated, and the sum that the rows make."""


def _side_sums(found: Report) -> Iterator[_Sum]:
    """Each side's lines and amounts, and the file's own figures."""
    outcome, file = found.outcome, found.file
    yield "our lines by code", outcome.ours, sum(one.lines for one in found.products)
    yield "our effects by code", outcome.ours_effect, sum(one.effect for one in found.products)
    yield "our lines", outcome.ours, sum(side.ours_lines for side in found.sides)
    yield "our effects", outcome.ours_effect, sum(side.ours_effect for side in found.sides)
    yield "the bank's lines", outcome.theirs, sum(side.theirs_lines for side in found.sides)
    yield "the file's lines", file.lines, sum(one.lines for one in found.file_sums)
    yield "the file's collections", file.collected, _done(found.file_sums, "C")
    yield "the file's payouts", file.paid, _done(found.file_sums, "P")
    if not any(one.state == "R" for one in found.file_sums):
        yield "the bank's effects", outcome.theirs_effect, file.collected - file.paid


def _difference_sums(found: Report) -> Iterator[_Sum]:
    """Each break's difference, and that together they explain what lies between the two sides."""
    for one, _, _ in found.breaks:
        effects = one.theirs_effect - one.ours_effect + one.withheld
        yield f"the difference of {one.name}", one.difference, effects
    opened = found.long.opened + found.short.opened
    matched = found.long.matched + found.short.matched
    yield "the two sides' difference", found.difference, opened - matched - found.withheld


def _book_sums(found: Report) -> Iterator[_Sum]:
    """Each posting, the clearing account against the bank's effects, and suspense against the breaks."""
    for posting in found.postings:
        yield f"the legs of {posting.posting}", posting.leg_count, len(posting.legs)
        for currency, debit, credit in posting.totals:
            yield f"{posting.posting}, debits in {currency}", debit, credit
    held = found.accounts
    sides = (
        (held.long, held.long_balance, found.long, "long"),
        (held.short, held.short_balance, found.short, "short"),
    )
    for account, balance, movement, side in sides:
        before = balance - _on(found, account)
        yield f"account {account} when the date begins ({side})", before, -movement.before
        if found.day.is_posted:
            yield f"account {account} when the date ends ({side})", balance, -movement.after
    if found.day.is_posted:
        name = f"{found.date}/{found.bank}/day"
        posted = _on(found, held.clearing, name)
        yield f"account {held.clearing} of the day's posting", posted, found.outcome.theirs_effect
    else:
        yield "postings of a day that is not posted", 0, len(found.postings)


def _on(found: Report, account: str, posting: str = "") -> int:
    """What the date's postings, or the named one, move on an account for the bank."""
    return sum(
        leg.amount
        for one in found.postings
        for leg in one.legs
        if (leg.account, leg.bank) == (account, found.bank) and posting in ("", one.posting)
    )


def _done(sums: Sequence[FileSum], direction: str) -> int:
    return sum(one.amount for one in sums if (one.direction, one.state) == (direction, "S"))


def _is_matched(one: Break, date: str) -> bool:
    return settled_by(one, date) and not one.resolution


def settled_by(one: Break, date: str) -> bool:
    """Whether a break was out of suspense when the date (YYYYMMDD) ended."""
    return bool(one.settled_on) and one.settled_on <= date
