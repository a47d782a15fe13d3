"""The command `qianzhi clock accept`: a person says that the machine's clock is right.

It is needed after the clock jumped, or where the book is ahead of it. The person's word goes into the audit
log. What was wrong with the clock, the machine that serves knows, or the book (fep.day.clock_watch).
"""

from __future__ import annotations

import sys
from datetime import datetime
from gettext import gettext as _
from pathlib import Path

import click

from console.options import SETTINGS
from console.say import say
from fep.day.clock_watch import ACCEPT_COMMAND, accept_unserved
from fep.operator.control_client import NotServing, ask
from fep.operator.identity import at_keyboard
from fep.settings.config import Settings, load_settings
from ledger.book.store import Store
from ledger.rules.beijing import BEIJING
from qianzhi_errors.sentence import Sentence


@click.group()
def clock() -> None:
    """The machine's wall clock."""


@clock.command()
@click.option("--yes", is_flag=True, help="do not ask at the terminal whether the time is right")
@SETTINGS
def accept(yes: bool, config: Path) -> None:
    """Say that the machine's clock is right: after it jumped, or where the book is ahead of it.

    Until then no business day is cut over by the clock, and a machine whose book is ahead does not start. Who
    says so is written down.
    """
    settings = load_settings(config)
    if not yes and sys.stdin.isatty():
        click.confirm(
            _("the clock says {now:%Y-%m-%d %H:%M:%S %z}: is that right?").format(now=_now()), abort=True
        )
    try:
        accepted: str = ask(Path(settings.node.control), ACCEPT_COMMAND)["accepted"]
    except NotServing:
        accepted = _accept_here(settings)
    say(Sentence("accepted: {accepted}", accepted=accepted))


def _now() -> datetime:
    return datetime.now(BEIJING)


def _accept_here(settings: Settings) -> str:
    """Accept the clock in a book that no process serves; return what was accepted."""
    store = Store(settings.node.database)
    try:
        return accept_unserved(store, settings.node.name, _now(), at_keyboard())
    finally:
        store.close()
