"""What a day puts into the books: one posting a bank and date.

The posting is built purely, of sums that reconciliation gives; `post_day` adds the differences that the
table of breaks holds, takes off the products' accounts what these withhold, and makes it. Matching does not
belong here, nor what a resolution does (`office.accounting.breaks`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from ledger.errors import InvariantBroken
from office.accounting.books import Leg, Posting, post
from office.accounting.chart import Chart
from office.database.schema import breaks


def day_posting(
    chart: Chart,
    bank: str,
    date: str,
    product: Mapping[str, int],
    clearing: int,
    suspense: Iterable[int] = (),
    closings: Iterable[int] = (),
) -> Posting | None:
    """The posting `<date>/<bank>/day`, or None where nothing moves. All amounts are effects in fen.

    `product` is the sum of our effects by processing code that is not withheld, `clearing` the sum of the
    bank's; `suspense` are the differences of the breaks that the day opens, `closings` those of carried
    breaks that its lines close: each goes back off the account on which it was posted, so a late match is
    never a new difference. Raises InvariantBroken if clearing is not product + suspense - closings: then
    reconciliation missed something.
    """
    sums = Counter({(chart.clearing, bank): clearing})
    for code, effect in product.items():
        if code not in chart.products:
            raise InvariantBroken(
                f"{date}/{bank}: {effect} fen of processing code {code}, which moves no money"
            )
        account = chart.products[code]
        sums[account, chart.bank_of(account, bank)] -= effect
    for difference in suspense:
        sums[chart.suspense(difference), bank] -= difference
    for difference in closings:
        sums[chart.suspense(difference), bank] += difference
    if off := sum(sums.values()):
        raise InvariantBroken(
            f"{date}/{bank}: the bank's effects differ from ours and the breaks' by {off} fen: not posted"
        )
    legs = tuple(Leg(*key, chart.currency, amount) for key, amount in sums.items() if amount)
    return Posting(f"{date}/{bank}/day", date, bank, "日终入账 day posting", legs) if legs else None


def suspense_of_day(connection: Connection, bank: str, date: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What the table of breaks says of a bank's date: differences opened, and differences of carried breaks
    that a line of the date closed; each summed by sign, in fen. The same whenever it is asked, whatever
    came later.
    """
    opened = _by_sign(connection, and_(breaks.c.bank == bank, breaks.c.date == date))
    return opened, _by_sign(connection, _matched_on(bank, date))


def withheld_of_day(connection: Connection, bank: str, date: str) -> dict[str, int]:
    """What the breaks of a bank's date withhold from the products' accounts, by processing code, in fen; less
    what carried breaks had withheld that a line of the date closed: that no account ever took.
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
) -> Posting | None:
    """Make a bank's posting of a date, with its suspense as the table of breaks has it; once made, the same
    again changes nothing. `product` is the sum of our effects by processing code, of which what is withheld
    goes to suspense instead. `posted_at` is microseconds since 1970-01-01 UTC. Returns it; raises what
    `day_posting` and `office.accounting.books.post` raise.
    """
    opened, closed = suspense_of_day(connection, bank, date)
    taken = Counter(product)
    taken.subtract(withheld_of_day(connection, bank, date))
    posting = day_posting(chart, bank, date, taken, clearing, opened, closed)
    if posting is not None:
        post(connection, [posting], posted_at)
    return posting


def _matched_on(bank: str, date: str) -> ColumnElement[bool]:
    """Whether a break was closed by a line of the bank's date, without a decision."""
    was_matched = and_(breaks.c.state == "closed", breaks.c.resolution == "", breaks.c.settled_on == date)
    return and_(breaks.c.bank == bank, was_matched)


def _by_sign(connection: Connection, condition: ColumnElement[bool]) -> tuple[int, ...]:
    """The sums of the differences above and below 0, without those that are none."""
    difference = breaks.c.difference
    positive = func.sum(case((difference > 0, difference)))
    negative = func.sum(case((difference < 0, difference)))
    row = connection.execute(select(positive, negative).where(condition)).one()
    return tuple(int(amount) for amount in row if amount)
