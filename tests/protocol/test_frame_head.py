"""What stands between length and message: each kind of part, checked as it comes and made for an answer."""

from __future__ import annotations

import pytest

from protocol.errors import FrameError, FrameFault, FramingError
from protocol.frame_head import TPDU, Head, parsed_part
from protocol.framing import Frame, FrameReader, Framing, wrap


def head_of(*parts: str) -> Head:
    return Head(tuple(map(parsed_part, parts)))


@pytest.mark.parametrize(
    ("parts", "came", "answer"),
    [
        (["echo 3"], b"abc", b"abc"),
        (["fixed 4F4B"], b"OK", b"OK"),
        (["ours 4F4B"], b"??", b"OK"),
        (["destination 2", "source 2"], b"ddss", b"ssdd"),
        (["source 1", "echo 1", "destination 1"], b"sxd", b"dxs"),
        (["destination 1", "source 1", "destination 2", "source 2"], b"abccdd", b"baddcc"),
        (["length 4ascii", "echo 1"], b"0009x", b"0009x"),
    ],
)
def test_the_head_of_an_answer_follows_from_the_request_s(
    parts: list[str], came: bytes, answer: bytes
) -> None:
    assert head_of(*parts).of_answer(came) == answer


@pytest.mark.parametrize(
    ("framing", "head", "fault"),
    [
        (Framing(header=(parsed_part("fixed 4F4B"),)), b"NO", FrameFault.NO_HEADER),
        (Framing(header=(parsed_part("echo 1"), parsed_part("fixed 4B"))), b"OO", FrameFault.NO_HEADER),
        (Framing(tpdu=True), b"\x61\0\1\0\2", FrameFault.NO_TPDU),
        (Framing(header=(parsed_part("length 4ascii"),)), b"0009", FrameFault.OTHER_LENGTH),
        (Framing(header=(parsed_part("length 4ascii"),)), b"000x", FrameFault.OTHER_LENGTH),
    ],
)
def test_another_head_than_the_one_agreed_ends_the_stream_behind_the_frames_before_it(
    framing: Framing, head: bytes, fault: FrameFault
) -> None:
    good = wrap(framing, b"0800", framing.head.sample())
    bad = good[:2] + head + good[2 + len(head) :]
    with pytest.raises(FrameError) as caught:
        FrameReader(framing).feed(good + bad + good)
    assert (caught.value.fault, [frame.body for frame in caught.value.frames]) == (fault, [b"0800"])


def test_a_frame_that_ends_otherwise_than_agreed_ends_the_stream() -> None:
    framing = Framing(trailer=b"\x03")
    assert FrameReader(framing).feed(b"\0\3ab\x03") == [Frame(b"ab")]
    with pytest.raises(FrameError) as caught:
        FrameReader(framing).feed(b"\0\3abc")
    assert caught.value.fault is FrameFault.NO_TRAILER


def test_lengths_in_a_head_are_filled_in_and_are_no_part_of_what_stays_the_same() -> None:
    head = head_of("echo 2", "length 4ascii")
    assert head.filled(b"ab????", 10) == b"ab0016"
    assert head.filled(b"ab????", 9994) is None
    assert head.unmeasured(b"ab0016") == b"ab\0\0\0\0"


def test_a_head_of_our_own_has_what_is_fixed_and_zeros_and_a_sample_tells_neighbours_apart() -> None:
    head = head_of("fixed 60", "ours 41", "destination 2", "source 2")
    assert head.own() == b"`A\0\0\0\0"
    assert head.sample() == b"`12345"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("swap 3", "there is no part 'swap' of a header; there are echo, fixed, ours, destination, source"),
        ("echo", "echo is followed by a number of bytes"),
        ("echo 0", "echo is followed by a number of bytes"),
        ("echo 6 ", "echo is followed by a number of bytes"),
        ("destination 1000", "destination is followed by a number of bytes"),
        ("fixed 6", "fixed is followed by hex digits, two a byte"),
        ("ours", "ours is followed by hex digits, two a byte"),
        ("length 9be", "there is no such length; there are 2 to 4 be"),
    ],
)
def test_a_part_that_is_none_is_refused_with_the_reason(text: str, fault: str) -> None:
    with pytest.raises(FramingError) as caught:
        parsed_part(text)
    assert str(caught.value).startswith(fault)


@pytest.mark.parametrize("parts", [["source 2"], ["destination 2", "source 3"], ["echo 200", "echo 56"]])
def test_a_head_whose_parts_do_not_go_together_is_refused(parts: list[str]) -> None:
    with pytest.raises(FramingError):
        head_of(*parts)


def test_a_header_may_have_255_bytes_besides_its_tpdu() -> None:
    assert Head((*TPDU, parsed_part("echo 255")), 5).size == 260
