"""The hashes of a log in files of up to 256, as C2SP's tlog-tiles says, and the nodes of a tree out of them.

A *tile* of level L and number N has the hashes of 256 complete subtrees of 256**L leaves each, from the N *
256th on. It is written once and never changed; the last one of a level is *partial*, and its name says how
many hashes it has. Level 0 has the leaves, and each level above has a 256th of the one below.

Files are read and written here, and nothing else is known of a log: neither its checkpoints nor its leaves'
texts.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from archive.errors import LogFault
from archive.log.tree import HASH_BYTES, Nodes, root, subtree_hash
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.system import system_reason

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
_TILES_KEPT: Final = 64


class Tile(NamedTuple):
    """One tile: its level, its number in the level, and how many hashes it has, 1 to 256."""

    level: int
    number: int
    width: int

    @property
    def path(self) -> str:
        """Its place in the log's folder: `tile/0/x001/x234/067`, and `.p/112` after it where partial."""
        digits = f"{self.number:03d}"
        groups = [*_thousands(digits[:-3]), digits[-3:]]
        place = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{self.level}/{place}{partial}"


def tiles_of(size: int, first: int = 0) -> Iterator[Tile]:
    """The tiles of a tree of `size` leaves, level by level; of level 0 only those with a leaf from `first`
    on. These are what proves a leaf from `first` on, and that the tree of `first` leaves went before.
    """
    level, count = 0, size
    while count:
        start = first // WIDTH if level == 0 else 0
        yield from (Tile(level, index, WIDTH) for index in range(start, count // WIDTH))
        if count % WIDTH:
            yield Tile(level, count // WIDTH, count % WIDTH)
        level, count = level + 1, count // WIDTH


def append_hashes(folder: Path, size: int, hashes: Iterable[bytes]) -> int:
    """Write the tiles of a tree that goes on from one of `size` leaves with leaves of these hashes; the new
    size.

    The tiles of the tree of `size` are there already, and stay as they are. Run again with the same hashes it
    writes the same files. Raises LogFault if a tile that it needs is missing or damaged; OSError if the disk
    is full: what was written then is whole tiles, which the next run writes again.
    """
    pending = _Pending(folder, size)
    for hashed in hashes:
        pending.add(0, hashed)
        size += 1
    pending.write_partial_tiles()
    return size


class _Pending:
    """The last, partial tile of each level, as it fills; a full one is written at once."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._levels: list[list[bytes]] = []
        self._written: list[int] = []
        while size:
            width = size % WIDTH
            last = Tile(len(self._levels), size // WIDTH, width)
            self._levels.append(list(_hashes(folder, last)) if width else [])
            self._written.append(size // WIDTH)
            size //= WIDTH

    def add(self, level: int, hashed: bytes) -> None:
        if level == len(self._levels):
            self._levels.append([])
            self._written.append(0)
        tile = self._levels[level]
        tile.append(hashed)
        if len(tile) == WIDTH:
            _write(self._folder, Tile(level, self._written[level], WIDTH), tile)
            self._written[level] += 1
            self._levels[level] = []
            self.add(level + 1, subtree_hash(tile))

    def write_partial_tiles(self) -> None:
        for level, tile in enumerate(self._levels):
            if tile:
                _write(self._folder, Tile(level, self._written[level], len(tile)), tile)


def nodes_of(folder: Path, size: int) -> Nodes:
    """The nodes of the tree of `size` leaves whose tiles are in the folder. Asking for one raises LogFault if
    its tile is missing or has not as many hashes as it must.
    """
    return _TileNodes(folder, size).node


class _TileNodes:
    def __init__(self, folder: Path, size: int) -> None:
        self._size = size
        self._read = lru_cache(_TILES_KEPT)(lambda tile: _hashes(folder, tile))

    def node(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree of the tree."""
        tile_level, height = divmod(level, HEIGHT)
        first = index << height
        number = first // WIDTH
        hashes = self._read(Tile(tile_level, number, _width(self._size, tile_level, number)))
        start = first % WIDTH
        return subtree_hash(hashes[start : start + (1 << height)])


def root_of(folder: Path, size: int) -> bytes:
    """The root of the tree of `size` leaves whose tiles are in the folder. Raises LogFault if one is not."""
    return root(size, nodes_of(folder, size))


def check_tiles(folder: Path, size: int, first: int = 0) -> None:
    """Raise LogFault, naming the tile, unless each hash of a tile above the lowest level is that of the tile
    below it; `first` as for `tiles_of`.
    """
    for tile in tiles_of(size, first):
        hashes = _hashes(folder, tile)
        if tile.width == WIDTH:
            parent = Tile(
                tile.level + 1, tile.number // WIDTH, _width(size, tile.level + 1, tile.number // WIDTH)
            )
            if _hashes(folder, parent)[tile.number % WIDTH] != subtree_hash(hashes):
                raise LogFault(Sentence("{tile} is not what the tile above it says", tile=tile.path))


def _width(size: int, level: int, index: int) -> int:
    return min(WIDTH, (size >> (level * HEIGHT)) - index * WIDTH)


def _thousands(digits: str) -> list[str]:
    padded = digits.zfill(-(-len(digits) // 3) * 3)
    return [padded[at : at + 3] for at in range(0, len(padded), 3)]


def _hashes(folder: Path, tile: Tile) -> tuple[bytes, ...]:
    try:
        data = folder.joinpath(tile.path).read_bytes()
    except OSError as error:
        raise LogFault(
            Sentence("{tile} cannot be read: {reason}", tile=tile.path, reason=system_reason(error))
        ) from error
    if len(data) != tile.width * HASH_BYTES:
        raise LogFault(
            Sentence(
                "{tile} has {bytes} bytes, not {due}",
                tile=tile.path,
                bytes=len(data),
                due=tile.width * HASH_BYTES,
            )
        )
    return tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))


def _write(folder: Path, tile: Tile, hashes: Iterable[bytes]) -> None:
    """Write the tile whole or not at all; whether it outlives a power cut is for the caller to see to."""
    path = folder.joinpath(tile.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(b"".join(hashes))
    os.replace(new, path)
