"""The values of a reconciliation report, and the sums over them.

Pure. A sum is computed from the rows whenever it is asked for. `check` compares every sum that was stored
elsewhere with the rows beside which it is shown, so that no page can show a total that its rows do not make.
`office.reports.extract` reads the values; `office.reports.report` turns them into pages and tables.

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
from office.accounting.break_states import Break
from qianzhi_errors.sentence import Sentence


class ClosedDay(NamedTuple):
    """A closed business day: the number of `entries` of all banks, and the `root` (hex) that seals them."""

    date: str
    state: DayState
    entries: int
    root: str


class Reconciliation(NamedTuple):
    """The stored result of a reconciliation: the number of our lines, of the bank's lines and of pairs that
    agree, and the sum of the effects of each side in fen.
    """

    ours: int
    theirs: int
    matched: int
    ours_effect: int
    theirs_effect: int


class Product(NamedTuple):
    """Our side of one processing code: the number of lines, and the sum of their effects in fen."""

    code: str
    lines: int
    effect: int


class BankFile(NamedTuple):
    """The bank's file as it was taken; `collected` and `paid` are the sums of its lines in state S, in
    fen.
    """

    digest: str
    layout: str
    lines: int
    collected: int
    paid: int


class FileSum(NamedTuple):
    """The file's lines of one direction (C, P) and state (S, R): their number, and their sum in fen."""

    direction: str
    state: str
    lines: int
    amount: int


class ListedBreak(NamedTuple):
    """A break as the report lists it: its row, its age in calendar days, and the name of its resolution in
    both languages (empty if it has none).
    """

    row: Break
    age: int
    ending: str


class ShownLeg(NamedTuple):
    """One leg of a posting in fen, with the name of its account."""

    account: str
    name: str
    bank: str
    currency: str
    amount: int


class ShownPosting(NamedTuple):
    """One posting of the date; `leg_count` is the number of legs that the posting's own row states."""

    posting: str
    description: str
    leg_count: int
    legs: tuple[ShownLeg, ...]

    @property
    def totals(self) -> tuple[tuple[str, int, int], ...]:
        """For each currency, the sum of the debits and the sum of the credits, both in fen and not
        negative.
        """
        return tuple(
            (
                currency,
                sum(leg.amount for leg in self.legs if leg.currency == currency and leg.amount > 0),
                -sum(leg.amount for leg in self.legs if leg.currency == currency and leg.amount < 0),
            )
            for currency in sorted({leg.currency for leg in self.legs})
        )


class DayAccounts(NamedTuple):
    """The three accounts of a bank's day, and the balances of the two suspense accounts for the bank at the
    end of the date, in fen, debit positive.
    """

    clearing: str
    long: str
    short: str
    long_balance: int
    short_balance: int


class DirectionSums(NamedTuple):
    """One direction (C, P) of the date on both sides: numbers of lines, and sums of effects in fen."""

    direction: str
    ours_lines: int
    ours_effect: int
    theirs_lines: int
    theirs_effect: int

    @property
    def difference(self) -> int:
        """The bank's effects less ours, in fen."""
        return self.theirs_effect - self.ours_effect


class ClassSum(NamedTuple):
    """The breaks of one class that the date opened: their number, and the sum of their differences in fen."""

    cls: str
    number: int
    difference: int


class Movement(NamedTuple):
    """The change of suspense over the date, for differences of one sign, in fen. `late` came in from earlier
    dates that were posted on this one; `matched` left suspense by a line of this date, `resolved` by a
    posting that two people decided on. before + opened + late - matched - resolved = after.
    """

    before: int
    opened: int
    matched: int
    resolved: int
    late: int = 0

    @property
    def after(self) -> int:
        """What lies in suspense at the end of the date, in fen."""
        return self.before + self.opened + self.late - self.matched - self.resolved


