"""The commands `qianzhi backup` and `qianzhi restore`: a machine into a folder, and back.

Parses arguments, calls, prints. What a backup holds, fep.setup.backup says; which machine may serve from one,
docs/drill.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from gettext import gettext as _
from pathlib import Path

import click

from console.options import SETTINGS
from console.output import JSON, show
from console.wall_clock import now_us
from fep.setup.backup import Manifest, back_up, restore
from ledger.rules.beijing import beijing

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("backup")
@click.argument("folder", type=_FOLDER)
@SETTINGS
@JSON
def backup_command(folder: Path, config: Path, as_json: bool) -> None:
    """Copy the machine into FOLDER while it serves: settings, keystore, certificate and book."""
    manifest = back_up(config, folder, beijing(now_us()).isoformat(timespec="seconds"))
    show(manifest.model_dump(), lambda: _backed_up(folder, manifest), as_json=as_json)


@click.command("restore")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@SETTINGS
@JSON
def restore_command(folder: Path, config: Path, as_json: bool) -> None:
    """Bring the backup in FOLDER back to where the settings say, and prove its book."""
    manifest = restore(folder, config)
    show(manifest.model_dump(), lambda: _restored(config, manifest), as_json=as_json)


def _backed_up(folder: Path, manifest: Manifest) -> Iterator[str]:
    yield from _ends(manifest)
    yield _("{folder} is a backup of {node} of {taken_at}, {files} files").format(
        folder=folder, node=manifest.node, taken_at=manifest.taken_at, files=len(manifest.files)
    )
    yield _("the master key is not in it: keep that elsewhere")


def _restored(config: Path, manifest: Manifest) -> Iterator[str]:
    yield from _ends(manifest)
    yield _("{node} is as of {taken_at}: {config} and what it names").format(
        node=manifest.node, taken_at=manifest.taken_at, config=config
    )
    yield _("what was answered since is not in this book: have the office pull from it before it serves")


def _ends(manifest: Manifest) -> Iterator[str]:
    for chain in manifest.chains:
        yield _("chain {chain}: {entries} entries, every link holds").format(
            chain=chain.chain, entries=chain.position
        )
