"""The volumes of the catalogue and their files.

Statements on `volumes` and `files`; the caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from archive.catalogue.acts import no_such
from archive.catalogue.schema import files, volumes
from archive.errors import ActRefused
from archive.rules.states import VOLUME, VolumeEvent, VolumeState
from qianzhi_errors.sentence import Sentence


class Volume(NamedTuple):
    """One volume: dates YYYYMMDD, `made_at` in microseconds since 1970-01-01 UTC, `cls` its retention class.

    `first_leaf` and `leaves` are its part of the log; `manifest` the SHA-256 of its manifest, `root` that of
    the log (hex) and `note` the signed checkpoint; all three are empty while it is open. It may be destroyed
    after the date `destroy_after`, if there is one. `set_of` is the parity volume of its set.
    """

    volume: str
    cls: str
    state: VolumeState
    first_date: str
    last_date: str
    made_at: int
    previous: str
    first_leaf: int
    leaves: int
    files: int
    bytes: int
    manifest: str
    root: str
    note: str
    image_bytes: int
    image_sha256: str
    destroy_after: str
    set_of: str


class CatalogueFile(NamedTuple):
    """One file of a volume; `number` is 0 for what is made last, `image_offset` is its place in the image."""

    volume: str
    number: int
    path: str
    bytes: int
    sha256: str
    image_offset: int


_COLUMNS = tuple(volumes.c["class" if name == "cls" else name] for name in Volume._fields)


def read_volumes(connection: Connection) -> tuple[Volume, ...]:
    """All volumes, the oldest first."""
    rows = connection.execute(select(*_COLUMNS).order_by(volumes.c.volume))
    return tuple(_volume(row) for row in rows)


def find_volume(connection: Connection, name: str) -> Volume:
    """The volume of this name. Raises NoSuchItem."""
    row = connection.execute(select(*_COLUMNS).where(volumes.c.volume == name)).first()
    if row is None:
        raise no_such("volume", name)
    return _volume(row)


def count_volumes(connection: Connection) -> int:
    """How many volumes there are, the one that is being made included."""
    number: int = connection.execute(select(func.count()).select_from(volumes)).scalar_one()
    return number


def open_volume(connection: Connection, volume: Volume) -> None:
    """Have a volume begin: from now on its name, its moment and its parcels stand."""
    values = volume._asdict()
    values["class"] = values.pop("cls")
    connection.execute(insert(volumes).values(values))


def seal_volume(connection: Connection, volume: Volume, contents: Iterable[CatalogueFile]) -> None:
    """Move a volume on whose image was verified: its figures and files. `volume.state` is the one before."""
    figures = volume._asdict()
    for name in ("volume", "cls", "state", "first_date", "last_date", "made_at"):
        del figures[name]
    move(connection, volume, VolumeEvent.IMAGE_VERIFIED, **figures)
    connection.execute(insert(files), [file._asdict() for file in contents])


def move(connection: Connection, volume: Volume, event: VolumeEvent, **values: object) -> Volume:
    """Move a volume to its next state; returns it as it is then. Raises ActRefused where none follows."""
    following = VOLUME.get((volume.state, event))
    if following is None:
        raise ActRefused(
            Sentence("volume {name} is {state}: nothing was changed", name=volume.volume, state=volume.state)
        )
    connection.execute(
        update(volumes).where(volumes.c.volume == volume.volume).values(state=following.value, **values)
    )
    return volume._replace(state=following)


def put_into_set(connection: Connection, names: Iterable[str], parity: str) -> None:
    """Have volumes be of the set of a parity volume."""
    connection.execute(update(volumes).where(volumes.c.volume.in_(tuple(names))).values(set_of=parity))


def files_of(connection: Connection, volume: str) -> tuple[CatalogueFile, ...]:
    """The files of a volume, in the order of their paths: of a large one, tens of thousands."""
    return _files(connection, files.c.volume == volume)


def files_at(connection: Connection, volume: str, paths: Iterable[str]) -> tuple[CatalogueFile, ...]:
    """Those files of a volume that have one of these paths, in the order of their paths."""
    return _files(connection, (files.c.volume == volume) & files.c.path.in_(tuple(paths)))


def files_numbered(connection: Connection, volume: str, numbers: Iterable[int]) -> dict[int, CatalogueFile]:
    """Those files of a volume that have one of these numbers, which are above 0, by their numbers."""
    wanted = {number for number in numbers if number > 0}
    found = _files(connection, (files.c.volume == volume) & files.c.number.in_(wanted) & (files.c.number > 0))
    return {file.number: file for file in found}


def _files(connection: Connection, condition: ColumnElement[bool]) -> tuple[CatalogueFile, ...]:
    columns = (files.c[name] for name in CatalogueFile._fields)
    rows = connection.execute(select(*columns).where(condition).order_by(files.c.path))
    return tuple(CatalogueFile._make(row) for row in rows)


def _volume(row: Iterable[Any]) -> Volume:
    volume = Volume._make(row)
    return volume._replace(state=VolumeState(volume.state))
