"""The first wrong byte of what is no message, and what should have stood there, in every dialect.

That it is found from whole captures is tested in test_describe_faults.py.
"""

from __future__ import annotations

from importlib.resources import files

import pytest

from protocol.analyzer.error_locator import WrongByte, first_wrong
from protocol.codec import Codec
from protocol.dialect import parse
from protocol.errors import DecodeError
from tests.support.messages import CODECS

Field = tuple[int, bytes]


def wrong(codec: Codec, data: bytes) -> WrongByte:
    parts, error = codec.dissect(data)
    assert isinstance(error, DecodeError)
    return first_wrong(codec.dialect, data, parts, error)


def head(name: str, *numbers: int) -> bytes:
    """MTI 0200 and the bitmaps of these DEs, as a dialect writes them."""
    second = max(numbers, default=0) > 64
    bits = sum(1 << (128 - number) for number in (*numbers, *([1] if second else [])))
    bitmaps = bits.to_bytes(16)[: 16 if second else 8]
    mti = b"\x02\x00" if name == "bcd87" else "0200".encode("cp500" if name == "ebcdic87" else "ascii")
    return mti + (bitmaps.hex().upper().encode() if name == "hex87" else bitmaps)


@pytest.mark.parametrize(
    ("name", "number", "content", "at", "expected"),
    [
        ("ascii87", 3, b"50x000", 2, "a digit in ASCII of DE 3"),
        ("ascii87", 3, b"50", 2, "4 bytes more of DE 3; the message ends here"),
        ("ascii87", 3, b"x", 0, "a digit in ASCII of DE 3"),
        ("ascii87", 39, b"0-", 1, "a letter or digit in ASCII of DE 39"),
        ("ascii87", 34, b"0412A4", 4, "a digit or a special character in ASCII of DE 34"),
        ("ascii87", 41, b"T00000\x7f1", 6, "a printable character in ASCII of DE 41"),
        ("ascii87", 41, b"T00000\xff1", 6, "a printable character in ASCII of DE 41"),
        ("ascii87", 28, b"X00000000", 0, "C or D, then digits in ASCII of DE 28"),
        ("ascii87", 28, b"c00000000", 0, "C or D, then digits in ASCII of DE 28"),
        ("ascii87", 28, b"C0000x000", 5, "C or D, then digits in ASCII of DE 28"),
        ("ascii87", 28, b"D0000000", 8, "1 byte more of DE 28; the message ends here"),
        ("ascii87", 35, b"051234A", 6, "a digit or a separator of a magnetic track in ASCII of DE 35"),
        ("hex87", 52, b"0123456789abcdeg", 15, "a hex digit in ASCII of DE 52"),
        ("hex87", 52, b"0123456789abcdE", 15, "1 byte more of DE 52; the message ends here"),
        ("ascii87", 52, bytes(5), 5, "3 bytes more of DE 52; the message ends here"),
        ("ascii87", 44, b"03a\xffb", 3, "text in UTF-8 of DE 44"),
        ("ascii87", 44, b"05a\xffb", 3, "text in UTF-8 of DE 44"),
        ("ascii87", 44, b"04\xc3\xa9\x01b", 4, "text in UTF-8 of DE 44"),
        ("ascii87", 44, b"04a\xe5\xbc", 5, "1 byte more of DE 44; the message ends here"),
        ("ascii87", 44, b"03a\xe5\xbc", 3, "text in UTF-8 of DE 44"),
        ("ascii87", 44, b"03a\nb", 3, "text in UTF-8 of DE 44"),
        ("ascii87", 62, b"005a\n\rbc", 5, "text in UTF-8 of DE 62"),
        ("bcd87", 44, b"\x04\xd5\xc5\xff\xff", 3, "text in GB18030 of DE 44"),
        ("bcd87", 44, b"\x04\xd5\xc5\x7f1", 3, "text in GB18030 of DE 44"),
        ("ebcdic87", 44, b"\xf0\xf2\xc1\x01", 3, "text in EBCDIC of DE 44"),
        ("ebcdic87", 3, b"\xf5\xf0\xc1\xf0\xf0\xf0", 2, "a digit in EBCDIC of DE 3"),
        ("ascii87", 2, b"1x", 1, "ASCII digits of the length of DE 2"),
        ("ascii87", 2, b"x", 0, "ASCII digits of the length of DE 2"),
        ("ascii87", 2, b"1", 1, "1 byte more of the length of DE 2; the message ends here"),
        ("ascii87", 48, b"9", 1, "2 bytes more of the length of DE 48; the message ends here"),
        ("ascii87", 2, b"20" + b"6" * 20, 0, "a length of DE 2 of 19 at most"),
        ("ascii87", 2, b"19" + b"6" * 18 + b"x", 20, "a digit in ASCII of DE 2"),
        ("ascii87", 2, b"0962220", 7, "4 bytes more of DE 2; the message ends here"),
        ("ebcdic87", 2, b"\xf1\xef", 1, "EBCDIC digits of the length of DE 2"),
        ("ebcdic87", 2, b"\xf1\xfa", 1, "EBCDIC digits of the length of DE 2"),
        ("ebcdic87", 2, b"\xf0\xf9\xf6", 3, "8 bytes more of DE 2; the message ends here"),
        ("bcd87", 2, b"\x1a", 0, "BCD digits of the length of DE 2"),
        ("bcd87", 48, b"\x01\x0a", 1, "BCD digits of the length of DE 48"),
        ("bcd87", 48, b"\x01", 1, "1 byte more of the length of DE 48; the message ends here"),
        ("bcd87", 2, b"\x20" + b"\x66" * 10, 0, "a length of DE 2 of 19 at most"),
        ("bcd87", 2, b"\x19" + b"\x66" * 4, 5, "6 bytes more of DE 2; the message ends here"),
        ("bcd87", 3, b"\x50\x0a\x00", 1, "two BCD digits of DE 3"),
        ("bcd87", 3, b"\x50\x00", 2, "1 byte more of DE 3; the message ends here"),
        ("bcd87", 22, b"\x10\x12", 0, "a fill digit of 0 of DE 22"),
        ("bcd87", 22, b"\x10", 1, "1 byte more of DE 22; the message ends here"),
        ("bcd87", 22, b"\x90\x10", 0, "a fill digit of 0 of DE 22"),
        ("bcd87", 32, b"\x05\x12\x31\x09", 3, "a fill digit of 0 of DE 32"),
        ("bcd87", 32, b"\x03\x12\x31", 2, "a fill digit of 0 of DE 32"),
        ("bcd87", 32, b"\x05\x12\x31", 3, "1 byte more of DE 32; the message ends here"),
        ("bcd87", 32, b"\x04\x12\x3c", 2, "two BCD digits of DE 32"),
        ("bcd87", 52, b"\xff\xff", 2, "6 bytes more of DE 52; the message ends here"),
        ("bcd87", 39, b"0-", 1, "a letter or digit in ASCII of DE 39"),
        ("ascii87", 90, b"0" * 41 + b"x", 41, "a digit in ASCII of DE 90"),
        ("hex87", 3, b"50x000", 2, "a digit in ASCII of DE 3"),
        ("hex87", 128, b"0" * 15 + b"g", 15, "a hex digit in ASCII of DE 128"),
    ],
)
def test_what_is_wrong_in_a_field(name: str, number: int, content: bytes, at: int, expected: str) -> None:
    begin = head(name, number)
    assert wrong(CODECS[name], begin + content) == WrongByte(len(begin) + at, expected)


