"""The command `qianzhi day status`: how the business day stands. Reads and prints.

What a day comes to, the front book says; when it ends, fep.day.schedule; what of it is in dispute, the
office.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import RenderableType

from console.options import SETTINGS
from console.output import JSON, cell, show, table
from fep.day.schedule import closes_at, seconds_left
from fep.settings.config import load_settings
from ledger.book.journal import DayRow, read_days
from ledger.book.load import Loaded
from ledger.book.lookup import loaded_for, totals_on
from ledger.book.store import Store
from ledger.rules.day import DayState
from ledger.rules.request import NO_TOTALS, Totals
from office.accounting import breaks
from office.close import read_office_days
from office.config import load_settings as load_office_settings
from office.reports.wording import yuan


class BankTotals(NamedTuple):
    """What a bank's open day comes to so far; `net` is what it owes, in fen, negative where we owe."""

    bank: str
    name: str
    totals: Totals
    net: int


class OfficeDay(NamedTuple):
    """A closed day as far as the office has come with it, and how many of its breaks are not closed."""

    date: str
    state: str
    open_breaks: int


class DayStatus(NamedTuple):
    """How the business day stands. `open` is the open date, or empty; `cutover` the hour in the settings, or
    empty where an operator cuts over. `ends_at` is when it comes, in Beijing, and `seconds_left` until then:
    empty and None where that cannot be said.
    """

    open: str
    dues: Loaded | None
    cutover: str
    ends_at: str
    seconds_left: int | None
    banks: tuple[BankTotals, ...]
    days: tuple[DayRow, ...]
    office: tuple[OfficeDay, ...] | None


@click.command("status")
@click.option("--office", type=click.Path(path_type=Path), help="the office's settings: how far it has come")
@SETTINGS
@JSON
def status_command(office: Path | None, config: Path, as_json: bool) -> None:
    """Say how the business day stands: its dues, each bank's totals, when it ends; and all days."""
    found = day_status(config, office, datetime.now(UTC).astimezone())
    show(found, lambda: _people(found), as_json=as_json)


def day_status(config: Path, office: Path | None, now: datetime) -> DayStatus:
    """How the business day stands at `now`, which has its zone."""
    settings = load_settings(config)
    store = Store(settings.node.database, lock=False)
    try:
        with store.reading(snapshot=True) as connection:
            days = tuple(read_days(connection))
            date = next((row.date for row in days if row.state == DayState.OPEN), "")
            totals, dues = totals_on(connection, date), loaded_for(connection, date)
    finally:
        store.close()
    hour = settings.day.cutover or ""
    is_by_clock = bool(hour and date)
    left = max(0, seconds_left(now, date, hour)) if is_by_clock else None
    ends_at = f"{closes_at(date, hour):%Y-%m-%d %H:%M}" if is_by_clock else ""
    names = {bank.code: bank.name for bank in settings.bank}
    codes = [*names, *(code for code in totals if code not in names)] if date else []
    banks = (BankTotals(code, names.get(code, ""), totals.get(code, NO_TOTALS), 0) for code in codes)
    told = tuple(one._replace(net=one.totals.net) for one in banks)
    return DayStatus(date, dues, hour, ends_at, left, told, days, _office_days(office) if office else None)


def _office_days(office: Path) -> tuple[OfficeDay, ...]:
    store = Store(load_office_settings(office).office.database, lock=False, by_index=False)
    try:
        with store.reading(snapshot=True) as connection:
            waiting = [
                one.date for one in breaks.listing(connection) if one.state != breaks.BreakState.CLOSED
            ]
            days = read_office_days(connection)
    finally:
        store.close()
    return tuple(OfficeDay(row.date, str(row.state), waiting.count(row.date)) for row in days)


def _people(found: DayStatus) -> Iterator[RenderableType]:
    if not found.days:
        yield "no business day yet: qianzhi book load FILE"
    for row in found.days:
        closed = f", root {row.root}" if row.root else ""
        yield f"{row.date} {row.state}{closed}"
    for day in found.office or ():
        yield f"office: {day.date} {day.state}, {day.open_breaks} breaks not closed"
    if not found.open:
        return
    yield from _open_day(found)


def _open_day(found: DayStatus) -> Iterator[RenderableType]:
    dues = found.dues
    yield f"dues: {dues.dues}, on {dues.policies} policies" if dues else "dues: not loaded yet"
    yield from dues.left_out.splitlines() if dues else ()
    if found.seconds_left is None:
        yield "cut-over: by an operator, qianzhi day cutover"
    elif found.seconds_left:
        yield f"cut-over: {found.ends_at} in Beijing, in {timedelta(seconds=found.seconds_left)}"
    else:
        yield f"cut-over: {found.ends_at} in Beijing, which has come; what keeps it, qianzhi doctor says"
    figures = ("collected", "paid", "net")
    rows = table("bank", "", *figures, right=figures, whole=("bank",))
    for one in found.banks:
        totals = one.totals
        collected = f"{yuan(totals.collected - totals.collected_reversed)} ({totals.collections})"
        paid = f"{yuan(totals.paid - totals.paid_reversed)} ({totals.payouts})"
        rows.add_row(*map(cell, (one.bank, one.name, collected, paid, yuan(one.net))))
    yield rows
