"""A message of the interface with one thing wrong: it is still known for what it is, and the first wrong byte
is where it was spoilt.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from protocol.analyzer.describe import FRAMINGS, Reading, describe, ranked, read
from protocol.analyzer.error_locator import WrongByte
from protocol.framing import Framing, wrap
from protocol.message import Message
from protocol.tlv import build
from tests.protocol.analyzer.test_describe_readings import TPDU, framed
from tests.support.builders import message
from tests.support.element_bytes import WIRES
from tests.support.messages import CODECS

EVERY = pytest.mark.parametrize("name", WIRES)
EVERY_FRAMING = pytest.mark.parametrize("framing", FRAMINGS, ids=str)


@EVERY
@EVERY_FRAMING
def test_a_wrong_mti_is_pointed_at_in_the_message_s_own_framing(name: str, framing: Framing | None) -> None:
    body = bytearray(CODECS[name].encode(message()))
    body[1] = 0x7E
    reading = describe(framed(framing, bytes(body)), CODECS)
    at = len(framed(framing, bytes(body))) - len(body) + 1
    assert (reading.framing, reading.dialect, [wrong.at for wrong in reading.wrongs]) == (framing, name, [at])


@EVERY
@pytest.mark.parametrize("framing", FRAMINGS[:-1], ids=str)
@pytest.mark.parametrize("times", [1, 3])
def test_a_length_that_counts_itself_is_no_wrong_one(name: str, framing: Framing, times: int) -> None:
    counting = replace(framing, counts_itself=True)
    raw = framed(counting, CODECS[name].encode(message())) * times
    reading = describe(raw, CODECS)
    assert (str(reading.framing), reading.dialect, reading.whole) == (str(counting), name, True)
    assert len(reading.frames) == times


@EVERY
@pytest.mark.parametrize("framing", FRAMINGS[:-1], ids=str)
def test_a_length_that_its_fields_do_not_take_is_the_first_wrong_byte(name: str, framing: Framing) -> None:
    """Alone, a wrong one in 2bcd is as good a wrong one in 2be, and one that counts itself is none: these are
    described in the framing that is given.
    """
    body = CODECS[name].encode(message())
    good = framed(framing, body)
    head = len(good) - len(body)
    right = len(good) - (head - len(TPDU) * framing.tpdu)
    for by, (before, after) in product((-1, 1, 2, 4, 5), ((0, 0), (1, 0), (1, 1))):
        longer = framed(framing, body[:by] if by < 0 else body + bytes(by))
        bad = longer[:head] + body
        may_count_itself = (before, by) == (0, framing.length.width)
        fixed = framing if framing is Framing.BCD2 or may_count_itself else None
        reading = describe(good * before + bad + good * after, CODECS, fixed)
        at = len(good) * before
        wrong = WrongByte(at, f"a length of {right}, as many bytes as its fields take")
        assert (reading.framing, reading.dialect, reading.wrongs) == (framing, name, (wrong,)), (by, before)
        whole = [(0, len(good)), (at, len(good))][-1 - before :]
        assert [(frame.at, frame.size) for frame in reading.frames] == whole, (by, before)
        meaning = f"{right + by} bytes are to follow; {right} do"
        assert reading.frames[-1].nodes[0].meaning == meaning, (by, before)


@pytest.mark.parametrize(
    ("framing", "head", "at"),
    [
        (Framing.ASCII4, b"01x4", 2),
        (Framing.BCD2, b"\x01\x5f", 1),
        (Framing.BE2_TPDU, b"\0\x80\x68\0\1\0\2", 2),
    ],
)
def test_where_a_frame_is_none_is_told_to_the_byte(framing: Framing, head: bytes, at: int) -> None:
    reading = describe(head + bytes(200), {"bcd87": CODECS["bcd87"]}, framing)
    assert reading.wrong is not None
    assert reading.wrong.at == at


ECHO = CODECS["ascii87"].encode(Message("0800", {7: "1124101112", 11: "000123", 70: "001"}))
REST = "the rest of the frame in framing {} that begins at byte {}".format
NO_FRAME = "a frame in framing {}: {}".format


@pytest.mark.parametrize(
    ("data", "framing", "wrong", "frames"),
    [
        (b"", None, WrongByte(0, "a message"), 0),
        (b"", Framing.BE2, WrongByte(0, REST("2be", 0)), 0),
        (b"\0\x27" + ECHO + b"\0", Framing.BE2, WrongByte(42, REST("2be", 41)), 1),
        (b"\0\x27" + ECHO + b"\0\5", Framing.BE2, WrongByte(43, REST("2be", 41)), 1),
        (b"\0\x27" + ECHO + b"\0\5x", Framing.BE2, WrongByte(44, REST("2be", 41)), 2),
        (b"0039" + ECHO + b"00", Framing.ASCII4, WrongByte(45, REST("4ascii", 43)), 1),
        (
            b"0039" + ECHO + b"00x0",
            Framing.ASCII4,
            WrongByte(45, NO_FRAME("4ascii", "the length is not digits")),
            1,
        ),
        (
            b"\0\x39" + ECHO + b"\0\x0a",
            Framing.BCD2,
            WrongByte(42, NO_FRAME("2bcd", "the length is not digits")),
            1,
        ),
        (
            b"\xff\xff",
            Framing.BE2_TPDU,
            WrongByte(0, NO_FRAME("2be-tpdu", "the message is 65530 bytes, at most 8192")),
            0,
        ),
        (
            b"\xff\xff" + TPDU + b"x",
            Framing.BE2_TPDU,
            WrongByte(0, NO_FRAME("2be-tpdu", "the message is 65530 bytes, at most 8192")),
            1,
        ),
        (
            b"\0\x2c\x61" + TPDU[1:] + ECHO,
            Framing.BE2_TPDU,
            WrongByte(2, NO_FRAME("2be-tpdu", "the TPDU does not begin with 60")),
            1,
        ),
        (b"\0\5" + TPDU, Framing.BE2_TPDU, WrongByte(0, NO_FRAME("2be-tpdu", "the message is empty")), 0),
    ],
)
def test_where_no_frame_can_be_cut_is_told_with_what_should_be_there(
    data: bytes, framing: Framing | None, wrong: WrongByte, frames: int
) -> None:
    reading = read(data, framing, CODECS["ascii87"])
    assert (reading.wrong, len(reading.frames), reading.whole) == (wrong, frames, False)


def test_a_reading_without_a_frame_is_not_whole() -> None:
    assert Reading(None, "ascii87", (), None).whole is False


@pytest.mark.parametrize(
    "fields",
    [
        {60: build([("PN", "P1")], "utf-8") + "more"},
        {48: "no groups"},
        {48: build([("ZZ", "none of ours")], "utf-8") + "more"},
    ],
)
def test_only_a_de_48_that_begins_with_a_known_group_is_wrong_where_none_follows(
    fields: dict[int, str],
) -> None:
    raw = CODECS["ascii87"].encode(Message("0800", {7: "1124101112", **fields}))
    assert read(raw, None, CODECS["ascii87"]).wrongs == ()


def test_a_length_that_is_right_is_not_what_is_wrong() -> None:
    known = build([("PN", "P1")], "utf-8")
    raw = framed(
        Framing.BE2, CODECS["ascii87"].encode(Message("0800", {7: "1124101112", 48: f"{known}more"}))
    )
    expected = "a group of DE 48: two characters, three digits, as many bytes as they say"
    assert read(raw, Framing.BE2, CODECS["ascii87"]).wrongs == (WrongByte(len(raw) - 4, expected),)


def test_a_length_that_takes_in_the_next_frame_is_the_first_wrong_byte() -> None:
    """Though nothing is left over where it ends."""
    raw = wrap(Framing.BE2, ECHO + wrap(Framing.BE2, ECHO))
    wrong = WrongByte(0, f"a length of {len(ECHO)}, as many bytes as its fields take")
    reading = read(raw, Framing.BE2, CODECS["ascii87"])
    assert (reading.wrongs, [(frame.at, frame.size) for frame in reading.frames]) == (
        (wrong,),
        [(0, 2 + len(ECHO))],
    )


def test_a_framing_whose_first_length_is_none_is_not_the_likelier_one() -> None:
    """A length in 2be that is no BCD, and wrong."""
    raw = bytearray(
        framed(Framing.BE2, CODECS["ascii87"].encode(message(de2="6222021234567890123", de64="0" * 16)))
    )
    for bits in (0x01, 0x10, 0x80):
        spoilt = raw[:1] + bytes([raw[1] ^ bits]) + raw[2:]
        if not spoilt[:2].hex().isdecimal():
            assert describe(bytes(spoilt), CODECS).framing is Framing.BE2


def test_what_is_wrong_is_in_the_order_of_the_bytes() -> None:
    """What is left where no frame can be cut is described too, and wrong in itself."""
    raw = framed(Framing.BE2, CODECS["ascii87"].encode(message()))
    reading = describe(raw + b"0200", CODECS)
    assert [wrong.at for wrong in reading.wrongs] == [len(raw), len(raw) + 4]
    spoilt = framed(Framing.BE2, CODECS["ascii87"].encode(message()).replace(b"500000", b"5000x0"))
    reading = describe(spoilt + raw[:20], CODECS)
    assert [wrong.at for wrong in reading.wrongs] == [raw.index(b"500000") + 4, len(raw) + 20]


def test_a_long_stream_is_whole_though_the_guess_is_made_from_its_beginning() -> None:
    raw = framed(Framing.BE2, CODECS["ascii87"].encode(message()))
    [best, *_] = ranked([raw * 1000], CODECS)
    assert len(raw) * 1000 > 1 << 16
    assert (best.framing, best.dialect, best.rank.whole) == (Framing.BE2, "ascii87", True)


@EVERY
@pytest.mark.parametrize("rest", ["DU9", "DUxxx1", "DU999D1"])
def test_where_a_de_48_stops_being_groups_is_wrong(name: str, rest: str) -> None:
    """The machine refuses such a message, with 30."""
    codec = CODECS[name]
    whole = message(groups=(("PN", "P1"),))
    at = codec.encode(whole).index("P1".encode("cp500" if name == "ebcdic87" else "ascii")) + 2
    reading = describe(codec.encode(Message("0200", {**whole.fields, 48: whole.fields[48] + rest})), CODECS)
    assert (reading.dialect, [wrong.at for wrong in reading.wrongs]) == (name, [at])


@EVERY
@pytest.mark.parametrize("framing", FRAMINGS[:-1], ids=str)
def test_two_messages_in_one_frame_are_one_with_bytes_too_many_and_no_wrong_length(
    name: str, framing: Framing
) -> None:
    body = CODECS[name].encode(message())
    raw = framed(framing, body * 2)
    reading = describe(raw, CODECS)
    assert (reading.framing, reading.dialect) == (framing, name)
    [wrong] = reading.wrongs
    assert wrong == WrongByte(
        len(raw) - len(body), f"the message's end: {len(body)} bytes more than its fields take"
    )


def test_empty_frames_between_messages_are_passed_over_as_on_a_link() -> None:
    echo = wrap(Framing.BE2, CODECS["ascii87"].encode(Message("0800", {11: "000001", 70: "301"})))
    reading = describe(b"\x00\x00" + echo + b"\x00\x00" + echo + b"\x00\x00", CODECS)
    assert (reading.framing, len(reading.frames), reading.wrong) == (Framing.BE2, 2, None)
