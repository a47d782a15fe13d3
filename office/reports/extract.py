"""The extract for a report: a few SELECTs for a bank's date, or for a date of all banks.

Reads the office's tables and makes the values of `office.reports.report_values`, checked. It writes nothing
and works out nothing that those values can work out themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select

from ledger.rules.day import DayState
from ledger.rules.dues import KINDS
from office.accounting.books import account_balance
from office.accounting.breaks import Break, BreakState, age_days
from office.accounting.chart import Chart, shipped
from office.database.schema import (
    accounts,
    bank_files,
    bank_lines,
    breaks,
    days,
    legs,
    postings,
    products,
    reconciliations,
)
from office.errors import NothingToReport
from office.reports.report_values import (
    BankFile,
    Day,
    DayAccounts,
    FileSum,
    Listed,
    Outcome,
    Overview,
    Product,
    Report,
    ShownLeg,
    ShownPosting,
    check,
)


def report(
    connection: Connection, bank: str, date: str, bank_name: str, today: str, chart: Chart | None = None
) -> Report:
    """Read what there is to say about a bank's reconciled date (YYYYMMDD), and check it.

    `today` is YYYYMMDD; `chart` is the office's own, or the shipped one. Raises NothingToReport where the
    date is not closed or not reconciled, and InvariantBroken where the tables contradict themselves; on
    PostgreSQL, where each SELECT sees what is committed by then, that may also be a close at work: ask again.
    """
    named = chart or shipped()
    outcome = _first(connection, reconciliations, Outcome._fields, bank=bank, date=date)
    file = _first(connection, bank_files, BankFile._fields, bank=bank, date=date)
    if outcome is None or file is None:
        raise NothingToReport(f"bank {bank} is not reconciled for {date}")
    found = Report(
        bank,
        bank_name,
        today,
        _day(connection, date),
        Outcome(*outcome),
        _products(connection, bank, date),
        BankFile(*file),
        _file_sums(connection, bank, date),
        _breaks(connection, bank, date, today, named),
        _postings(connection, bank, date),
        _accounts(connection, bank, date, named),
    )
    check(found)
    return found


def overview(
    connection: Connection, date: str, bank_names: Mapping[str, str], today: str, chart: Chart | None = None
) -> Overview:
    """Read a date of all banks: those of `bank_names` (code to name) and any other that was reconciled.

    Raises what `report` raises, but for banks that wait.
    """
    day = _day(connection, date)
    done = set(connection.scalars(select(reconciliations.c.bank).where(reconciliations.c.date == date)))
    reports = tuple(
        report(connection, bank, date, bank_names.get(bank, bank), today, chart) for bank in sorted(done)
    )
    waiting = tuple((bank, name) for bank, name in sorted(bank_names.items()) if bank not in done)
    return Overview(today, day, reports, waiting)


def _first(connection: Connection, table: Table, names: Sequence[str], **where: str) -> Sequence[Any] | None:
    """The columns `names` of the one row where the columns of `where` have these values, if there is it."""
    conditions = (table.c[name] == value for name, value in where.items())
    return connection.execute(select(*(table.c[name] for name in names)).where(*conditions)).first()


def _day(connection: Connection, date: str) -> Day:
    row = _first(connection, days, Day._fields, date=date)
    if row is None:
        raise NothingToReport(f"business day {date} is not closed, or was not pulled yet")
    found = Day(*row)
    return found._replace(state=DayState(found.state))


def _products(connection: Connection, bank: str, date: str) -> tuple[Product, ...]:
    """Our side by processing code, in the order of KINDS: collections first."""
    query = select(products.c.code, products.c.lines, products.c.effect).where(
        products.c.bank == bank, products.c.date == date
    )
    order = tuple(KINDS)
    rows = [Product(*row) for row in connection.execute(query)]
    return tuple(
        sorted(rows, key=lambda one: (order.index(one.code) if one.code in KINDS else len(order), one.code))
    )


def _file_sums(connection: Connection, bank: str, date: str) -> tuple[FileSum, ...]:
    kind = bank_lines.c.direction, bank_lines.c.state
    query = (
        select(*kind, func.count(), func.sum(bank_lines.c.amount))
        .where(bank_lines.c.bank == bank, bank_lines.c.date == date)
        .group_by(*kind)
    )
    # PostgreSQL's sum of bigint is numeric: whole, but not an int.
    found = connection.execute(query)
    rows = (FileSum(direction, state, lines, int(amount)) for direction, state, lines, amount in found)
    return tuple(sorted(rows, key=lambda one: (one.direction, one.state != "S")))


def _breaks(connection: Connection, bank: str, date: str, today: str, chart: Chart) -> tuple[Listed, ...]:
    """The breaks of the date, and the earlier ones that were not settled when it began; the newest date last,
    each date's by number: after 9999 the number has a fifth digit.
    """
    name = breaks.c["break"]
    query = (
        select(breaks)
        .where(breaks.c.bank == bank, _shown(date))
        .order_by(breaks.c.date, func.length(name), name)
    )
    rows = (Break(*row) for row in connection.execute(query))
    listed = (one._replace(state=BreakState(one.state)) for one in rows)
    return tuple(Listed(one, age_days(one, today), _ending(chart, one.resolution)) for one in listed)


def _shown(date: str) -> ColumnElement[bool]:
    unsettled = or_(breaks.c.settled_on == "", breaks.c.settled_on >= date)
    return or_(breaks.c.date == date, and_(breaks.c.date < date, unsettled))


def _ending(chart: Chart, resolution: str) -> str:
    known = chart.resolutions.get(resolution)
    return f"{known.zh} {known.en}" if known else resolution


def _postings(connection: Connection, bank: str, date: str) -> tuple[ShownPosting, ...]:
    """The bank's postings of the date, the day's own first, with their legs in order."""
    source = postings.join(legs, legs.c.posting == postings.c.posting).join(
        accounts, accounts.c.account == legs.c.account
    )
    shown = legs.c.account, accounts.c.name, legs.c.bank, legs.c.currency, legs.c.amount
    query = (
        select(postings.c.posting, postings.c.description, postings.c.legs, *shown)
        .select_from(source)
        .where(postings.c.bank == bank, postings.c.date == date)
        .order_by(postings.c.posting, legs.c.number)
    )
    heads: dict[tuple[str, str, int], list[ShownLeg]] = {}
    for posting, description, count, *leg in connection.execute(query):
        heads.setdefault((posting, description, count), []).append(ShownLeg(*leg))
    made = (ShownPosting(*head, tuple(of_it)) for head, of_it in heads.items())
    first = f"{date}/{bank}/day"
    return tuple(sorted(made, key=lambda one: (one.posting != first, len(one.posting), one.posting)))


def _accounts(connection: Connection, bank: str, date: str, chart: Chart) -> DayAccounts:
    balances = (
        account_balance(connection, account, bank, chart.currency, date)
        for account in (chart.long, chart.short)
    )
    return DayAccounts(chart.clearing, chart.long, chart.short, *balances)
