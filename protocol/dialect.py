"""Dialects: how one bank's network writes ISO 8583:1987, read from data files and checked.

Everything that differs between networks is in the TOML files of `protocol/dialects/`; code that asks for a
dialect's name does not belong here or anywhere. No encoding or decoding of messages: that is `codec`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from protocol.errors import DialectError

Spec = Mapping[str, Mapping[str, Any]]

FIRST, LAST = 1, 128

# The keys of [wire] and what each may say.
_TEXT_ENCODINGS: Final = ("ascii", "cp500")
_WIRE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "mti": (*_TEXT_ENCODINGS, "bcd"),
        "bitmap": ("binary", "hex"),
        "length": (*_TEXT_ENCODINGS, "bcd"),
        "numeric": (*_TEXT_ENCODINGS, "bcd"),
        "other": _TEXT_ENCODINGS,
        "binary": ("binary", "hex"),
        "text": ("utf-8", "gb18030", "cp500"),
    }
)

# A format: kind, then " 12" fixed, "..19" LLVAR or "...999" LLLVAR.
_FORMAT: Final = re.compile(r"(x\+n|ans|an|ns|a|n|b|z)( |\.\.\.?)([1-9][0-9]{0,2})")
_PREFIX_DIGITS: Final[Mapping[str, int]] = MappingProxyType({" ": 0, "..": 2, "...": 3})
_BITS_64: Final = (1, 64, 65, 128)


class Element(NamedTuple):
    """One DE of a dialect.

    `kind` is a, n, an, ns, ans, x+n, z or b. `length` is the exact length where `prefix` (the digits of its
    length, 0, 2 or 3) is 0, else the longest: in characters; in bytes for text; in hex digits for b.
    `encoding` is a Python codec name, or "bcd", "binary" or "hex".
    """

    number: int
    name: str
    kind: str
    prefix: int
    length: int
    encoding: str
    text: bool
    lines: bool


@dataclass(frozen=True, slots=True)
class Dialect:
    """One dialect, immutable. `spec` is pyiso8583's; `elements` maps DE 1 to 128 to what the file says."""

    name: str
    text_encoding: str
    """Python codec of the DEs marked text."""
    de48_encoding: str
    """Python codec of DE 48, for `tlv`."""
    mac_hex: bool
    """True where binary DEs, so the MAC too, are hex digits on the wire."""
    elements: Mapping[int, Element]
    spec: Spec

    @property
    def mac_width(self) -> int:
        """Bytes that the MAC field (64 bits) takes on the wire: 8, or 16 in hex."""
        return 16 if self.mac_hex else 8

    @property
    def mti_width(self) -> int:
        """Bytes that the MTI takes on the wire: 4, or 2 in BCD."""
        return 2 if self.spec["t"]["data_enc"] == "b" else 4

    def carries(self, text: str) -> bool:
        """Tell whether the dialect's text encoding can express `text`."""
        try:
            text.encode(self.text_encoding)
        except UnicodeEncodeError:
            return False
        return True


