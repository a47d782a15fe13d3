"""Which names of persons a file may hold, and how a name that is longer than its place is shortened: one rule
for every file and place.

Pure. Which column holds a name, the files say; the caller knows how much room there is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

LENGTH_MAX: Final = 120
"""The most characters of a name. Names of companies and Latin names have up to a hundred."""
MARK: Final = "..."
"""Ends a shortened name. Every encoding of a dialect has these characters."""
_JOINED: Final = frozenset({"Mn", "Me", "Mc"})
"""Unicode categories of characters that combine with the one before: a name is not cut between the two."""

_PLAIN_NAME: Final = re.compile("[\u4e00-\u9fff]{1,20}")
_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Zl", "Zp"})
"""Unicode categories that break or reorder a receipt's line. Not private use: rare names need it."""


def is_name(text: str) -> bool:
    """Whether a name of a person or a company is not empty, not too long, and prints on one line."""
    if _PLAIN_NAME.fullmatch(text):
        return True
    if not 1 <= len(text) <= LENGTH_MAX or text != text.strip():
        return False
    return not any(unicodedata.category(character) in _UNPRINTABLE for character in text)


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
