"""The layers of a capture by the byte: file headers, links, IPv4, IPv6, TCP; and what is none of them."""

from __future__ import annotations

import struct

import pytest

from protocol.analyzer.capture import Capture, Direction, Stream, is_capture, of_packets, read
from protocol.errors import CaptureError
from tests.support.packet_capture import ETHERNET, RAW, SYN, Segment, ip_packet, on_link, pcap

WAY = Direction("192.0.2.10", 40_000, "192.0.2.20", 8583)
WAY6 = Direction("2001:db8::1", 40_000, "2001:db8::2", 8583)
FOUR = ip_packet(Segment(b"data"))
SIX = ip_packet(Segment(b"data", source="2001:db8::1", target="2001:db8::2"))
DATA = Capture((Stream(WAY, b"data", 0),), 0, None)
DATA6 = Capture((Stream(WAY6, b"data", 0),), 0, None)
OTHER = Capture((), 1, None)
FIN = 0x01


def fault(capture: Capture) -> tuple[int, str] | None:
    return None if capture.fault is None else (capture.fault.position, capture.fault.expected)


@pytest.mark.parametrize(
    ("data", "known"),
    [
        ("a1b2c3d4", True),
        ("d4c3b2a1", True),
        ("a1b23c4d", True),
        ("4d3cb2a1", True),
        ("0a0d0d0a", True),
        ("a1b2c3d400", True),
        ("0a0d0d0a00", True),
        ("a1b2c3", False),
        ("a1b2c3d5", False),
        ("", False),
    ],
)
def test_a_capture_begins_with_its_mark(data: str, known: bool) -> None:
    assert is_capture(bytes.fromhex(data)) is known


@pytest.mark.parametrize(
    ("link", "before"),
    [
        (0, b"\x02\0\0\0"),
        (1, b"\xee" * 12 + b"\x08\x00"),
        (12, b""),
        (14, b""),
        (101, b""),
        (108, b"\0\0\0\x02"),
        (113, b"\xee" * 14 + b"\x08\x00"),
        (228, b""),
        (229, b""),
        (276, b"\x08\x00" + b"\xee" * 18),
        (1, b"\xee" * 12 + b"\x81\x00\x00\x07\x08\x00"),
        (1, b"\xee" * 12 + b"\x88\xa8\x00\x07\x81\x00\x00\x08\x08\x00"),
    ],
)
def test_a_link_s_header_is_passed_over(link: int, before: bytes) -> None:
    assert read(pcap([before + FOUR], link)) == DATA


@pytest.mark.parametrize("link", [1, 113, 276])
def test_a_link_s_header_names_ipv6_too(link: int) -> None:
    before = {1: b"\xee" * 12 + b"\x86\xdd", 113: b"\xee" * 14 + b"\x86\xdd", 276: b"\x86\xdd" + b"\xee" * 18}
    assert read(pcap([before[link] + SIX], link)) == DATA6


@pytest.mark.parametrize(
    ("link", "packet"),
    [
        (147, FOUR),
        (1, b"\xee" * 12 + b"\x08\x06" + FOUR),
        (113, b"\xee" * 14 + b"\x81\x00\x00\x07\x08\x00" + FOUR),
        (276, b"\x81\x00\x00\x07\x08\x00" + b"\xee" * 18 + FOUR),
        (1, b"\xee" * 12 + b"\x81\x00\x00\x07\x08\x06" + FOUR),
        (1, b"\xee" * 12 + b"\x81\x00"),
        (101, b""),
        (101, b"\x55" + FOUR[1:]),
        (101, b"\x44" + FOUR[1:]),
        (101, b"\x4f" + FOUR[1:]),
        (101, FOUR[:9]),
        (101, FOUR[:19]),
        (101, b"\x44" + FOUR[1:28] + b"\x50" + FOUR[29:]),
        (101, FOUR[:9] + b"\x11" + FOUR[10:]),
        (101, FOUR[:6] + b"\x20\x00" + FOUR[8:]),
        (101, FOUR[:6] + b"\x00\x01" + FOUR[8:]),
        (101, FOUR[:6] + b"\x10\x00" + FOUR[8:]),
        (101, FOUR[:39]),
        (101, FOUR[:32] + b"\x40" + FOUR[33:]),
        (101, b"\x50" + SIX[1:]),
        (101, SIX[:6]),
        (101, SIX[:39]),
        (101, SIX[:59]),
        (101, SIX[:6] + b"\x11" + SIX[7:]),
        (101, SIX[:6] + b"\x2c" + SIX[7:40] + b"\x06" + bytes(7) + SIX[40:]),
        (101, SIX[:6] + b"\0" + SIX[7:40] + b"\x06"),
    ],
)
def test_what_is_no_whole_tcp_segment_is_something_else(link: int, packet: bytes) -> None:
    assert read(pcap([packet], link)) == OTHER


