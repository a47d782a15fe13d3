"""How a name that is longer than its place is shortened: one rule for every place.

Pure. What a good name is, `ledger.files.bookfile` says; how long a place is, whoever writes there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Final

LENGTH_MAX: Final = 120
"""Characters of a name at the most. Companies' and Latin names run to a hundred."""
MARK: Final = "..."
"""Stands for what was left off. Every encoding of a dialect has it."""
_JOINED: Final = frozenset({"Mn", "Me", "Mc"})
"""Categories of characters that belong to the one before: a name is not cut between them."""


def shortened(name: str, room: int, size: Callable[[str], int] = len) -> str:
    """Return the name where its `size` is at most `room`; else its longest beginning that is so with MARK
    behind it. Empty where not even MARK has room.
    """
    if size(name) <= room:
        return name
    if size(MARK) > room:
        return ""
    end = len(name) - 1
    while end and (size(name[:end] + MARK) > room or unicodedata.category(name[end]) in _JOINED):
        end -= 1
    return name[:end].rstrip() + MARK
