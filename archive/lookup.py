"""Finds records in the merged indexes, and reads them: from an image, a mounted disc, or a drive.

No byte is given out that does not match. A file is read whole and held against the digest that was sealed;
where a medium gives other bytes, the next one is tried, and the faulty one is named. Who may read what, and
that it is written down before, is the caller's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection

from archive import merged_index
from archive.catalogue.copies import Copy, copies_of
from archive.catalogue.volumes import CatalogueFile, Volume, files_of, read_volumes
from archive.errors import NoSuchItem, NothingServed, VolumeFault
from archive.parcel import transaction_key
from archive.rules.names import volume_number
from archive.rules.states import VolumeState
from archive.sealing import Places
from archive.volume.index import Hit, Kind
from ledger.book.store import Store
from qianzhi_errors.sentence import Sentence, listed
from qianzhi_errors.system import system_reason

_ITEM: Final = re.compile(r"([A-Z]{1,4}-[0-9]{4})/([0-9]{1,5})/([0-9]{1,12})/([0-9]{1,8})")
_DATE: Final = re.compile(r"(?:data|sealed)/([0-9]{8})")
_BLOCK_BYTES: Final = 1 << 20


class Item(NamedTuple):
    """The name of a record: the volume, the number of its file, offset and length in bytes."""

    volume: str
    file: int
    offset: int
    length: int

    def __str__(self) -> str:
        return "/".join(map(str, self))


class Record(NamedTuple):
    """A record that was found: its name as an item, the business date and file that it is of, and where its
    volume is: its image at hand, or copies at these places.
    """

    item: str
    date: str
    path: str
    length: int
    state: VolumeState
    at_hand: bool
    places: tuple[str, ...]


class Found(NamedTuple):
    """The records of a key, and whether there are more than were asked for."""

    records: tuple[Record, ...]
    more: bool


class Read(NamedTuple):
    """A record as it was sealed, from which medium it came, and the media that gave something else."""

    data: bytes
    medium: Path
    path: str
    faults: tuple[str, ...]


def parse_item(text: str) -> Item:
    """The item of its name, as `find` prints it. Raises NoSuchItem."""
    match = _ITEM.fullmatch(text)
    if match is None:
        raise NoSuchItem(
            Sentence("an item is VOLUME/FILE/OFFSET/LENGTH, as `qianzhi archive find` prints it")
        )
    return Item(match[1], int(match[2]), int(match[3]), int(match[4]))


class Lookup:
    """Look-ups in one archive, as its catalogue stands now."""

    def __init__(self, store: Store, places: Places) -> None:
        self._store = store
        self._places = places

    def find(self, kind: Kind, key: str, limit: int, from_date: str = "", to_date: str = "") -> Found:
        """The records of a key with dates from `from_date` to `to_date`, both included, if they are given.

        Raises VolumeFault where an index lies: it is out of order, or names a file that its volume has not.
        """
        wanted = transaction_key(key) if kind is Kind.KEY else key
        hits = merged_index.find(self._places.index, kind, wanted, limit)
        with self._store.reading() as connection:
            records = tuple(self._records(connection, hits.hits))
        chosen = (
            r
            for r in records
            if (not from_date or r.date >= from_date) and (not to_date or r.date <= to_date)
        )
        return Found(tuple(chosen), hits.more)

    def _records(self, connection: Connection, hits: Iterable[Hit]) -> Iterator[Record]:
        by_number = {volume_number(volume.volume): volume for volume in read_volumes(connection)}
        files: dict[str, dict[int, CatalogueFile]] = {}
        for hit in hits:
            volume = by_number.get(hit.volume)
            name = volume.volume if volume else str(hit.volume)
            if volume and name not in files:
                files[name] = {file.number: file for file in files_of(connection, name) if file.number}
            file = files.get(name, {}).get(hit.file)
            if volume is None or file is None or hit.offset + hit.length > file.bytes:
                raise VolumeFault(
                    str(self._places.index),
                    Sentence(
                        "an index names what volume {volume} has not: nothing of it is served", volume=name
                    ),
                )
            yield self._record(connection, volume, file, hit)

    def _record(self, connection: Connection, volume: Volume, file: CatalogueFile, hit: Hit) -> Record:
        date = _DATE.match(file.path)
        return Record(
            str(Item(volume.volume, *hit[1:])),
            date[1] if date else "",
            file.path,
            hit.length,
            volume.state,
            self._places.image(volume.volume).exists(),
            tuple(copy.place for copy in copies_of(connection, volume.volume)),
        )

    def file_of(self, item: Item) -> CatalogueFile:
        """The file of an item. Raises NoSuchItem where its volume has no such file, or it is shorter."""
        with self._store.reading() as connection:
            files = files_of(connection, item.volume)
        for file in files:
            if file.number == item.file and file.number and item.offset + item.length <= file.bytes:
                return file
        raise NoSuchItem(Sentence("volume {volume} has no such item", volume=item.volume))

    def line_number(self, item: Item, medium: Path) -> int:
        """The number, from 1, of the line of its file that an item is. Raises VolumeFault."""
        return record_in(medium, self.file_of(item), 0, item.offset).count(b"\n") + 1

    def places_of_copies(self, volume: str) -> tuple[Copy, ...]:
        """The copies of a volume, with their places."""
        with self._store.reading() as connection:
            return copies_of(connection, volume)

    def media(self, volume: str) -> Iterator[Path]:
        """Yield where a volume may be read: its image, then the copies that are files here."""
        yield self._places.image(volume)
        with self._store.reading() as connection:
            for copy in copies_of(connection, volume):
                yield Path(copy.place).joinpath(self._places.image(volume).name)

    def read(self, item: Item, media: Sequence[Path] = ()) -> Read | None:
        """Read an item from the first medium that gives it right; None where none is at hand.

        `media` are tried before the catalogue's. Raises NothingServed where media are at hand, and each gives
        other bytes than were sealed.
        """
        file = self.file_of(item)
        faults: list[str] = []
        for medium in (*media, *self.media(item.volume)):
            if not medium.exists():
                continue
            try:
                data = record_in(medium, file, item.offset, item.length)
            except VolumeFault as fault:
                faults.append(str(fault))
                continue
            return Read(data, medium, file.path, tuple(faults))
        if faults:
            raise NothingServed(
                Sentence(
                    "{item}: nothing is served: {faults}; restore the volume from its set,"
                    " or read another copy",
                    item=item,
                    faults=listed(faults, "{first}; {rest}"),
                )
            )
        return None


def record_in(medium: Path, file: CatalogueFile, offset: int, length: int) -> bytes:
    """The bytes of a record, from a mounted folder, an image or a drive. Raises VolumeFault with
    medium and file where the file's digest is not the one that was sealed.
    """
    record = b""
    digest = hashlib.sha256()
    at = 0
    for block in blocks_of(medium, file):
        digest.update(block)
        if offset < at + len(block) and at < offset + length:
            record += block[max(offset - at, 0) : offset + length - at]
        at += len(block)
    if digest.hexdigest() != file.sha256:
        raise VolumeFault(str(medium), Sentence("{file} is not what was sealed", file=file.path))
    return record


def blocks_of(medium: Path, file: CatalogueFile) -> Iterator[bytes]:
    """Yield a file of a volume in blocks, as the medium gives it: a mounted folder, an image or a drive."""
    path, start = (medium.joinpath(file.path), 0) if medium.is_dir() else (medium, file.image_offset)
    try:
        with path.open("rb", buffering=0) as stream:
            stream.seek(start)
            left = file.bytes
            while left:
                block = stream.read(min(left, _BLOCK_BYTES))
                if not block:
                    return
                left -= len(block)
                yield block
    except OSError as error:
        raise VolumeFault(
            str(medium),
            Sentence("{file} cannot be read: {reason}", file=file.path, reason=system_reason(error)),
        ) from error
