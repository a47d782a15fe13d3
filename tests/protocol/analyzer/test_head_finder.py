"""A message behind a head that no shipped framing has: found by its MTI, its bitmap and the length."""

from __future__ import annotations

from itertools import product

import pytest

from protocol.analyzer.describe import Reading, describe
from protocol.analyzer.head_finder import HEADER_BYTES_MAX, Beginning, beginnings
from protocol.codec import Codec
from protocol.dialect import basic_first, load
from protocol.frame_head import Kind, Part
from protocol.frame_length import length_form
from protocol.framing import Framing, wrap
from protocol.message import Message
from tests.support.builders import message

pytestmark = pytest.mark.slow

CODECS = {name: Codec(load(name)) for name in basic_first()}
TPDU = bytes.fromhex("6000030000")
ECHO = Message("0800", {7: "1124101112", 11: "000123", 70: "001"})
EVERY = pytest.mark.parametrize(
    "name", ["ascii87", "bcd87", "hex87", "ebcdic87", "iso93-ascii", "unionpay-pos"]
)


def headed(form: str, size: int, *, tpdu: bool = False, counts_itself: bool = False) -> Framing:
    return Framing(length_form(form), counts_itself, tpdu, (Part(Kind.ECHO, size),) if size else ())


def mti_at(reading: Reading) -> int | None:
    return reading.frames[0].begin


@EVERY
@pytest.mark.parametrize("lead", [b"", TPDU], ids=["header", "TPDU and header"])
def test_a_message_is_found_behind_a_header_without_a_length(name: str, lead: bytes) -> None:
    for size in (1, 2, 6, 9, 12, 21, 46):
        head = lead + b"Z" * size
        best = describe(head + CODECS[name].encode(message()), CODECS)
        assert (mti_at(best), best.framing, best.dialect, best.whole) == (len(head), None, name, True), size


@EVERY
def test_a_message_is_found_behind_a_tpdu_without_a_length(name: str) -> None:
    best = describe(TPDU + CODECS[name].encode(message()), CODECS)
    assert (mti_at(best), best.framing, best.dialect, best.whole) == (len(TPDU), None, name, True)


@pytest.mark.parametrize("form", ["2be", "4be", "2bcd", "4ascii", "5ascii", "4hex"])
@pytest.mark.parametrize("counts_itself", [False, True])
def test_a_framing_is_found_by_its_length(form: str, counts_itself: bool) -> None:
    heads = ((2, True), (1, False), (6, True), (10, False), (46, True), (0, False), (0, True))
    for (size, tpdu), times in product(heads, (1, 3)):
        framing = headed(form, size, tpdu=tpdu, counts_itself=counts_itself)
        raw = wrap(framing, CODECS["bcd87"].encode(message()), (TPDU if tpdu else b"") + b"Z" * size)
        best = describe(raw * times, CODECS)
        assert (str(best.framing), best.dialect, best.whole) == (str(framing), "bcd87", True), (size, times)


def test_a_frame_that_is_cut_short_is_known_by_its_tpdu() -> None:
    framing = headed("2be", 6, tpdu=True)
    raw = wrap(framing, CODECS["bcd87"].encode(message()), TPDU + b"Z" * 6)
    assert str(describe(raw[:-1], CODECS).framing) == str(framing)


def test_a_header_is_sought_to_its_longest_and_no_further() -> None:
    codec = CODECS["ascii87"]
    body = codec.encode(ECHO)
    for size in (1, HEADER_BYTES_MAX):
        assert Beginning(None, size) in tuple(beginnings(b"Z" * size + body, codec.dialect))
    assert tuple(beginnings(b"Z" * (HEADER_BYTES_MAX + 1) + body, codec.dialect)) == ()


def test_a_header_may_begin_with_digits_that_could_be_an_mti() -> None:
    """As in a published message, behind whose length 0110000000 stands before the MTI."""
    framing = headed("2be", 10)
    best = describe(wrap(framing, CODECS["ascii87"].encode(message()), b"0110000000"), CODECS)
    assert (str(best.framing), best.dialect, best.whole) == (str(framing), "ascii87", True)


@pytest.mark.parametrize("missing", [0, 1])
def test_a_tpdu_counts_for_more_than_a_lucky_guess(missing: int) -> None:
    """Its first two bytes could be a length in 2bcd, and those behind these an MTI, 0300."""
    codec = CODECS["unionpay-pos"]
    head = TPDU + bytes.fromhex("603100310100")
    body = codec.encode(Message("0800", {11: "000123", 41: "T0000001", 42: "BRANCH000000001"}))
    best = describe((head + body)[: len(head + body) - missing], CODECS)
    assert (mti_at(best), best.framing) == (len(head), None)


def test_a_message_of_a_class_that_is_reserved_is_found_behind_a_tpdu() -> None:
    """As UnionPay's terminals send a signature: 0920."""
    codec = CODECS["unionpay-pos"]
    head = TPDU + bytes.fromhex("603100310100")
    body = codec.encode(Message("0920", {2: "6222021234567890", 4: "000000012000", 11: "000123"}))
    assert mti_at(describe(head + body, CODECS)) == len(head)


def test_a_whole_message_of_no_known_kind_is_not_taken_for_a_header() -> None:
    """Though the TPDU's end, its MTI and its bitmap could be those of another message, which is whole too."""
    body = bytes.fromhex("900000000000000400000007") + b" " * 7
    best = describe(wrap(Framing.BE2_TPDU, body, bytes.fromhex("6000010002")), {"bcd87": CODECS["bcd87"]})
    assert (best.framing, best.whole) == (Framing.BE2_TPDU, True)


@pytest.mark.slow
def test_a_damaged_message_is_not_taken_for_the_header_of_another() -> None:
    """Whatever byte of it is changed, and whatever digits in it could be an MTI."""
    raw = wrap(Framing.BE2, CODECS["bcd87"].encode(message(de37="020002000200")))
    for at in range(2, len(raw)):
        changed = raw[:at] + bytes([raw[at] ^ 0x80]) + raw[at + 1 :]
        assert describe(changed, CODECS).framing is Framing.BE2, at


def test_a_header_is_not_shown_where_it_may_hold_a_card_number() -> None:
    body = CODECS["ascii87"].encode(message())
    shown = [
        [node.raw for node in describe(head + body, CODECS).frames[0].nodes if node.field == "header"]
        for head in (b"ISO", b"6222021234567890123")
    ]
    assert shown == [["49534f"], [""]]
    [cut] = describe(b"ISO" + body[:-1], CODECS).frames
    assert [node.raw for node in cut.nodes if node.field == "header"] == [""]


def test_a_usual_message_behind_two_bytes_that_look_like_an_mti_is_the_message() -> None:
    """The published one: a length in hex digits of what is there in bytes, a TPDU, 0100, and a sign-on."""
    raw = bytes.fromhex(
        "0072600010000001000800203801000404000880000000000110101112240009303030313531000800350004343136310009"
        "303030303031303031"
    )
    assert mti_at(describe(raw, CODECS)) == 9
