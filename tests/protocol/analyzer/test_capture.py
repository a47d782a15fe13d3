"""Captures: TCP streams put together from pcap and pcapng, in whatever order their segments came."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.analyzer.capture import is_capture, of_packets, read
from tests.support.packet_capture import (
    ETHERNET,
    LINUX_ANY,
    LOOPBACK,
    RAW,
    SYN,
    Segment,
    ip_packet,
    on_link,
    pcap,
    pcapng,
)

DATA = bytes(range(256))
FILES = [
    pytest.param(lambda p, link=ETHERNET: pcap(p, link), id="pcap"),
    pytest.param(lambda p, link=ETHERNET: pcap(p, link, ">"), id="pcap, other byte order"),
    pytest.param(lambda p, link=ETHERNET: pcap(p, link, "<", 0xA1B23C4D), id="pcap, nanoseconds"),
    pytest.param(lambda p, link=ETHERNET: pcapng(p, link), id="pcapng"),
    pytest.param(lambda p, link=ETHERNET: pcapng(p, link, ">"), id="pcapng, other byte order"),
]


def cut(data: bytes, places: list[int], start: int = 1) -> list[Segment]:
    ends = sorted({0, len(data), *(place % len(data) for place in places)})
    return [Segment(data[a:b], (start + a) % (1 << 32)) for a, b in pairwise(ends)]


def packets(segments: list[Segment], link: int = ETHERNET) -> list[bytes]:
    return [on_link(link, ip_packet(segment)) for segment in segments]


@pytest.mark.parametrize("write", FILES)
@pytest.mark.parametrize("link", [ETHERNET, RAW, LOOPBACK, LINUX_ANY])
def test_each_file_and_link_gives_the_stream(write: object, link: int) -> None:
    file = write(packets(cut(DATA, [10, 100]), link), link)  # type: ignore[operator]
    capture = read(file)
    assert is_capture(file)
    assert [(str(stream.direction), stream.data, stream.missing) for stream in capture.streams] == [
        ("192.0.2.10:40000 to 192.0.2.20:8583", DATA, 0)
    ]
    assert (capture.other_packets, capture.fault) == (0, None)


def test_both_directions_are_streams_and_other_packets_are_counted() -> None:
    back = Segment(b"answer", 9, "192.0.2.20", "192.0.2.10", (8583, 40_000))
    udp = bytearray(ip_packet(Segment(b"name")))
    udp[9] = 17
    capture = read(pcap([*packets([Segment(b"question"), back]), on_link(ETHERNET, bytes(udp)), b"\0" * 60]))
    assert [stream.data for stream in capture.streams] == [b"question", b"answer"]
    assert capture.streams[0].direction.opposite == capture.streams[1].direction
    assert capture.other_packets == 2


def test_ports_that_are_used_again_are_another_stream() -> None:
    opened = [Segment(b"", 0, flags=SYN), Segment(b"first", 1), Segment(b"", 500, flags=SYN)]
    capture = read(pcap(packets([*opened, Segment(b"second", 501)])))
    assert [stream.data for stream in capture.streams] == [b"first", b"second"]


def test_a_stream_ends_at_a_gap_and_says_how_much_is_missing() -> None:
    [stream] = read(pcap(packets([Segment(b"0123", 1), Segment(b"89", 9)]))).streams
    assert (stream.data, stream.missing) == (b"0123", 4)


def test_what_came_before_the_first_that_was_seen_is_the_beginning() -> None:
    for start in (1, 2**32 - 3):
        late = Segment(b"89", (start + 8) % 2**32)
        [stream] = read(pcap(packets([late, Segment(b"01234567", start)]))).streams
        assert (stream.data, stream.missing) == (b"0123456789", 0)


def test_ipv6_and_vlans_are_read() -> None:
    segment = Segment(b"six", source="2001:db8::1", target="2001:db8::2")
    tagged = on_link(ETHERNET, ip_packet(segment))
    tagged = tagged[:12] + b"\x81\x00\x00\x07" + tagged[12:]
    [stream] = read(pcap([tagged])).streams
    assert (str(stream.direction), stream.data) == ("[2001:db8::1]:40000 to [2001:db8::2]:8583", b"six")


@pytest.mark.parametrize("link", [RAW, ETHERNET])
def test_packets_without_a_file_are_known(link: int) -> None:
    capture = of_packets(tuple(packets(cut(DATA, [50]), link)))
    assert capture is not None
    assert [stream.data for stream in capture.streams] == [DATA]
    assert of_packets((b"\x02\x00" + bytes(30),)) is None


@pytest.mark.parametrize("write", FILES)
def test_a_file_that_breaks_off_gives_what_is_before_and_says_where(write: object) -> None:
    file = write(packets([Segment(b"one", 1), Segment(b"two", 4)]))  # type: ignore[operator]
    for end in range(4, len(file)):
        capture = read(file[:end])
        data = b"".join(stream.data for stream in capture.streams)
        assert data in (b"", b"one", b"onetwo")
        assert data == b"onetwo" or capture.fault is None or capture.fault.position <= end
    assert read(file[:-1]).fault is not None
    assert [stream.data for stream in read(file[:-1]).streams] == [b"one"]


@pytest.mark.parametrize("sequence", [999, 1000, 500])
def test_what_carries_nothing_does_not_begin_a_stream(sequence: int) -> None:
    """A keep-alive on an idle link has the number before the next byte's (RFC 9293, section 3.8.4)."""
    [stream] = read(pcap(packets([Segment(b"", sequence), *cut(DATA, [10], 1000)]))).streams
    assert (stream.data, stream.missing) == (DATA, 0)


@given(
    places=st.lists(st.integers(0, 255), max_size=6),
    start=st.sampled_from([1, 2**32 - 100, 2**31 - 50]),
    shuffled=st.randoms(use_true_random=False),
)
def test_segments_out_of_order_twice_and_overlapping_make_one_stream(
    places: list[int], start: int, shuffled: object
) -> None:
    segments = cut(DATA, places, start)
    again = [Segment(DATA[5:60], (start + 5) % 2**32), *segments, *segments[:2]]
    shuffled.shuffle(again)  # type: ignore[attr-defined]
    opening = Segment(b"", (start - 1) % 2**32, flags=SYN)
    [stream] = read(pcap(packets([opening, *again]))).streams
    assert (stream.data, stream.missing) == (DATA, 0)


@given(st.data())
def test_a_damaged_file_is_read_or_is_a_fault(data: st.DataObject) -> None:
    write = data.draw(st.sampled_from([pcap, pcapng]))
    file = bytearray(write(packets(cut(DATA, [100]))))
    for _ in range(data.draw(st.integers(1, 4))):
        file[data.draw(st.integers(4, len(file) - 1))] = data.draw(st.integers(0, 255))
    capture = read(bytes(file))
    assert capture.fault is None or 0 <= capture.fault.position <= len(file)
