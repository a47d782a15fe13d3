"""Finds the first wrong byte of a message that does not decode, and says what should stand there.

`codec` decides whether bytes are a message, and names the field with the error; this module finds the place
within that field. The texts hold offsets, lengths and names of formats only: no byte and no value of a
message.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from protocol.content import content_pattern
from protocol.dialect import SUBFIELDS_AT, Dialect, Element
from protocol.errors import DecodeError
from protocol.gb18030 import GB18030_2022
from protocol.part import Part
from protocol.rewriting import Counted
from qianzhi_errors.sentence import Sentence

_MTI_DIGITS: Final = 4
_BITMAPS: Final = ("p", "1")
_SIGNS: Final = frozenset(b"CD" + "CD".encode("cp500"))
_MESSAGE: Final = Sentence("the message")
_BIT_1: Final = (Sentence("bit 1 of the bitmap not set"), Sentence("bit 1 of the bitmap set"))
"""What is expected of a second bitmap that is always there, by whether bit 1 should be set."""
_THIRD_BITMAP: Final = Sentence("no bit 65: ISO 8583:1987 has no third bitmap")
_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "n": Sentence("a digit"),
        "a": Sentence("a letter"),
        "an": Sentence("a letter or digit"),
        "ns": Sentence("a digit or a special character"),
        "ans": Sentence("a printable character"),
        "x+n": Sentence("C or D, then digits"),
        "z": Sentence("a digit or a separator of a magnetic track"),
        "b": Sentence("a hex digit"),
    }
)
_WRITTEN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ascii": "ASCII",
        "latin-1": "Latin-1",
        "cp500": "EBCDIC",
        "cp037": "EBCDIC",
        "bcd": "BCD",
        "utf-8": "UTF-8",
        "gb18030": "GB18030",
        GB18030_2022: "GB18030",
        "gbk": "GBK",
    }
)


class WrongByte(NamedTuple):
    """The first wrong byte: its offset in the message (the message's length if the message ends too soon),
    and what is expected there, in words.
    """

    at: int
    expected: str


def first_wrong(dialect: Dialect, data: bytes, parts: tuple[Part, ...], error: DecodeError) -> WrongByte:
    """Return the first wrong byte of `data`. `parts` and `error` are what `Codec.dissect` returned for it."""
    key = error.field
    if key == "t":
        return _mti(data, dialect.spec[key])
    if "." in key:
        return _within(dialect, data, parts, error)
    # The error's own position may be behind the field's length, so it is not used.
    begin = parts[-1].end
    if parts[-1].key.partition(".")[0] == key:
        return WrongByte(
            begin,
            Sentence("the message's end: {bytes} more than its fields take", bytes=_bytes(len(data) - begin)),
        )
    if key == "65":
        return WrongByte(begin, _THIRD_BITMAP)
    spec = dialect.spec[key]
    if key in _BITMAPS:
        wrong = _bitmap(data, begin, spec)
        if key == "p" and dialect.rewriting is not None and wrong == (begin, _THIRD_BITMAP):
            return WrongByte(begin, _BIT_1[dialect.rewriting.sets_bit_1])
        return wrong
    if int(key) in dialect.counted:
        return _counted(data, begin, dialect.counted[int(key)], dialect.elements[int(key)])
    return _element(data, begin, dialect.elements[int(key)], spec, key)


def _within(dialect: Dialect, data: bytes, parts: tuple[Part, ...], error: DecodeError) -> WrongByte:
    """Return the first wrong byte of a DE with a private bitmap: in the bitmap, in a subfield, or its end."""
    number, _, subfield = error.field.partition(".")
    private, begin = dialect.private[int(number)], parts[-1].end
    head = next(part for part in parts if part.key == number)
    end = _end_of(head, dialect.spec[number], data)
    whole = _MESSAGE if end == len(data) else Sentence("DE {number}", number=number)
    data = data[:end]
    if parts[-1].key == error.field:
        return WrongByte(
            begin, Sentence("the end of DE {number}: its bitmap announces no more", number=number)
        )
    if not subfield.isdecimal():
        return _bitmap(data, begin, private.spec["1"], whole)
    if int(subfield) not in private.elements:
        return WrongByte(
            error.position,
            Sentence("bit {bit} not set: DE {number} has no such subfield", bit=subfield, number=number),
        )
    element, spec = private.elements[int(subfield)], private.spec[str(SUBFIELDS_AT + int(subfield))]
    return _element(data, begin, element, spec, error.field, whole)


def _end_of(head: Part, spec: Mapping[str, Any], data: bytes) -> int:
    """Return the offset in `data` at which a DE ends whose length is the part `head`."""
    if head.prefix:
        return head.end + _value_of(head.prefix, spec["len_enc"])
    return len(data) if spec["len_type"] else head.end + int(spec["max_len"])


def _bytes(count: int) -> str:
    return Sentence("1 byte") if count == 1 else Sentence("{count} bytes", count=count)


def _ends(data: bytes, missing: int, of_field: str, whole: str = _MESSAGE) -> WrongByte:
    """Return the end of the message as the wrong byte: so many bytes of a field are missing. `whole` names
    what else ends there.
    """
    return WrongByte(
        len(data),
        Sentence(
            "{bytes} more {of_field}; {whole} ends here",
            bytes=_bytes(missing),
            of_field=of_field,
            whole=whole,
        ),
    )


def _mti(data: bytes, spec: Mapping[str, Any]) -> WrongByte:
    """Return the first wrong byte of the MTI."""
    packed = spec["data_enc"] == "b"
    width = _MTI_DIGITS // 2 if packed else _MTI_DIGITS
    written = "BCD" if packed else _WRITTEN[spec["data_enc"]]
    for at in range(min(width, len(data))):
        if not _is_digit(data[at : at + 1], written):
            return WrongByte(at, Sentence("{written} digits of the MTI", written=written))
    return _ends(data, width - len(data), Sentence("of the MTI"))


def _is_digit(byte: bytes, written: str) -> bool:
    """Tell whether a byte is a digit, or two in BCD; `written` is the encoding's name for people."""
    if written == "BCD":
        return byte.hex().isdecimal()
    return byte.isdigit() if written == "ASCII" else b"\xf0" <= byte <= b"\xf9"


def _bitmap(data: bytes, begin: int, spec: Mapping[str, Any], whole: str = _MESSAGE) -> WrongByte:
    """Return the first wrong byte of the bitmap at byte `begin`."""
    binary = spec["data_enc"] == "b"
    width, of_field = (
        (8, Sentence("of the bitmap")) if binary else (16, Sentence("of the bitmap, in hex digits"))
    )
    if not binary:
        text = data[begin : begin + width].decode(spec["data_enc"], "replace")
        for place, letter in enumerate(text):
            if letter not in "0123456789ABCDEFabcdef":
                return WrongByte(begin + place, Sentence("a hex digit of the bitmap"))
    if len(data) >= begin + width:  # this bitmap is complete: it announces a third one, which is cut short
        return WrongByte(begin, _THIRD_BITMAP)
    return _ends(data, begin + width - len(data), of_field, whole)


def _element(
    data: bytes, begin: int, element: Element, spec: Mapping[str, Any], key: str, whole: str = _MESSAGE
) -> WrongByte:
    """Return the first wrong byte of the DE or subfield `key` at byte `begin`: in its length, in its content,
    or its end, where `whole` ends too.
    """
    name = Sentence("of DE {number}", number=key)
    length, width = spec["max_len"], int(spec["len_type"])
    if width:
        prefix = data[begin : begin + width]
        wrong = _first_no_digit(prefix, spec["len_enc"])
        if wrong is not None:
            return WrongByte(
                begin + wrong,
                Sentence(
                    "{written} digits of the length {name}", written=_WRITTEN[spec["len_enc"]], name=name
                ),
            )
        if len(prefix) < width:
            return _ends(data, width - len(prefix), Sentence("of the length {name}", name=name), whole)
        length = _value_of(prefix, spec["len_enc"])
        if length > spec["max_len"]:
            return WrongByte(
                begin, Sentence("a length {name} of {most} at most", name=name, most=spec["max_len"])
            )
    packed = spec.get("len_count") == "nibbles"
    octets = (length + 1) // 2 if packed else length
    start = begin + width
    content = data[start : start + octets]
    inside = _content(content, element, spec, length if packed else octets)
    if inside is not None:
        return WrongByte(
            start + inside.at, Sentence("{expected} {name}", expected=inside.expected, name=name)
        )
    return _ends(data, octets - len(content), name, whole)


def _counted(data: bytes, begin: int, counted: Counted, element: Element) -> WrongByte:
    """Return the first wrong byte of the DE at byte `begin` whose length counts characters."""
    name = Sentence("of DE {number}", number=counted.key)
    prefix = data[begin : begin + counted.width]
    wrong = _first_no_digit(prefix, counted.lengths)
    if wrong is not None:
        written = _WRITTEN[counted.lengths]
        return WrongByte(
            begin + wrong, Sentence("{written} digits of the length {name}", written=written, name=name)
        )
    if len(prefix) < counted.width:
        return _ends(data, counted.width - len(prefix), Sentence("of the length {name}", name=name))
    count = counted.count if not counted.width else _value_of(prefix, counted.lengths)
    if count > counted.count:
        return WrongByte(begin, Sentence("a length {name} of {most} at most", name=name, most=counted.count))
    size, found = counted.read_up_to(data[begin:], count)
    text = data[begin + counted.width : begin + size].decode(counted.encoding)
    matched = content_pattern(element).match(text)
    good = matched.end() if matched else 0
    if good < len(text):
        size, found = counted.width + len(text[:good].encode(counted.encoding)), good
    expected = Sentence(
        "character {place} of {count} {name}, in {encoding}",
        place=found + 1,
        count=count,
        name=name,
        encoding=_WRITTEN[counted.encoding],
    )
    return WrongByte(begin + size, expected)


def _first_no_digit(prefix: bytes, encoding: str) -> int | None:
    """Return the place of the first byte of a length that is no digit; None if there is none."""
    if encoding == "b":
        return None
    places = (at for at in range(len(prefix)) if not _is_digit(prefix[at : at + 1], _WRITTEN[encoding]))
    return next(places, None)


def _value_of(prefix: bytes, encoding: str) -> int:
    """Return the number that the bytes of a length say."""
    if encoding == "b":
        return int.from_bytes(prefix, "big")
    return int(prefix.hex() if encoding == "bcd" else prefix.decode(encoding))


def _content(content: bytes, element: Element, spec: Mapping[str, Any], length: int) -> WrongByte | None:
    """Return the first wrong byte within a field's content, which should have `length` bytes, or packed
    digits where these are counted; None if the bytes that are there are correct.
    """
    expected = Sentence("text") if element.text else _KINDS[element.kind]
    encoding = _WRITTEN.get(spec["data_enc"], "")
    if spec["data_enc"] == "b":
        counted = spec.get("len_count") == "nibbles"
        return _packed(content, element, spec, length if counted else length * 2)
    try:
        text = content.decode(spec["data_enc"])
    except UnicodeDecodeError as error:
        # A content that ends in the middle of a character is cut short, not wrong.
        if error.end == len(content) < length:
            return None
        return WrongByte(
            error.start, Sentence("{expected} in {encoding}", expected=expected, encoding=encoding)
        )
    matched = content_pattern(element).match(text.upper() if element.kind == "b" else text)
    good = matched.end() if matched else 0
    if good == len(text):
        return None
    return WrongByte(
        len(text[:good].encode(spec["data_enc"])),
        Sentence("{expected} in {encoding}", expected=expected, encoding=encoding),
    )


def _packed(content: bytes, element: Element, spec: Mapping[str, Any], count: int) -> WrongByte | None:
    """Return the first wrong byte of packed content of `count` digits; None if what is there is correct."""
    if element.kind == "x+n" and content and content[0] not in _SIGNS:
        return WrongByte(0, Sentence("the sign C or D"))
    if element.kind not in ("n", "x+n"):
        return None
    fill, place_of_fill = _fill(spec, count)
    begin = 2 if element.kind == "x+n" else 0
    for place, digit in enumerate(content.hex().upper()[begin:], start=begin):
        if place != place_of_fill and not digit.isdecimal():
            return WrongByte(place // 2, Sentence("two BCD digits"))
    if len(content) < (count + 1) // 2:
        return None
    # The content is complete and all digits, so only the fill digit can be wrong.
    return WrongByte(max(place_of_fill, 0) // 2, Sentence("a fill digit of {fill}", fill=fill))


def _fill(spec: Mapping[str, Any], count: int) -> tuple[str, int]:
    """Return the fill digit of packed content, and its place among the digits: -1 where there is none."""
    if "left_pad" in spec:
        return spec["left_pad"], 0 if count % 2 else -1
    if "right_pad" in spec:
        return spec["right_pad"], count if count % 2 else -1
    return "F", count - 1
