"""What a dialect's file may say.

One document, read from TOML and complete: its base, if it has one, is already filled in. Why a file cannot be
used is said by `dialect_check`. What follows from the file for encoding and decoding is in `dialect`;
docs/connect.md explains the keys to a bank's integrator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, NamedTuple, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from qianzhi_errors.sentence import Sentence

FIRST, LAST, LAST_OF_ALL = 1, 128, 192
"""The numbers of the first and the last data element (DE); above 128 are those of a third bitmap."""
LAST_SUBFIELD: Final = 64
"""The number of the last subfield that a private bitmap can announce."""

Characters = Literal["ascii", "cp500", "cp037", "latin-1"]
Digits = Literal["ascii", "cp500", "cp037", "bcd"]
Lengths = Literal["ascii", "cp500", "cp037", "bcd", "binary"]
Binary = Literal["binary", "hex"]
Counts = Literal["bytes", "digits", "characters"]
Secondary = Literal["announced", "always", "always announced"]
Bitmaps = Literal["binary", "hex", "hex-ascii", "hex-cp500"]
Texts = Literal["utf-8", "gb18030", "gb18030-2022", "gbk", "ascii", "latin-1", "cp500", "cp037"]
Encoding = Literal[
    "ascii",
    "cp500",
    "cp037",
    "latin-1",
    "bcd",
    "binary",
    "hex",
    "hex-ascii",
    "hex-cp500",
    "utf-8",
    "gb18030",
    "gb18030-2022",
    "gbk",
]

_CHARACTERS: Final = frozenset(get_args(Characters))
WIDE: Final = frozenset(("utf-8", "gb18030", "gb18030-2022", "gbk"))
"""Encodings in which a character may take more than one byte: a DE in one of them is text."""
_ENCODINGS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "n": _CHARACTERS | {"bcd"},
        "z": _CHARACTERS | {"bcd"},
        "x+n": _CHARACTERS | {"bcd"},
        "b": frozenset(("binary", "hex", "hex-ascii", "hex-cp500")),
        "a": _CHARACTERS,
        "an": _CHARACTERS,
        "ns": _CHARACTERS,
        "ans": _CHARACTERS | WIDE,
    }
)
"""Kind of a DE -> the encodings in which it may be."""

_FORMAT: Final = re.compile(r"(x\+n|ans|an|ns|a|n|b|z)( |\.{1,6})([1-9][0-9]{0,5})")
"""Kind, then " 12" for a fixed length, "..19" for LLVAR, "...999" for LLLVAR, up to six digits of length."""
_OPEN: Final = "b"
"""The format of a DE with a private bitmap and no length."""
_FILL: Final = re.compile("(left|right) ([0-9A-F])")
_FIXED_MAX: Final = 9999
_BITS_64: Final = (1, 64, 65, 128)
_MACS: Final = ("64", "128")


class Format(NamedTuple):
    """A format of ISO 8583: kind, digits of the length prefix (0 to 6), and length as the notation counts it
    (bits for a fixed b, bytes for a variable one, characters for the others; the sign of x+n is not counted).
    A length of 0 is that of a DE which ends where its private bitmap says.
    """

    kind: str
    prefix: int
    length: int


class Fill(NamedTuple):
    """Where a packed field of an odd number of digits is filled, "left" or "right", and with which digit."""

    side: str
    digit: str


def _format(notation: object) -> Format:
    """Return the format that is written `n 6`, `ans..25` or `z...104`. Raises ValueError with the reason."""
    match = _FORMAT.fullmatch(notation) if isinstance(notation, str) else None
    if notation == _OPEN:
        return Format("b", 0, 0)
    if match is None:
        raise ValueError(Sentence("format {notation} is none of ISO 8583", notation=repr(notation)))
    kind, dots, digits = match.groups()
    prefix, length = len(dots.strip()), int(digits)
    if not prefix and length > _FIXED_MAX:
        raise ValueError(Sentence("a fixed length is at most {most}", most=_FIXED_MAX))
    if kind == "b" and not prefix and length % 8:
        raise ValueError(Sentence("a fixed b is in whole bytes"))
    if kind == "x+n" and prefix:
        raise ValueError(Sentence("x+n must be fixed"))
    return Format(kind, prefix, length)


def _fill(notation: object) -> Fill:
    """Return the fill that is written `left 0` or `right F`. Raises ValueError with the reason."""
    match = _FILL.fullmatch(notation) if isinstance(notation, str) else None
    if match is None:
        raise ValueError(Sentence('fill is "left" or "right" and one digit of 0 to 9 or A to F: "right F"'))
    return Fill(*match.groups())


class _Section(BaseModel):
    """A table of the file: strict types, no unknown keys, nothing changes after the check."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class Wire(_Section):
    """How each kind of content is written: a Python codec, or "bcd", "binary" or "hex"."""

    mti: Digits
    bitmap: Bitmaps
    length: Lengths
    numeric: Digits
    other: Characters
    binary: Binary
    text: Texts
    version: Literal["1987", "1993"] = "1987"
    """The edition of ISO 8583 that the first digit of the MTI names."""
    secondary: Secondary = "announced"
    """Whether bit 1 announces the second bitmap, or it is always there, and bit 1 never or always set."""

    def encoding_of(self, kind: str) -> str:
        """Return how a field of this kind is written, if it is not marked text."""
        return {"n": self.numeric, "b": self.binary}.get(kind, self.other)


