"""The commands of the archive for what two people decide: `hold`, `release`, `destroy`, `approve`, `reject`.

A person proposes here and another decides, each under the name of the login; that they are two, the catalogue
itself enforces. What is done then, archive.keeping says.
"""

from __future__ import annotations

from gettext import gettext as _
from pathlib import Path

import click

from archive import keeping
from archive.catalogue import proposals, volumes
from archive.catalogue.acts import write_record
from archive.catalogue.proposals import Act, Decision
from archive.config import load_settings
from console.archive_copies import actor
from console.archive_opened import ARCHIVE_SETTINGS, opened, places_of
from console.say import say
from console.wall_clock import today

REASON = click.option("--reason", required=True, help="why; it is kept for ever")


@click.command("hold")
@click.argument("volume")
@REASON
@ARCHIVE_SETTINGS
def hold_command(volume: str, reason: str, config: Path) -> None:
    """Hold VOLUME: it is not destroyed before two people release it."""
    with opened(load_settings(config)) as store, store.transaction() as connection:
        volumes.find_volume(connection, volume)
        by, at = actor()
        hold = proposals.add_hold(connection, volume, reason, by, at)
        write_record(connection, at, by, "hold", volume, reason)
    say(_("{volume} is held, number {hold}").format(volume=volume, hold=hold.hold))


@click.command("release")
@click.argument("hold", type=int)
@REASON
@ARCHIVE_SETTINGS
def release_command(hold: int, reason: str, config: Path) -> None:
    """Propose to end the HOLD of this number; another person approves."""
    settings = load_settings(config)
    by, at = actor()
    settings.check_may(by, "release")
    with opened(settings) as store, store.transaction() as connection:
        proposals.check_is_open(connection, hold)
        made = proposals.propose(connection, Act.RELEASE, str(hold), reason, "", by, at)
        write_record(connection, at, by, "propose release", str(hold), reason)
    print_proposal(made)


@click.command("destroy")
@click.argument("volume")
@REASON
@ARCHIVE_SETTINGS
def destroy_command(volume: str, reason: str, config: Path) -> None:
    """Propose to destroy VOLUME, which its class keeps no longer; another person approves."""
    settings = load_settings(config)
    settings.check_may(actor().by, "destroy")
    with opened(settings) as store:
        made = keeping.propose_destruction(store, volume, reason, today(), actor())
    print_proposal(made)


def print_proposal(made: proposals.Proposal) -> None:
    """Print what was proposed, and who goes on."""
    if made.list:
        say(made.list)
    say(
        _("proposal {number}: another person runs `qianzhi archive approve {number}`").format(
            number=made.proposal
        )
    )


@click.command("approve")
@click.argument("proposal", type=int)
@ARCHIVE_SETTINGS
def approve_command(proposal: int, config: Path) -> None:
    """Approve the PROPOSAL of this number, which another person made, and have it done."""
    _decide(config, proposal, Decision.APPROVE)


@click.command("reject")
@click.argument("proposal", type=int)
@ARCHIVE_SETTINGS
def reject_command(proposal: int, config: Path) -> None:
    """Reject the PROPOSAL of this number."""
    _decide(config, proposal, Decision.REJECT)


def _decide(config: Path, number: int, decision: Decision) -> None:
    settings = load_settings(config)
    with opened(settings) as store:
        with store.reading() as connection:
            act = proposals.open_proposal(connection, number).act
        settings.check_may(actor().by, act.value)
        decided = keeping.decide(store, places_of(settings), number, decision, actor())
    if decision is Decision.APPROVE and act is Act.DESTROY:
        say(decided.list)
    say(_("proposal {number} is decided: {decision}").format(number=number, decision=decision.value))
