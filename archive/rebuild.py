"""Makes catalogue, merged indexes and log again from volumes alone: their images, and nothing that we kept.

Each image is believed when its note is signed by the archive's key and every file has the sum that the note
vouches for. What no volume knows is not made again: where copies are, who was lent one, who read what, which
holds there were, which contracts ended (the core's lists are taken in again), and volumes of which no image
is given.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection

from archive.catalogue import parcels, volumes
from archive.catalogue.acts import write_record
from archive.catalogue.cosignatures import Cosigned, add_cosignature
from archive.catalogue.ends import add_policies
from archive.catalogue.volumes import CatalogueFile, Volume
from archive.errors import ActRefused, VolumeFault
from archive.keeping import Actor
from archive.log.checkpoint import moment_of
from archive.log.note import NoteKey, check_note, parse_note
from archive.medium_check import copy_out, faults_of, whole_digest
from archive.parcel import DOCUMENTS, OFFICE, ParcelFile, digest_of, documents_of, leaves_of
from archive.rules.retention import destroy_after, shipped
from archive.rules.states import VolumeState
from archive.sealing import COSIGNED, Places
from archive.volume import names, reader
from archive.volume.medium import opened
from ledger.book.store import Store
from qianzhi_errors.sentence import Sentence

_DATE: Final = re.compile(r"(?:data/([0-9]{8})/.*|sealed/([0-9]{8})(?:\.p[0-9]{8})?\.jsonl)")
_TILES: Final = "log/tile/"
_PREVIOUS: Final = "previous.txt"
_PARITY: Final = "parity of "
_MICROSECONDS: Final = 1_000_000


class Rebuilt(NamedTuple):
    """What came of a rebuild: the volumes, in order, and how many parcels are on them."""

    volumes: tuple[str, ...]
    parcels: int


def rebuild(store: Store, places: Places, images: Iterable[Path], key: NoteKey, actor: Actor) -> Rebuilt:
    """Fill an empty catalogue from images of volumes, and the log's tiles with it; the images are in the
    archive's folder already, and the merged indexes follow at the next sealing. `key` is the public half of
    the archive's key.

    Raises ActRefused for a catalogue that has a volume, LogFault for a note that the key did not sign, and
    VolumeFault for an image that is not what its note says; then nothing was written into the catalogue.
    """
    found = sorted((_examined(path, key) for path in images), key=lambda seen: seen.volume.volume)
    if not found:
        raise ActRefused(Sentence("there is no image to rebuild from"))
    count = 0
    with store.transaction() as connection:
        if volumes.count_volumes(connection):
            raise ActRefused(Sentence("the catalogue has volumes: only an empty one is rebuilt"))
        for seen in found:
            count += _write(connection, places, seen)
            _write_cosignatures(connection, seen, key, actor)
        for seen in found:
            volumes.put_into_set(connection, seen.members, seen.volume.volume)
        names_found = tuple(seen.volume.volume for seen in found)
        write_record(connection, actor.at, actor.by, "rebuild", names_found[-1], f"{len(found)} volumes")
    return Rebuilt(names_found, count)


class _Examined(NamedTuple):
    """An image that is what its note says: the volume's row and files, and the members of its set if it is
    their parity; and the checkpoint before it as witnesses have signed it, empty where none has.
    """

    path: Path
    volume: Volume
    files: tuple[CatalogueFile, ...]
    members: tuple[str, ...]
    cosigned: bytes


def _examined(path: Path, key: NoteKey) -> _Examined:
    note = reader.read_note(path)
    check_note(parse_note(note.encode()), [key])
    with reader.open_volume(path, note) as opened_volume:
        told, numbered = opened_volume.note, opened_volume.files
    description = told.description
    files = [
        CatalogueFile(description.volume, f.number, f.path, f.bytes, f.sha256, f.image_offset)
        for f in numbered
    ]
    with opened(path) as medium:
        for tag in sorted(names.MADE_LAST):
            data = medium.read(tag, 0, medium.size(tag))
            digest = hashlib.sha256(data).hexdigest()
            files.append(CatalogueFile(description.volume, 0, tag, len(data), digest, 0))
        there = any(file.path == COSIGNED for file in files)
        cosigned = medium.read(COSIGNED, 0, medium.size(COSIGNED)) if there else b""
        previous = medium.read(_PREVIOUS, 0, medium.size(_PREVIOUS)).decode("ascii").splitlines()
    for fault in faults_of(path, files):
        raise VolumeFault(str(path), fault)
    first_leaf = int(previous[-1].split()[2]) if previous else 0
    members = description.place.removeprefix(_PARITY).split() if description.place.startswith(_PARITY) else []
    volume = Volume(
        description.volume,
        description.retention,
        VolumeState.OPEN,
        description.first_date,
        description.last_date,
        description.made_at * _MICROSECONDS,
        description.previous,
        first_leaf,
        description.log_size - first_leaf,
        len(files),
        description.payload,
        told.manifest,
        base64.b64decode(description.log_root).hex(),
        note,
        path.stat().st_size,
        whole_digest(path),
        destroy_after(shipped()[description.retention], description.last_date),
        "",
    )
    return _Examined(path, volume, tuple(files), tuple(members), cosigned)


def _write(connection: Connection, places: Places, seen: _Examined) -> int:
    """Write a volume with its files and parcels, and bring its tiles into the log; returns how many parcels
    it has.
    """
    sealed = seen.volume
    volumes.open_volume(connection, Volume(*sealed[:8], 0, 0, 0, "", "", "", 0, "", "", ""))
    volumes.seal_volume(connection, sealed, seen.files)
    tiles = [file for file in seen.files if file.path.startswith(_TILES)]
    with tempfile.TemporaryDirectory() as scratch:
        copy_out(seen.path, tiles, Path(scratch))
        if tiles:
            log = Path(scratch).joinpath("log")
            shutil.copytree(log, places.log, dirs_exist_ok=True, copy_function=shutil.copyfile)
        return _write_parcels(connection, seen, Path(scratch))


def _write_cosignatures(connection: Connection, seen: _Examined, key: NoteKey, actor: Actor) -> None:
    """Write down what witnesses have signed of the tree before a volume."""
    for line in parse_note(seen.cosigned).signatures if seen.cosigned else ():
        if (line.name, line.key_id) != (key.name, key.id):
            row = (seen.volume.first_leaf, line.name, moment_of(line), line.line, actor.by)
            add_cosignature(connection, Cosigned(*row, seen.volume.made_at - 1))


def _write_parcels(connection: Connection, seen: _Examined, scratch: Path) -> int:
    by_date: dict[str, list[CatalogueFile]] = {}
    for file in seen.files:
        if match := _DATE.fullmatch(file.path):
            by_date.setdefault(match[1] or match[2], []).append(file)
    first_leaf, first_leaves, policies = seen.volume.first_leaf, dict[str, int](), set[str]()
    for date, files in sorted(by_date.items()):
        source = OFFICE if any(file.path.endswith("/seal.json") for file in files) else DOCUMENTS
        contents = tuple(ParcelFile(file.path, file.bytes, file.sha256) for file in files)
        parcels.expect(connection, date, source, seen.volume.cls)
        parcel = parcels.expected(connection, date, source)
        size = sum(file.bytes for file in files)
        parcels.gathered(connection, parcel, len(files), size, digest_of(contents))
        parcels.put_into(connection, [parcels.expected(connection, date, source)], seen.volume.volume)
        copy_out(seen.path, files, scratch)
        first_leaves[parcel.name] = first_leaf
        first_leaf += sum(1 for _leaf in leaves_of(scratch, date))
        policies |= {row.policy for row in documents_of(scratch, date)}
    parcels.sealed(connection, seen.volume.volume, first_leaves)
    add_policies(connection, seen.volume.volume, policies)
    return len(by_date)
