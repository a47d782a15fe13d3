"""The commands on the business day: `qianzhi day status` and `qianzhi day cutover`.

`status` reads and prints: the totals of a day come from the front book, its end from fep.day.schedule, its
open breaks from the office. `cutover` asks the process that serves, or cuts over the book itself where none
does; what a cut-over is, ledger.book.cutover says.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from gettext import gettext as _
from gettext import ngettext
from pathlib import Path
from typing import NamedTuple

import click
from rich.console import RenderableType
from rich.table import Table

from console.audit_entry import refusals
from console.options import DATE, SETTINGS
from console.output import JSON, cell, show, table
from console.term import term
from console.unserved import unserved_book
from console.wall_clock import now_us
from fep.day.schedule import closes_at, objection, seconds_left
from fep.keys.key_provider import KeyProvider
from fep.operator.audit_trail import CUTOVER, DONE_BEFORE, write
from fep.operator.control_client import NotServing, ask
from fep.settings.config import Settings, load_settings
from ledger.book.cutover import Cutover, CutoverRefused, cut_over
from ledger.book.journal import DayRow, read_days
from ledger.book.load import Loaded
from ledger.book.lookup import loaded_for, totals_on
from ledger.book.store import Store
from ledger.rules.beijing import beijing
from ledger.rules.day import DayState
from ledger.rules.request import NO_TOTALS, Totals
from office.accounting import breaks
from office.accounting.break_states import BreakState
from office.close import read_office_days
from office.config import load_settings as load_office_settings
from office.reports.wording import DAY_STATES, yuan


class BankTotals(NamedTuple):
    """A bank's totals of the open day so far; `net` is what it owes us, in fen, negative where we owe it."""

    bank: str
    name: str
    totals: Totals
    net: int


class OfficeDay(NamedTuple):
    """A closed day: the state that the office has brought it to, and its number of breaks not closed."""

    date: str
    state: str
    open_breaks: int


class DayStatus(NamedTuple):
    """The open business day, and all days. `open` is the open date, or empty. `cutover` is the hour in the
    settings, or empty where an operator cuts over; `ends_at` is that moment in Beijing and `seconds_left` the
    time until then, empty and None where there is no such hour or no open day.
    """

    open: str
    dues: Loaded | None
    cutover: str
    ends_at: str
    seconds_left: int | None
    banks: tuple[BankTotals, ...]
    days: tuple[DayRow, ...]
    office: tuple[OfficeDay, ...] | None


@click.group()
def day() -> None:
    """The business day."""


@day.command("status")
@click.option("--office", type=click.Path(path_type=Path), help="the office's settings: how far it has come")
@SETTINGS
@JSON
def status_command(office: Path | None, config: Path, as_json: bool) -> None:
    """Say how the business day stands: its dues, each bank's totals, when it ends; and all days."""
    status = day_status(config, office, datetime.now(UTC).astimezone())
    show(status, lambda: _lines(status), as_json=as_json)


@day.command("cutover")
@click.option("--date", type=DATE, default="", help="the business day to close; without it you are asked")
@click.option("--early", is_flag=True, help="close it though it has not begun, or its hour has not come")
@SETTINGS
@JSON
def cutover_command(date: str, early: bool, config: Path, as_json: bool) -> None:
    """Close the business day and open the next. Asked for again for the same date, it changes nothing."""
    settings = load_settings(config)
    closing = date or _date_asked_for(settings)
    try:
        closed = Cutover(**ask(Path(settings.node.control), "cutover", date=closing, early=early))
    except NotServing:
        closed = _cut_over_here(settings, closing, early=early)
    show(closed, lambda: [_closed(closed)], as_json=as_json)


def _closed(closed: Cutover) -> str:
    text = (
        _("{date} was closed before, and nothing was changed; {next_date} followed; root {root}")
        if closed.done_before
        else _("{date} is closed, {next_date} is open; root {root}")
    )
    return text.format(date=closed.date, next_date=closed.next_date, root=closed.root)


def _date_asked_for(settings: Settings) -> str:
    """The open business date, after the person at the terminal has confirmed that it is to be closed.

    Raises UsageError where standard input is no terminal: a program must name the date. Raises
    CutoverRefused where no day is open.
    """
    store = Store(settings.node.database, lock=False)
    try:
        with store.reading() as connection:
            date = next((row.date for row in read_days(connection) if row.state == DayState.OPEN), "")
    finally:
        store.close()
    if not date:
        raise CutoverRefused(_("no business day is open: load the dues first"))
    if not sys.stdin.isatty():
        raise click.UsageError(
            _("say which business day to close: --date {date} is the open one").format(date=date)
        )
    following = settings.day.calendar().next_business_date(date)
    question = _("Business day {date} is open. Close it, and open {following}?")
    click.confirm(question.format(date=date, following=following), abort=True, err=True)
    return date


