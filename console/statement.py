"""The commands `qianzhi office statement`: take a bank's statement of account, and say what has not arrived.

Parses arguments, opens files, prints. What a statement is, office.statements says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from gettext import gettext as _
from pathlib import Path

import click

from console.closing import chart_of, opened
from console.options import DATE, OFFICE_SETTINGS
from console.output import JSON, show
from console.say import say
from console.wall_clock import now_us
from fep.operator.identity import at_keyboard
from office import close
from office.config import load_settings
from office.database.audit_log import recorded
from office.reports.wording import yuan
from office.statements.layout import layout_of
from office.statements.load import STATEMENT, Arrival, Given, arrivals, take_statement
from office.statements.reader import BYTES_MAX, read_statements
from office.statements.settle import SETTLE, settle_arrival


@click.group("statement")
def statement() -> None:
    """The banks' statements of account: the money that arrived."""


@statement.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--bank", "code", required=True, metavar="CODE", help="the bank whose statement it is")
@OFFICE_SETTINGS
def load_command(file: Path, code: str, config: Path) -> None:
    """Take the statements of FILE: post what arrived against clearing, and the bank's fees."""
    settings = load_settings(config)
    bank = settings.named(code)
    if not bank.account:
        raise click.ClickException(
            _("the settings have no account of bank {code}: [[bank]] account").format(code=code)
        )
    with file.open("rb") as stream:
        data = stream.read(BYTES_MAX + 1)
    chart = chart_of(settings)
    with opened(settings) as store:
        close.prepare(store, chart, now_us(), at_keyboard())
        with recorded(store, now_us, at_keyboard(), STATEMENT):
            read = read_statements(data, layout_of(bank.statement), bank.account)
            digest = hashlib.sha256(data).hexdigest()
            with store.transaction() as connection:
                taken = [
                    take_statement(
                        connection,
                        chart,
                        Given(code, bank.statement, digest, each),
                        now_us(),
                        at_keyboard(),
                    )
                    for each in read
                ]
    for each, done in zip(read, taken, strict=True):
        words = _("taken") if done.is_new else _("taken before")
        say(
            _(
                "{code} statement {number} {words}: {lines} lines, {moved} yuan moved, balance {closing}"
            ).format(
                code=code,
                number=each.number,
                words=words,
                lines=done.lines,
                moved=yuan(done.moved),
                closing=yuan(each.closing),
            )
        )


@statement.command("settle")
@click.option("--bank", "code", required=True, metavar="CODE", help="the bank")
@click.option("--date", type=DATE, default="", help="the business date  [default: the lines that name none]")
@OFFICE_SETTINGS
def settle_command(code: str, date: str, config: Path) -> None:
    """Say that no more is awaited for a date: what differs becomes a break, which two people decide."""
    settings = load_settings(config)
    bank, by, chart = settings.named(code), at_keyboard(), chart_of(settings)
    settings.check_may(by, "propose")
    with opened(settings) as store, recorded(store, now_us, by, SETTLE), store.transaction() as connection:
        row = settle_arrival(connection, chart, code, date, bank.owner, now_us(), by)
    say(
        _("{name}: {difference} yuan into suspense; qianzhi recon shows it").format(
            name=row.name, difference=yuan(row.difference)
        )
    )


@statement.command("show")
@click.option("--bank", default="", metavar="CODE", help="of this bank  [default: all]")
@OFFICE_SETTINGS
@JSON
def show_command(bank: str, config: Path, as_json: bool) -> None:
    """List the business dates whose money has not arrived, or not as the bank's file says."""
    with opened(load_settings(config), write=False) as store, store.reading() as connection:
        rows = arrivals(connection, bank)

    def lines() -> Iterator[str]:
        for row in rows:
            yield _line(row)
        yield _("{rows} dates differ").format(rows=len(rows))

    show([{**row._asdict(), "difference": row.difference} for row in rows], lines, as_json=as_json)


def _line(row: Arrival) -> str:
    date = row.date or _("no date named")
    expected, arrived = yuan(row.expected), yuan(row.arrived)
    return _("{bank} {date}: expected {expected}, arrived {arrived}, difference {difference}").format(
        bank=row.bank, date=date, expected=expected, arrived=arrived, difference=yuan(row.difference)
    )
