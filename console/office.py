"""The commands of the back office: `qianzhi office init`, `close`, `status`, `audit-log` and `balance`.

Parses arguments, calls, prints. What a close does, console.closing joins and office.close decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from gettext import gettext as _
from pathlib import Path

import click
from rich.table import Table

from console import audit_log, settings_place
from console.closing import close_command, opened
from console.export import export_command, status_lines
from console.language import speaks_chinese
from console.office_audit import audit_command
from console.options import DATE, OFFICE_SETTINGS
from console.output import JSON, show
from console.say import say
from console.statement import statement
from console.term import term
from fep.keys.key_provider import open_keystore
from fep.keys.keys import SEAL
from fep.settings.config import load_settings as load_front_settings
from ledger.book.audit_log import read_audit_log
from office import close
from office.accounting import breaks
from office.accounting.bank_dates import Cause, unposted
from office.accounting.books import BalanceRow, BalanceScope, TrialBalance, trial_balance
from office.accounting.break_states import BreakState
from office.config import INSURER, load_settings
from office.database.schema import audit_log as audit_table
from office.exports.answer import export_states
from office.exports.make import waiting_dates
from office.install import SampleBank, install
from office.receipts.published import published_keys
from office.reports.wording import DAY_STATES, yuan
from receipts.public_keys import PublicKey

_LAYOUTS = ("standard", "fixed-gb18030", "csv-yuan")
"""The sample banks leave their day files in these layouts, in turn."""


@click.group()
def office() -> None:
    """The back office: pull the journal, close the day, keep the ledger."""


@office.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--insurer",
    default="",
    metavar="NAME",
    help="sign receipts under this short name of A-Z, 0-9 and -; qianzhi keys create makes the key",
)
@settings_place.option("front-config", settings_place.FRONT, "the machine's settings")
def init_command(folder: Path, insurer: str, front_config: Path) -> None:
    """Write an office's settings into FOLDER, for the banks of a front-end machine."""
    if insurer and re.fullmatch(INSURER, insurer) is None:
        raise click.BadParameter(_("is not 1 to 16 of A-Z, 0-9 and -"), param_hint="--insurer")
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
        "insurer": insurer,
    }
    say(_("wrote {path}").format(path=install(folder, banks, **of_front)))


office.add_command(audit_command)
office.add_command(close_command)
office.add_command(export_command)
office.add_command(statement)


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
        dates = unposted(connection, [bank.code for bank in settings.bank])
        keys = published_keys(connection)

    def lines() -> Iterator[str]:
        for day in days:
            state = term(DAY_STATES.get(day.state), day.state)
            yield _("{date} {state}: {entries:,} entries").format(
                date=day.date, state=state, entries=day.entries
            )
            yield _("  root {root}").format(root=day.root)
        for row in dates:
            yield _("{date} {bank}: {cause}").format(date=row.date, bank=row.bank, cause=_cause(row.cause))
        yield _("{open_breaks} breaks are not closed").format(open_breaks=open_breaks)
        yield from status_lines(exports, to_export)
        yield _receipts(keys, is_set=settings.receipts is not None)

    figures = {
        "days": days,
        "unposted": dates,
        "open_breaks": open_breaks,
        "exports": exports,
        "to_export": to_export,
        "receipt_keys": keys,
    }
    show(figures, lines, as_json=as_json)


def _receipts(keys: Sequence[PublicKey], *, is_set: bool) -> str:
    """Whether receipts are signed, and by which key."""
    if not is_set:
        return _("receipts are not signed: the settings have no [receipts]")
    if not keys:
        return _("receipts will be signed by the next close that pulls one")
    return _("receipts are signed for {insurer} by key {key}").format(
        insurer=keys[-1].insurer, key=keys[-1].key
    )


def _cause(cause: Cause) -> str:
    """Why a bank's date is not posted, in the reader's language."""
    match cause:
        case Cause.HELD:
            return _("held for too many breaks (qianzhi recon show)")
        case Cause.WITHOUT_FILE:
            return _("closed without the bank's file, which has not come")
        case Cause.WAITS:
            return _("waits: the bank's file is not there, or was not taken")


@office.command("audit-log")
@audit_log.VERIFY
@OFFICE_SETTINGS
@JSON
def audit_log_command(verify: bool, config: Path, as_json: bool) -> None:
    """List who had the office do what, and when."""
    with opened(load_settings(config), write=False) as store:
        audit_log.show(store, partial(read_audit_log, table=audit_table), verify=verify, as_json=as_json)


@office.command("balance")
@click.option(
    "--from",
    "from_date",
    type=DATE,
    default="",
    help="movement from this business date  [default: the first]",
)
@click.option(
    "--date", "--to", "to_date", type=DATE, default="", help="up to and with this one  [default: all]"
)
@click.option("--bank", default="", metavar="CODE", help="of the postings of this bank alone")
@click.option("--by-bank", is_flag=True, help="a trial balance for each bank")
@OFFICE_SETTINGS
@JSON
def balance_command(
    from_date: str, to_date: str, bank: str, by_bank: bool, config: Path, as_json: bool
) -> None:
    """Print the trial balance: opening, movement, closing."""
    settings = load_settings(config)
    if bank:
        settings.named(bank)
    if from_date and to_date and from_date > to_date:
        raise click.BadParameter(_("is later than --to"), param_hint="--from")
    with opened(settings, write=False) as store, store.reading() as connection:
        balance = trial_balance(connection, BalanceScope(from_date, to_date, bank, by_bank))
    names = {bank.code: bank.name for bank in settings.bank}
    show(balance, lambda: balance_tables(balance, names), as_json=as_json)


def balance_tables(balance: TrialBalance, names: Mapping[str, str]) -> Iterator[Table]:
    """A trial balance for a terminal: a table, or one for each bank, whose name is in `names`. It is whole at
    80 columns: only the accounts' names are broken.
    """
    for bank in sorted({row.bank for row in balance.rows}) or [""]:
        title = " ".join(part for part in (_("试算平衡表 trial balance"), bank, names.get(bank, "")) if part)
        table = Table(title=title, box=None, padding=(0, 1, 0, 0), title_justify="left")
        table.add_column(_("account"), overflow="fold")
        for name in (_("opening"), _("debit"), _("credit"), _("closing")):
            table.add_column(name, justify="right", no_wrap=True)
        rows = [row for row in balance.rows if row.bank == bank]
        for row in rows:
            chinese, _space, english = row.name.partition(" ")
            figures = row.opening, row.debit, row.credit, row.balance
            name = chinese if speaks_chinese() else f"{chinese}\n{english}"
            table.add_row(f"{row.account} {name}", *map(yuan, figures))
        for currency in sorted({row.currency for row in rows}):
            sums = _sums([row for row in rows if row.currency == currency])
            total = _("合计 total {currency}").format(currency=currency if currency != "156" else "")
            table.add_row(total.rstrip(), *map(yuan, sums))
        yield table


def _sums(rows: Sequence[BalanceRow]) -> tuple[int, int, int, int]:
    """The sums of the rows' amounts in fen, in the order of the columns."""
    return (
        sum(row.opening for row in rows),
        sum(row.debit for row in rows),
        sum(row.credit for row in rows),
        sum(row.balance for row in rows),
    )
