"""Seals a volume: complete parcels become a folder, an image that was read again, and rows of the catalogue.

The steps: name the volume and its parcels (a transaction), stage them in a folder, go on with the log, write
indexes, manifests and the signed note, write the image, read it again by another path and compare every hash,
and only then say in the catalogue that it is sealed (a transaction). Killed anywhere and run again it comes
to the same bytes: the moment stands in the catalogue since the first step, parcels do not change, and the
log's leaves follow from them. What a volume looks like, `archive.volume` says; what a parcel holds,
`archive.parcel`.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection

from archive import merged_index
from archive.catalogue import parcels, volumes
from archive.catalogue.acts import MACHINE, write_record
from archive.catalogue.cosignatures import read_cosignatures
from archive.catalogue.ends import add_policies, follow_ends
from archive.catalogue.parcels import Parcel
from archive.catalogue.volumes import CatalogueFile, Volume
from archive.errors import ActRefused, NoRoom
from archive.intake.pieces import write_parts
from archive.intake.take import parcel_folder
from archive.log.checkpoint import Checkpoint
from archive.log.note import signed
from archive.log.tiles import append_hashes, root_of, tiles_of
from archive.parcel import documents_of, leaves_of, rows_of
from archive.rules.names import ROOM_TENTHS, volume_name, volume_number
from archive.rules.retention import RetentionClass, destroy_after
from archive.rules.states import ParcelState, VolumeState
from archive.volume import build, image
from archive.volume.description import FIRST, VolumeDescription, made_text
from archive.volume.index import IndexRow
from archive.volume.parity import write_parity
from archive.volume.sources import sources
from ledger.book.store import Store
from qianzhi_errors.sentence import Sentence, listed

SEAL: Final = "seal"
COSIGNED: Final = "log/cosigned"
NOT_KEPT: Final = (VolumeState.OPEN, VolumeState.DESTROYED)
"""The states of a volume that is in no set, and of which no copy is written."""
_MICROSECONDS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Places:
    """The archive's folders: of what is not sealed yet, and of images, merged indexes and the log's tiles."""

    staging: Path
    images: Path

    def volume(self, name: str) -> Path:
        """The folder in which a volume is made."""
        return self.staging.joinpath("volumes", name)

    def image(self, name: str) -> Path:
        """The image of a volume."""
        return self.images.joinpath(f"{name}.iso")

    @property
    def log(self) -> Path:
        """The log's tiles."""
        return self.images.joinpath("log")

    @property
    def index(self) -> Path:
        """The merged indexes."""
        return self.images.joinpath("index")


@dataclass(frozen=True, slots=True)
class Identity:
    """What stands on each volume of an archive: its name in signatures, its volumes' prefix, the public keys
    with their dates as a text, the program's version; and the private half of its key (32 bytes).
    """

    name: str
    prefix: str
    public_keys: bytes
    version: str
    seed: bytes


class Limits(NamedTuple):
    """What a volume holds at most, in bytes, and how many data volumes make a set."""

    volume_bytes: int
    set: int


