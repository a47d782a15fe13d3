"""How the length of a frame is written: binary, packed, or as digits, in so many bytes.

Pure, and knows nothing of what the length counts: that is `framing`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from protocol.errors import FramingError
from qianzhi_errors.sentence import Sentence

MALFORMED: Final = -1
"""What is read where no length stands."""


class Notation(StrEnum):
    """How the figures of a length are written; the value is the end of a form's name."""

    BE = "be"
    """Binary, the highest byte first."""

    LE = "le"
    """Binary, the lowest byte first."""

    BCD = "bcd"
    """Packed decimal digits, two a byte."""

    ASCII = "ascii"
    """Decimal digits in ASCII."""

    EBCDIC = "ebcdic"
    """Decimal digits in EBCDIC."""

    HEX = "hex"
    """Hexadecimal digits in ASCII."""


WIDTHS: Final[Mapping[Notation, range]] = MappingProxyType(
    {
        Notation.BE: range(2, 5),
        Notation.LE: range(2, 5),
        Notation.BCD: range(2, 5),
        Notation.ASCII: range(3, 9),
        Notation.EBCDIC: range(3, 9),
        Notation.HEX: range(3, 9),
    }
)
"""How many bytes wide a length may be: fewer could not say the length of a message of the interface."""
_NAME: Final = re.compile(rf"([0-9])({'|'.join(Notation)})")
_HEX_DIGITS: Final = re.compile(rb"[0-9A-Fa-f]+")
_EBCDIC_ZERO: Final = 0xF0


class LengthForm(NamedTuple):
    """One way to write a length, `width` bytes wide. Its name in the settings is such as "4ascii"."""

    width: int
    notation: Notation

    def __str__(self) -> str:
        return f"{self.width}{self.notation}"

    @property
    def longest(self) -> int:
        """The largest length that can be written."""
        return _LONGEST[self.notation](self.width)

    def reader(self) -> Callable[[bytes, int], int]:
        """Return the function that reads the length at an offset, at which `width` bytes are there; it
        returns MALFORMED where they are no length.
        """
        if self == BE2:
            return _read_be2
        width, read = self.width, _READERS[self.notation]
        return lambda data, at: read(data[at : at + width])

    def writer(self) -> Callable[[int], bytes]:
        """Return the function that writes a length, which is not larger than `longest`."""
        if self == BE2:
            return _write_be2
        width, write = self.width, _WRITERS[self.notation]
        return lambda length: write(length, width)

    def write(self, length: int) -> bytes:
        """Return the bytes of a length, which is not larger than `longest`."""
        return self.writer()(length)

    def wrong_at(self, data: bytes) -> int:
        """Return which byte of `data`, a length that is MALFORMED, is the first that is no digit."""
        probe = LengthForm(1, self.notation).reader()
        return next((place for place in range(len(data)) if probe(data, place) == MALFORMED), 0)


BE2: Final = LengthForm(2, Notation.BE)


def length_form(name: str) -> LengthForm:
    """Return the form of this name, such as "2be" or "4ascii". Raises FramingError where there is none."""
    match = _NAME.fullmatch(name)
    if match is not None:
        form = LengthForm(int(match[1]), Notation(match[2]))
        if form.width in WIDTHS[form.notation]:
            return form
    raise FramingError(Sentence("there is no such length; there are {forms}", forms=", ".join(_forms())))


def _forms() -> list[str]:
    """Return the names of all forms, in ranges."""
    return [f"{widths[0]} to {widths[-1]} {notation}" for notation, widths in WIDTHS.items()]


def _read_be2(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]


def _write_be2(length: int) -> bytes:
    return length.to_bytes(2)


def _read_ascii(digits: bytes) -> int:
    return int(digits) if digits.isdigit() else MALFORMED


def _read_bcd(packed: bytes) -> int:
    digits = packed.hex()
    return int(digits) if digits.isdecimal() else MALFORMED


def _read_ebcdic(zoned: bytes) -> int:
    return _read_ascii(bytes(byte - _EBCDIC_ZERO + 0x30 if byte >= _EBCDIC_ZERO else 0 for byte in zoned))


def _read_hex(digits: bytes) -> int:
    # int() would take blanks, signs and underscores too.
    return int(digits, 16) if _HEX_DIGITS.fullmatch(digits) else MALFORMED


def _write_ebcdic(length: int, width: int) -> bytes:
    return bytes(_EBCDIC_ZERO + int(digit) for digit in f"{length:0{width}d}")


_READERS: Final[Mapping[Notation, Callable[[bytes], int]]] = MappingProxyType(
    {
        Notation.BE: int.from_bytes,
        Notation.LE: lambda data: int.from_bytes(data, "little"),
        Notation.BCD: _read_bcd,
        Notation.ASCII: _read_ascii,
        Notation.EBCDIC: _read_ebcdic,
        Notation.HEX: _read_hex,
    }
)
_WRITERS: Final[Mapping[Notation, Callable[[int, int], bytes]]] = MappingProxyType(
    {
        Notation.BE: lambda length, width: length.to_bytes(width),
        Notation.LE: lambda length, width: length.to_bytes(width, "little"),
        Notation.BCD: lambda length, width: bytes.fromhex(f"{length:0{2 * width}d}"),
        Notation.ASCII: lambda length, width: b"%0*d" % (width, length),
        Notation.EBCDIC: _write_ebcdic,
        Notation.HEX: lambda length, width: b"%0*X" % (width, length),
    }
)
_LONGEST: Final[Mapping[Notation, Callable[[int], int]]] = MappingProxyType(
    {
        Notation.BE: lambda width: 256**width - 1,
        Notation.LE: lambda width: 256**width - 1,
        Notation.BCD: lambda width: 100**width - 1,
        Notation.ASCII: lambda width: 10**width - 1,
        Notation.EBCDIC: lambda width: 10**width - 1,
        Notation.HEX: lambda width: 16**width - 1,
    }
)
