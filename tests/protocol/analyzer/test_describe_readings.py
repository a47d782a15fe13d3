"""Describing bytes: the right reading of any message, the first wrong byte of others, and never a secret."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from protocol.analyzer.describe import FRAMINGS, DescribedFrame, describe, ranked
from protocol.analyzer.error_locator import WrongByte
from protocol.analyzer.field_tree import Node
from protocol.framing import Framing, wrap
from protocol.message import Message
from tests.support.builders import inquiry, message, reversal, totals
from tests.support.canary import CARD
from tests.support.element_bytes import WIRES
from tests.support.messages import CODECS

TPDU = bytes.fromhex("6000010002")
SIGN_ON = Message("0800", {7: "1124101112", 11: "000123", 32: "01020000", 70: "001"})
EVERY = pytest.mark.parametrize("name", WIRES)
EVERY_FRAMING = pytest.mark.parametrize("framing", FRAMINGS, ids=str)


def framed(framing: Framing | None, body: bytes) -> bytes:
    if framing is None:
        return body
    return wrap(framing, body, TPDU if framing.tpdu else b"")


def flat(nodes: tuple[Node, ...]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from flat(node.nodes)


def fields(frame: DescribedFrame) -> list[tuple[str, str, str, str]]:
    return [
        (child.field, child.value, child.meaning, child.hidden)
        for child in frame.nodes
        if child.field != "bitmap"
    ]


@EVERY
@EVERY_FRAMING
@pytest.mark.parametrize(
    "asked",
    [
        message(de2=CARD, de64="0123456789ABCDEF"),
        inquiry(),
        reversal(message()),
        totals(),
        SIGN_ON,
        Message("0810", {7: "1124101112", 11: "000123", 32: "01020000", 39: "00", 70: "001"}),
    ],
    ids=["collection", "inquiry", "reversal", "totals", "sign-on", "answer"],
)
def test_a_message_of_the_interface_is_known_by_itself(
    name: str, framing: Framing | None, asked: Message
) -> None:
    best = describe(framed(framing, CODECS[name].encode(asked)), CODECS)
    assert (best.framing, best.dialect, best.whole) == (framing, name, True)
    assert not [child for child in flat(best.frames[0].nodes) if child.hidden and child.field != "DE 2"]


def test_frames_one_behind_the_other_are_all_described() -> None:
    stream = b"".join(framed(Framing.ASCII4, CODECS["hex87"].encode(message())) for _ in range(40))
    best = describe(stream, CODECS)
    assert (best.framing, best.dialect, best.whole, len(best.frames)) == (Framing.ASCII4, "hex87", True, 40)
    assert [frame.at for frame in best.frames] == [place * len(stream) // 40 for place in range(40)]


def test_a_frame_that_is_not_there_to_its_end_is_described_as_far_as_it_goes() -> None:
    raw = framed(Framing.BE2, CODECS["ascii87"].encode(message()))
    best = describe(raw * 2 + raw[:50], CODECS)
    assert [frame.wrong is None for frame in best.frames] == [True, True, False]
    assert best.wrong is not None
    assert best.wrong.at == len(raw) * 2 + 50


@pytest.mark.parametrize(
    ("pieces", "at", "expected"),
    [
        ("02x0|4000000000000000|0212", 2, "ASCII digits of the MTI"),
        ("0200|400000000000000g|0212", 19, "a hex digit of the bitmap"),
        ("0200|4000000000000000|0x12", 21, "ASCII digits of the length of DE 2"),
        ("0200|4000000000000000|20123", 20, "a length of DE 2 of 19 at most"),
        ("0200|4000000000000000|041a34", 23, "a digit in ASCII of DE 2"),
        ("0200|6000000000000000|041a34|12", 23, "a digit in ASCII of DE 2"),
        ("0200|4000000000000000|0412", 24, "2 bytes more of DE 2; the message ends here"),
        ("0200|4000000000000000|0212x", 24, "the message's end: 1 byte more than its fields take"),
        ("0200|8000000000000000|8000000000000000|00", 20, "no bit 65: ISO 8583:1987 has no third bitmap"),
        ("0200|0000000000000001|0123456789ABCDEG", 35, "a hex digit in ASCII of DE 64"),
        ("0200|0000000000800000|T000\t001", 24, "a printable character in ASCII of DE 41"),
    ],
)
def test_the_first_wrong_byte_and_what_was_expected(pieces: str, at: int, expected: str) -> None:
    raw = pieces.replace("|", "").encode()
    [frame] = describe(raw, {"hex87": CODECS["hex87"]}, bare=True).frames
    assert frame.wrong == WrongByte(at, expected)


@pytest.mark.parametrize(
    ("digits", "at", "expected"),
    [
        ("02a0 4000000000000000 0212", 1, "BCD digits of the MTI"),
        ("0200 4000000000000000 041b34", 11, "two BCD digits of DE 2"),
        ("0200 4000000000000000 031231", 12, "a fill digit of 0 of DE 2"),
        ("0200 0000040000000000 1021", 10, "a fill digit of 0 of DE 22"),
        ("0200 0000000000010000 0002 80ff", 12, "text in GB18030 of DE 48"),
    ],
)
def test_the_first_wrong_byte_of_a_packed_message(digits: str, at: int, expected: str) -> None:
    raw = bytes.fromhex(digits)
    [frame] = describe(raw, {"bcd87": CODECS["bcd87"]}, bare=True).frames
    assert frame.wrong == WrongByte(at, expected)


def test_the_readings_are_in_the_order_of_their_ranks() -> None:
    described = [guess.rank for guess in ranked([CODECS["ascii87"].encode(message())], CODECS)]
    assert described == sorted(described, reverse=True)
    assert len(described) == len(FRAMINGS) * len(CODECS)


def test_of_two_readings_that_are_whole_the_one_with_the_tpdu_is_likelier() -> None:
    body = CODECS["bcd87"].encode(Message("0000", {12: "990000", 54: "0000"}))
    raw = wrap(Framing.BE2_TPDU, body, TPDU)
    without = describe(raw, {"bcd87": CODECS["bcd87"]}, Framing.BE2)
    assert without.whole
    assert describe(raw, CODECS).framing is Framing.BE2_TPDU