def _cut_over_here(settings: Settings, date: str, *, early: bool) -> Cutover:
    """Cut over a book that no process serves."""
    key_provider = KeyProvider(settings.keystore)
    following = settings.day.calendar().next_business_date
    against = "" if early else objection(beijing(now_us()), date, settings.day.cutover)
    with (
        unserved_book(settings, key_provider.front_key.check_value) as (store, _),
        refusals(store, CUTOVER, date) as by,
    ):
        closed = cut_over(store, date, following, key_provider.sealer, now_us(), by, against)
        if closed.done_before:
            write(store, now_us(), by, CUTOVER, date, DONE_BEFORE)
    return closed


def day_status(config: Path, office: Path | None, now: datetime) -> DayStatus:
    """Read how the business day stands at `now`, which has its zone. Raises LedgerError."""
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
    names |= {channel.code: channel.name for channel in settings.channel}
    codes = [*names, *(code for code in totals if code not in names)] if date else []
    banks = tuple(_bank_totals(code, names.get(code, ""), totals.get(code, NO_TOTALS)) for code in codes)
    return DayStatus(date, dues, hour, ends_at, left, banks, days, _office_days(office) if office else None)


def _bank_totals(code: str, name: str, totals: Totals) -> BankTotals:
    return BankTotals(code, name, totals, totals.net)


def _office_days(office: Path) -> tuple[OfficeDay, ...]:
    store = Store(load_office_settings(office).office.database, lock=False, by_index=False)
    try:
        with store.reading(snapshot=True) as connection:
            listed = breaks.listing(connection)
            waiting = [row.date for row in listed if row.state != BreakState.CLOSED]
            days = read_office_days(connection)
    finally:
        store.close()
    return tuple(OfficeDay(row.date, str(row.state), waiting.count(row.date)) for row in days)


def _lines(status: DayStatus) -> Iterator[RenderableType]:
    if not status.days:
        yield _("no business day yet: qianzhi book load FILE")
    for day_row in status.days:
        root = _(", root {root}").format(root=day_row.root) if day_row.root else ""
        yield f"{day_row.date} {term(DAY_STATES.get(day_row.state), day_row.state)}{root}"
    for row in status.office or ():
        yield _("office: {date} {state}, {breaks} breaks not closed").format(
            date=row.date, state=term(DAY_STATES.get(row.state), row.state), breaks=row.open_breaks
        )
    if not status.open:
        return
    yield from _open_day(status)


def _open_day(status: DayStatus) -> Iterator[RenderableType]:
    dues = status.dues
    if dues:
        yield _("dues: {dues}, on {policies} policies").format(dues=dues.dues, policies=dues.policies)
    else:
        yield _("dues: not loaded yet")
    yield from dues.left_out.splitlines() if dues else ()
    if status.seconds_left is None:
        yield _("cut-over: by an operator, qianzhi day cutover")
    elif status.seconds_left:
        yield _("cut-over: {ends_at} in Beijing, in {left}").format(
            ends_at=status.ends_at, left=_left(status.seconds_left)
        )
    else:
        yield _("cut-over: {ends_at} in Beijing, which has come; what keeps it, qianzhi doctor says").format(
            ends_at=status.ends_at
        )
    yield _bank_table(status)


def _left(seconds: int) -> str:
    """A length of time, with its days apart."""
    days, rest = divmod(seconds, 86_400)
    text = str(timedelta(seconds=rest))
    if not days:
        return text
    return ngettext("{days} day, {text}", "{days} days, {text}", days).format(days=days, text=text)


def _bank_table(status: DayStatus) -> Table:
    """The banks' totals of the open day."""
    figures = (_("collected"), _("paid"), _("net"))
    bank_column = _("bank")
    rows = table(bank_column, "", *figures, right=figures, whole=(bank_column,))
    for bank in status.banks:
        totals = bank.totals
        collected = f"{yuan(totals.collected - totals.collected_reversed)} ({totals.collections})"
        paid = f"{yuan(totals.paid - totals.paid_reversed)} ({totals.payouts})"
        rows.add_row(*map(cell, (bank.bank, bank.name, collected, paid, yuan(bank.net))))
    return rows