def with_length(packet: bytes, length: int) -> bytes:
    """An IPv6 packet that says another length of what is behind its header."""
    return packet[:4] + length.to_bytes(2) + packet[6:]


@pytest.mark.parametrize(
    ("packet", "capture"),
    [
        (FOUR, DATA),
        (FOUR + b"fill", DATA),
        (FOUR[:2] + b"\0\0" + FOUR[4:], DATA),
        (FOUR[:6] + b"\x40\x00" + FOUR[8:], DATA),
        (FOUR[:6] + b"\x80\x00" + FOUR[8:], DATA),
        (b"\x46" + FOUR[1:2] + b"\x00\x30" + FOUR[4:20] + b"\x01" * 4 + FOUR[20:] + b"fill", DATA),
        (FOUR[:2] + b"\x00\x30" + FOUR[4:32] + b"\x60" + FOUR[33:40] + b"\x01" * 4 + FOUR[40:], DATA),
        (SIX, DATA6),
        (SIX + b"fill", DATA6),
        (with_length(SIX, 0), DATA6),
        (with_length(SIX[:6] + b"\0" + SIX[7:40] + b"\x06" + bytes(7) + SIX[40:], 32), DATA6),
        (with_length(SIX[:6] + b"\x2b" + SIX[7:40] + b"\x06\x01" + bytes(14) + SIX[40:], 40), DATA6),
        (
            with_length(SIX[:6] + b"\x3c" + SIX[7:40] + b"\0" + bytes(7) + b"\x06" + bytes(7) + SIX[40:], 40),
            DATA6,
        ),
    ],
)
def test_options_and_filling_are_passed_over(packet: bytes, capture: Capture) -> None:
    assert read(pcap([packet], RAW)) == capture


def test_the_length_of_an_ipv6_packet_is_two_bytes() -> None:
    packet = ip_packet(Segment(b"d" * 300, source="2001:db8::1", target="2001:db8::2"))
    assert read(pcap([packet + b"fill"], RAW)) == Capture((Stream(WAY6, b"d" * 300, 0),), 0, None)


def test_a_segment_of_an_address_s_own_ports_and_number() -> None:
    direction = Direction("10.1.2.3", 258, "10.4.5.6", 772)
    packet = ip_packet(Segment(b"x", 0x01020304, "10.1.2.3", "10.4.5.6", (258, 772)))
    gap = ip_packet(Segment(b"y", 0x01020308, "10.1.2.3", "10.4.5.6", (258, 772)))
    assert read(pcap([packet, gap], RAW)) == Capture((Stream(direction, b"x", 3),), 0, None)


@pytest.mark.parametrize(
    ("segments", "streams"),
    [
        ([(b"", 9, SYN), (b"ab", 10, 0), (b"", 9, SYN), (b"cd", 12, 0)], [(b"abcd", 0)]),
        ([(b"", 9, SYN), (b"ab", 10, 0), (b"", 20, SYN), (b"cd", 21, 0)], [(b"ab", 0), (b"cd", 0)]),
        ([(b"ab", 9, SYN), (b"cd", 12, 0)], [(b"abcd", 0)]),
        ([(b"ab", 9, 0), (b"cd", 11, FIN)], [(b"abcd", 0)]),
        ([(b"", 9, SYN), (b"ab", 11, 0)], []),
        ([(b"", 2**32 - 1, SYN), (b"ab", 0, 0)], [(b"ab", 0)]),
        ([(b"ab", 0, 0), (b"", 2**32 - 1, SYN), (b"cd", 2, 0)], [(b"abcd", 0)]),
        ([(b"ab", 2**32 - 1, 0), (b"cd", 1, 0)], [(b"abcd", 0)]),
        ([(b"cd", 1, 0), (b"ab", 2**32 - 1, 0)], [(b"abcd", 0)]),
        # Half of all numbers ahead is behind: what came first is then far ahead of it.
        ([(b"ab", 0, 0), (b"cd", 2**31 + 1, 0)], [(b"cd", 2**31 - 3)]),
        ([(b"ab", 0, 0), (b"cd", 2**31, 0)], [(b"cd", 2**31 - 2)]),
        ([(b"ab", 0, 0), (b"cd", 2**31 - 1, 0)], [(b"ab", 2**31 - 3)]),
        ([(b"abcd", 1, 0), (b"bc", 2, 0), (b"cdef", 3, 0)], [(b"abcdef", 0)]),
        ([(b"abcd", 1, 0), (b"XY", 1, 0)], [(b"abcd", 0)]),
        ([(b"", 1, 0)], []),
        ([(b"", 1, SYN)], []),
        ([(b"ab", 1, 0), (b"ef", 6, 0), (b"gh", 8, 0)], [(b"ab", 3)]),
    ],
)
def test_segments_make_a_stream_by_their_numbers(
    segments: list[tuple[bytes, int, int]], streams: list[tuple[bytes, int]]
) -> None:
    packets = [ip_packet(Segment(data, number, flags=flags)) for data, number, flags in segments]
    capture = read(pcap(packets, RAW))
    assert [(stream.data, stream.missing) for stream in capture.streams] == streams
    assert (capture.other_packets, capture.fault) == (0, None)


