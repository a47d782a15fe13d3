"""Finds records in the merged indexes, and reads them: from an image, a mounted disc, or a drive.

No byte is given out that does not match: `archive.volume.reader` proves each record by the note that the
catalogue has of its volume. Where a medium gives something else the next one is tried, and the faulty one is
named. Who may read what, and that it is written down before, is the caller's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

from archive import merged_index
from archive.catalogue.copies import Copy, held_copies
from archive.catalogue.volumes import CatalogueFile, files_numbered, find_volume, read_volumes
from archive.errors import NoSuchItem, NothingServed, VolumeFault
from archive.numbered_files import first_line
from archive.parcel import transaction_key
from archive.rules.names import volume_number
from archive.rules.states import VolumeState
from archive.sealing import Places
from archive.volume import reader
from archive.volume.index import Hit, Kind
from ledger.book.store import Store
from qianzhi_errors.sentence import Sentence, listed

_ITEM: Final = re.compile(r"([A-Z]{1,4}-[0-9]{4})/([0-9]{1,5})/([0-9]{1,12})/([0-9]{1,8})")
_DATE: Final = re.compile(r"(?:data|sealed)/([0-9]{8})")


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
    """The records of a key, and whether there are more than were asked for; `faults` say of which volumes the
    images at hand do not have what the index says, and nothing of those is among the records.
    """

    records: tuple[Record, ...]
    more: bool
    faults: tuple[str, ...] = ()


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

        Raises VolumeFault where an index is not sorted, or not made of lines of its form.
        """
        wanted = transaction_key(key) if kind is Kind.KEY else key
        hits = merged_index.find(self._places.index, kind, wanted, limit)
        records: list[Record] = []
        faults: list[str] = []
        for number, group in groupby(hits.hits, key=lambda hit: hit.volume):
            try:
                records += self._records(kind, wanted, number, tuple(group))
            except VolumeFault as fault:
                faults.append(str(fault))
        chosen = (
            record
            for record in records
            if (not from_date or record.date >= from_date) and (not to_date or record.date <= to_date)
        )
        return Found(tuple(chosen), hits.more, tuple(faults))

    def _records(self, kind: Kind, key: str, number: int, hits: Sequence[Hit]) -> list[Record]:
        """The records of one volume. Raises VolumeFault where an index names what the volume has not, or the
        image at hand has another key's record there.
        """
        with self._store.reading() as connection:
            volume = next((v for v in read_volumes(connection) if volume_number(v.volume) == number), None)
            files = files_numbered(connection, volume.volume, (hit.file for hit in hits)) if volume else {}
            if volume is None or any(not _lies_within(hit, files) for hit in hits):
                raise VolumeFault(
                    str(self._places.index),
                    Sentence(
                        "an index names what volume {volume} has not: nothing of it is served", volume=number
                    ),
                )
            image = self._places.image(volume.volume)
            at_hand = image.exists()
            if at_hand:
                with reader.open_volume(image, volume.note) as opened:
                    for hit in hits:
                        opened.record(kind, key, hit)
            places = tuple(copy.place for copy in held_copies(connection, volume.volume))
        return [
            Record(
                str(Item(volume.volume, *hit[1:])),
                _date_of(files[hit.file].path),
                files[hit.file].path,
                hit.length,
                volume.state,
                at_hand,
                places,
            )
            for hit in hits
        ]

    def file_of(self, item: Item) -> CatalogueFile:
        """The file of an item. Raises NoSuchItem where its volume has no such file, or it is shorter."""
        with self._store.reading() as connection:
            file = files_numbered(connection, item.volume, [item.file]).get(item.file)
        if file is None or item.offset + item.length > file.bytes:
            raise NoSuchItem(Sentence("volume {volume} has no such item", volume=item.volume))
        return file

    def line_number(self, item: Item, medium: Path) -> int:
        """The number, from 1, of the line of its file that an item is; one that lies in parts counts whole.
        Raises VolumeFault.
        """
        first = first_line(self.file_of(item).path.rpartition("/")[2])
        if not item.offset:
            return first
        before = item._replace(offset=0, length=item.offset)
        return reader.read(medium, self._note(item.volume), _hit(before)).count(b"\n") + first

    def _note(self, volume: str) -> str:
        with self._store.reading() as connection:
            return find_volume(connection, volume).note

    def places_of_copies(self, volume: str) -> tuple[Copy, ...]:
        """The copies of a volume, with their places."""
        with self._store.reading() as connection:
            return held_copies(connection, volume)

    def media(self, volume: str) -> Iterator[Path]:
        """Yield where a volume may be read: its image, then the copies that are files here."""
        yield self._places.image(volume)
        with self._store.reading() as connection:
            for copy in held_copies(connection, volume):
                yield Path(copy.place).joinpath(self._places.image(volume).name)

    def read(self, item: Item, media: Sequence[Path] = ()) -> Read | None:
        """Read an item from the first medium that gives it right; None where none is at hand.

        `media` are tried before the catalogue's. Raises NothingServed where media are at hand, and each gives
        other bytes than were sealed.
        """
        file, note = self.file_of(item), self._note(item.volume)
        faults: list[str] = []
        for medium in (*media, *self.media(item.volume)):
            if not medium.exists():
                continue
            try:
                data = reader.read(medium, note, _hit(item))
            except VolumeFault as fault:
                faults.append(Sentence("{medium}: {fault}", medium=medium, fault=fault))
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


def _hit(item: Item) -> Hit:
    return Hit(volume_number(item.volume), item.file, item.offset, item.length)


def _date_of(path: str) -> str:
    """The business date that a file of a volume is of; empty for one of none."""
    date = _DATE.match(path)
    return date[1] if date else ""


def _lies_within(hit: Hit, files: Mapping[int, CatalogueFile]) -> bool:
    return hit.file in files and hit.offset + hit.length <= files[hit.file].bytes