class Report(NamedTuple):
    """All that a report on one bank's date shows. The properties compute its sums from its rows.

    `breaks` are the breaks of the date, and the breaks of earlier dates that were in suspense when it began;
    the state of a break is its state at the moment of reading. `today` (YYYYMMDD) is the date to which ages
    are counted. `posted_on` is the date of the posting, empty before it is made; a later one than the date
    itself if this was closed without the bank's file.
    """

    bank: str
    bank_name: str
    today: str
    day: ClosedDay
    reconciliation: Reconciliation
    products: tuple[Product, ...]
    file: BankFile
    file_sums: tuple[FileSum, ...]
    breaks: tuple[ListedBreak, ...]
    postings: tuple[ShownPosting, ...]
    accounts: DayAccounts
    posted_on: str

    @property
    def date(self) -> str:
        """The business date, YYYYMMDD."""
        return self.day.date

    @property
    def difference(self) -> int:
        """The bank's effects less ours, in fen."""
        return self.reconciliation.theirs_effect - self.reconciliation.ours_effect

    @property
    def withheld(self) -> int:
        """What the date's breaks withhold of our effects, in fen, less what earlier breaks withheld that a
        line of the date matched.
        """
        matched = [listed.row for listed in self.brought_forward if _is_matched(listed.row, self.date)]
        return sum(listed.row.withheld for listed in self.opened) - sum(row.withheld for row in matched)

    @property
    def taken_back(self) -> int:
        """The effect of earlier files, in fen, that the reversed lines of this file take back."""
        return self.reconciliation.theirs_effect - self.file.collected + self.file.paid

    @property
    def sides(self) -> tuple[DirectionSums, ...]:
        """The collections, then the payouts, on both sides; `taken_back` is in neither of them."""
        file = self.file
        return self._side("C", "premium", file.collected), self._side("P", "benefit", -file.paid)

    @property
    def opened(self) -> tuple[ListedBreak, ...]:
        """The breaks of this date."""
        return tuple(listed for listed in self.breaks if listed.row.date == self.date)

    @property
    def brought_forward(self) -> tuple[ListedBreak, ...]:
        """The breaks of earlier dates."""
        return tuple(listed for listed in self.breaks if listed.row.date != self.date)

    @property
    def outstanding(self) -> tuple[ListedBreak, ...]:
        """The breaks that were not settled at the end of the date."""
        return tuple(listed for listed in self.breaks if not settled_by(listed.row, self.date))

    @property
    def classes(self) -> tuple[ClassSum, ...]:
        """The breaks that the date opened, summed by class: an element for every class, also an empty one."""
        numbers: Counter[str] = Counter()
        differences: Counter[str] = Counter()
        for row, _, _ in self.opened:
            numbers[row.cls] += 1
            differences[row.cls] += row.difference
        return tuple(ClassSum(cls, numbers[cls], differences[cls]) for cls in BreakClass)

    @property
    def long(self) -> Movement:
        """The change of suspense by overages, where the bank has more than we."""
        return self._movement(listed.row for listed in self.breaks if listed.row.difference > 0)

    @property
    def short(self) -> Movement:
        """The change of suspense by shortages, where the bank has less than we: its amounts are negative."""
        return self._movement(listed.row for listed in self.breaks if listed.row.difference < 0)

    def _side(self, direction: str, kind: str, theirs_effect: int) -> DirectionSums:
        ours = [product for product in self.products if KINDS.get(product.code) == kind]
        return DirectionSums(
            direction,
            sum(product.lines for product in ours),
            sum(product.effect for product in ours),
            sum(file_sum.lines for file_sum in self.file_sums if file_sum.direction == direction),
            theirs_effect,
        )

    def _movement(self, rows: Iterable[Break]) -> Movement:
        before = opened = matched = resolved = late = 0
        for row in rows:
            if row.date == self.date:
                opened += row.difference
            elif row.suspense_on == self.date:
                late += row.difference
            else:
                before += row.difference
            if settled_by(row, self.date):
                if row.resolution:
                    resolved += row.difference
                else:
                    matched += row.difference
        return Movement(before, opened, matched, resolved, late)


class OverviewTotal(NamedTuple):
    """The sums over all reports of a date: numbers of lines and breaks, and amounts in fen."""

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
    """A business date of all banks: a report of each reconciled bank; `waiting` has the code and name of each
    bank that is not reconciled.
    """

    today: str
    day: ClosedDay
    reports: tuple[Report, ...]
    waiting: tuple[tuple[str, str], ...]

    @property
    def total(self) -> OverviewTotal:
        """The sums over the figures of the reports."""
        rows = [
            (
                *report.reconciliation,
                report.difference,
                len(report.opened),
                len(report.outstanding),
                report.long.after,
                report.short.after,
            )
            for report in self.reports
        ]
        return OverviewTotal(
            *(sum(row[place] for row in rows) for place in range(len(OverviewTotal._fields)))
        )


def check(report: Report) -> None:
    """Add up every sum that the report shows again, from the rows that it shows. Raises InvariantBroken with
    the first sum that differs.
    """
    for label, stated, made in (*_side_sums(report), *_difference_sums(report), *_book_sums(report)):
        if stated != made:
            raise InvariantBroken(
                Sentence(
                    "{date}/{bank}: {label}: {stated} is said, but the rows make {made}",
                    date=report.date,
                    bank=report.bank,
                    label=label,
                    stated=stated,
                    made=made,
                )
            )