def test_a_way_and_a_stream_are_written_without_a_byte_of_data() -> None:
    assert str(WAY) == "192.0.2.10:40000 to 192.0.2.20:8583"
    assert str(WAY6) == "[2001:db8::1]:40000 to [2001:db8::2]:8583"
    assert WAY.opposite == Direction("192.0.2.20", 8583, "192.0.2.10", 40_000)
    assert repr(Stream(WAY, b"secret", 3)) == "Stream(192.0.2.10:40000 to 192.0.2.20:8583, 6 bytes)"


# Whose length, nought, says nothing: a byte more would be one of its data.
ODD = ip_packet(Segment(b"odd"))
ODD = ODD[:2] + b"\0\0" + ODD[4:]
ODD_DATA = Capture((Stream(WAY, b"odd", 0),), 0, None)

NO_HEADER = (0, "the header of a capture file, 24 bytes")


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_pcap_file_that_breaks_off_says_where_and_what_should_follow(order: str) -> None:
    file = pcap([FOUR], RAW, order)
    there = f"the length of a packet: {len(FOUR)} bytes are not there"
    assert [fault(read(file[:end])) for end in (4, 23)] == [NO_HEADER] * 2
    assert fault(read(b"no capture of the kind that is known")) == NO_HEADER
    assert read(file[:24]) == Capture((), 0, None)
    assert fault(read(file[:25])) == (24, "the header of a packet, 16 bytes")
    assert fault(read(file[:39])) == (24, "the header of a packet, 16 bytes")
    assert fault(read(file[:40])) == (32, there)
    assert fault(read(file[:-1])) == (32, there)
    capture = read(file + file[24:-1])
    assert (capture.streams, fault(capture)) == (DATA.streams, (32 + 16 + len(FOUR), there))
    assert isinstance(capture.fault, CaptureError)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D])
def test_a_packet_of_a_pcap_file_has_as_many_bytes_as_its_header_says(order: str, magic: int) -> None:
    assert read(pcap([ODD, ODD], RAW, order, magic)) == ODD_DATA


def test_the_upper_bits_of_a_pcap_file_s_link_are_no_part_of_it() -> None:
    file = pcap([FOUR], RAW)
    assert read(file[:20] + struct.pack("<I", 0xF0000000 | RAW) + file[24:]) == DATA
    assert read(file[:20] + struct.pack("<I", 0x0F000000 | RAW) + file[24:]) == OTHER


