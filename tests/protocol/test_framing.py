"""Frames: cut at any split of the bytes, bounded; a bad length ends the stream, losing nothing before it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import EncodeError, FrameError, FrameFault
from protocol.framing import SHIPPED, Frame, FrameReader, Framing, frame_bytes, frames_of, length_at, wrap

TPDU = bytes.fromhex("6000011234")
EVERY = pytest.mark.parametrize("framing", list(SHIPPED.values()), ids=list(SHIPPED))


def head_for(framing: Framing, size: int) -> bytes:
    """A head before a message of so many bytes."""
    head = framing.head.filled(framing.head.sample(), size)
    assert head is not None
    return (TPDU + head[len(TPDU) :]) if framing.tpdu else head


@EVERY
def test_frames_come_back_byte_by_byte(framing: Framing) -> None:
    stream = b"".join(wrap(framing, word, head_for(framing, len(word))) for word in (b"first", b"second"))
    reader = FrameReader(framing)
    frames = [frame for byte in stream for frame in reader.feed(bytes([byte]))]
    assert [frame.body for frame in frames] == [b"first", b"second"]


@pytest.mark.parametrize(
    ("framing", "wire"),
    [
        (Framing.BE2, "0003616263"),
        (Framing.ASCII4, "30303033616263"),
        (Framing.BCD2, "0003616263"),
        (Framing.BE2_TPDU, "00086000011234616263"),
    ],
)
def test_the_length_counts_what_follows_it(framing: Framing, wire: str) -> None:
    assert wrap(framing, b"abc", head_for(framing, 3)) == bytes.fromhex(wire)


def test_a_length_of_two_bytes_is_read_in_its_own_notation() -> None:
    assert FrameReader(Framing.BCD2).feed(b"\x00\x10" + b"x" * 10) == [Frame(b"x" * 10)]
    assert FrameReader(Framing.BE2).feed(b"\x00\x10" + b"x" * 16) == [Frame(b"x" * 16)]


@pytest.mark.parametrize(
    ("framing", "wire", "reason"),
    [
        (Framing.BE2, b"\x00\x00", "the message is empty"),
        (Framing.BE2, b"\x00\x65", "the message is 101 bytes, at most 100"),
        (Framing.ASCII4, b"0000", "the message is empty"),
        (Framing.ASCII4, b" 010", "the length is not digits"),
        (Framing.ASCII4, b"+010", "the length is not digits"),
        (Framing.ASCII4, b"1_00", "the length is not digits"),
        (Framing.BCD2, b"\x00\x1a", "the length is not digits"),
        (Framing.BCD2, b"\x01\x01", "the message is 101 bytes, at most 100"),
        (Framing.BE2_TPDU, b"\x00\x05", "the message is empty"),
        (Framing.BE2_TPDU, b"\x00\x6a", "the message is 101 bytes, at most 100"),
        (Framing.BE2_TPDU, b"\x00\x06\x61\x00\x00\x00\x00x", "the TPDU does not begin with 60"),
    ],
)
def test_a_bad_length_ends_the_stream(framing: Framing, wire: bytes, reason: str) -> None:
    reader = FrameReader(framing, limit=100)
    with pytest.raises(FrameError) as caught:
        reader.feed(wire)
    assert (str(caught.value), caught.value.frames, reader.pending) == (reason, (), 0)
    with pytest.raises(FrameError) as caught:
        reader.feed(wrap(framing, b"late", head_for(framing, 4)))
    assert (str(caught.value), caught.value.frames) == (reason, ())


@EVERY
def test_the_limit_is_on_the_message_alone(framing: Framing) -> None:
    wire = wrap(framing, b"x" * 100, head_for(framing, 100))
    assert FrameReader(framing, limit=100).feed(wire) == [Frame(b"x" * 100, head_for(framing, 100))]
    with pytest.raises(FrameError) as caught:
        FrameReader(framing, limit=99).feed(wire)
    assert str(caught.value) == "the message is 100 bytes, at most 99"
    with pytest.raises(FrameError) as caught:
        FrameReader(framing, limit=0).feed(wrap(framing, b"x", head_for(framing, 1)))
    assert str(caught.value) == "the message is 1 bytes, at most 0"


def test_a_message_of_8192_bytes_is_the_longest_where_a_link_says_nothing() -> None:
    assert FrameReader(Framing.BE2).feed(b"\x20\x00" + bytes(8192)) == [Frame(bytes(8192))]
    with pytest.raises(FrameError) as caught:
        FrameReader(Framing.BE2).feed(b"\x20\x01")
    assert str(caught.value) == "the message is 8193 bytes, at most 8192"


def test_whole_frames_before_a_bad_one_are_not_lost() -> None:
    with pytest.raises(FrameError) as caught:
        FrameReader(Framing.BE2).feed(wrap(Framing.BE2, b"good") + b"\x00\x00")
    assert caught.value.frames == (Frame(b"good"),)


def test_pending_counts_an_incomplete_frame() -> None:
    reader = FrameReader(Framing.BE2)
    assert reader.pending == 0
    assert reader.feed(b"\x00\x04ab") == []
    assert reader.pending == 4
    assert reader.feed(b"cd\x00") == [Frame(b"abcd")]
    assert reader.pending == 1


@pytest.mark.parametrize(
    ("framing", "length", "tpdu", "text"),
    [
        (Framing.BE2, 0, b"", "field frame: 0 bytes do not fit framing 2be"),
        (Framing.BE2, 65_536, b"", "field frame: 65536 bytes do not fit framing 2be"),
        (Framing.ASCII4, 10_000, b"", "field frame: 10000 bytes do not fit framing 4ascii"),
        (Framing.BCD2, 10_000, b"", "field frame: 10000 bytes do not fit framing 2bcd"),
        (Framing.BE2_TPDU, 0, TPDU, "field frame: 0 bytes do not fit framing 2be-tpdu"),
        (Framing.BE2_TPDU, 65_531, TPDU, "field frame: 65531 bytes do not fit framing 2be-tpdu"),
        (Framing.BE2, 1, TPDU, "field head: 5 bytes do not fit framing 2be"),
        (Framing.BE2_TPDU, 1, b"", "field head: 0 bytes do not fit framing 2be-tpdu"),
        (Framing.BE2_TPDU, 1, TPDU[:4], "field head: 4 bytes do not fit framing 2be-tpdu"),
        (Framing.BE2_TPDU, 1, bytes([0x61]) + TPDU[1:], "field head: 5 bytes do not fit framing 2be-tpdu"),
    ],
)
def test_what_a_framing_cannot_express_is_our_error(
    framing: Framing, length: int, tpdu: bytes, text: str
) -> None:
    with pytest.raises(EncodeError) as caught:
        wrap(framing, bytes(length), tpdu)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("framing", "length", "head"),
    [
        (Framing.BE2, 65_535, "ffff"),
        (Framing.ASCII4, 9_999, "39393939"),
        (Framing.BCD2, 9_999, "9999"),
        (Framing.BE2_TPDU, 65_530, "ffff6000011234"),
    ],
)
def test_the_longest_that_a_framing_can_express(framing: Framing, length: int, head: str) -> None:
    assert wrap(framing, bytes(length), head_for(framing, length)) == bytes.fromhex(head) + bytes(length)


@pytest.mark.parametrize(
    ("framing", "data", "at", "length"),
    [
        (Framing.BE2, "010203", 0, 258),
        (Framing.BE2, "010203", 1, 515),
        (Framing.BE2, "010203", 2, None),
        (Framing.ASCII4, "30303132", 0, 12),
        (Framing.ASCII4, "303031", 0, None),
        (Framing.ASCII4, "30307832", 0, None),
        (Framing.BCD2, "0012", 0, 12),
        (Framing.BCD2, "001a", 0, None),
        (Framing.BE2_TPDU, "0006", 0, 6),
    ],
)
def test_the_length_at_a_byte_is_told_where_there_is_one(
    framing: Framing, data: str, at: int, length: int | None
) -> None:
    assert length_at(framing, bytes.fromhex(data), at) == length


def test_an_answer_swaps_destination_and_source() -> None:
    assert Framing.BE2_TPDU.head.of_answer(bytes.fromhex("6001234567")) == bytes.fromhex("6045670123")
    assert Framing.BE2_TPDU.head.of_answer(b"") == b""


def test_a_frame_without_a_tpdu_has_an_empty_one_and_shows_no_byte() -> None:
    assert Frame(b"abc") == Frame(b"abc", b"")
    assert repr(Frame(b"abc", TPDU)) == "Frame(3 bytes)"


def test_a_frame_that_comes_byte_by_byte_is_looked_at_no_more_than_it_must_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise the time would grow with the square of its length."""
    looked: list[int] = []
    cut = FrameReader._cut

    def counted(reader: FrameReader, data: bytes, frames: list[Frame]) -> int:
        looked.append(len(data))
        return cut(reader, data, frames)

    monkeypatch.setattr(FrameReader, "_cut", counted)
    reader = FrameReader(Framing.BE2)
    for byte in b"\x00\x04abcd\x00\x01e":
        reader.feed(bytes([byte]))
    assert looked == [1, 2, 6, 1, 2, 3]


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(places)]