@dataclass(frozen=True, slots=True)
class Sealing:
    """Seals volumes. `free` returns the bytes that are free where a folder is."""

    store: Store
    places: Places
    identity: Identity
    limits: Limits
    classes: Mapping[str, RetentionClass]
    free: Callable[[Path], int]

    def run(self, at: int, *, now: bool) -> Iterator[Volume]:
        """Seal what can be sealed, and yield each volume: first the one whose sealing was cut short, then
        each that is full; with `now` also what is left of each class. `at` is in microseconds since
        1970-01-01 UTC. Raises NoRoom before anything is begun.
        """
        with self.store.reading() as connection:
            begun = [
                volume for volume in volumes.read_volumes(connection) if volume.state is VolumeState.OPEN
            ]
        for volume in begun:
            yield self._finish(volume)
        self.tidy()
        while chosen := self._chosen(now=now):
            yield self._finish(self._begin(chosen, at))

    def tidy(self) -> None:
        """Do what may be left to do of sealed volumes: their indexes, and the folders that nobody needs."""
        with self.store.reading() as connection:
            sealed = volumes.read_volumes(connection)
            done = [
                parcel for parcel in parcels.read_parcels(connection) if parcel.state is ParcelState.SEALED
            ]
            live = merged_index.live_volumes(connection)
        merged_index.bring_up_to_date(self.places.index, live, self.places.image)
        for parcel in done:
            shutil.rmtree(parcel_folder(self.places.staging, parcel.name), ignore_errors=True)
        for volume in sealed:
            if volume.state is not VolumeState.OPEN:
                shutil.rmtree(self.places.volume(volume.volume), ignore_errors=True)

    def _chosen(self, *, now: bool) -> tuple[Parcel, ...]:
        """The parcels of the next volume: of one class, the oldest first, as many as fit."""
        with self.store.reading() as connection:
            complete = [
                parcel for parcel in parcels.read_parcels(connection) if parcel.state is ParcelState.COMPLETE
            ]
        for cls in sorted({parcel.cls for parcel in complete}):
            chosen, is_full = fitting([p for p in complete if p.cls == cls], self.limits.volume_bytes)
            if chosen and (is_full or now):
                return chosen
        return ()

    def make_parity(self, at: int) -> Volume:
        """Make the parity volume of the oldest volumes that have none, as many as a set has.

        Raises ActRefused where there are too few, or an image of one is not at hand; and what `run` raises.
        """
        with self.store.reading() as connection:
            members = self._without_set(volumes.read_volumes(connection))
        check_room(self.places, self.free, max(volume.image_bytes for volume in members))
        with self.store.transaction() as connection:
            parity = self._named(connection, members[0].cls, [d for v in members for d in v[3:5]], at)
            names = [volume.volume for volume in members]
            volumes.put_into_set(connection, names, parity.volume)
            write_record(connection, at, MACHINE, "open", parity.volume, f"parity of {' '.join(names)}")
        return self._finish(parity)

    def _without_set(self, known: tuple[Volume, ...]) -> list[Volume]:
        """The members of the next set."""
        parities = {volume.set_of for volume in known}
        free = [v for v in known if not v.set_of and v.volume not in parities and v.state not in NOT_KEPT]
        members = free[: self.limits.set]
        if len(members) < self.limits.set:
            raise ActRefused(
                Sentence(
                    "a set is made of {count} volumes, and {free} are in none",
                    count=self.limits.set,
                    free=len(free),
                )
            )
        missing = [v.volume for v in members if not self.places.image(v.volume).exists()]
        if missing:
            raise ActRefused(
                Sentence(
                    "the images of a set must be at hand; make them again (`image`): {volumes}",
                    volumes=listed(missing),
                )
            )
        return members

    def _begin(self, chosen: tuple[Parcel, ...], at: int) -> Volume:
        """Name a volume and its parcels, after looking whether there is room for it."""
        check_room(self.places, self.free, sum(parcel.bytes for parcel in chosen))
        with self.store.transaction() as connection:
            volume = self._named(connection, chosen[0].cls, [parcel.date for parcel in chosen], at)
            parcels.put_into(connection, chosen, volume.volume)
            note = f"{len(chosen)} parcels of class {volume.cls}"
            write_record(connection, at, MACHINE, "open", volume.volume, note)
        return volume

    def _named(self, connection: Connection, cls: str, dates: list[str], at: int) -> Volume:
        """Have a volume begin: it gets the next name, and goes on from the volume before it."""
        earlier = volumes.read_volumes(connection)
        last = earlier[-1] if earlier else None
        volume = Volume(
            volume_name(self.identity.prefix, volume_number(last.volume) + 1 if last else 1),
            cls,
            VolumeState.OPEN,
            min(dates),
            max(dates),
            at,
            f"{last.volume} {last.manifest}" if last else FIRST,
            last.first_leaf + last.leaves if last else 0,
            *(0, 0, 0, "", "", "", 0, "", "", ""),
        )
        volumes.open_volume(connection, volume)
        return volume

    def _finish(self, volume: Volume) -> Volume:
        """Take a volume that was begun to its end; the same bytes, however often it is begun again."""
        with self.store.reading() as connection:
            contents = parcels.parcels_of(connection, volume.volume)
            earlier = [v for v in volumes.read_volumes(connection) if v.volume < volume.volume]
        folder = self.places.volume(volume.volume)
        members = {v.volume: self.places.image(v.volume) for v in earlier if v.set_of == volume.volume}
        stage(folder, [parcel_folder(self.places.staging, parcel.name) for parcel in contents])
        if members:
            write_parity(members, folder)
        checkpoint, counted, first_leaves = self._extend_log(volume, contents, folder)
        self._write_beside(folder, volume, earlier)
        description = self._description(volume, contents, checkpoint, counted, earlier)
        completed = build.complete(folder, description, _rows(folder, contents), self._sign, sources())
        path = self.places.image(volume.volume)
        image.write(folder, path)
        checked = image.check(path, completed.all_files)
        sealed = volume._replace(
            leaves=checkpoint.size - volume.first_leaf,
            files=len(completed.all_files),
            bytes=completed.description.payload,
            manifest=completed.manifest,
            root=checkpoint.root.hex(),
            note=completed.note,
            image_bytes=completed.image_bytes,
            image_sha256=checked.sha256,
            destroy_after=destroy_after(self.classes[volume.cls], volume.last_date),
        )
        policies = {row.policy for parcel in contents for row in documents_of(folder, parcel.date)}
        sealed = self._commit(sealed, completed, first_leaves, policies)
        self.tidy()
        return sealed

    def _commit(
        self,
        sealed: Volume,
        completed: build.Completed,
        first_leaves: Mapping[str, int],
        policies: Iterable[str],
    ) -> Volume:
        """Have the catalogue say that a volume is sealed; returns it as it is then."""
        rows = [
            CatalogueFile(sealed.volume, file.number, file.path, file.bytes, file.sha256, file.image_offset)
            for file in completed.all_files
        ]
        with self.store.transaction() as connection:
            volumes.seal_volume(connection, sealed, rows)
            add_policies(connection, sealed.volume, policies)
            follow_ends(connection, self.classes, sealed.volume)
            parcels.sealed(connection, sealed.volume, first_leaves)
            note = f"manifest {sealed.manifest}; log {sealed.first_leaf + sealed.leaves} {sealed.root}"
            write_record(connection, sealed.made_at, MACHINE, SEAL, sealed.volume, note)
            return volumes.find_volume(connection, sealed.volume)

    def _extend_log(
        self, volume: Volume, contents: tuple[Parcel, ...], folder: Path
    ) -> tuple[Checkpoint, Counter[str], Mapping[str, int]]:
        """Have the log go on with the volume's leaves, and write its new tiles and its checkpoint onto the
        volume; returns the checkpoint, how many leaves there are of each kind, and the first of each parcel.
        """
        counted: Counter[str] = Counter()
        first_leaves: dict[str, int] = {}

        def hashes() -> Iterator[bytes]:
            for parcel in contents:
                first_leaves[parcel.name] = volume.first_leaf + counted.total()
                for leaf in leaves_of(folder, parcel.date):
                    counted[leaf.kind] += 1
                    yield leaf.hash

        size = append_hashes(self.places.log, volume.first_leaf, hashes())
        checkpoint = Checkpoint(self.identity.name, size, root_of(self.places.log, size))
        note = str(signed(checkpoint.text, self.identity.name, self.identity.seed))
        for tile in tiles_of(size, volume.first_leaf):
            target = folder.joinpath("log", tile.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.places.log.joinpath(tile.path), target)
        write_parts(folder.joinpath("log", "checkpoint"), [note.encode()])
        return checkpoint, counted, first_leaves

    def _write_beside(self, folder: Path, volume: Volume, earlier: list[Volume]) -> None:
        """Write what a volume says of others: the public keys, all volumes before it, and the checkpoint of
        the last with what witnesses had signed of it when this volume was begun.
        """
        with self.store.reading() as connection:
            signed_by = read_cosignatures(connection, volume.first_leaf)
        lines_before = [row.line for row in signed_by if row.taken_at < volume.made_at]
        if lines_before:
            before = Checkpoint(self.identity.name, volume.first_leaf, bytes.fromhex(earlier[-1].root))
            note = signed(before.text, self.identity.name, self.identity.seed)
            write_parts(folder.joinpath(COSIGNED), [str(note).encode(), *map(str.encode, lines_before)])
        write_parts(folder.joinpath("keys", "public-keys.txt"), [self.identity.public_keys])
        lines = (
            f"{v.volume} {v.manifest} {v.first_leaf + v.leaves} {_base64(v.root)}\n".encode() for v in earlier
        )
        write_parts(folder.joinpath("previous.txt"), lines)

    def _description(
        self,
        volume: Volume,
        contents: tuple[Parcel, ...],
        checkpoint: Checkpoint,
        counted: Counter[str],
        earlier: list[Volume],
    ) -> VolumeDescription:
        folder = self.places.volume(volume.volume)
        members = [v.volume for v in earlier if v.set_of == volume.volume]
        parities = {v.set_of for v in earlier}
        before = sum(v.volume not in parities for v in earlier)
        place = f"{before % self.limits.set + 1} of {self.limits.set}+1"
        return VolumeDescription(
            volume=volume.volume,
            place=f"parity of {' '.join(members)}" if members else place,
            retention=volume.cls,
            first_date=volume.first_date,
            last_date=volume.last_date,
            parcels=len(contents),
            entries=counted["entry"],
            receipts=counted["receipt"],
            persons_sealed=_persons(folder),
            log=self.identity.name,
            log_size=checkpoint.size,
            log_root=base64.b64encode(checkpoint.root).decode(),
            previous=volume.previous,
            made=made_text(volume.made_at // _MICROSECONDS),
            version=self.identity.version,
        )

    def _sign(self, text: bytes) -> str:
        return str(signed(text.decode(), self.identity.name, self.identity.seed))


def check_room(places: Places, free: Callable[[Path], int], size: int) -> None:
    """Raise NoRoom unless a volume of so many bytes can be made: each folder needs ROOM_TENTHS of it."""
    needed = size * ROOM_TENTHS // 10
    for folder in (places.staging, places.images):
        folder.mkdir(parents=True, exist_ok=True)
        room = free(folder)
        if room < needed:
            raise NoRoom(
                Sentence(
                    "{folder} has {free} bytes of room, and a volume of {size} bytes needs {needed}:"
                    " nothing was begun",
                    folder=folder,
                    free=room,
                    size=size,
                    needed=needed,
                )
            )


def fitting(complete: list[Parcel], volume_bytes: int) -> tuple[tuple[Parcel, ...], bool]:
    """The first parcels that fit into a volume, at least one; and whether the next one did not fit."""
    size, chosen = 0, list[Parcel]()
    for parcel in complete:
        size += parcel.bytes
        if chosen and size > volume_bytes:
            return tuple(chosen), True
        chosen.append(parcel)
    return tuple(chosen), size >= volume_bytes


def stage(folder: Path, contents: list[Path]) -> None:
    """Put the files of parcels into the folder of their volume, anew; a file that is there twice is not."""
    shutil.rmtree(folder, ignore_errors=True)
    for parcel in contents:
        for source in sorted(path for path in parcel.rglob("*") if path.is_file()):
            target = folder.joinpath(source.relative_to(parcel))
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(source, target)


def _rows(folder: Path, contents: tuple[Parcel, ...]) -> Iterator[IndexRow]:
    for parcel in contents:
        yield from rows_of(folder, parcel.date)


def _persons(folder: Path) -> int:
    """How many lines the sealed layer of a volume has."""
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("sealed/*.jsonl"))


def _base64(root: str) -> str:
    return base64.b64encode(bytes.fromhex(root)).decode()
