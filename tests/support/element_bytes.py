"""How each data element (DE) is written: ISO 8583:1987 and docs/protocol.md section 2, stated a second time.

Nothing here is from the dialects' files or the codec, so a fault that the codec makes in both directions
shows too. No test belongs here, and no rule of what a field means.
"""

from __future__ import annotations

import re
from binascii import unhexlify
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import NamedTuple


class Wire(NamedTuple):
    """How a dialect writes each part of a message: a Python codec, or "bcd", "binary" or "hex"."""

    mti: str
    bitmap: str
    length: str
    numeric: str
    other: str
    binary: str
    text: str


WIRES = {
    "ascii87": Wire("ascii", "binary", "ascii", "ascii", "ascii", "binary", "utf-8"),
    "bcd87": Wire("bcd", "binary", "bcd", "bcd", "ascii", "binary", "gb18030"),
    "ebcdic87": Wire("cp500", "binary", "cp500", "cp500", "cp500", "binary", "cp500"),
    "hex87": Wire("ascii", "hex", "ascii", "ascii", "ascii", "hex", "utf-8"),
}


class Format(NamedTuple):
    """A DE's format: its kind, the digits of its length (0 if it is fixed), and the length, or the longest,
    in characters of its value; in bytes for text.
    """

    kind: str
    prefix: int
    length: int


_TABLE = """
2 n..19; 3 n 6; 4-6 n 12; 7 n 10; 8-10 n 8; 11-12 n 6; 13-18 n 4; 19-24 n 3; 25-26 n 2; 27 n 1; 28-31 x+n 8;
32-33 n..11; 34 ns..28; 35 z..37; 36 z...104; 37 an 12; 38 an 6; 39 an 2; 40 an 3; 41 ans 8; 42 ans 15;
43 ans 40; 44 ans..25; 45 ans..76; 46-48 ans...999; 49-51 an 3; 52 b 64; 53 n 16; 54 an...120;
55-63 ans...999; 64 b 64; 66 n 1; 67 n 2; 68-70 n 3; 71-72 n 4; 73 n 6; 74-81 n 10; 82-85 n 12; 86-89 n 16;
90 n 42; 91 an 1; 92 an 2; 93 an 5; 94 an 7; 95 an 42; 96 b 64; 97 x+n 16; 98 ans 25; 99-100 n..11;
101 ans..17; 102-103 ans..28; 104 ans...100; 105-127 ans...999; 128 b 64
"""
TEXT = frozenset({44, 48, 62, 63})
"""The DEs in the dialect's text encoding. DE 62 alone may have line feeds."""


def _formats() -> dict[int, Format]:
    formats = {}
    for first, last, kind, dots, length in re.findall(
        r"(\d+)(?:-(\d+))? (\S+?)( |\.\.\.?)(\d+)(?:;|\n)", _TABLE
    ):
        size = {"b": int(length) // 4, "x+n": int(length) + 1}.get(kind, int(length))
        for number in range(int(first), int(last or first) + 1):
            formats[number] = Format(kind, dots.count("."), size)
    return formats


FORMATS: Mapping[int, Format] = _formats()


def message_bytes(name: str, mti: str, fields: Mapping[int, str]) -> bytes:
    """Return a message's bytes in a dialect: MTI, bitmaps, and the fields in ascending order.

    Raises ValueError where the dialect has no bytes for a value; one of another length is written as it is.
    """
    parts = (element_bytes(name, number, fields[number]) for number in sorted(fields))
    return b"".join(chain([head_bytes(name, mti, fields)], parts))


def head_bytes(name: str, mti: str, numbers: Iterable[int]) -> bytes:
    """Return the MTI and the bitmaps of a message with these DEs: the second bitmap only if a DE needs it."""
    wire, bits = WIRES[name], set(numbers)
    width = 128 if max(bits, default=0) > 64 else 64
    bits |= {1} if width == 128 else set()
    bitmap = sum(1 << (width - number) for number in bits).to_bytes(width // 8, "big")
    written = bitmap.hex().upper().encode(wire.other) if wire.bitmap == "hex" else bitmap
    return (unhexlify(mti) if wire.mti == "bcd" else mti.encode(wire.mti)) + written


def element_bytes(name: str, number: int, value: str) -> bytes:
    """Return a DE's bytes with its length. Raises ValueError where the dialect has none for the value."""
    wire, (kind, prefix, _) = WIRES[name], FORMATS[number]
    if kind == "n" and wire.numeric == "bcd":
        even = value if len(value) % 2 == 0 else value + "0" if prefix else "0" + value
        return _length_bytes(wire.length, prefix, len(value)) + unhexlify(even)
    if kind == "b" and wire.binary == "binary":
        return unhexlify(value)
    data = value.encode(wire.text if number in TEXT else wire.numeric if kind == "n" else wire.other)
    return _length_bytes(wire.length, prefix, len(data)) + data


def _length_bytes(encoding: str, prefix: int, count: int) -> bytes:
    if not prefix:
        return b""
    digits = f"{count:0{prefix}}"
    if len(digits) > prefix:
        raise ValueError(f"{count} has more than {prefix} digits")
    return unhexlify(digits.rjust(prefix + prefix % 2, "0")) if encoding == "bcd" else digits.encode(encoding)
