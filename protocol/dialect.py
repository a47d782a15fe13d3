"""Dialects: how one bank's network writes ISO 8583:1987.

Everything that differs between networks is in the TOML files of `protocol/dialects/`; no code, here or
elsewhere, may ask for a dialect's name. A file is complete, or names a shipped one as its `base` and holds
only what differs: a key of [wire], keys of a data element (DE), or the subfields that stand in one behind a
private bitmap. What a file may say is in `dialect_file`;
encoding and decoding of messages is in `codec`. A bank's own file is read elsewhere, and its text handed in.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from protocol.dialect_check import checked, place_of
from protocol.dialect_file import FIRST, WIDE, DialectFile, Entry, Wire, digits_of, prefix_bytes
from protocol.errors import DialectError
from protocol.gb18030 import GB18030_2022
from protocol.rewriting import Counted, Rewriting, Rewritten, rewriting_of, rewritten
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.toml_text import read_toml

Spec = Mapping[str, Mapping[str, Any]]
"""pyiso8583's specification: field key to its attributes."""

SUBFIELDS_AT: Final = 128
"""What is added to a subfield's number in pyiso8583's terms: a private bitmap is read as a third one, whose
64 bits all announce fields."""
OPEN_WIDTH: Final = 1 << 30
"""Bytes of length, in pyiso8583's terms, of a field that it cannot delimit: no message has so many, so it
stops there, and says where."""

STANDARD: Final = "ascii87"
"""The shipped dialect that the others are based on; its file names the DEs as ISO 8583:1987 does."""


class Element(NamedTuple):
    """One DE of a dialect.

    `kind` is a, n, an, ns, ans, x+n, z or b. `prefix` is how many digits the length has: 0 (the length is
    fixed) to 6. `length` is the exact length if it is fixed, else the longest: in characters; in bytes for
    text, or characters where they are counted; in hex digits for b; 0 where a private bitmap alone says where
    the DE ends. `encoding` is a Python codec, or "bcd", "binary" or "hex". `text`: in the dialect's text
    encoding. `lines`: line feeds are allowed.
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
class Private:
    """What stands in DE `number` behind a private bitmap: its subfields by number, 1 to 64.

    `spec` says the same to pyiso8583, a subfield's key being its number and SUBFIELDS_AT; `rewritten` has
    what pyiso8583 has no words for, by the same keys. `like` maps a subfield to the DE whose content it has;
    `shown` are those that may be shown to people.
    """

    number: int
    elements: Mapping[int, Element]
    spec: Spec
    rewritten: Mapping[str, Rewritten]
    like: Mapping[int, int]
    shown: frozenset[int]

    @property
    def bitmap(self) -> str:
        """How the bitmap is written: "b", or the codec of hex digits."""
        return str(self.spec["1"]["data_enc"])


@dataclass(frozen=True, slots=True)
class Dialect:
    """One dialect, immutable. `elements` maps 1 to 128 to the DEs; `spec` says the same to pyiso8583, and
    `rewriting` what pyiso8583 has no words for. `private` has the DEs with a private bitmap, by number, and
    `counted` those whose length counts characters.
    """

    name: str
    text_encoding: str
    """Python codec of the DEs that the interface writes text in."""
    de48_encoding: str
    """Python codec of the groups, for `tlv`."""
    mac_hex: bool
    """Whether binary DEs, and so the MAC, are hex digits on the wire."""
    elements: Mapping[int, Element]
    spec: Spec
    rewriting: Rewriting | None = None
    counted: Mapping[int, Counted] = field(default_factory=lambda: MappingProxyType({}))
    private: Mapping[int, Private] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def mac_width(self) -> int:
        """Bytes of the MAC field (64 bits) on the wire: 8, or 16 in hex."""
        return 16 if self.mac_hex else 8

    @property
    def mti_width(self) -> int:
        """Bytes of the MTI on the wire: 4, or 2 in BCD."""
        return 2 if self.spec["t"]["data_enc"] == "b" else 4

    def place_of(self, number: int) -> int:
        """Return the number under which the network carries a DE of the interface."""
        return number if self.rewriting is None else self.rewriting.moved.get(number, number)

    def alike(self, subfields: Mapping[int, Iterable[int]]) -> Iterator[int]:
        """Yield the DEs whose content subfields have, as the file says; both by the network's numbers."""
        for number, within in subfields.items():
            like = self.private[number].like
            yield from (like[subfield] for subfield in within if subfield in like)

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


