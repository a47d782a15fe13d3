"""How a name that is longer than its place is shortened: one rule for every place.

Pure. Which names a file may hold is in `ledger.files.bookline`; the caller knows how much room there is.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Final

LENGTH_MAX: Final = 120
"""The most characters of a name. Names of companies and Latin names have up to a hundred."""
MARK: Final = "..."
"""Ends a shortened name. Every encoding of a dialect has these characters."""
_JOINED: Final = frozenset({"Mn", "Me", "Mc"})
"""Unicode categories of characters that combine with the one before: a name is not cut between the two."""


def shortened(name: str, room: int, size: Callable[[str], int] = len) -> str:
    """The name, if its `size` is at most `room`; else its longest beginning that fits with MARK behind it.
    Empty if not even MARK fits.
    """
    if size(name) <= room:
        return name
    if size(MARK) > room:
        return ""
    end = len(name) - 1
    while end and (size(name[:end] + MARK) > room or unicodedata.category(name[end]) in _JOINED):
        end -= 1
    return name[:end].rstrip() + MARK
