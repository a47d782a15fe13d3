"""What a disk holds after a power cut: built from the log that tests/crash/shim.c writes.

Pure but for reading the files that were there before. A file's contents survive up to its last completed
sync, a name (created, renamed, removed) up to the last sync of its folder: nothing else is promised, and the
strict disk keeps nothing else. A torn one also keeps some sectors of what was written later, and some of the
names. What a database makes of it, a database says.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from random import Random
from typing import NamedTuple

_HEAD = struct.Struct("<BQQI")


class What(IntEnum):
    """What a record tells."""

    CREATE = 1
    WRITE = 2
    TRUNCATE = 3
    SYNC = 4
    RENAME = 5
    UNLINK = 6
    MKDIR = 7


class Logged(NamedTuple):
    """One record; `place` is where it begins in the log, the others are as in shim.c."""

    place: int
    what: What
    file: int
    at: int
    rest: bytes


def records(log: bytes) -> Iterator[Logged]:
    """The records of a log, up to the last whole one."""
    place = 0
    while place + _HEAD.size <= len(log):
        what, file, at, size = _HEAD.unpack_from(log, place)
        begin = place + _HEAD.size
        if begin + size > len(log):
            return
        yield Logged(place, What(what), file, at, log[begin : begin + size])
        place = begin + size


class Change(NamedTuple):
    """A write, or a change of size where `data` is None."""

    place: int
    at: int
    data: bytes | None


@dataclass(slots=True, eq=False)
class File:
    """One file, by whatever name: what it held before, what was done to it, how far that is on disk."""

    before: Path | None = None
    changes: list[Change] = field(default_factory=list)
    synced: int = 0

    def content(self, loss: Loss) -> bytes:
        """What is left of it."""
        data = bytearray(self.before.read_bytes() if self.before else b"")
        for change in self.changes:
            loss.apply(data, change, is_synced=change.place < self.synced)
        return bytes(data)


class Naming(NamedTuple):
    """A change of a name: `path` gets `file` (or loses it, where that is None); `old` is the name before."""

    place: int
    folder: str
    path: str
    file: File | None
    old: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a power cut takes: all that was not synced, or, with `random`, each sector of it by chance."""

    random: Random | None = None
    sector: int = 512

    def apply(self, data: bytearray, change: Change, *, is_synced: bool) -> None:
        """Do to `data` what survives of the change."""
        if change.data is None:
            if is_synced or self._survives():
                _resize(data, change.at)
            return
        for begin, part in self._parts(change, is_synced=is_synced):
            _resize(data, max(len(data), begin + len(part)))
            data[begin : begin + len(part)] = part

    def _parts(self, change: Change, *, is_synced: bool) -> Iterator[tuple[int, bytes]]:
        assert change.data is not None
        if is_synced:
            yield change.at, change.data
            return
        begin, end = change.at, change.at + len(change.data)
        while self.random and begin < end:
            until = min(end, (begin // self.sector + 1) * self.sector)
            if self._survives():
                yield begin, change.data[begin - change.at : until - change.at]
            begin = until

    def names(self, namings: list[Naming], synced: dict[str, int]) -> list[Naming]:
        """The changes of names that survive: in each folder the first ones, as far as it is synced or a
        little farther.
        """
        kept = []
        for folder in sorted({naming.folder for naming in namings}):
            here = [naming for naming in namings if naming.folder == folder]
            sure = sum(naming.place < synced.get(folder, 0) for naming in here)
            kept += here[: self.random.randint(sure, len(here)) if self.random else sure]
        return sorted(kept)

    def _survives(self) -> bool:
        return self.random is not None and self.random.random() < 0.5


def _resize(data: bytearray, size: int) -> None:
    if size < len(data):
        del data[size:]
    else:
        data.extend(bytes(size - len(data)))


class Disk:
    """The files of one folder, as they were when the log began."""

    def __init__(self, folder: Path, before: Path) -> None:
        """`before` is a copy of the folder that nobody changes."""
        self._folder, self._before = folder, before
        self._inodes = {}
        self._folders = {folder.stat().st_ino: str(folder)}
        for path in sorted(folder.rglob("*")):
            if path.is_dir():
                self._folders[path.stat().st_ino] = str(path)
            else:
                self._inodes[path.stat().st_ino] = path.relative_to(folder)

    def after_power_cut(self, log: bytes, loss: Loss, target: Path) -> None:
        """Make `target` what the folder is when power comes back; it must not exist yet."""
        files = {inode: File(self._before / path) for inode, path in self._inodes.items()}
        names = {str(self._folder / path): files[inode] for inode, path in self._inodes.items()}
        namings, synced, folders = self._replay(log, files, dict(names))
        for naming in loss.names(namings, synced):
            names.pop(naming.old, None)
            if naming.file is None:
                names.pop(naming.path, None)
            else:
                names[naming.path] = naming.file
        target.mkdir(mode=0o700)
        for folder in sorted(folders):
            (target / Path(folder).relative_to(self._folder)).mkdir(mode=0o700, exist_ok=True)
        for name, file in names.items():
            self._write(file, target / Path(name).relative_to(self._folder), loss)

    def _replay(
        self, log: bytes, files: dict[int, File], names: dict[str, File]
    ) -> tuple[list[Naming], dict[str, int], set[str]]:
        """Read the log: into the files what was done to them, and out of it what was done to names."""
        namings: list[Naming] = []
        synced: dict[str, int] = {}
        folders = dict(self._folders)
        for record in records(log):
            if record.what is What.MKDIR:
                folders[record.file] = record.rest.decode()
            elif record.what is What.SYNC and record.file in folders:
                synced[folders[record.file]] = record.at
            elif record.what in (What.WRITE, What.TRUNCATE, What.SYNC):
                _change(files.setdefault(record.file, File()), record)
            else:
                namings.append(_named(record, files, names))
        return namings, synced, set(folders.values())

    @staticmethod
    def _write(file: File, path: Path, loss: Loss) -> None:
        if path.name.endswith("-shm"):
            return  # memory that processes share; whoever opens the database first makes it anew
        if file.before is not None and not file.changes:
            shutil.copyfile(file.before, path)
        else:
            path.write_bytes(file.content(loss))
        path.chmod(0o600)


def _change(file: File, one: Logged) -> None:
    if one.what is What.SYNC:
        file.synced = max(file.synced, one.at)
    else:
        file.changes.append(Change(one.place, one.at, one.rest if one.what is What.WRITE else None))


def _named(one: Logged, files: dict[int, File], names: dict[str, File]) -> Naming:
    """What a record does to names, done to `names` as well: those that a running system sees."""
    path, _, new = one.rest.decode().partition("\0")
    if one.what is What.UNLINK:
        names.pop(path, None)
        return Naming(one.place, str(Path(path).parent), path, None)
    if one.what is What.CREATE:
        files[one.file] = names[path] = File()
        return Naming(one.place, str(Path(path).parent), path, names[path])
    # A file that was written by other means than the logged ones has no content that is known to be on disk.
    moved = names.pop(path) if path in names else File()
    names[new] = moved
    return Naming(one.place, str(Path(new).parent), new, moved, path)