@EVERY
@settings(max_examples=60, deadline=None)
@given(
    bodies=st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=6),
    cuts=st.lists(st.integers(0)),
)
def test_any_frames_come_back_at_any_split(framing: Framing, bodies: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(wrap(framing, body, head_for(framing, len(body))) for body in bodies)
    reader = FrameReader(framing)
    frames = [frame for part in split(stream, cuts) for frame in reader.feed(part)]
    assert frames == [Frame(body, head_for(framing, len(body))) for body in bodies]
    assert reader.pending == 0


@EVERY
@settings(max_examples=100, deadline=None)
@given(parts=st.lists(st.binary(max_size=80), max_size=12))
def test_hostile_bytes_raise_frame_error_alone_and_hold_at_most_one_frame(
    framing: Framing, parts: list[bytes]
) -> None:
    reader = FrameReader(framing, limit=64)
    for part in parts:
        try:
            reader.feed(part)
        except FrameError:
            assert reader.pending == 0
            break
        assert reader.pending < framing.message_at + 64


@pytest.mark.parametrize(
    ("framing", "wire", "tpdu"),
    [
        (Framing.BE2, "0000", ""),
        (Framing.ASCII4, "30303030", ""),
        (Framing.BCD2, "0000", ""),
        (Framing.BE2_TPDU, "0000", ""),
        (Framing.BE2_TPDU, "00056000011234", "6000011234"),
    ],
)
def test_an_empty_frame_is_a_frame_where_it_is_taken(framing: Framing, wire: str, tpdu: str) -> None:
    data = bytes.fromhex(wire)
    empty = Frame(b"", bytes.fromhex(tpdu), data)
    message = wrap(framing, b"abc", head_for(framing, 3))
    reader = FrameReader(framing, takes_empty=True)
    assert reader.feed(data + message + data[:1]) == [empty, Frame(b"abc", head_for(framing, 3))]
    assert reader.feed(data[1:] + data) == [empty, empty]
    assert (empty.is_empty, Frame(b"abc").is_empty) == (True, False)
    assert frame_bytes(framing, empty) == data
    assert frame_bytes(framing, Frame(b"abc", head_for(framing, 3))) == message


def test_an_empty_frame_with_half_a_tpdu_or_another_is_a_fault() -> None:
    for wire, fault in (("00036000010000", FrameFault.EMPTY), ("00056100011234", FrameFault.NO_TPDU)):
        with pytest.raises(FrameError) as caught:
            FrameReader(Framing.BE2_TPDU, takes_empty=True).feed(bytes.fromhex(wire))
        assert caught.value.fault is fault


def test_what_is_read_to_be_described_has_empty_frames_only_beside_others() -> None:
    message = Frame(b"abc")
    poll, good = b"\x00\x00", frame_bytes(Framing.BE2, message)
    assert frames_of(Framing.BE2, poll + good + poll) == (
        [Frame(b"", b"", poll), message, Frame(b"", b"", poll)],
        "",
    )
    assert frames_of(Framing.BE2, poll * 2) == ((), "the message is empty")