class Entry(_Section):
    """One DE: its name and format, and what of it is not as [wire] says: whether it is in the text encoding,
    whether line feeds are allowed, its encoding, that of its length, what the length counts, its fill, and
    the encoding of its private bitmap, if it has one.
    """

    name: str = Field(min_length=1)
    format: Annotated[Format, BeforeValidator(_format)]
    text: bool = False
    lines: bool = False
    encoding: Encoding | None = None
    length: Lengths | None = None
    counts: Counts | None = None
    fill: Annotated[Fill, BeforeValidator(_fill)] | None = None
    bitmap: Bitmaps | None = None

    @model_validator(mode="after")
    def _keys_fit_the_format(self) -> Self:
        kind, prefix, _length = self.format
        if self.text and kind != "ans":
            raise ValueError(Sentence("only an ans can be text"))
        if self.encoding is not None and self.encoding not in _ENCODINGS[kind]:
            raise ValueError(Sentence("{kind} cannot be in {encoding}", kind=kind, encoding=self.encoding))
        if not prefix and (self.length is not None or self.counts not in (None, "characters")):
            raise ValueError(Sentence("a field of fixed length has no length before it"))
        if self.bitmap is None and not self.format.length:
            raise ValueError(Sentence("only a DE with a bitmap of its own goes without a length"))
        if self.bitmap is not None and (kind != "b" or self.encoding not in (None, "binary")):
            raise ValueError(Sentence("a DE with a bitmap of its own is b, in no encoding but binary"))
        return self

    def encoding_in(self, wire: Wire) -> str:
        """Return how the DE is written in a dialect: by its own key, else as [wire] says of its kind; in
        bytes where it has a private bitmap.
        """
        if self.bitmap is not None:
            return "binary"
        return self.encoding or (wire.text if self.text else wire.encoding_of(self.format.kind))

    def fill_in(self) -> Fill:
        """Return how an odd number of packed digits is filled: by its own key, else by F where that alone can
        be told from a digit, else by 0 before a fixed and behind a variable number of them.
        """
        if self.fill is not None:
            return self.fill
        if self.counts == "bytes":
            return Fill("right", "F")
        return Fill("right" if self.format.prefix else "left", "0")


class Subentry(Entry):
    """One subfield behind a private bitmap. `like` is the DE whose content it has: it is shown, hidden and
    refused as that one is. Without it, only what is `shown` is shown to people.
    """

    like: Annotated[int, Field(ge=FIRST + 1, le=LAST)] | None = None
    shown: bool = False


