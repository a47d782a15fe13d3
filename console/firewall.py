"""The commands of the firewall: `qianzhi firewall render`, `check`, `diff` and `apply`.

Parses arguments, asks the operator, prints; an audit record says who loaded, kept or took back which rules.
The policy comes from the settings, and firewall_rules makes the rules of it.
"""

from __future__ import annotations

import hashlib
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gettext import gettext as _
from pathlib import Path
from typing import NoReturn, TextIO

import click

from console.audit_entry import recorded, write_down
from console.options import SETTINGS
from console.output import JSON, show
from console.say import say
from fep.settings.config import Settings, load_settings
from firewall_rules.errors import FirewallError
from firewall_rules.loader import Nft, apply
from firewall_rules.nftables import render
from firewall_rules.ruleset import difference
from ledger.book.audit_log import Stage
from ledger.rules.beijing import BEIJING

WORD = "keep"
_LOOK_SECONDS = 0.5


class NotConfirmed(click.ClickException):
    """The operator did not confirm the new rules in time."""


@click.group()
def firewall() -> None:
    """The machine's own firewall: the settings' policy, as rules for nft."""


@firewall.command("render")
@SETTINGS
def render_command(config: Path) -> None:
    """Print the rules that the settings ask for, as `nft -f` takes them."""
    say(_wanted(config), nl=False)


@firewall.command("check")
@SETTINGS
def check_command(config: Path) -> None:
    """Have nft look through the rules that the settings ask for; nothing changes."""
    Nft().check(_wanted(config))
    say(_("nft would take these rules"))


@firewall.command("diff")
@SETTINGS
@JSON
def diff_command(config: Path, as_json: bool) -> None:
    """Say how the loaded rules differ from the settings; exit code 1 if they do."""
    lines = difference(Nft().listed(), _wanted(config))
    show(lines, lambda: lines or [_("the loaded rules are those of the settings")], as_json=as_json)
    if lines:
        raise click.ClickException(_("the loaded rules are not those of the settings"))


@firewall.command("apply")
@SETTINGS
@click.option("--seconds", type=click.IntRange(0, 3600), default=60, show_default=True)
@click.option(
    "--confirm-file",
    type=click.Path(path_type=Path),
    help="keep the rules once this file is there, instead of asking",
)
def apply_command(config: Path, seconds: int, confirm_file: Path | None) -> None:
    """Load the rules, and put back those from before unless they are confirmed in time.

    Who has locked himself out cannot confirm, and gets in again by waiting. Rules under which it cannot be
    written down that they are kept are not kept.
    """
    if confirm_file is not None and confirm_file.exists():
        raise click.ClickException(
            _("{confirm_file} is there already: it would confirm before anyone looked").format(
                confirm_file=confirm_file
            )
        )
    settings = load_settings(config)
    wanted = _rules(settings)
    digest = hashlib.sha256(wanted.encode()).hexdigest()

    def confirmed() -> bool:
        kept = _asked_to_keep(confirm_file, seconds)
        if kept:
            write_down(settings, "firewall confirm", digest, Stage.ASKED, {})
        return kept

    with recorded(settings, "firewall apply", digest):
        with _ended_by_signals():
            kept = apply(Nft(), wanted, confirmed)
        if not kept:
            write_down(settings, "firewall rollback", digest, Stage.DONE, {})
            raise NotConfirmed(_("not confirmed: the rules from before hold again"))
    say(_("kept"))


def _asked_to_keep(confirm_file: Path | None, seconds: int) -> bool:
    """Return whether the operator confirms the rules within `seconds`."""
    if confirm_file is not None:
        say(
            _("loaded; make {confirm_file} within {seconds} seconds to keep the rules").format(
                confirm_file=confirm_file, seconds=seconds
            )
        )
        return appears(confirm_file, seconds)
    say(
        _("loaded; see that you still get in, then type {WORD} within {seconds} seconds").format(
            WORD=WORD, seconds=seconds
        )
    )
    return is_typed(sys.stdin, seconds)


def is_typed(
    stream: TextIO,
    seconds: float,
    ready: Callable[[TextIO, float], bool] = lambda stream, left: bool(
        select.select([stream], [], [], left)[0]
    ),
) -> bool:
    """Return whether the operator types the word in time; any other line, and the end of input, is a no."""
    return ready(stream, seconds) and stream.readline().strip() == WORD


def appears(
    path: Path,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Return whether a file appears within `seconds`."""
    end = clock() + seconds
    while not path.exists():
        left = end - clock()
        if left <= 0:
            return False
        sleep(min(left, _LOOK_SECONDS))
    return True


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Context manager: SIGHUP and SIGTERM raise FirewallError, so that unconfirmed rules are taken back."""

    def end(number: int, _frame: object) -> NoReturn:
        for other in before:
            signal.signal(other, signal.SIG_IGN)  # a second one must not stop the putting back
        raise FirewallError(
            _("stopped by {name}: the rules from before hold again").format(name=signal.Signals(number).name)
        )

    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM)}
    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wanted(config: Path) -> str:
    return _rules(load_settings(config))


def _rules(settings: Settings) -> str:
    return render(settings.policy(), BEIJING.utcoffset(None))
