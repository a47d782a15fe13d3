"""What the bytes of a file are known by: the SHA-256 of the whole, and one for each block of 64 KiB.

The sum of the whole is for the check of a volume. A record is proved by the blocks that it lies in, which
takes a millisecond where the whole file would take a second. A block is what an optical drive reads at once,
so no more is read than the drive reads anyway.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

BLOCK_BYTES: Final = 65_536
BLOCK_LINE_BYTES: Final = 65
"""64 hexadecimal digits and LF."""


class Sums(NamedTuple):
    """The size of a file, its SHA-256 (hex), and the lines of its blocks: SHA-256 (hex) and LF for each."""

    size: int
    sha256: str
    block_lines: bytes


def sums_of(path: Path) -> Sums:
    """Return the sums of a file, read once."""
    with path.open("rb") as file:
        return sums_of_blocks(iter(lambda: file.read(BLOCK_BYTES), b""))


def sums_of_blocks(blocks: Iterable[bytes]) -> Sums:
    """Return the sums of what comes in blocks, each of which has BLOCK_BYTES but the last."""
    whole, lines, size = hashlib.sha256(), [], 0
    for block in blocks:
        whole.update(block)
        lines.append(block_line(block))
        size += len(block)
    return Sums(size, whole.hexdigest(), b"".join(lines))


def block_line(block: bytes) -> bytes:
    """Return the line of a block."""
    return hashlib.sha256(block).hexdigest().encode() + b"\n"


def blocks_in(size: int) -> int:
    """Return how many blocks a file of `size` bytes has."""
    return -(-size // BLOCK_BYTES)