def basic_first() -> tuple[str, ...]:
    """Return the names of the shipped dialects, those on which others are based before these."""
    return tuple(sorted(shipped(), key=_depth))


@cache
def _depth(name: str) -> int:
    """Return on how many shipped dialects another is based, one on the other."""
    base = _document(_source(name), name).get("base")
    return 0 if base is None else 1 + _depth(base)


@cache
def load(name: str, gb18030: str = "2005") -> Dialect:
    """Return a shipped dialect, read once a process; where its text is GB18030, as of the year that is given,
    2005 or 2022. Raises DialectError for an unknown name or a file that cannot be used.
    """
    if name not in shipped():
        raise DialectError(
            Sentence("no dialect {name}; there are {names}", name=repr(name), names=", ".join(shipped()))
        )
    return parse(_source(name), name, gb18030)


def standard() -> Dialect:
    """Return the dialect of ISO 8583:1987 as the interface takes it."""
    return load(STANDARD)


@cache
def element_names() -> Mapping[int, str]:
    """Return the names of DE 1 to 128 in ISO 8583:1987, table of data elements."""
    return MappingProxyType({number: element.name for number, element in standard().elements.items()})


def _source(name: str) -> str:
    """Return the text of a shipped dialect's file."""
    return files("protocol").joinpath("dialects", f"{name}.toml").read_text("utf-8")


def parse(source: str, name: str, gb18030: str = "2005") -> Dialect:
    """Return the dialect that a file's text describes; `name` is the file's name without its suffix, and
    `gb18030` is as for `load`.

    Raises DialectError that names the file, the line, the key or DE, and the reason.
    """
    content = checked(complete(source, name), f"{name}.toml", source)
    wire = content.wire
    if gb18030 == "2022" and wire.text == "gb18030":
        wire = wire.model_copy(update={"text": GB18030_2022})
    entries = {int(key): entry for key, entry in content.elements.items()}
    elements = {number: _element(number, entry, wire) for number, entry in sorted(entries.items())}
    rewriting = rewriting_of(content.model_copy(update={"wire": wire}))
    return Dialect(
        name=name,
        text_encoding=_characters_of(elements[content.interface.receipt]),
        de48_encoding=_characters_of(elements[content.interface.groups]),
        mac_hex=elements[64].encoding != "binary",
        elements=MappingProxyType(elements),
        spec=_spec(elements, entries, wire),
        rewriting=rewriting,
        private=MappingProxyType(dict(_private(content, wire))),
        counted=MappingProxyType(_counted(rewriting)),
    )


def _counted(rewriting: Rewriting | None) -> dict[int, Counted]:
    """Return the DEs whose length counts characters."""
    fields = {} if rewriting is None else rewriting.fields
    return {int(key): made for key, made in fields.items() if isinstance(made, Counted)}


def _private(content: DialectFile, wire: Wire) -> Iterator[tuple[int, Private]]:
    """Yield the DEs that have a private bitmap, each with its number."""
    for key, entries in content.subfields.items():
        elements = {int(number): _element(int(number), entry, wire) for number, entry in entries.items()}
        keyed = {str(SUBFIELDS_AT + int(number)): entry for number, entry in entries.items()}
        keys = (str(SUBFIELDS_AT + number) for number in elements)
        spec = {
            key: MappingProxyType(_element_spec(element, keyed[key], wire))
            for key, element in zip(keys, elements.values(), strict=True)
        }
        yield (
            int(key),
            Private(
                number=int(key),
                elements=MappingProxyType(dict(sorted(elements.items()))),
                spec=MappingProxyType(
                    {**_heads("b", "b", digits_of(str(content.elements[key].bitmap), wire)), **spec}
                ),
                rewritten=rewritten(keyed, wire),
                like=MappingProxyType(
                    {int(number): entry.like for number, entry in entries.items() if entry.like is not None}
                ),
                shown=frozenset(int(number) for number, entry in entries.items() if entry.shown),
            ),
        )