@pytest.mark.parametrize(
    ("name", "fields", "at", "expected"),
    [
        ("ascii87", [(3, b"500000"), (11, b"00000x")], 11, "a digit in ASCII of DE 11"),
        (
            "ascii87",
            [(3, b"500000"), (11, b"0000010")],
            12,
            "the message's end: 1 byte more than its fields take",
        ),
        (
            "ascii87",
            [(3, b"500000"), (11, b"00000123")],
            12,
            "the message's end: 2 bytes more than its fields take",
        ),
        ("ascii87", [(3, b"50x000"), (11, b"000001")], 2, "a digit in ASCII of DE 3"),
        ("ascii87", [(3, b"50x000"), (11, b"00000x")], 2, "a digit in ASCII of DE 3"),
        ("bcd87", [(3, b"\x50\0\0"), (11, b"\0\0\x0a")], 5, "two BCD digits of DE 11"),
        ("bcd87", [(2, b"\x01\x60"), (3, b"\x50\0")], 4, "1 byte more of DE 3; the message ends here"),
    ],
)
def test_what_is_wrong_is_the_first_behind_what_is_in_order(
    name: str, fields: list[Field], at: int, expected: str
) -> None:
    begin = head(name, *(number for number, _ in fields))
    data = begin + b"".join(content for _, content in fields)
    assert wrong(CODECS[name], data) == WrongByte(len(begin) + at, expected)


