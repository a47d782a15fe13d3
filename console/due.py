"""The commands `qianzhi due locked` and `unlock`: benefits that wrong identity numbers have locked.

`unlock` asks the process that serves, and writes into the book itself where none does. When a benefit is
locked, ledger.book.guesses says.
"""

from __future__ import annotations

from collections.abc import Sequence
from gettext import gettext as _
from pathlib import Path

import click
from rich.console import RenderableType

from console.audit_entry import refusals
from console.options import SETTINGS
from console.output import JSON, cell, show, table
from console.say import say
from console.wall_clock import now_us
from fep.operator.control_client import NotServing, ask
from fep.settings.config import load_settings
from ledger.book.guesses import UNLOCK, LockedDue, locked_dues, unlock
from ledger.book.store import Store
from ledger.rules.masking import masked_numbers


@click.group()
def due() -> None:
    """Benefits that are locked after wrong identity numbers."""


@due.command("locked")
@SETTINGS
@JSON
def locked_command(config: Path, as_json: bool) -> None:
    """List the benefits that are locked: too many wrong identity numbers on one day."""
    store = Store(load_settings(config).node.database, lock=False)
    try:
        with store.reading() as connection:
            locked = locked_dues(connection)
    finally:
        store.close()
    show(locked, lambda: _lines(locked), as_json=as_json)


@due.command("unlock")
@click.argument("name", metavar="DUE")
@SETTINGS
def unlock_command(name: str, config: Path) -> None:
    """Open a locked benefit again, once its beneficiary has been verified.

    Who has it done is written into the audit log.
    """
    settings = load_settings(config)
    try:
        ask(Path(settings.node.control), "unlock", due=name)
    except NotServing:
        store = Store(settings.node.database)
        try:
            with refusals(store, UNLOCK) as by:
                unlock(store, name, now_us(), by)
        finally:
            store.close()
    say(_("{name} can be paid again").format(name=masked_numbers(name)))


def _lines(locked: Sequence[LockedDue]) -> Sequence[RenderableType]:
    if not locked:
        return [_("no benefit is locked")]
    date, wrong = _("business date"), _("wrong numbers")
    shown = table(_("due"), date, wrong, right=(wrong,), whole=(date,))
    for row in locked:
        shown.add_row(cell(masked_numbers(row.due)), row.date, str(row.wrong))
    return [shown]