class Interface(_Section):
    """In which DE a network carries what the interface has in DE 48, the groups, and 62, the receipt."""

    groups: Annotated[int, Field(ge=FIRST, le=LAST)] = 48
    receipt: Annotated[int, Field(ge=FIRST, le=LAST)] = 62


def _contradiction(path: tuple[str, ...], reason: str) -> ValueError:
    """Return the error that two keys of the file cannot both be so; `path` is the key that is named."""
    return ValueError(reason, path)


def _all_subfields(table: object) -> object:
    """Return the table if its keys are numbers of DEs, and each has a table of numbers of subfields. Raises
    ValueError with the reason.
    """
    if not isinstance(table, dict):
        raise _contradiction(("subfields",), Sentence("[subfields] must be a table"))
    numbers = {str(number) for number in range(FIRST, LAST_SUBFIELD + 1)}
    for key, below in table.items():
        if not isinstance(below, dict) or not below:
            raise _contradiction(
                ("subfields", key), Sentence("[subfields.{key}] must be a table of subfields", key=key)
            )
        for number in below.keys() - numbers:
            raise _contradiction(
                ("subfields", key, number),
                Sentence(
                    "{key} is no number of a subfield from {first} to {last}",
                    key=repr(number),
                    first=FIRST,
                    last=LAST_SUBFIELD,
                ),
            )
    return table


def _all_numbers(table: object) -> object:
    """Return the table if its keys are the numbers of all DEs. Raises ValueError with the reason."""
    if not isinstance(table, dict):
        raise _contradiction(("elements",), Sentence("[elements] must be a table"))
    expected = [str(number) for number in range(FIRST, LAST + 1)]
    known = {*expected, *(str(number) for number in range(LAST + 1, LAST_OF_ALL + 1))}
    for key in table:
        if key not in known:
            raise _contradiction(
                ("elements", key),
                Sentence(
                    "{key} is no DE number from {first} to {last}",
                    key=repr(key),
                    first=FIRST,
                    last=LAST_OF_ALL,
                ),
            )
    for key in expected:
        if key not in table:
            raise _contradiction(("elements", key), Sentence("DE {number} is missing", number=key))
    return table


class DialectFile(_Section):
    """A complete dialect file: how things are written, every DE from 1 to 128 by its number as text, and up
    to 192 where the network has a third bitmap; the subfields of each DE that has a private bitmap.
    """

    wire: Wire
    elements: Annotated[dict[str, Entry], BeforeValidator(_all_numbers)]
    interface: Interface = Interface()
    subfields: Annotated[dict[str, dict[str, Subentry]], BeforeValidator(_all_subfields)] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _keys_fit_together(self) -> Self:
        for number in _BITS_64:
            if self.elements[str(number)].format != Format("b", 0, 64):
                raise _contradiction(
                    ("elements", str(number), "format"), Sentence("DE {number} must be b 64", number=number)
                )
        for key, entry in self.elements.items():
            fault = _fault_of(entry, self.wire)
            if fault:
                raise _contradiction(
                    ("elements", key, fault.key),
                    Sentence("DE {number}: {reason}", number=key, reason=fault.reason),
                )
        if len({self.elements[key].encoding_in(self.wire) for key in _MACS}) > 1:
            raise _contradiction(
                ("elements", _MACS[1], "encoding"), Sentence("DE 64 and DE 128 must be written alike")
            )
        _check_places(self.interface)
        _check_subfields(self)
        return self


class _Fault(NamedTuple):
    """What is wrong with one DE: the key that is named, and the reason."""

    key: str
    reason: str


