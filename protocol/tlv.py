"""DE 48: groups of tag (2 characters), length (3 digits, bytes in the dialect's text encoding) and value.

What a group means to a transaction does not belong here. A group with an unknown tag is a group like any
other here; the reader of the groups skips it. Example: `PN006P00001AM012000000120000`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from protocol.errors import EncodeError, FormatError
from qianzhi_errors.sentence import Sentence

_HEADER: Final = 5
_TAG: Final = 2
VALUE_BYTES_MAX: Final = 999

KNOWN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "PN": Sentence("policy number"),
        "RN": Sentence("receipt number"),
        "IN": Sentence("identity document number"),
        "NM": Sentence("policyholder's name"),
        "DU": Sentence("due reference"),
        "DK": Sentence("kind of due: premium or benefit"),
        "DD": Sentence("due date, YYYYMMDD"),
        "AM": Sentence("amount, minor units"),
        "ST": Sentence("status"),
        "DL": Sentence("one due: nested DU, PC, DK, DD, AM, ST"),
        "GU": Sentence("last day on which the due can be paid, YYYYMMDD"),
        "SN": Sentence("name of who serves the policy; ORPHAN: nobody"),
        "SP": Sentence("phone of the office that serves the policy"),
        "PC": Sentence("processing code (DE 3) that settles the due"),
        "KA": Sentence("new MAC session key, a TR-31 key block"),
        "CA": Sentence("key check value, hex"),
        "PG": Sentence("page wanted, or 'more' where another follows"),
    }
)


class Group(NamedTuple):
    """One group of DE 48: its tag (2 characters) and its value as text."""

    tag: str
    value: str

    def __repr__(self) -> str:
        """Show the tag only: the value may be an identity number or a key."""
        return f"Group({self.tag!r}, {len(self.value)} characters)"


def parse(text: str, encoding: str) -> tuple[Group, ...]:
    """Return the groups of `text`, in order, with unknown tags and repeated tags (docs/protocol.md section
    4).

    `encoding` is the dialect's (`Dialect.de48_encoding`); lengths count bytes in it. The value of a DL group
    is groups again, to be parsed by another call. Raises FormatError("48") if a tag is cut short or is not
    printable ASCII, if a length is not three digits or runs past the end, or if a value ends inside a
    character.
    """
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError:
        raise FormatError("48", "not in the encoding") from None
    if len(data) == len(text):
        return tuple(_cut(text))
    # In Latin-1 one character is one byte, so the lengths count characters. The encodings of several bytes a
    # character (UTF-8, GB18030) write ASCII, and so tags and lengths, as single bytes.
    return tuple(Group(tag, _rejoin(value, encoding)) for tag, value in _cut(data.decode("latin-1")))


def intact(text: str, encoding: str) -> tuple[tuple[Group, ...], int]:
    """Return the groups up to the first error, and the byte offset of that error: the length of `text` in
    `encoding` if all groups are well formed. Only the analyzer uses this.
    """
    data = text.encode(encoding, "replace")
    single = len(data) == len(text)  # one character is one byte, as in `parse`
    groups: list[Group] = []
    position = 0
    try:
        for tag, value in _cut(text if single else data.decode("latin-1")):
            groups.append(Group(tag, value if single else _rejoin(value, encoding)))
            position += _HEADER + len(value)
    except FormatError:
        return tuple(groups), position
    return tuple(groups), position


def _cut(text: str) -> Iterator[Group]:
    """Yield the groups of `text`, in which one character stands for one byte. Raises FormatError."""
    position, end = 0, len(text)
    while position < end:
        start = position + _HEADER
        if start > end:
            raise FormatError("48", "tag cut short")
        tag, digits = text[position : position + _TAG], text[position + _TAG : start]
        if not (tag.isascii() and tag.isprintable()):
            raise FormatError("48", "tag malformed")
        if not digits.isdecimal():  # Latin-1 and code page 500 have no decimal digits except 0 to 9
            raise FormatError("48", "length malformed")
        position = start + int(digits)
        if position > end:
            raise FormatError("48", "length past the end")
        yield Group(tag, text[start:position])


def _rejoin(octets: str, encoding: str) -> str:
    """Return the text of bytes that stand here as Latin-1 characters. Raises FormatError."""
    try:
        return octets.encode("latin-1").decode(encoding)
    except UnicodeDecodeError:
        raise FormatError("48", "splits a character") from None


def build(groups: Iterable[tuple[str, str]], encoding: str) -> str:
    """Return the text of DE 48 with these groups (Group, or pairs of tag and value), in order.

    Raises EncodeError: for "48" if a tag is not 2 printable ASCII characters; for "48.<tag>" if a value is
    over 999 bytes or `encoding` cannot express it.
    """
    return "".join(_group_text(tag, value, encoding) for tag, value in groups)


def _group_text(tag: str, value: str, encoding: str) -> str:
    """Return one group as text. Raises EncodeError."""
    if not (len(tag) == _TAG and tag.isascii() and tag.isprintable()):
        raise EncodeError("48", Sentence("a tag is 2 printable ASCII characters"))
    try:
        size = len(value) if value.isascii() else len(value.encode(encoding))
    except UnicodeEncodeError:
        raise EncodeError(
            _field(tag), Sentence("cannot be expressed in {encoding}", encoding=encoding)
        ) from None
    if size > VALUE_BYTES_MAX:
        raise EncodeError(
            _field(tag), Sentence("{length} bytes, at most {most}", length=size, most=VALUE_BYTES_MAX)
        )
    return f"{tag}{size:03d}{value}"


def _field(tag: str) -> str:
    return f"48.{tag}"


def first(groups: Iterable[Group], tag: str) -> str | None:
    """Return the value of the first group with this tag; None if there is no such group."""
    for group in groups:
        if group.tag == tag:
            return group.value
    return None