def shipped() -> tuple[str, ...]:
    """Return the names of the dialects in the package, sorted."""
    names = (entry.name for entry in files("protocol").joinpath("dialects").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def load(name: str) -> Dialect:
    """Return a shipped dialect. Raises DialectError for an unknown name or a file that is not in order."""
    if name not in shipped():
        raise DialectError(f"no dialect {name!r}; there are {', '.join(shipped())}")
    source = files("protocol").joinpath("dialects", f"{name}.toml").read_text("utf-8")
    return parse(source, name)


def parse(source: str, name: str) -> Dialect:
    """Return the dialect that a file's text describes; `name` is the file's, without its suffix.

    Raises DialectError that names the file, the key or DE, and the reason.
    """
    file = f"{name}.toml"
    try:
        document = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise DialectError(f"{file}: {error}") from error
    if set(document) != {"wire", "elements"}:
        raise DialectError(f"{file}: needs the tables [wire] and [elements], and nothing else")
    wire = _checked_wire(document["wire"], file)
    elements = _checked_elements(document["elements"], wire, file)
    return Dialect(
        name=name,
        text_encoding=wire["text"],
        de48_encoding=elements[48].encoding,
        mac_hex=wire["binary"] == "hex",
        elements=MappingProxyType(elements),
        spec=_spec(elements, wire),
    )


def _checked_wire(wire: object, file: str) -> dict[str, str]:
    if not isinstance(wire, dict) or set(wire) != set(_WIRE):
        raise DialectError(f"{file}: [wire] needs exactly the keys {', '.join(_WIRE)}")
    for key, allowed in _WIRE.items():
        if wire[key] not in allowed:
            raise DialectError(f"{file}: wire.{key} must be one of {', '.join(allowed)}")
    return wire


def _checked_elements(table: object, wire: Mapping[str, str], file: str) -> dict[int, Element]:
    expected = [str(number) for number in range(FIRST, LAST + 1)]
    if not isinstance(table, dict):
        raise DialectError(f"{file}: [elements] must be a table")
    for key in table:
        if key not in expected:
            raise DialectError(f"{file}: {key!r} is no DE number from {FIRST} to {LAST}")
    for key in expected:
        if key not in table:
            raise DialectError(f"{file}: DE {key} is missing")
    return {int(key): _element(int(key), table[key], wire, f"{file}: DE {key}") for key in expected}


def _element(number: int, entry: object, wire: Mapping[str, str], where: str) -> Element:
    if not isinstance(entry, dict) or not {"name", "format"} <= set(entry) <= {
        "name",
        "format",
        "text",
        "lines",
    }:
        raise DialectError(f"{where} needs name and format, and may have text and lines")
    name, text, lines = entry["name"], entry.get("text", False), entry.get("lines", False)
    if not isinstance(name, str) or not name:
        raise DialectError(f"{where}: the name is empty or no text")
    if not isinstance(text, bool) or not isinstance(lines, bool):
        raise DialectError(f"{where}: text and lines must be true or false")
    kind, prefix, length = _format(entry["format"], where)
    if text and (kind != "ans" or not prefix):
        raise DialectError(f"{where}: only a variable ans can be text")
    if number in _BITS_64 and (kind, prefix, length) != ("b", 0, 64):
        raise DialectError(f"{where} must be b 64")
    encoding = wire["text"] if text else _encoding(kind, wire)
    if kind == "b":
        length //= 4
    return Element(number, name, kind, prefix, length + (kind == "x+n"), encoding, text, lines)


def _format(notation: object, where: str) -> tuple[str, int, int]:
    """Return (kind, prefix digits, length in the notation's own units)."""
    match = _FORMAT.fullmatch(notation) if isinstance(notation, str) else None
    if match is None:
        raise DialectError(f"{where}: format {notation!r} is none of ISO 8583")
    kind, dots, digits = match.groups()
    prefix, length = _PREFIX_DIGITS[dots], int(digits)
    if prefix and length >= 10**prefix:
        raise DialectError(f"{where}: format {notation!r} is longer than its length digits can say")
    if kind == "b" and (prefix or length % 8):
        raise DialectError(f"{where}: b must be fixed, in whole bytes")
    if kind == "x+n" and prefix:
        raise DialectError(f"{where}: x+n must be fixed")
    return kind, prefix, length


def _encoding(kind: str, wire: Mapping[str, str]) -> str:
    return wire[{"n": "numeric", "b": "binary"}.get(kind, "other")]


def _spec(elements: Mapping[int, Element], wire: Mapping[str, str]) -> Spec:
    """Return pyiso8583's specification: "h" header (none), "t" MTI, "p" bitmap, "1" to "128"."""
    bitmap = {**_binary_spec(elements[1], wire), "desc": "Bitmap, primary"}
    mti = {"data_enc": "b" if wire["mti"] == "bcd" else wire["mti"], "max_len": 4, "desc": "MTI"}
    header = {"data_enc": "ascii", "max_len": 0, "desc": "Header"}
    spec: dict[str, Mapping[str, Any]] = {}
    for key, entry in (("h", header), ("t", mti), ("p", bitmap), ("1", bitmap)):
        spec[key] = MappingProxyType({"len_type": 0, "len_enc": "ascii", **entry})
    for number in range(FIRST + 1, LAST + 1):
        spec[str(number)] = MappingProxyType(_element_spec(elements[number], wire))
    return MappingProxyType(spec)


def _element_spec(element: Element, wire: Mapping[str, str]) -> dict[str, Any]:
    if element.kind == "b":
        return _binary_spec(element, wire)
    # pyiso8583 counts a BCD length in bytes: 1 for LL, 2 for LLL.
    len_type = (element.prefix + 1) // 2 if wire["length"] == "bcd" else element.prefix
    entry = {"len_type": len_type, "len_enc": wire["length"], "max_len": element.length, "desc": element.name}
    if element.encoding != "bcd":
        return {**entry, "data_enc": element.encoding}
    pad = "right_pad" if element.prefix else "left_pad"
    return {**entry, "data_enc": "b", "len_count": "nibbles", pad: "0"}


def _binary_spec(element: Element, wire: Mapping[str, str]) -> dict[str, Any]:
    written_hex = wire["bitmap" if element.number == 1 else "binary"] == "hex"
    return {
        "data_enc": wire["other"] if written_hex else "b",
        "len_type": 0,
        "len_enc": "ascii",
        "max_len": element.length if written_hex else element.length // 2,
        "desc": element.name,
    }
