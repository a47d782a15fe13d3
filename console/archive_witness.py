"""The commands `qianzhi archive checkpoint` and `cosign`: what a witness is shown, and what came of it.

Parses arguments, calls, prints. Whether a cosignature holds, `archive.witnessing` says.
"""

from __future__ import annotations

from gettext import gettext as _
from pathlib import Path

import click

from archive import witnessing
from archive.config import load_settings
from archive.log.note import NOTE_BYTES_MAX, public_half
from archive.volume.description import made_text
from console.archive_copies import actor
from console.archive_opened import ARCHIVE_SETTINGS, opened, places_of, seed_of
from console.output import JSON, show
from console.say import say


@click.command("checkpoint")
@click.option(
    "--old",
    type=click.IntRange(min=0),
    help="the leaves that the witness saw last, 0 if none: prints the proof from there too",
)
@ARCHIVE_SETTINGS
def checkpoint_command(old: int | None, config: Path) -> None:
    """Print the log's newest checkpoint, signed, with its cosignatures (C2SP tlog-checkpoint)."""
    settings = load_settings(config)
    origin, seed = settings.archive.name, seed_of(settings)
    with opened(settings, write=False) as store, store.reading() as connection:
        if old is None:
            text = str(witnessing.witnessed(connection, witnessing.newest(connection, origin), seed))
        else:
            text = witnessing.request(connection, places_of(settings), origin, seed, old)
    say(text.rstrip("\n"))


@click.command("cosign")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@ARCHIVE_SETTINGS
@JSON
def cosign_command(file: Path, config: Path, as_json: bool) -> None:
    """Take in a witness's cosignature: FILE is the checkpoint that the witness handed back."""
    settings = load_settings(config)
    key = public_half(settings.archive.name, seed_of(settings))
    with file.open("rb") as stream:
        data = stream.read(NOTE_BYTES_MAX + 1)
    with opened(settings) as store:
        taken = witnessing.take_cosignatures(store, data, key, settings.archive.witnesses, actor())
    lines = [
        _("{witness} has cosigned {size} leaves, at {moment}").format(
            witness=row.witness, size=row.size, moment=made_text(row.at)
        )
        for row in taken
    ]
    show(taken, lambda: lines, as_json=as_json)
