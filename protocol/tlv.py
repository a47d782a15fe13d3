"""DE 48: groups of tag (2 characters), length (3 digits, bytes in the dialect's text encoding), value.

What a group means to a transaction does not belong here; an unknown tag is a group like any other, and
whoever reads the groups passes over it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from protocol.errors import EncodeError, FormatError

_HEADER: Final = 5
_TAG: Final = 2
VALUE_BYTES_MAX: Final = 999

KNOWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "PN": "policy number",
        "RN": "receipt number",
        "IN": "identity document number",
        "NM": "policyholder's name",
        "DU": "due reference",
        "DK": "kind of due: premium or benefit",
        "DD": "due date, YYYYMMDD",
        "AM": "amount, minor units",
        "ST": "status",
        "DL": "one due: nested DU, PC, DK, DD, AM, ST",
        "PC": "processing code (DE 3) that settles the due",
        "KA": "new MAC session key, a TR-31 key block",
        "CA": "key check value, hex",
        "PG": "page wanted, or 'more' where another follows",
    }
)


class Group(NamedTuple):
    """One group: its tag (2 characters) and its value as text."""

    tag: str
    value: str

    def __repr__(self) -> str:
        """Name the tag only: the value may be an identity number or a key."""
        return f"Group({self.tag!r}, {len(self.value)} characters)"


def parse(text: str, encoding: str) -> tuple[Group, ...]:
    """Return the groups of `text`, in order, unknown tags and repeats included.

    `encoding` is the dialect's (`Dialect.de48_encoding`); lengths count its bytes. The value of a DL group
    parses in turn. Raises FormatError("48") for a tag cut short or not printable ASCII, a length that is not
    three digits or runs past the end, or a value that ends inside a character. (PROTOCOL.md section 4)
    """
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError:
        raise FormatError("48", "not in the encoding") from None
    if len(data) == len(text):
        return tuple(_cut(text))
    # One character a byte, so that the lengths can be used as they are. Encodings of more than one byte a
    # character (UTF-8, GB18030) keep ASCII, hence tags and lengths, as single bytes.
    return tuple(Group(tag, _rejoin(value, encoding)) for tag, value in _cut(data.decode("latin-1")))


def intact(text: str, encoding: str) -> tuple[tuple[Group, ...], int]:
    """Return the groups before the first that is none, and the byte at which that begins: the length of
    `text` in `encoding` where all are in order. For people who look at bytes.
    """
    data = text.encode(encoding, "replace")
    single = len(data) == len(text)  # one byte a character, as in `parse`
    found: list[Group] = []
    position = 0
    try:
        for tag, value in _cut(text if single else data.decode("latin-1")):
            found.append(Group(tag, value if single else _rejoin(value, encoding)))
            position += _HEADER + len(value)
    except FormatError:
        return tuple(found), position
    return tuple(found), position


def _cut(text: str) -> Iterator[Group]:
    """Cut `text`, in which one character stands for one byte."""
    position, end = 0, len(text)
    while position < end:
        start = position + _HEADER
        if start > end:
            raise FormatError("48", "tag cut short")
        tag, digits = text[position : position + _TAG], text[position + _TAG : start]
        if not (tag.isascii() and tag.isprintable()):
            raise FormatError("48", "tag malformed")
        if not digits.isdecimal():  # neither Latin-1 nor code page 500 has other decimal digits than ASCII's
            raise FormatError("48", "length malformed")
        position = start + int(digits)
        if position > end:
            raise FormatError("48", "length past the end")
        yield Group(tag, text[start:position])


def _rejoin(octets: str, encoding: str) -> str:
    try:
        return octets.encode("latin-1").decode(encoding)
    except UnicodeDecodeError:
        raise FormatError("48", "splits a character") from None


def build(groups: Iterable[tuple[str, str]], encoding: str) -> str:
    """Return the text of the groups (Group, or pairs of tag and value), in order.

    Raises EncodeError("48.<tag>") for a tag that is not 2 printable ASCII characters, a value over 999 bytes,
    or one that `encoding` cannot express.
    """
    return "".join(_group_text(tag, value, encoding) for tag, value in groups)


def _group_text(tag: str, value: str, encoding: str) -> str:
    if not (len(tag) == _TAG and tag.isascii() and tag.isprintable()):
        raise EncodeError("48", "a tag is 2 printable ASCII characters")
    try:
        size = len(value) if value.isascii() else len(value.encode(encoding))
    except UnicodeEncodeError:
        raise EncodeError(f"48.{tag}", f"cannot be expressed in {encoding}") from None
    if size > VALUE_BYTES_MAX:
        raise EncodeError(f"48.{tag}", f"{size} bytes, at most {VALUE_BYTES_MAX}")
    return f"{tag}{size:03d}{value}"


def first(groups: Iterable[Group], tag: str) -> str | None:
    """Return the value of the first group with this tag, or None."""
    for group in groups:
        if group.tag == tag:
            return group.value
    return None
