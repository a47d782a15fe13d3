"""Dialects: how one bank's network writes ISO 8583:1987.

Everything that differs between networks is in the TOML files of `protocol/dialects/`; no code, here or
elsewhere, may ask for a dialect's name. A file is complete, or names a complete one as its `base` and holds
only what differs: a key of [wire], or keys of a data element (DE). What a file may say is in `dialect_file`;
encoding and decoding of messages is in `codec`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from protocol.dialect_file import FIRST, LAST, Entry, Wire, checked
from protocol.errors import DialectError
from protocol.gb18030 import GB18030_2022

Spec = Mapping[str, Mapping[str, Any]]
"""pyiso8583's specification: field key to its attributes."""

STANDARD: Final = "ascii87"
"""The shipped dialect that the others are based on; its file names the DEs as ISO 8583:1987 does."""


class Element(NamedTuple):
    """One DE of a dialect.

    `kind` is a, n, an, ns, ans, x+n, z or b. `prefix` is how many digits the length has on the wire: 0 (the
    length is fixed), 2 or 3. `length` is the exact length if it is fixed, else the longest: in characters; in
    bytes for text; in hex digits for b. `encoding` is a Python codec, or "bcd", "binary" or "hex". `text`: in
    the dialect's text encoding. `lines`: line feeds are allowed.
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
    """One dialect, immutable. `elements` maps 1 to 128 to the DEs; `spec` says the same to pyiso8583."""

    name: str
    text_encoding: str
    """Python codec of the DEs that are marked text."""
    de48_encoding: str
    """Python codec of DE 48, for `tlv`."""
    mac_hex: bool
    """Whether binary DEs, and so the MAC, are hex digits on the wire."""
    elements: Mapping[int, Element]
    spec: Spec

    @property
    def mac_width(self) -> int:
        """Bytes of the MAC field (64 bits) on the wire: 8, or 16 in hex."""
        return 16 if self.mac_hex else 8

    @property
    def mti_width(self) -> int:
        """Bytes of the MTI on the wire: 4, or 2 in BCD."""
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


def load(name: str, gb18030: str = "2005") -> Dialect:
    """Return a shipped dialect; where its text is GB18030, as of the year that is given, 2005 or 2022. Raises
    DialectError for an unknown name or a file that cannot be used.
    """
    if name not in shipped():
        raise DialectError(f"no dialect {name!r}; there are {', '.join(shipped())}")
    content = complete(_source(name), name)
    if gb18030 == "2022" and content["wire"]["text"] == "gb18030":
        content["wire"]["text"] = GB18030_2022
    return _dialect(content, name)


@cache
def element_names() -> Mapping[int, str]:
    """Return the names of DE 1 to 128 in ISO 8583:1987, table of data elements."""
    return MappingProxyType({number: element.name for number, element in load(STANDARD).elements.items()})


def _source(name: str) -> str:
    """Return the text of a shipped dialect's file."""
    return files("protocol").joinpath("dialects", f"{name}.toml").read_text("utf-8")


def parse(source: str, name: str) -> Dialect:
    """Return the dialect that a file's text describes; `name` is the file's name without its suffix.

    Raises DialectError that names the file, the key or DE, and the reason.
    """
    return _dialect(complete(source, name), name)


def _dialect(document: Mapping[str, Any], name: str) -> Dialect:
    content = checked(document, f"{name}.toml")
    elements = {int(key): _element(int(key), entry, content.wire) for key, entry in content.elements.items()}
    return Dialect(
        name=name,
        text_encoding=content.wire.text,
        de48_encoding=elements[48].encoding,
        mac_hex=content.wire.binary == "hex",
        elements=MappingProxyType(dict(sorted(elements.items()))),
        spec=_spec(elements, content.wire),
    )


def complete(source: str, name: str) -> dict[str, Any]:
    """Return the content of a dialect's file with all that it takes over from its base; not checked yet.

    Raises DialectError for text that is not TOML, and for a base that is not a complete shipped dialect.
    """
    document = _document(source, name)
    if "base" not in document:
        return document
    base = document.pop("base")
    if base not in shipped():
        raise DialectError(f"{name}.toml: base must be one of {', '.join(shipped())}")
    under = _document(_source(base), base)
    if "base" in under:
        raise DialectError(f"{name}.toml: the base {base} has a base itself")
    return _overlaid(under, document)


def _document(source: str, name: str) -> dict[str, Any]:
    """Return a file's TOML as it is. Raises DialectError that names the file and the place."""
    try:
        return tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise DialectError(f"{name}.toml: {error}") from error


def _overlaid(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `under` with the keys of `over` in place of its own; tables in both are merged key by key."""
    merged = dict(under)
    for key, value in over.items():
        below = under.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[key] = _overlaid(below, value)
        else:
            merged[key] = value
    return merged


def _element(number: int, entry: Entry, wire: Wire) -> Element:
    """Return the DE that a file's entry describes, its length in the units of `Element`."""
    kind, prefix, length = entry.format
    encoding = wire.text if entry.text else wire.encoding_of(kind)
    if kind == "b":
        length //= 4
    return Element(
        number, entry.name, kind, prefix, length + (kind == "x+n"), encoding, entry.text, entry.lines
    )


def _spec(elements: Mapping[int, Element], wire: Wire) -> Spec:
    """Return pyiso8583's specification: "h" header (none), "t" MTI, "p" bitmap, "1" to "128"."""
    bitmap = {**_binary_spec(elements[1], wire), "desc": "Bitmap, primary"}
    mti = {"data_enc": "b" if wire.mti == "bcd" else wire.mti, "max_len": 4, "desc": "MTI"}
    header = {"data_enc": "ascii", "max_len": 0, "desc": "Header"}
    spec: dict[str, Mapping[str, Any]] = {}
    for key, entry in (("h", header), ("t", mti), ("p", bitmap), ("1", bitmap)):
        spec[key] = MappingProxyType({"len_type": 0, "len_enc": "ascii", **entry})
    for number in range(FIRST + 1, LAST + 1):
        spec[str(number)] = MappingProxyType(_element_spec(elements[number], wire))
    return MappingProxyType(spec)


def _element_spec(element: Element, wire: Wire) -> dict[str, Any]:
    if element.kind == "b":
        return _binary_spec(element, wire)
    # pyiso8583 counts a BCD length in bytes: 1 for LL, 2 for LLL.
    len_type = (element.prefix + 1) // 2 if wire.length == "bcd" else element.prefix
    entry = {"len_type": len_type, "len_enc": wire.length, "max_len": element.length, "desc": element.name}
    if element.encoding != "bcd":
        return {**entry, "data_enc": element.encoding}
    pad = "right_pad" if element.prefix else "left_pad"
    return {**entry, "data_enc": "b", "len_count": "nibbles", pad: "0"}


def _binary_spec(element: Element, wire: Wire) -> dict[str, Any]:
    written_hex = (wire.bitmap if element.number == FIRST else wire.binary) == "hex"
    return {
        "data_enc": wire.other if written_hex else "b",
        "len_type": 0,
        "len_enc": "ascii",
        "max_len": element.length if written_hex else element.length // 2,
        "desc": element.name,
    }
