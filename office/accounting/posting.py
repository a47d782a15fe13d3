"""The two postings that the office makes: of a bank's day, and of a break's resolution.

`day_posting` builds the first, purely, from sums. `post_day` gives it the sums of reconciliation, the
differences in the table of breaks and what these breaks withhold from the products' accounts, and makes it.
`resolution_posting` builds the second, purely, from the break's row; `office.accounting.breaks.post_approved`
makes it. Matching does not belong here, nor the steps of a break (`office.accounting.breaks`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from ledger.errors import InvariantBroken
from office.accounting.books import Leg, Posting, post
from office.accounting.break_states import Break
from office.accounting.chart import OUR_PRODUCT, PRODUCT, Chart, Resolution
from office.database.schema import breaks
from office.errors import StepRefused
from qianzhi_errors.sentence import Sentence


def day_posting(
    chart: Chart,
    bank: str,
    date: str,
    product: Mapping[str, int],
    clearing: int,
    suspense: Iterable[int] = (),
    closings: Iterable[int] = (),
) -> Posting | None:
    """Return the posting `<date>/<bank>/day`, or None if nothing moves. All amounts are effects in fen.

    `product` is the sum of our effects by processing code, without what is withheld; `clearing` is the sum of
    the bank's effects. `suspense` are the differences of the breaks that the day opens, `closings` those of
    the breaks brought forward that its lines close. Each closing reverses the account on which the difference
    was posted; otherwise a late match would create a new difference. Raises InvariantBroken if clearing is
    not product + suspense - closings, or if a processing code moves no money: then reconciliation missed
    something.
    """
    sums = Counter({(chart.clearing, bank): clearing})
    for code, effect in product.items():
        if code not in chart.products:
            raise InvariantBroken(
                Sentence(
                    "{date}/{bank}: {effect} fen of processing code {code}, which moves no money",
                    date=date,
                    bank=bank,
                    effect=effect,
                    code=code,
                )
            )
        account = chart.products[code]
        sums[account, chart.bank_of(account, bank)] -= effect
    for difference in suspense:
        sums[chart.suspense(difference), bank] -= difference
    for difference in closings:
        sums[chart.suspense(difference), bank] += difference
    if off := sum(sums.values()):
        raise InvariantBroken(
            Sentence(
                "{date}/{bank}: the bank's effects differ from ours and the breaks' by {off} fen: not posted",
                date=date,
                bank=bank,
                off=off,
            )
        )
    legs = tuple(Leg(*key, chart.currency, amount) for key, amount in sums.items() if amount)
    return Posting(f"{date}/{bank}/day", date, bank, "日终入账 day posting", legs) if legs else None


def suspense_of_day(connection: Connection, bank: str, date: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the differences of the breaks that a bank's date opened, and those of the breaks brought forward
    that a line of the date closed, each summed by sign, in fen. Later dates do not change the result.
    """
    opened = _by_sign(connection, and_(breaks.c.bank == bank, breaks.c.date == date))
    return opened, _by_sign(connection, _matched_on(bank, date))


def withheld_of_day(connection: Connection, bank: str, date: str) -> dict[str, int]:
    """Return what the breaks of a bank's date withhold from the products' accounts, by processing code,
    in fen. What breaks brought forward withheld is subtracted if a line of the date closed them: no
    account took it.
    """
    opened = and_(breaks.c.bank == bank, breaks.c.date == date)
    sums: Counter[str] = Counter()
    for condition, sign in ((opened, 1), (_matched_on(bank, date), -1)):
        query = select(breaks.c.code, func.sum(breaks.c.withheld)).where(condition, breaks.c.withheld != 0)
        for code, amount in connection.execute(query.group_by(breaks.c.code)):
            sums[code] += sign * int(amount)
    return dict(sums)


def post_day(
    connection: Connection,
    chart: Chart,
    bank: str,
    date: str,
    product: Mapping[str, int],
    clearing: int,
    posted_at: int,
    posted_on: str = "",
) -> Posting | None:
    """Make a bank's posting of a date and return it, or None if nothing moves. A repeat changes nothing.

    `posted_on` is the date of the posting if it is not `date` itself: then its name is
    `<posted_on>/<bank>/<date>`.

    `product` is the sum of our effects by processing code, `clearing` that of the bank's, in fen; what a
    break withholds of `product` goes to suspense instead. `posted_at` is microseconds since 1970-01-01 UTC.
    Raises what `day_posting` and `office.accounting.books.post` raise.
    """
    opened, closed = suspense_of_day(connection, bank, date)
    not_withheld = Counter(product)
    not_withheld.subtract(withheld_of_day(connection, bank, date))
    posting = day_posting(chart, bank, date, not_withheld, clearing, opened, closed)
    if posting is not None and posted_on not in ("", date):
        posting = posting._replace(posting=f"{posted_on}/{bank}/{date}", date=posted_on)
    if posting is not None:
        post(connection, [posting], posted_at)
    return posting


def resolution_posting(chart: Chart, row: Break, date: str) -> Posting | None:
    """Return the posting `<date>/<bank>/<break>`, which takes the whole difference out of suspense to the
    account of the break's resolution; None if no money is in suspense. Raises StepRefused if the chart
    has no such resolution, or if it does not fit.
    """
    resolution = chart.resolutions.get(row.resolution)
    if resolution is None or not resolution.fits(row.cls, row.difference):
        raise StepRefused(
            Sentence(
                "{name}: the chart has no resolution {resolution!r} for this break",
                name=row.name,
                resolution=row.resolution,
            )
        )
    if row.difference == 0:
        return None
    suspense, counter = chart.suspense(row.difference), counter_account(chart, resolution, row)
    legs = (
        Leg(suspense, row.bank, chart.currency, row.difference),
        Leg(counter, chart.bank_of(counter, row.bank), chart.currency, -row.difference),
    )
    words = f"{resolution.zh} {resolution.en}"
    return Posting(f"{date}/{row.bank}/{row.name}", date, row.bank, words, legs)


def counter_account(chart: Chart, resolution: Resolution, row: Break) -> str:
    """The account that takes the break's difference. Raises StepRefused if its processing code has none."""
    if resolution.counter not in (PRODUCT, OUR_PRODUCT):
        return resolution.counter
    code = (row.bank_code if resolution.counter == PRODUCT else "") or row.code
    if code not in chart.products:
        raise StepRefused(
            Sentence(
                "{name}: processing code {code!r} has no account to be adjusted", name=row.name, code=code
            )
        )
    return chart.products[code]


def _matched_on(bank: str, date: str) -> ColumnElement[bool]:
    """Whether a line of the bank's date closed the break, without a decision."""
    was_matched = and_(breaks.c.state == "closed", breaks.c.resolution == "", breaks.c.settled_on == date)
    return and_(breaks.c.bank == bank, was_matched)


def _by_sign(connection: Connection, condition: ColumnElement[bool]) -> tuple[int, ...]:
    """Return the sum of the differences above 0 and the sum of those below 0, in fen, without sums of 0."""
    difference = breaks.c.difference
    positive = func.sum(case((difference > 0, difference)))
    negative = func.sum(case((difference < 0, difference)))
    row = connection.execute(select(positive, negative).where(condition)).one()
    return tuple(int(amount) for amount in row if amount)
