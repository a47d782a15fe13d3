"""The place of one field in the bytes of a message, as pyiso8583 accounts for it.

What a field may hold is in `content`; what a message is, in `codec`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import NamedTuple

Encoded = Mapping[str, Mapping[str, bytes]]
"""pyiso8583's account of the bytes: field key to its "len" and "data", in the order of the bytes."""


class Part(NamedTuple):
    """One field and its place in a message. `key` is a DE number as text, "t" for the MTI, "p" and "1" for
    the bitmaps.

    The field begins at byte `at` with `prefix`, the length as it is written (empty if the field has a fixed
    length), followed by `data`; `text` is the data decoded.
    """

    key: str
    at: int
    prefix: bytes
    data: bytes
    text: str

    @property
    def end(self) -> int:
        """Offset of the first byte after the field."""
        return self.at + len(self.prefix) + len(self.data)

    def __repr__(self) -> str:
        """Show the field's place, never its content."""
        return f"Part({self.key}, bytes {self.at} to {self.end})"


def parts_of(decoded: Mapping[str, str], encoded: Encoded) -> Iterator[Part]:
    """Yield pyiso8583's fields with their places, in the order of the bytes."""
    at = 0
    for key, written in encoded.items():
        part = Part(key, at, written["len"], written["data"], decoded[key])
        yield part
        at = part.end


def position_of(key: str, encoded: Encoded) -> int:
    """Return the byte offset of a field. The fields of `encoded` are in the order of the bytes."""
    before = takewhile(lambda name: name != key, encoded)
    return sum(len(encoded[name]["len"]) + len(encoded[name]["data"]) for name in before)
