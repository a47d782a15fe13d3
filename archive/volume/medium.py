"""The bytes of a volume, by file and offset: from a folder, an image or a drive.

A drive and an image are read with nothing but `pread`: the folders are found through Joliet's descriptor, not
by the library that wrote them. Nothing here knows which bytes are right (`archive.volume.reader`), and a
medium that cannot be read, or is none, is a VolumeFault.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from archive.errors import VolumeFault
from archive.volume.names import files_below
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.system import system_reason

_SECTOR_BYTES: Final = 2_048
_DESCRIPTORS_AT: Final = 16
_DESCRIPTORS_MAX: Final = 64
_TERMINATOR: Final = 255
_JOLIET: Final = (b"%/@", b"%/C", b"%/E")
_FOLDER_BYTES_MAX: Final = 64 * 1_048_576
_DEPTH_MAX: Final = 16
_IS_FOLDER: Final = 2


class Medium(Protocol):
    """What a volume is read from."""

    def sizes(self) -> Mapping[str, int]:
        """Return the bytes of every file, by path."""

    def size(self, path: str) -> int:
        """Return the bytes of a file. Raises VolumeFault where it is not there."""

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Return `length` bytes of a file from `offset` on. Raises VolumeFault where they are not there."""


class FolderMedium:
    """A folder: a staged volume, or a mounted disc."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def sizes(self) -> Mapping[str, int]:
        """Return the bytes of every file, by path."""
        return {path: self.size(path) for path in files_below(self._folder)}

    def size(self, path: str) -> int:
        """Return the bytes of a file. Raises VolumeFault where it is not there."""
        with _named(path):
            return self._folder.joinpath(path).stat().st_size

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Return bytes of a file. Raises VolumeFault where they are not there."""
        with _named(path), self._folder.joinpath(path).open("rb", buffering=0) as file:
            return _pread(file.fileno(), path, offset, length)


class Extent(NamedTuple):
    """Where a file or folder lies in an image: the byte at which it begins, its bytes, and whether it is a
    folder.
    """

    offset: int
    bytes: int
    is_folder: bool


class ImageMedium:
    """An image, or a drive with a disc in it."""

    def __init__(self, handle: int, place: str) -> None:
        self._handle = handle
        self._place = place
        self._folders: dict[int, dict[str, Extent]] = {}
        self._root = self._joliet_root()

    def sizes(self) -> Mapping[str, int]:
        """Return the bytes of every file, by path."""
        return dict(self._below(self._root, "", 0))

    def size(self, path: str) -> int:
        """Return the bytes of a file. Raises VolumeFault where it is not there."""
        return self.extent(path).bytes

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Return bytes of a file. Raises VolumeFault where they are not there."""
        extent = self.extent(path)
        if not 0 <= offset <= offset + length <= extent.bytes:
            raise VolumeFault(path, Sentence("it is shorter than it must be"))
        return _pread(self._handle, path, extent.offset + offset, length)

    def extent(self, path: str) -> Extent:
        """Return where a file lies. Raises VolumeFault where it is not there."""
        extent = self._root
        for part in path.split("/"):
            inner = self._entries(extent).get(part) if extent.is_folder else None
            if inner is None:
                raise VolumeFault(path, Sentence("it is not on the medium"))
            extent = inner
        if extent.is_folder:
            raise VolumeFault(path, Sentence("it is not on the medium"))
        return extent

    def _below(self, folder: Extent, above: str, depth: int) -> Iterator[tuple[str, int]]:
        if depth > _DEPTH_MAX:
            raise self._no_image()
        for name, extent in sorted(self._entries(folder).items()):
            if extent.is_folder:
                yield from self._below(extent, f"{above}{name}/", depth + 1)
            else:
                yield f"{above}{name}", extent.bytes

    def _joliet_root(self) -> Extent:
        """Return the root of the file system whose names are whole (ECMA-119, 8.5, and Joliet)."""
        for number in range(_DESCRIPTORS_AT, _DESCRIPTORS_AT + _DESCRIPTORS_MAX):
            sector = _pread(self._handle, self._place, number * _SECTOR_BYTES, _SECTOR_BYTES)
            if sector[1:6] != b"CD001" or sector[0] == _TERMINATOR:
                break
            if sector[0] == 2 and sector[88:91] in _JOLIET:
                return _extent(sector[156:190])
        raise self._no_image()

    def _entries(self, folder: Extent) -> dict[str, Extent]:
        """Return what a folder has, by name."""
        if folder.offset not in self._folders:
            if folder.bytes > _FOLDER_BYTES_MAX:
                raise self._no_image()
            content = _pread(self._handle, self._place, folder.offset, folder.bytes)
            self._folders[folder.offset] = dict(self._records(content))
        return self._folders[folder.offset]

    def _records(self, content: bytes) -> Iterator[tuple[str, Extent]]:
        for start in range(0, len(content), _SECTOR_BYTES):  # no record goes beyond its sector
            sector, at = content[start : start + _SECTOR_BYTES], 0
            while at + 34 <= len(sector) and sector[at]:
                record = sector[at : at + sector[at]]
                if len(record) < 34 or len(record) < 33 + record[32]:
                    raise self._no_image()
                name = record[33 : 33 + record[32]]
                if len(name) > 1:  # one byte: the folder itself, and the one above
                    text = name.decode("utf-16-be", errors="replace").removesuffix(";1")
                    yield text, _extent(record)
                at += len(record)

    def _no_image(self) -> VolumeFault:
        return VolumeFault(self._place, Sentence("it is not an image of a volume"))


@contextmanager
def opened(place: Path) -> Iterator[Medium]:
    """Yield the medium at a place: a folder, an image or a drive. Raises VolumeFault where it is none."""
    if place.is_dir():
        yield FolderMedium(place)
        return
    with _named(str(place)):
        handle = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield ImageMedium(handle, str(place))
    finally:
        os.close(handle)


def _extent(record: bytes) -> Extent:
    """Return what a record of a folder says (ECMA-119, 9.1): each number twice, the first little-endian."""
    sector, size = struct.unpack_from("<I4xI", record, 2)
    return Extent(sector * _SECTOR_BYTES, size, bool(record[25] & _IS_FOLDER))


def _pread(handle: int, place: str, offset: int, length: int) -> bytes:
    """Read exactly so many bytes. Raises VolumeFault."""
    parts: list[bytes] = []
    with _named(place):
        while length:
            part = os.pread(handle, length, offset)
            if not part:
                raise VolumeFault(place, Sentence("it is shorter than it must be"))
            parts.append(part)
            offset += len(part)
            length -= len(part)
    return b"".join(parts)


@contextmanager
def _named(place: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise VolumeFault(place, system_reason(error)) from error
