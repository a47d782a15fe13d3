"""Reads the values of a report from the office's tables: a few SELECTs for one bank's date, or for a date of
all banks.

The values are those of `office.reports.report_values`, already checked. This module writes nothing, and
computes nothing that those values can compute themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select

from ledger.rules.day import DayState
from ledger.rules.dues import KINDS
from office.accounting.books import account_balance
from office.accounting.breaks import age_days, listed
from office.accounting.chart import Chart, shipped
from office.database.schema import (
    accounts,
    bank_files,
    bank_lines,
    breaks,
    days,
    legs,
    posted_dates,
    postings,
    products,
    reconciliations,
)
from office.errors import NothingToReport
from office.reports.report_values import (
    BankFile,
    ClosedDay,
    DayAccounts,
    FileSum,
    ListedBreak,
    Overview,
    Product,
    Reconciliation,
    Report,
    ShownLeg,
    ShownPosting,
    check,
)
from qianzhi_errors.sentence import Sentence


def report(
    connection: Connection, bank: str, date: str, bank_name: str, today: str, chart: Chart | None = None
) -> Report:
    """Return the checked report of a bank's reconciled date (YYYYMMDD).

    `today` is YYYYMMDD; `chart` is the office's own chart, or else the shipped one. Raises NothingToReport if
    the date is not closed or not reconciled, and InvariantBroken if the tables contradict themselves. On
    PostgreSQL each SELECT sees what is committed by then, so a close that runs meanwhile can cause
    InvariantBroken too: ask again.
    """
    named = chart or shipped()
    sums = _first(connection, reconciliations, Reconciliation._fields, bank=bank, date=date)
    file = _first(connection, bank_files, BankFile._fields, bank=bank, date=date)
    if sums is None or file is None:
        raise NothingToReport(Sentence("bank {bank} is not reconciled for {date}", bank=bank, date=date))
    posted = _first(connection, posted_dates, ("posted_on",), bank=bank, date=date)
    posted_on = posted[0] if posted else ""
    is_late = posted_on > date
    read = Report(
        bank,
        bank_name,
        today,
        _day(connection, date),
        Reconciliation(*sums),
        _products(connection, bank, date),
        BankFile(*file),
        _file_sums(connection, bank, date),
        _breaks(connection, _of_date(date) if is_late else _shown(date), bank, today, named),
        _postings(connection, bank, date, posted_on if is_late else ""),
        _accounts(connection, bank, date, named),
        posted_on,
    )
    check(read)
    return read


def overview(
    connection: Connection, date: str, bank_names: Mapping[str, str], today: str, chart: Chart | None = None
) -> Overview:
    """Return the checked overview of a date: the banks of `bank_names` (code to name), and every other bank
    that was reconciled.

    Raises what `report` raises; a bank of `bank_names` that is not reconciled is listed as waiting instead.
    """
    day = _day(connection, date)
    reconciled = set(connection.scalars(select(reconciliations.c.bank).where(reconciliations.c.date == date)))
    reports = tuple(
        report(connection, bank, date, bank_names.get(bank, bank), today, chart)
        for bank in sorted(reconciled)
    )
    waiting = tuple((bank, name) for bank, name in sorted(bank_names.items()) if bank not in reconciled)
    return Overview(today, day, reports, waiting)


def _first(connection: Connection, table: Table, names: Sequence[str], **where: str) -> Sequence[Any] | None:
    """The columns `names` of the only row whose columns have the values of `where`; None if there is none."""
    conditions = (table.c[name] == value for name, value in where.items())
    return connection.execute(select(*(table.c[name] for name in names)).where(*conditions)).first()


def _day(connection: Connection, date: str) -> ClosedDay:
    """The closed day of a date. Raises NothingToReport if the office does not have it."""
    row = _first(connection, days, ClosedDay._fields, date=date)
    if row is None:
        raise NothingToReport(Sentence("business day {date} is not closed, or was not pulled yet", date=date))
    day = ClosedDay(*row)
    return day._replace(state=DayState(day.state))


def _products(connection: Connection, bank: str, date: str) -> tuple[Product, ...]:
    """Our side by processing code, in the order of KINDS: collections first."""
    query = select(products.c.code, products.c.lines, products.c.effect).where(
        products.c.bank == bank, products.c.date == date
    )
    order = tuple(KINDS)
    rows = [Product(*row) for row in connection.execute(query)]

    def place(product: Product) -> tuple[int, str]:
        return order.index(product.code) if product.code in KINDS else len(order), product.code

    return tuple(sorted(rows, key=place))


def _file_sums(connection: Connection, bank: str, date: str) -> tuple[FileSum, ...]:
    """The bank's lines by direction and state: collections first, and what is done before what is
    reversed.
    """
    kind = bank_lines.c.direction, bank_lines.c.state
    query = (
        select(*kind, func.count(), func.sum(bank_lines.c.amount))
        .where(bank_lines.c.bank == bank, bank_lines.c.date == date)
        .group_by(*kind)
    )
    # PostgreSQL's sum of bigint is numeric: whole, but not an int.
    sums = [
        FileSum(direction, state, lines, int(amount))
        for direction, state, lines, amount in connection.execute(query)
    ]
    return tuple(sorted(sums, key=lambda file_sum: (file_sum.direction, file_sum.state != "S")))


def _breaks(
    connection: Connection, shown: ColumnElement[bool], bank: str, today: str, chart: Chart
) -> tuple[ListedBreak, ...]:
    """The breaks of the bank that a report shows: by date, the newest last, and within a date by number."""
    return tuple(
        ListedBreak(row, age_days(row, today), _ending(chart, row.resolution))
        for row in listed(connection, and_(breaks.c.bank == bank, shown))
    )


def _of_date(date: str) -> ColumnElement[bool]:
    """Whether the date opened a break: all that the report of a date shows that was posted on a later one."""
    return breaks.c.date == date


def _shown(date: str) -> ColumnElement[bool]:
    """Whether the report of a date lists a break: the date opened it, or it was in suspense by then."""
    unsettled = or_(breaks.c.settled_on == "", breaks.c.settled_on >= date)
    by_then = and_(breaks.c.suspense_on != "", breaks.c.suspense_on <= date)
    return or_(breaks.c.date == date, and_(breaks.c.date < date, by_then, unsettled))


def _ending(chart: Chart, resolution: str) -> str:
    """The name of a resolution in both languages; its code if the chart does not have it."""
    row = chart.resolutions.get(resolution)
    return f"{row.zh} {row.en}" if row else resolution


def _postings(connection: Connection, bank: str, date: str, later: str) -> tuple[ShownPosting, ...]:
    """The bank's postings of the date with their legs in order; the posting of the day comes first. If the
    date was posted on a `later` one, that posting alone.
    """
    first = f"{later}/{bank}/{date}" if later else f"{date}/{bank}/day"
    of_date = postings.c.posting == first if later else postings.c.date == date
    source = postings.join(legs, legs.c.posting == postings.c.posting).join(
        accounts, accounts.c.account == legs.c.account
    )
    columns = legs.c.account, accounts.c.name, legs.c.bank, legs.c.currency, legs.c.amount
    query = (
        select(postings.c.posting, postings.c.description, postings.c.legs, *columns)
        .select_from(source)
        .where(postings.c.bank == bank, of_date)
        .order_by(postings.c.posting, legs.c.number)
    )
    heads: dict[tuple[str, str, int], list[ShownLeg]] = {}
    for posting, description, count, *leg in connection.execute(query):
        heads.setdefault((posting, description, count), []).append(ShownLeg(*leg))
    shown = (ShownPosting(*head, tuple(its_legs)) for head, its_legs in heads.items())
    return tuple(
        sorted(shown, key=lambda posting: (posting.posting != first, len(posting.posting), posting.posting))
    )


def _accounts(connection: Connection, bank: str, date: str, chart: Chart) -> DayAccounts:
    """The accounts of a bank's day, with the balances of the suspense accounts at the end of the date."""
    balances = (
        account_balance(connection, account, bank, chart.currency, date)
        for account in (chart.long, chart.short)
    )
    return DayAccounts(chart.clearing, chart.long, chart.short, *balances)
