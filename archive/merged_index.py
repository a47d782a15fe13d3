"""The merged indexes: one file a kind, with the lines of every volume that is not destroyed.

They are made of the volumes' own indexes and of nothing else, so they can always be made again. A whole set
of files stands in a folder of its own; `current.txt` names the folder and the volumes that are in it, and is
replaced when the folder is whole.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection

from archive.catalogue.volumes import CatalogueFile, files_at, read_volumes
from archive.medium_check import copy_out
from archive.rules.names import volume_number
from archive.rules.states import VolumeState
from archive.volume.index import WIDTHS, Found, Kind, index_path, line_bytes, look_up, merge
from archive.volume.writing import make_folder, write, written

_CURRENT: Final = "current.txt"
_GONE: Final = (VolumeState.OPEN, VolumeState.DESTROYED)


class LiveVolume(NamedTuple):
    """A volume that is searched, and where its indexes lie in its image."""

    name: str
    indexes: dict[Kind, CatalogueFile]


def live_volumes(connection: Connection) -> tuple[LiveVolume, ...]:
    """The volumes that are searched: sealed and not destroyed."""
    live = []
    for volume in read_volumes(connection):
        if volume.state not in _GONE:
            indexes = files_at(connection, volume.volume, map(index_path, Kind))
            by_path = {file.path: file for file in indexes}
            live.append(LiveVolume(volume.volume, {kind: by_path[index_path(kind)] for kind in Kind}))
    return tuple(live)


def bring_up_to_date(folder: Path, live: Sequence[LiveVolume], image: Callable[[str], Path]) -> None:
    """Make the merged indexes of these volumes, unless they are there: the lines of volumes that are gone are
    left out, and those of new ones are taken from their images.
    """
    wanted = [volume.name for volume in live]
    held = _held(folder)
    if held == wanted:
        return
    kept = [name for name in held if name in wanted]
    fresh = folder.joinpath(_generation(wanted))
    shutil.rmtree(fresh, ignore_errors=True)
    make_folder(fresh)
    for kind in Kind:
        parts = []
        if kept:
            parts.append(fresh.joinpath("kept.part"))
            old = folder.joinpath(_generation(held), f"{kind.value}.idx")
            _keep(kind, old, {volume_number(name) for name in kept}, parts[0])
        for volume in (volume for volume in live if volume.name not in kept):
            copy_out(image(volume.name), [volume.indexes[kind]], fresh.joinpath(volume.name))
            parts.append(fresh.joinpath(volume.name, volume.indexes[kind].path))
        merge(kind, parts, fresh.joinpath(f"{kind.value}.idx"))
        for part in parts:
            part.unlink()
    for folder_of_volume in [path for path in fresh.iterdir() if path.is_dir()]:
        shutil.rmtree(folder_of_volume)
    write(folder.joinpath(_CURRENT), "".join(f"{name}\n" for name in wanted).encode())
    for old in folder.iterdir():
        if old.is_dir() and old != fresh:
            shutil.rmtree(old)


def find(folder: Path, kind: Kind, key: str, limit: int) -> Found:
    """Look a key up in the merged index of its kind; nothing where no volume was sealed yet."""
    held = _held(folder)
    if not held:
        return Found((), more=False)
    return look_up(folder.joinpath(_generation(held), f"{kind.value}.idx"), kind, key, limit)


def _held(folder: Path) -> list[str]:
    """The volumes that are in the merged indexes."""
    path = folder.joinpath(_CURRENT)
    return path.read_text(encoding="ascii").split() if path.exists() else []


def _generation(names: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def _keep(kind: Kind, source: Path, numbers: set[int], target: Path) -> None:
    """Copy the lines of an index that are of these volumes."""
    width, place = line_bytes(kind), slice(WIDTHS[kind] + 1, WIDTHS[kind] + 5)
    with source.open("rb") as lines, written(target) as out:
        while line := lines.read(width):
            if int(line[place]) in numbers:
                out.write(line)
