"""Each notation of a length: the bytes that are written, read back, and what is no length."""

from __future__ import annotations

import pytest

from protocol.errors import FramingError
from protocol.frame_length import MALFORMED, length_form


@pytest.mark.parametrize(
    ("name", "length", "written"),
    [
        ("2be", 258, "0102"),
        ("3be", 258, "000102"),
        ("4be", 258, "00000102"),
        ("2le", 258, "0201"),
        ("4le", 258, "02010000"),
        ("2bcd", 258, "0258"),
        ("3bcd", 258, "000258"),
        ("4ascii", 258, "30323538"),
        ("5ascii", 258, "3030323538"),
        ("4ebcdic", 258, "f0f2f5f8"),
        ("4hex", 0x2AF, "30324146"),
    ],
)
def test_a_length_is_written_and_read_in_its_notation(name: str, length: int, written: str) -> None:
    form, data = length_form(name), bytes.fromhex(written)
    assert (str(form), form.write(length), form.reader()(b"x" + data, 1)) == (name, data, length)
    assert form.reader()(form.write(form.longest), 0) == form.longest


@pytest.mark.parametrize(
    ("name", "data", "wrong_at"),
    [
        ("2bcd", b"\x1a\x00", 0),
        ("3bcd", b"\x12\x00\xf0", 2),
        ("4ascii", b"00 1", 2),
        ("4ascii", b"+001", 0),
        ("4ascii", b"0\xb2\xb201"[:4], 1),
        ("4ebcdic", b"\xf0\xf0\x40\xf1", 2),
        ("4ebcdic", b"\xfa\xf0\xf0\xf1", 0),
        ("4hex", b"0x1F", 1),
        ("4hex", b"00_1", 2),
        ("4hex", b" 001", 0),
    ],
)
def test_what_is_no_length_is_pointed_at(name: str, data: bytes, wrong_at: int) -> None:
    form = length_form(name)
    assert (form.reader()(data, 0), form.wrong_at(data)) == (MALFORMED, wrong_at)


def test_hex_digits_may_come_in_lower_case() -> None:
    assert length_form("4hex").reader()(b"02af", 0) == 0x2AF


@pytest.mark.parametrize(
    "name", ["", "be", "1be", "5be", "2ascii", "9hex", "2BE", "2be ", "22be", "2bcdx", "٣ascii"]
)
def test_another_form_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(FramingError) as caught:
        length_form(name)
    assert str(caught.value) == (
        "there is no such length; there are 2 to 4 be, 2 to 4 le, 2 to 4 bcd, 3 to 8 ascii, 3 to 8 ebcdic, "
        "3 to 8 hex"
    )
