"""The commands `qianzhi office export`: hand a posted date to the core system, and take its answer.

Parses arguments, opens files, prints. The files of an export are written beside their place, in a folder
whose name ends with `.new`, and moved when the export is durable. Where that was cut short the folder is
still there, and the next export puts all of them in place. What is in them, office.exports says.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from gettext import gettext as _
from pathlib import Path
from typing import BinaryIO, Final

import click

from console.closing import opened
from console.handed_out import make_folder, open_to_group
from console.options import DATE, OFFICE_SETTINGS
from console.output import JSON, show
from console.say import say
from console.wall_clock import now_us
from fep.operator.identity import at_keyboard
from ledger.book.store import Store
from ledger.files.synced_folder import sync_names
from office.config import Settings, load_settings
from office.database.audit_log import recorded
from office.exports.answer import (
    ANSWER,
    BYTES_MAX,
    ExportState,
    outstanding_refusals,
    take_answer,
)
from office.exports.make import EXPORT, find_export, make_export, repeat_export, waiting_dates
from office.exports.read import Export, read_exports
from office.exports.write import OpenFile

_FRESH: Final = ".new"


@click.group("export", invoke_without_command=True)
@click.option("--date", type=DATE, default="", help="the business date  [default: all that wait]")
@OFFICE_SETTINGS
@click.pass_context
def export_command(context: click.Context, date: str, config: Path) -> None:
    """Write what the core system takes of each posted date: dues, vouchers, breaks.

    A date that was exported before is written again, to the same bytes.
    """
    if context.invoked_subcommand is not None:
        return
    settings = load_settings(config)
    with opened(settings) as store, recorded(store, now_us, at_keyboard(), EXPORT):
        with store.reading() as connection:
            left = set() if date else _cut_short(Path(settings.office.exports))
            cut_short = (export.date for export in read_exports(connection) if export.date in left)
            dates = (date,) if date else (*cut_short, *waiting_dates(connection))
        for each in dates:
            export, folder, again = _exported(store, settings, each)
            words = _("exported again, as it was") if again else _("exported")
            say(
                _("{date} {words}: number {number}, manifest {manifest}; {folder}").format(
                    date=export.date,
                    words=words,
                    number=export.number,
                    manifest=export.manifest,
                    folder=folder,
                )
            )
        if not dates:
            say(_("nothing waits to be exported"))


@export_command.command("ack")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@OFFICE_SETTINGS
def ack_command(file: Path, config: Path) -> None:
    """Take the core system's answer to an export: what it accepted, and which lines it refused."""
    settings = load_settings(config)
    with file.open("rb") as stream:
        data = stream.read(BYTES_MAX + 1)
    with (
        opened(settings) as store,
        recorded(store, now_us, at_keyboard(), ANSWER),
        store.transaction() as connection,
    ):
        answer = take_answer(connection, data, now_us(), at_keyboard())
    words = _("taken") if answer.is_new else _("taken before")
    say(
        _("{date} answer {number} {words}: {accepted} lines accepted, {refused} refused").format(
            date=answer.date,
            number=answer.number,
            words=words,
            accepted=answer.accepted,
            refused=answer.refused,
        )
    )


@export_command.command("refused")
@click.option("--date", type=DATE, default="", help="of this business date  [default: all]")
@OFFICE_SETTINGS
@JSON
def refused_command(date: str, config: Path, as_json: bool) -> None:
    """List the lines that the core system has not taken yet; exit code 1 if there are any."""
    with opened(load_settings(config), write=False) as store, store.reading() as connection:
        refusals = outstanding_refusals(connection, date)
    lines = [_("{date} {file} line {line}: {reason}").format(**refusal._asdict()) for refusal in refusals]
    lines.append(_("{lines} lines are refused").format(lines=len(refusals)))
    show(refusals, lambda: lines, as_json=as_json)
    if refusals:
        raise SystemExit(1)


def status_lines(states: Sequence[ExportState], waiting: Sequence[str]) -> Iterator[str]:
    """What `qianzhi office status` says of exports that are not at their end."""
    if waiting:
        yield _("to be exported: {waiting}").format(waiting=", ".join(waiting))
    for state in states:
        if not state.answers:
            yield _("export of {date}: no answer yet").format(date=state.date)
        elif state.refused:
            yield _("export of {date}: {refused} lines refused").format(
                date=state.date, refused=state.refused
            )


def _exported(store: Store, settings: Settings, date: str) -> tuple[Export, Path, bool]:
    """Export a date, or write it again; the export, its folder, and whether it was made before."""
    folder = Path(settings.office.exports) / date
    fresh = folder.with_name(f"{date}{_FRESH}")
    shutil.rmtree(fresh, ignore_errors=True)
    make_folder(fresh)
    try:
        with store.transaction() as connection:
            again = find_export(connection, date) is not None
            if again:
                export = repeat_export(connection, date, _into(fresh))
            else:
                export = make_export(connection, date, now_us(), at_keyboard(), _into(fresh))
            for named_in in (fresh, fresh.parent):  # before the commit: after it the files must be found
                sync_names(named_in)
    except BaseException:
        shutil.rmtree(fresh)
        raise
    _put_in_place(fresh, folder)
    return export, folder, again


def _cut_short(exports: Path) -> set[str]:
    """The dates of which not all files were moved to their place, exported or not."""
    return {path.name.removesuffix(_FRESH) for path in exports.glob(f"*{_FRESH}")}


def _put_in_place(fresh: Path, folder: Path) -> None:
    """Move the files of an export that is durable; `fresh` goes last, and shows until then that some are
    missing.
    """
    make_folder(folder)
    for file in sorted(fresh.iterdir()):
        file.replace(folder / file.name)
    fresh.rmdir()


def _into(folder: Path) -> OpenFile:
    """Open files of a folder, each on disk when it is closed."""

    @contextmanager
    def open_file(name: str) -> Iterator[BinaryIO]:
        with (folder / name).open("wb") as stream:
            open_to_group(stream)
            yield stream
            stream.flush()
            os.fsync(stream.fileno())

    return open_file