class Blocks:
    """Writes the blocks of a pcapng file in one byte order."""

    def __init__(self, order: str) -> None:
        self.order = order

    def block(self, kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = len(body) + 12
        head = struct.pack(f"{self.order}II", kind, size)
        return head + body + struct.pack(f"{self.order}I", size)

    def section(self) -> bytes:
        return self.block(0x0A0D0D0A, struct.pack(f"{self.order}IHHq", 0x1A2B3C4D, 1, 0, -1))

    def interface(self, link: int) -> bytes:
        return self.block(1, struct.pack(f"{self.order}HHI", link, 0, 65_535))

    def packet(self, place: int, packet: bytes) -> bytes:
        head = struct.pack(f"{self.order}IIIII", place, 7, 7, len(packet), len(packet))
        return self.block(6, head + packet)

    def simple(self, packet: bytes) -> bytes:
        return self.block(3, struct.pack(f"{self.order}I", len(packet)) + packet)


LITTLE, BIG = Blocks("<"), Blocks(">")
ORDERS = pytest.mark.parametrize("blocks", [LITTLE, BIG], ids=["little", "big"])
FRAMED = on_link(ETHERNET, FOUR)


@ORDERS
def test_each_packet_of_a_pcapng_file_is_of_its_interface(blocks: Blocks) -> None:
    both = blocks.section() + blocks.interface(RAW) + blocks.interface(ETHERNET)
    assert read(both + blocks.packet(0, FOUR)) == DATA
    assert read(both + blocks.packet(1, FRAMED)) == DATA
    assert read(both + blocks.packet(0, FRAMED)) == OTHER
    assert read(both + blocks.simple(FOUR)) == DATA
    assert (
        read(both + blocks.block(2, b"unknown") + blocks.simple(FOUR + b"") + blocks.block(6, bytes(16)))
        == DATA
    )
    assert read(blocks.section() + blocks.simple(FOUR)) == Capture((), 0, None)
    assert read(blocks.section() + blocks.block(1, b"") + blocks.simple(b"\x02\0\0\0" + FOUR)) == DATA
    assert read(both + blocks.block(3, b"")) == OTHER
    assert read(both + blocks.block(6, bytes(20))) == OTHER
    assert read(both + blocks.simple(FOUR + b"fill")) == DATA
    assert read(both + blocks.packet(0, ODD)) == ODD_DATA
    assert read(both + blocks.simple(ODD)) == ODD_DATA


def test_a_section_has_its_own_byte_order_and_interfaces() -> None:
    first = LITTLE.section() + LITTLE.interface(ETHERNET)
    second = BIG.section() + BIG.interface(RAW) + BIG.packet(0, FOUR)
    assert read(first + second) == DATA
    bare = read(first + BIG.section() + BIG.packet(0, FOUR))
    at = len(first) + len(BIG.section()) + 8
    assert fault(bare) == (at, "a packet of an interface that was named before, in its block")


@ORDERS
def test_a_pcapng_file_that_is_none_or_breaks_off_says_where(blocks: Blocks) -> None:
    section, interface, packet = blocks.section(), blocks.interface(RAW), blocks.packet(0, FOUR)
    begin = len(section)
    named = "a packet of an interface that was named before, in its block"
    mark = "the mark of a section's byte order"
    length = "the length of a block: {} bytes are no block, or are not there".format
    cases = [
        (section[:8], (8, mark)),
        (section[:11], (8, mark)),
        (section[:4], (4, mark)),
        (section[:8] + b"mark" + section[12:], (8, mark)),
        (section[:-1], (4, length(28))),
        (section + interface[:11], (begin, "a block of 12 bytes or more")),
        (
            section + interface[:4] + struct.pack(f"{blocks.order}I", 8) + interface[8:],
            (begin + 4, length(8)),
        ),
        (
            section + interface[:4] + struct.pack(f"{blocks.order}I", 18) + interface[8:],
            (begin + 4, length(18)),
        ),
        (section + blocks.packet(0, FOUR), (begin + 8, named)),
        (section + interface + blocks.packet(1, FOUR), (begin + len(interface) + 8, named)),
        (
            section
            + interface
            + blocks.block(6, struct.pack(f"{blocks.order}IIIII", 0, 0, 0, 5, 5) + b"four"),
            (begin + len(interface) + 8, named),
        ),
        (section + interface + packet[:-4], (begin + len(interface) + 4, length(len(packet)))),
    ]
    assert [fault(read(data)) for data, _ in cases] == [capture for _, capture in cases]
    assert read(section + blocks.block(1, b"")[:12]) == Capture((), 0, None)
    capture = read(section + interface + packet + packet[:-4])
    assert (capture.streams, fault(capture)) == (
        DATA.streams,
        (begin + len(interface) + len(packet) + 4, length(len(packet))),
    )


def test_packets_without_a_file_begin_at_their_ip_or_their_ethernet_header() -> None:
    assert of_packets((FOUR,)) == DATA
    assert of_packets((FRAMED,)) == DATA
    assert of_packets((b"\x02\0\0\0" + FOUR,)) is None
    assert of_packets(()) is None
