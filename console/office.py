"""The commands of the back office: `qianzhi office init`, `close`, `status`, `audit-log` and `balance`.

Parses arguments, calls, prints. What a close does, console.closing joins and office.close decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click
from rich.table import Table

from console import audit_log
from console.closing import close_command, opened
from console.export import export_command, status_lines
from console.options import DATE, OFFICE_SETTINGS
from console.output import JSON, show
from fep.keys.key_provider import open_keystore
from fep.keys.keys import SEAL
from fep.settings.config import load_settings as load_front_settings
from ledger.book.audit_log import read_audit_log
from office import close
from office.accounting import breaks
from office.accounting.books import TrialBalance, trial_balance
from office.accounting.break_states import BreakState
from office.config import load_settings
from office.database.schema import audit_log as audit_table
from office.exports.answer import export_states
from office.exports.make import waiting_dates
from office.install import SampleBank, install
from office.reports.wording import yuan

_LAYOUTS = ("standard", "fixed-gb18030", "csv-yuan")
"""The sample banks leave their day files in these layouts, in turn."""


@click.group()
def office() -> None:
    """The back office: pull the journal, close the day, keep the ledger."""


@office.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--front-config", type=click.Path(path_type=Path), default=Path("var/qianzhi.toml"), show_default=True
)
def init_command(folder: Path, front_config: Path) -> None:
    """Write an office's settings into FOLDER, for the banks of a front-end machine."""
    front = load_front_settings(front_config)
    banks = tuple(
        SampleBank(bank.code, bank.name, _LAYOUTS[place % len(_LAYOUTS)])
        for place, bank in enumerate(front.bank)
    )
    public = open_keystore(front.keystore)[SEAL].check_value
    of_front = {
        "front": front.node.database,
        "seal_key": public,
        "figures": front.status.breaks,
        "archived": front.day.archived,
    }
    click.echo(f"wrote {install(folder, banks, **of_front)}")


office.add_command(close_command)
office.add_command(export_command)


@office.command("status")
@OFFICE_SETTINGS
@JSON
def status_command(config: Path, as_json: bool) -> None:
    """Say how far each business day has come, and what lies in suspense."""
    settings = load_settings(config)
    with opened(settings, write=False) as store, store.reading() as connection:
        days = tuple(close.read_office_days(connection))
        open_breaks = sum(row.state != BreakState.CLOSED for row in breaks.listing(connection))
        exports, to_export = export_states(connection), waiting_dates(connection)

    def lines() -> Iterator[str]:
        for day in days:
            yield f"{day.date} {day.state}: {day.entries} entries, root {day.root}"
        yield f"{open_breaks} breaks are not closed"
        yield from status_lines(exports, to_export)

    figures = {"days": days, "open_breaks": open_breaks, "exports": exports, "to_export": to_export}
    show(figures, lines, as_json=as_json)


@office.command("audit-log")
@audit_log.VERIFY
@OFFICE_SETTINGS
@JSON
def audit_log_command(verify: bool, config: Path, as_json: bool) -> None:
    """List who had the office do what, and when."""
    with opened(load_settings(config), write=False) as store:
        audit_log.show(store, partial(read_audit_log, table=audit_table), verify=verify, as_json=as_json)


@office.command("balance")
@click.option("--date", type=DATE, default="", help="up to and with this business date  [default: all]")
@OFFICE_SETTINGS
@JSON
def balance_command(date: str, config: Path, as_json: bool) -> None:
    """Print the trial balance."""
    with opened(load_settings(config), write=False) as store, store.reading() as connection:
        balance = trial_balance(connection, date)
    show(balance, lambda: [balance_table(balance)], as_json=as_json)


def balance_table(balance: TrialBalance) -> Table:
    """A trial balance for a terminal."""
    table = Table(title="科目余额表 trial balance", box=None, padding=(0, 1, 0, 0))
    for name in ("account", "name"):
        table.add_column(name, no_wrap=name == "account")
    for name in ("debit", "credit", "balance"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in balance.rows:
        chinese, _, english = row.name.partition(" ")
        table.add_row(row.account, f"{chinese}\n{english}", *map(yuan, (row.debit, row.credit, row.balance)))
    return table
