"""What a date waits for, and how a file of a parcel is written.

No table and no rule of money here.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from archive.volume.writing import make_folder, written
from qianzhi_errors.sentence import Sentence

NAMED_MAX: Final = 20
"""At most so many missing pieces of one kind are named."""


class MissingPiece(NamedTuple):
    """One piece that a date waits for, and where it comes from."""

    piece: str
    reason: Sentence


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file of parts; it is whole and on disk, or not there. Raises FileNotWritten."""
    make_folder(path.parent)
    with written(path) as file:
        file.writelines(parts)