def check_overview(overview: Overview) -> None:
    """Check each report, and that all reports are of the overview's day. Raises InvariantBroken."""
    for report in overview.reports:
        check(report)
        if report.day != overview.day:
            raise InvariantBroken(
                Sentence(
                    "{date}: the report of bank {bank} is of another day",
                    date=overview.day.date,
                    bank=report.bank,
                )
            )


_Sum = tuple[str, int, int]
"""What is summed, the sum that is stated, and the sum that the rows make."""


def _side_sums(report: Report) -> Iterator[_Sum]:
    """The lines and amounts of each side, and the figures of the bank's file."""
    stated, file = report.reconciliation, report.file
    yield Sentence("our lines by code"), stated.ours, sum(product.lines for product in report.products)
    yield (
        Sentence("our effects by code"),
        stated.ours_effect,
        sum(product.effect for product in report.products),
    )
    yield Sentence("our lines"), stated.ours, sum(side.ours_lines for side in report.sides)
    yield Sentence("our effects"), stated.ours_effect, sum(side.ours_effect for side in report.sides)
    yield Sentence("the bank's lines"), stated.theirs, sum(side.theirs_lines for side in report.sides)
    yield Sentence("the file's lines"), file.lines, sum(file_sum.lines for file_sum in report.file_sums)
    yield Sentence("the file's collections"), file.collected, _done(report.file_sums, "C")
    yield Sentence("the file's payouts"), file.paid, _done(report.file_sums, "P")
    if not any(file_sum.state == "R" for file_sum in report.file_sums):
        yield Sentence("the bank's effects"), stated.theirs_effect, file.collected - file.paid


def _difference_sums(report: Report) -> Iterator[_Sum]:
    """The difference of each break; and the difference of the two sides, which the breaks explain."""
    for row, _, _ in report.breaks:
        effects = row.theirs_effect - row.ours_effect + row.withheld
        yield Sentence("the difference of {name}", name=row.name), row.difference, effects
    opened = report.long.opened + report.short.opened
    matched = report.long.matched + report.short.matched
    yield Sentence("the two sides' difference"), report.difference, opened - matched - report.withheld


def _book_sums(report: Report) -> Iterator[_Sum]:
    """Each posting; the clearing account against the bank's effects; suspense against the breaks."""
    for posting in report.postings:
        yield Sentence("the legs of {posting}", posting=posting.posting), posting.leg_count, len(posting.legs)
        for currency, debit, credit in posting.totals:
            yield (
                Sentence("{posting}, debits in {currency}", posting=posting.posting, currency=currency),
                debit,
                credit,
            )
    accounts = report.accounts
    sides = (
        (accounts.long, accounts.long_balance, report.long, "long"),
        (accounts.short, accounts.short_balance, report.short, "short"),
    )
    for account, balance, movement, side in sides if report.posted_on in ("", report.date) else ():
        before = balance - _moved(report, account)
        yield (
            Sentence("account {account} when the date begins ({side})", account=account, side=side),
            before,
            -movement.before,
        )
        if report.posted_on:
            yield (
                Sentence("account {account} when the date ends ({side})", account=account, side=side),
                balance,
                -movement.after,
            )
    if report.posted_on:
        is_late = report.posted_on != report.date
        name = f"{report.posted_on}/{report.bank}/{report.date if is_late else 'day'}"
        posted = _moved(report, accounts.clearing, name)
        yield (
            Sentence("account {clearing} of the day's posting", clearing=accounts.clearing),
            posted,
            report.reconciliation.theirs_effect,
        )
    else:
        yield Sentence("postings of a day that is not posted"), 0, len(report.postings)


def _moved(report: Report, account: str, name: str = "") -> int:
    """What the postings of the date, or only the posting `name`, move on an account for the bank, in fen."""
    return sum(
        leg.amount
        for posting in report.postings
        for leg in posting.legs
        if (leg.account, leg.bank) == (account, report.bank) and name in ("", posting.posting)
    )


def _done(sums: Sequence[FileSum], direction: str) -> int:
    """The sum in fen of the file's lines of this direction that are in state S, done."""
    return sum(
        file_sum.amount for file_sum in sums if (file_sum.direction, file_sum.state) == (direction, "S")
    )


def _is_matched(row: Break, date: str) -> bool:
    """Whether a line of the date or of an earlier one matched the break, without a decision."""
    return settled_by(row, date) and not row.resolution


def settled_by(row: Break, date: str) -> bool:
    """Whether the break was out of suspense at the end of the date (YYYYMMDD)."""
    return bool(row.settled_on) and row.settled_on <= date