def _fault_of(entry: Entry, wire: Wire) -> _Fault | None:
    """Return the first thing that a DE's keys and [wire] cannot both mean; None if there is none."""
    kind, prefix, length = entry.format
    encoding, lengths = entry.encoding_in(wire), entry.length or wire.length
    packed = encoding == "bcd"
    if entry.lines and not (entry.text or encoding in WIDE):
        return _Fault("lines", Sentence("only text has lines"))
    if prefix and length > longest(prefix, lengths):
        return _Fault("format", Sentence("its length is longer than its length digits can say"))
    if entry.counts == "digits" and not packed:
        return _Fault("counts", Sentence("only the length of packed digits can count digits"))
    if entry.counts == "characters" and encoding not in WIDE:
        return _Fault("counts", Sentence("only text of one to four bytes a character can count characters"))
    if entry.fill is not None and not packed:
        return _Fault("fill", Sentence("only packed digits are filled"))
    if entry.fill is not None and not prefix and not length % 2:
        return _Fault("fill", Sentence("an even number of digits is never filled"))
    if entry.fill is not None and entry.counts == "bytes" and entry.fill.digit.isdecimal():
        return _Fault("fill", Sentence("a length in bytes cannot tell a fill of 0 to 9 from a digit"))
    if packed and kind == "x+n" and length % 2:
        return _Fault("format", Sentence("x+n packed behind its sign has an even number of digits"))
    if packed and entry.counts == "bytes" and length % 2:
        return _Fault("format", Sentence("a length in bytes needs an even longest length"))
    return None


def _check_subfields(content: DialectFile) -> None:
    """Raise ValueError for a DE that has a private bitmap and no subfields, or these and no bitmap, and for a
    subfield that cannot be.
    """
    bitmaps = {key for key, entry in content.elements.items() if entry.bitmap is not None}
    for key in map(str, _BITS_64):
        if key in bitmaps:
            raise _contradiction(
                ("elements", key, "bitmap"), Sentence("DE {number} has no bitmap of its own", number=key)
            )
    for key in sorted(bitmaps - content.subfields.keys()):
        raise _contradiction(
            ("elements", key, "bitmap"),
            Sentence("DE {number}: the table [subfields.{number}] is missing", number=key),
        )
    for key, entries in content.subfields.items():
        if key not in bitmaps:
            raise _contradiction(
                ("subfields", key), Sentence("DE {number} has no bitmap of its own", number=key)
            )
        for number, entry in entries.items():
            fault = _fault_of(entry, content.wire)
            if entry.counts == "characters":
                fault = _Fault("counts", Sentence("a subfield counts bytes or digits"))
            if entry.bitmap is not None:
                fault = _Fault(
                    "bitmap", Sentence("a bitmap within a bitmap is not read: its DE is one value")
                )
            if fault:
                raise _contradiction(
                    ("subfields", key, number, fault.key),
                    Sentence("DE {number}: {reason}", number=f"{key}.{number}", reason=fault.reason),
                )


def longest(prefix: int, encoding: str) -> int:
    """Return the greatest number that a length of so many digits can say in its encoding."""
    if encoding == "binary":
        return (1 << 8 * prefix_bytes(prefix, encoding)) - 1
    return int("9" * prefix)


def digits_of(encoding: str, wire: Wire) -> str:
    """Return pyiso8583's word for bits that are written in `encoding`: "b", or the codec of hex digits."""
    return {"binary": "b", "hex": wire.other}.get(encoding, encoding.removeprefix("hex-"))


def prefix_bytes(prefix: int, encoding: str) -> int:
    """Return how many bytes a length of so many digits takes: two digits are one byte in BCD and binary."""
    return (prefix + 1) // 2 if encoding in ("bcd", "binary") else prefix


_FREE: Final = frozenset((*range(46, 49), *range(54, 64)))
"""DEs, below the first MAC, that the interface uses for nothing but groups and receipt."""


def _check_places(interface: Interface) -> None:
    """Raise ValueError where groups or receipt stand in a DE that the interface uses otherwise."""
    for key, number in (("groups", interface.groups), ("receipt", interface.receipt)):
        if number not in _FREE:
            raise _contradiction(
                ("interface", key),
                Sentence("DE {number} is not free for the {what}", number=number, what=key),
            )
    if interface.groups == interface.receipt or interface.groups == 62 or interface.receipt == 48:
        raise _contradiction(
            ("interface",), Sentence("the groups and the receipt need two DEs, neither the other's own")
        )
