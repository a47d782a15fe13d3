"""Finds the first wrong byte of a message that does not decode, and says what should stand there.

`codec` decides whether bytes are a message, and names the field with the error; this module finds the place
within that field. The texts hold offsets, lengths and names of formats only: no byte and no value of a
message.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from protocol.codec import Part, content_pattern
from protocol.dialect import Dialect, Element
from protocol.errors import DecodeError

_MTI_DIGITS: Final = 4
_BITMAPS: Final = ("p", "1")
_THIRD_BITMAP: Final = "no bit 65: ISO 8583:1987 has no third bitmap"
_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "n": "a digit",
        "a": "a letter",
        "an": "a letter or digit",
        "ns": "a digit or a special character",
        "ans": "a printable character",
        "x+n": "C or D, then digits",
        "z": "a digit or a separator of a magnetic track",
        "b": "a hex digit",
    }
)
_WRITTEN: Final[Mapping[str, str]] = MappingProxyType(
    {"ascii": "ASCII", "cp500": "EBCDIC", "bcd": "BCD", "utf-8": "UTF-8", "gb18030": "GB18030"}
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
    # The error's own position may be behind the field's length, so it is not used.
    begin = parts[-1].end
    if parts[-1].key == key:
        return WrongByte(begin, f"the message's end: {_bytes(len(data) - begin)} more than its fields take")
    if key == "65":
        return WrongByte(begin, _THIRD_BITMAP)
    spec = dialect.spec[key]
    if key in _BITMAPS:
        return _bitmap(data, begin, spec)
    return _element(data, begin, dialect.elements[int(key)], spec)


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count} bytes"


def _ends(data: bytes, missing: int, of_field: str) -> WrongByte:
    """Return the end of the message as the wrong byte: so many bytes of a field are missing."""
    return WrongByte(len(data), f"{_bytes(missing)} more {of_field}; the message ends here")


def _mti(data: bytes, spec: Mapping[str, Any]) -> WrongByte:
    """Return the first wrong byte of the MTI."""
    packed = spec["data_enc"] == "b"
    width = _MTI_DIGITS // 2 if packed else _MTI_DIGITS
    written = "BCD" if packed else _WRITTEN[spec["data_enc"]]
    for at in range(min(width, len(data))):
        if not _is_digit(data[at : at + 1], written):
            return WrongByte(at, f"{written} digits of the MTI")
    return _ends(data, width - len(data), "of the MTI")


def _is_digit(byte: bytes, written: str) -> bool:
    """Tell whether a byte is a digit, or two in BCD; `written` is the encoding's name for people."""
    if written == "BCD":
        return byte.hex().isdecimal()
    return byte.isdigit() if written == "ASCII" else b"\xf0" <= byte <= b"\xf9"


def _bitmap(data: bytes, begin: int, spec: Mapping[str, Any]) -> WrongByte:
    """Return the first wrong byte of the bitmap at byte `begin`."""
    binary = spec["data_enc"] == "b"
    width, of_field = (8, "of the bitmap") if binary else (16, "of the bitmap, in hex digits")
    if not binary:
        text = data[begin : begin + width].decode(spec["data_enc"], "replace")
        for place, letter in enumerate(text):
            if letter not in "0123456789ABCDEFabcdef":
                return WrongByte(begin + place, "a hex digit of the bitmap")
    if len(data) >= begin + width:  # this bitmap is complete: it announces a third one, which is cut short
        return WrongByte(begin, _THIRD_BITMAP)
    return _ends(data, begin + width - len(data), of_field)


def _element(data: bytes, begin: int, element: Element, spec: Mapping[str, Any]) -> WrongByte:
    """Return the first wrong byte of the DE at byte `begin`: in its length, in its content, or its end."""
    name = f"of DE {element.number}"
    length, width = spec["max_len"], int(spec["len_type"])
    if width:
        written = _WRITTEN[spec["len_enc"]]
        prefix = data[begin : begin + width]
        for place in range(len(prefix)):
            if not _is_digit(prefix[place : place + 1], written):
                return WrongByte(begin + place, f"{written} digits of the length {name}")
        if len(prefix) < width:
            return _ends(data, width - len(prefix), f"of the length {name}")
        length = int(prefix.hex() if written == "BCD" else prefix.decode(spec["len_enc"]))
        if length > spec["max_len"]:
            return WrongByte(begin, f"a length {name} of {spec['max_len']} at most")
    packed = spec.get("len_count") == "nibbles"
    octets = (length + 1) // 2 if packed else length
    start = begin + width
    content = data[start : start + octets]
    inside = _content(content, element, spec, octets)
    if inside is not None:
        return WrongByte(start + inside.at, f"{inside.expected} {name}")
    return _ends(data, octets - len(content), name)


def _content(content: bytes, element: Element, spec: Mapping[str, Any], octets: int) -> WrongByte | None:
    """Return the first wrong byte within a field's content, which should have `octets` bytes; None if the
    bytes that are there are correct.
    """
    expected = "text" if element.text else _KINDS[element.kind]
    if spec["data_enc"] == "b":
        return _packed(content, element, spec, octets)
    try:
        text = content.decode(spec["data_enc"])
    except UnicodeDecodeError as error:
        # A content that ends in the middle of a character is cut short, not wrong.
        if error.end == len(content) < octets:
            return None
        return WrongByte(error.start, f"{expected} in {_WRITTEN[spec['data_enc']]}")
    matched = content_pattern(element).match(text.upper() if element.kind == "b" else text)
    good = matched.end() if matched else 0
    if good == len(text):
        return None
    return WrongByte(len(text[:good].encode(spec["data_enc"])), f"{expected} in {_WRITTEN[spec['data_enc']]}")


def _packed(content: bytes, element: Element, spec: Mapping[str, Any], octets: int) -> WrongByte | None:
    """Return the first wrong byte of packed digits; None if the bytes that are there are correct."""
    if element.kind != "n":
        return None
    for place, byte in enumerate(content):
        if not f"{byte:02x}".isdecimal():
            return WrongByte(place, "two BCD digits")
    if len(content) < octets:
        return None
    # The content is complete and all digits, so only the fill digit can be wrong.
    return WrongByte(0 if "left_pad" in spec else octets - 1, "a fill digit of 0")
