"""The names of volumes and copies, and how large each thing may be.

Pure. A name is all that a person has in hand who stands before a shelf: it is short, and sorts by age.
"""

from __future__ import annotations

import re
from typing import Final

VOLUMES_MAX: Final = 9_999
VOLUME_BYTES_MIN: Final = 1_000
VOLUME_BYTES_MAX: Final = 100_000_000_000
PARCEL_BYTES_MAX: Final = 50_000_000_000
ROOM_TENTHS: Final = 22
"""The room that sealing needs, in tenths of a volume: its folder, its image, and the indexes."""

_PREFIX: Final = re.compile(r"[A-Z]{1,4}")
_VOLUME: Final = re.compile(r"([A-Z]{1,4})-([0-9]{4})")


def is_prefix(text: str) -> bool:
    """Whether an archive's volumes may be named with this prefix: one to four capitals."""
    return _PREFIX.fullmatch(text) is not None


def volume_name(prefix: str, number: int) -> str:
    """The name of a volume: QZ-0007. Raises ValueError for a number that has no name."""
    if not 1 <= number <= VOLUMES_MAX:
        raise ValueError(f"no volume has the number {number}")
    return f"{prefix}-{number:04d}"


def volume_number(name: str) -> int:
    """The number in a volume's name; 0 where the text is no such name."""
    match = _VOLUME.fullmatch(name)
    return int(match[2]) if match else 0


def copy_name(volume: str, number: int) -> str:
    """The name of a volume's copy, which also stands on its medium: QZ-0007-C2."""
    return f"{volume}-C{number}"