NO_THIRD = "no bit 65: ISO 8583:1987 has no third bitmap"


@pytest.mark.parametrize(
    ("name", "data", "at", "expected"),
    [
        ("ascii87", b"", 0, "4 bytes more of the MTI; the message ends here"),
        ("ascii87", b"020", 3, "1 byte more of the MTI; the message ends here"),
        ("ascii87", b"02x0", 2, "ASCII digits of the MTI"),
        ("ascii87", b"02x0" + bytes(8), 2, "ASCII digits of the MTI"),
        ("ebcdic87", b"\xf0\xf2\xf0\x30" + bytes(8), 3, "EBCDIC digits of the MTI"),
        ("bcd87", b"", 0, "2 bytes more of the MTI; the message ends here"),
        ("bcd87", b"\x02", 1, "1 byte more of the MTI; the message ends here"),
        ("bcd87", b"\x02\x0a" + bytes(8), 1, "BCD digits of the MTI"),
        ("bcd87", b"\x0a\x0a" + bytes(8), 0, "BCD digits of the MTI"),
        ("ascii87", b"0200", 4, "8 bytes more of the bitmap; the message ends here"),
        ("ascii87", b"0200" + bytes(3), 7, "5 bytes more of the bitmap; the message ends here"),
        ("ascii87", b"0200" + bytes(8) + b"x", 12, "the message's end: 1 byte more than its fields take"),
        (
            "ascii87",
            b"0200\x80" + bytes(7) + bytes(2),
            14,
            "6 bytes more of the bitmap; the message ends here",
        ),
        ("ascii87", b"0200\x80" + bytes(7) + b"\x80" + bytes(7), 12, NO_THIRD),
        ("ascii87", b"0200\x80" + bytes(7) + b"\x80" + bytes(7) + bytes(8), 12, NO_THIRD),
        ("bcd87", b"\x02\0\x80" + bytes(7) + b"\x80" + bytes(7) + bytes(3), 10, NO_THIRD),
        ("hex87", b"0200A0", 6, "14 bytes more of the bitmap, in hex digits; the message ends here"),
        ("hex87", b"0200a0F", 7, "13 bytes more of the bitmap, in hex digits; the message ends here"),
        ("hex87", b"0200A2x", 6, "a hex digit of the bitmap"),
        ("hex87", b"0200A2\xff" + b"0" * 20, 6, "a hex digit of the bitmap"),
        ("hex87", b"02000 00" + b"0" * 12, 5, "a hex digit of the bitmap"),
        ("hex87", b"02008" + b"0" * 15 + b"000X", 23, "a hex digit of the bitmap"),
        ("hex87", b"02008" + b"0" * 15 + b"8" + b"0" * 15, 20, NO_THIRD),
        ("hex87", b"02008" + b"0" * 15 + b"8" + b"0" * 31, 20, NO_THIRD),
    ],
)
def test_what_is_wrong_in_front_of_the_fields(name: str, data: bytes, at: int, expected: str) -> None:
    assert wrong(CODECS[name], data) == WrongByte(at, expected)


def test_a_letter_s_place_in_a_dialect_of_a_network_that_has_such_fields() -> None:
    source = files("protocol").joinpath("dialects", "ascii87.toml").read_text("utf-8")
    codec = Codec(parse(source.replace('format = "an 2"', 'format = "a 2"', 1), "letters"))
    [number] = [number for number, element in codec.dialect.elements.items() if element.kind == "a"]
    assert wrong(codec, head("ascii87", number) + b"A1") == WrongByte(13, f"a letter in ASCII of DE {number}")
