"""A framing in the words of the settings: names, tables, tables as text, and each mistake with its key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from protocol.errors import FramingError
from protocol.frame_length import length_form
from protocol.framing import SHIPPED, Framing, frames_of, wrap
from protocol.framing_table import as_written, framing_of


def test_every_shipped_framing_is_known_by_its_name() -> None:
    assert [framing_of(name) for name in SHIPPED] == list(SHIPPED.values())
    assert [str(framing_of(name)) for name in SHIPPED] == list(SHIPPED)
    assert [as_written(framing) for framing in SHIPPED.values()] == list(SHIPPED)


def test_what_a_table_does_not_say_is_as_in_the_default() -> None:
    assert framing_of({}) is not None
    assert framing_of({}) == Framing.BE2
    assert framing_of('{ length = "4ascii" }') == Framing(length_form("4ascii"))


def test_a_framing_of_parts_says_them_all_in_words() -> None:
    said = '{ length = "4be", counts_itself = true, tpdu = true, header = "echo 6", trailer = "03", '
    framing = framing_of(said + 'counts_trailer = false, keep_alive = "0000" }')
    assert str(framing) == (
        "4be counting itself, tpdu, header of echo 6, trailer 03 not counted, keep-alive 0000"
    )
    assert wrap(framing, b"x", b"\x60\0\1\0\2abcdef") == b"\0\0\0\x10\x60\0\1\0\2abcdefx\x03"


PAGE = Path(__file__).parents[2] / "docs" / "connect.md"
WORKED = re.findall(r"`framing = (\{ .*? \})`", PAGE.read_text("utf-8"))
BODY = b"0800"
PARTIES = b"00010000   ", b"00010344   "
ON_THE_WIRE = (
    (
        b"\0\x0f" + b"\x60\0\3\0\0" + b"\x60\x31\0\x31\x13\x12",
        b"\0\x0f" + b"\x60\0\0\0\3" + b"\x60\x31\0\x31\x13\x12",
        b"",
    ),
    (
        b"0050" + b"\x2e\2" + b"0050" + PARTIES[0] + PARTIES[1] + bytes(18),
        b"0050" + b"\x2e\2" + b"0050" + PARTIES[1] + PARTIES[0] + bytes(18),
        b"",
    ),
    (b"0009", b"0009", b"\3"),
)
"""By framing of the page: what stands before a message of four bytes, before its answer, and behind both."""


def test_the_page_s_first_framings_are_those_that_have_names() -> None:
    assert [str(framing_of(said)) for said in WORKED[:2]] == ["unionpay-pos", "cups"]


@pytest.mark.parametrize(("said", "bytes_"), list(zip(WORKED, ON_THE_WIRE, strict=True)))
def test_a_framing_on_the_page_reads_a_message_and_frames_its_answer(
    said: str, bytes_: tuple[bytes, bytes, bytes]
) -> None:
    asked, answered, behind = bytes_
    framing = framing_of(said)
    [frame], fault = frames_of(framing, asked + BODY + behind)
    assert (frame.body, fault) == (BODY, "")
    assert wrap(framing, BODY, framing.head.of_answer(frame.head)) == answered + BODY + behind


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("3be2", "there is no framing '3be2'; there are 2be, 4ascii, 2bcd, 2be-tpdu"),
        (7, "give the name of a framing, or a table of its parts"),
        ({"lenght": "2be"}, "lenght is no part of a framing; there are length, counts_itself"),
        ({"length": "1ascii"}, "length: there is no such length"),
        ({"length": 2}, "length: is to be a text"),
        ({"tpdu": "yes"}, "tpdu: is to be true or false"),
        ({"header": ["echo 6", 3]}, "header: is to be a text"),
        ({"header": "source 2"}, "each destination has a source of as many bytes"),
        ({"header": ["echo 250", "echo 9"]}, "a header of 259 bytes: at most 255"),
        ({"header": ["echo 250", "length 2bcd"], "length": "3ascii"}, None),
        ({"trailer": "3"}, "trailer: is to be hex digits, two a byte"),
        ({"trailer": "030303030303030303"}, "a trailer of 9 bytes: at most 8"),
        ({"counts_trailer": False}, "counts_trailer is said, and there is no trailer"),
        ({"length": "3ascii", "keep_alive": "00" * 1000}, "keep_alive does not fit into a frame"),
        ("{ length = ", "the table is not TOML: "),
        ('{}\nother = "2be"', "give one table of parts, and nothing after it"),
    ],
)
def test_a_mistake_is_named_with_its_key(said: object, fault: str | None) -> None:
    if fault is None:
        assert framing_of(said)
        return
    with pytest.raises(FramingError) as caught:
        framing_of(said)
    assert str(caught.value).startswith(fault)
