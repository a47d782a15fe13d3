"""Which bytes of a message a MAC is computed of, where it is not all of them: a list of fields.

Pure. Where the MAC stands, and that nothing of a message is believed before it was checked, is known
elsewhere; what a MAC does not cover, anybody on the way may change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

MTI: Final = 0
"""The number by which a list of fields names the MTI."""
_NOT_CHOSEN: Final = re.compile(r"[^A-Z0-9 ,.]")
_BLANKS: Final = re.compile(" +")


class Joining(StrEnum):
    """How the fields of a list become one row of bytes. The value is the word in the settings."""

    WIRE = "wire"
    """As they are on the wire, with their lengths, one behind the other."""

    UNIONPAY = "unionpay"
    """By UnionPay's choice of characters: as text with their lengths, a blank between two, in capitals;
    nothing but letters, digits, blanks, commas and full stops, and never two blanks in a row."""


class Cover(NamedTuple):
    """What a MAC covers: the fields of these numbers, in this order; none of them means the whole message."""

    fields: tuple[int, ...] = ()
    joining: Joining = Joining.WIRE

    def joined(self, fields: Mapping[int, Field]) -> bytes:
        """Return the bytes that the MAC is computed of. A field that the message has not is left out."""
        present = [fields[number] for number in self.fields if number in fields]
        if self.joining is Joining.WIRE:
            return b"".join(field.wire for field in present)
        texts = (_NOT_CHOSEN.sub("", field.text.upper()).strip() for field in present)
        return _BLANKS.sub(" ", " ".join(texts)).encode("ascii")


class Field(NamedTuple):
    """One field of a message: its bytes with their length, and its text behind the length's digits."""

    wire: bytes
    text: str


WHOLE: Final = Cover()