def _characters_of(element: Element) -> str:
    """Return the Python codec of a DE's characters: ASCII where it is no text, but digits or bytes."""
    return "ascii" if element.encoding == "bcd" or element.kind == "b" else element.encoding


def complete(source: str, name: str) -> dict[str, Any]:
    """Return the content of a dialect's file with all that it takes over from its base; not checked yet.

    Raises DialectError for text that is not TOML, and for a base that is not a shipped dialect.
    """
    document = _document(source, name)
    if "base" not in document:
        return document
    base = document.pop("base")
    if base not in shipped():
        raise DialectError(
            Sentence(
                "{place}: base must be one of {names}",
                place=place_of(f"{name}.toml", source, ("base",)),
                names=", ".join(shipped()),
            )
        )
    return _overlaid(complete(_source(base), base), document)


def _document(source: str, name: str) -> dict[str, Any]:
    """Return a file's TOML as it is. Raises DialectError that names the file and the place."""
    try:
        return read_toml(source)
    except tomllib.TOMLDecodeError as error:
        raise DialectError(Sentence("{file}: {reason}", file=f"{name}.toml", reason=str(error))) from error


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
    encoding = entry.encoding_in(wire)
    if kind == "b":
        length = length * 2 if prefix else length // 4
    return Element(
        number,
        Sentence(entry.name.replace("{", "{{").replace("}", "}}")),  # a name, and no pattern
        kind,
        prefix,
        length + (kind == "x+n"),
        encoding,
        entry.text or encoding in WIDE,
        entry.lines,
    )


def _spec(elements: Mapping[int, Element], entries: Mapping[int, Entry], wire: Wire) -> Spec:
    """Return pyiso8583's specification: "h" header (none), "t" MTI, "p" bitmap, "1" to "128", or to "192"."""
    digits = digits_of(wire.bitmap, wire)
    spec = _heads("b" if wire.mti == "bcd" else wire.mti, digits, digits)
    for number, element in elements.items():
        if number != FIRST:
            spec[str(number)] = MappingProxyType(_element_spec(element, entries[number], wire))
    return MappingProxyType(spec)


def _heads(mti: str, primary: str, secondary: str) -> dict[str, Mapping[str, Any]]:
    """Return what pyiso8583 reads before fields: no header, the MTI and the bitmaps in their encodings."""
    header = {"data_enc": "ascii", "max_len": 0, "desc": "Header"}
    type_ = {"data_enc": mti, "max_len": 4, "desc": "MTI"}
    bitmaps = [
        {"data_enc": digits, "max_len": 8 if digits == "b" else 16, "desc": "Bitmap, primary"}
        for digits in (primary, secondary)
    ]
    heads: dict[str, dict[str, Any]] = dict(zip("htp1", (header, type_, *bitmaps), strict=True))
    return {
        key: MappingProxyType({"len_type": 0, "len_enc": "ascii", **entry}) for key, entry in heads.items()
    }


def _element_spec(element: Element, entry: Entry, wire: Wire) -> dict[str, Any]:
    lengths = entry.length or wire.length
    if element.kind == "b" and not element.prefix:
        lengths = "ascii"
    written: dict[str, Any] = {
        "len_type": prefix_bytes(element.prefix, lengths),
        "len_enc": "b" if lengths == "binary" else lengths,
        "max_len": element.length,
        "desc": element.name,
    }
    match element.encoding:
        case "binary" if not element.length:
            return {**written, "len_type": OPEN_WIDTH, "data_enc": "b"}
        case _ if entry.counts == "characters":
            return {**written, "len_type": OPEN_WIDTH, "len_enc": "b", "data_enc": "b"}
        case "binary":
            return {**written, "data_enc": "b", "max_len": element.length // 2}
        case "hex" | "hex-ascii" | "hex-cp500":
            return {**written, "data_enc": digits_of(element.encoding, wire)}
        case "bcd" if element.kind == "x+n":
            return {**written, "data_enc": "b", "max_len": 1 + (element.length - 1) // 2}
        case "bcd" if entry.counts == "bytes":
            return {**written, "data_enc": "b", "max_len": element.length // 2}
        case "bcd":
            side, digit = entry.fill_in()
            return {**written, "data_enc": "b", "len_count": "nibbles", f"{side}_pad": digit}
    return {**written, "data_enc": element.encoding}
