"""The command `qianzhi clock accept`: a person says that the machine's clock is right, after it jumped or
where the book is ahead of it.

Asks, has it written down, prints. What was wrong with the clock, the machine that serves knows, or the book.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from console.options import SETTINGS
from console.trail import now_us
from fep import trail
from fep.clockwatch import COMMAND, acceptance
from fep.config import Settings, load_settings
from fep.control import ControlError, NotServing, ask
from fep.person import at_keyboard
from fep.selftest import clock_findings
from ledger.fitness import examine
from ledger.store import Store


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
        click.confirm(f"the clock says {_now():%Y-%m-%d %H:%M:%S %z}: is that right?", abort=True)
    try:
        accepted = str(ask(Path(settings.node.control), COMMAND)["accepted"])
    except NotServing:
        accepted = _accept_here(settings)
    click.echo(f"accepted: {accepted}")


def _now() -> datetime:
    return datetime.now(UTC).astimezone()


def _accept_here(settings: Settings) -> str:
    """In a book that nobody serves: what was accepted. Raises ControlError where nothing is to be."""
    store = Store(settings.node.database)
    try:
        now, node = now_us(), settings.node.name
        word, last = trail.clock_word(store, node), examine(store).last_written
        behind = clock_findings(now, last) if last > word.accepted_at else ()
        fault = "; ".join(filter(None, (word.fault, *behind)))
        if not fault:
            raise ControlError(f"the clock is trusted: it says {_now():%Y-%m-%d %H:%M:%S}")
        note = acceptance(fault, _now())
        trail.write(store, now, at_keyboard(), trail.CLOCK_ACCEPT, node, note)
    finally:
        store.close()
    return note


COMMANDS: tuple[click.Command, ...] = (clock,)
"""What console.main adds to the `qianzhi` command."""
