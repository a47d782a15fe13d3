"""The commands `qianzhi archive retire` and `migrate`: copies that leave, and their place on another medium.

Parses arguments, calls, prints. When a copy may leave, `archive.retiring` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from gettext import gettext as _
from pathlib import Path

import click

from archive import retiring
from archive.config import load_settings
from archive.retiring import Migrated
from console.archive_copies import MEDIUM, actor, check_lines, copy_line, run_writer
from console.archive_decide import REASON, print_proposal
from console.archive_opened import ARCHIVE_SETTINGS, opened, places_of
from console.output import JSON, show
from console.say import say


@click.command("retire")
@click.argument("copy")
@REASON
@click.option("--force", is_flag=True, help="propose it to another person, although too few copies stay")
@ARCHIVE_SETTINGS
def retire_command(copy: str, reason: str, force: bool, config: Path) -> None:
    """Retire a COPY: it leaves the archive, while enough good ones stay at two places."""
    settings = load_settings(config)
    with opened(settings) as store:
        if force:
            settings.check_may(actor().by, "retire")
            print_proposal(retiring.propose_retirement(store, copy, reason, actor()))
            return
        say(copy_line(retiring.retire(store, copy, reason, settings.archive.copies, actor())))


@click.command("migrate")
@click.argument("volume")
@MEDIUM
@click.option(
    "--to", "targets", multiple=True, help="where a new copy goes: a folder, or a drive; may be repeated"
)
@ARCHIVE_SETTINGS
@JSON
def migrate_command(volume: str, medium: str, targets: tuple[str, ...], config: Path, as_json: bool) -> None:
    """Move the copies of VOLUME to another kind of medium: write and read new ones, then retire the old.

    The old ones leave once enough good ones of the new kind are at two places: with drives, shelve the new
    copies and run it again without --to. Exit code 1 if a new copy is faulty.
    """
    settings = load_settings(config)
    given = settings.archive
    with opened(settings) as store:
        done = retiring.migrate(
            store,
            places_of(settings),
            volume,
            medium,
            targets,
            given.writer,
            run_writer,
            given.copies,
            given.check_days,
            actor(),
        )
    show(done, lambda: _lines(volume, medium, done), as_json=as_json)
    if any(check.errors for check in done.checks):
        raise SystemExit(1)


def _lines(volume: str, medium: str, done: Migrated) -> Iterator[str]:
    for check in done.checks:
        yield from check_lines(check)
    yield from map(copy_line, done.retired)
    for copy in done.lent:
        yield _("{copy} is lent: it is retired once it is back").format(copy=copy.copy)
    if not done.retired:
        yield _("{volume} has {count} good copies on {medium}; no old one has left").format(
            volume=volume, count=len(done.new), medium=medium
        )
