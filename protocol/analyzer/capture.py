"""Reads network captures, pcap and pcapng: returns the bytes of each TCP connection in each direction.

A small reader of the captures that are made of banks' links: Ethernet, Linux's "any" device, loopback or bare
IP; IPv4 and IPv6; TCP. Other protocols do not belong here, nor does what the bytes mean.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final, NamedTuple

from protocol.errors import CaptureError
from qianzhi_errors.sentence import Sentence

_PCAP: Final[Mapping[bytes, str]] = MappingProxyType(
    {
        b"\xa1\xb2\xc3\xd4": ">",
        b"\xd4\xc3\xb2\xa1": "<",
        b"\xa1\xb2\x3c\x4d": ">",
        b"\x4d\x3c\xb2\xa1": "<",
    }
)
"""The first four bytes of a pcap file, and the byte order that they show (as `struct` writes it). The last
two are of files with times in nanoseconds.
"""
_PCAPNG: Final = b"\x0a\x0d\x0d\x0a"
_BYTE_ORDER: Final[Mapping[bytes, str]] = MappingProxyType(
    {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
)
_INTERFACE, _SIMPLE, _ENHANCED = 1, 3, 6
# Link types (tcpdump.org's registry): bytes before the IP header, and the offset of the EtherType, if any.
_LINKS: Final[Mapping[int, tuple[int, int | None]]] = MappingProxyType(
    {
        0: (4, None),
        1: (14, 12),
        12: (0, None),
        14: (0, None),
        101: (0, None),
        108: (4, None),
        113: (16, 14),
        228: (0, None),
        229: (0, None),
        276: (20, 0),
    }
)
_VLANS: Final = (0x8100, 0x88A8)
_IP_TYPES: Final = (0x0800, 0x86DD)
_TCP: Final = 6
_EXTENSIONS: Final = (0, 43, 60)
"""IPv6 extension headers that are skipped: hop-by-hop, routing, destination options."""
_IPV6_HEADER: Final = 40
_SYN: Final = 0x02
_HALF: Final = 1 << 31


class Direction(NamedTuple):
    """One direction of a TCP connection: the addresses and ports of sender and receiver."""

    source: str
    source_port: int
    target: str
    target_port: int

    @property
    def opposite(self) -> Direction:
        """The other direction of the same connection."""
        return Direction(self.target, self.target_port, self.source, self.source_port)

    def __str__(self) -> str:
        return f"{_written(self.source)}:{self.source_port} to {_written(self.target)}:{self.target_port}"


class Stream(NamedTuple):
    """The bytes of one direction up to the first gap; `missing` is the size of the gap in bytes, or 0."""

    direction: Direction
    data: bytes
    missing: int

    def __repr__(self) -> str:
        """Show the length in bytes, never a byte."""
        return f"Stream({self.direction}, {len(self.data)} bytes)"


class Capture(NamedTuple):
    """The content of a capture: TCP streams with data, in the order of their first packets; how many packets
    are not TCP; and the error at which reading stopped, None if the whole file was read.
    """

    streams: tuple[Stream, ...]
    other_packets: int
    fault: CaptureError | None


class _Packet(NamedTuple):
    """A packet as captured: its link type, and the bytes of it that were kept."""

    link: int
    data: bytes


@dataclass(slots=True)
class _HalfStream:
    """One direction while it is put together: the sequence number of its first byte, and its segments with
    their distance from that byte.
    """

    start: int
    segments: list[tuple[int, bytes]] = field(default_factory=list)


def is_capture(data: bytes) -> bool:
    """Tell whether `data` begins as a pcap or pcapng file does."""
    return data[:4] in _PCAP or data[:4] == _PCAPNG


def read(data: bytes) -> Capture:
    """Return the TCP streams of a capture file; if it breaks off, those of the packets before that place."""
    packets: list[_Packet] = []
    fault = None
    try:
        for packet in _pcapng(data) if data[:4] == _PCAPNG else _pcap(data):
            packets.append(packet)
    except CaptureError as error:
        fault = error
    return _streams(packets, fault)


def of_packets(packets: tuple[bytes, ...]) -> Capture | None:
    """Return the TCP streams of packets that are not in a file, as `tcpdump -X` (from the IP header) and
    `-XX` (from the Ethernet header) print them; None if there is no stream.
    """
    for link in (101, 1):
        capture = _streams([_Packet(link, data) for data in packets], None)
        if capture.streams:
            return capture
    return None


def _pcap(data: bytes) -> Iterator[_Packet]:
    """Yield the packets of a pcap file. Raises CaptureError where it breaks off."""
    order = _PCAP.get(data[:4])
    if order is None or len(data) < 24:
        raise CaptureError(0, Sentence("the header of a capture file, 24 bytes"))
    link = struct.unpack_from(f"{order}I", data, 20)[0] & 0x0FFFFFFF
    at = 24
    while at < len(data):
        if at + 16 > len(data):
            raise CaptureError(at, Sentence("the header of a packet, 16 bytes"))
        size = struct.unpack_from(f"{order}I", data, at + 8)[0]
        if at + 16 + size > len(data):
            raise CaptureError(
                at + 8, Sentence("the length of a packet: {size} bytes are not there", size=size)
            )
        yield _Packet(link, data[at + 16 : at + 16 + size])
        at += 16 + size


def _pcapng(data: bytes) -> Iterator[_Packet]:
    """Yield the packets of a pcapng file. Raises CaptureError where it breaks off."""
    order, links = "<", list[int]()
    at = 0
    while at < len(data):
        if data[at : at + 4] == _PCAPNG:  # a new section has its own byte order and interfaces
            mark = _BYTE_ORDER.get(data[at + 8 : at + 12])
            if mark is None:
                raise CaptureError(min(at + 8, len(data)), Sentence("the mark of a section's byte order"))
            order, links = mark, []
        kind, size = _block(data, at, order)
        body = data[at + 8 : at + size - 4]
        if kind == _INTERFACE:
            links.append(struct.unpack_from(f"{order}H", body.ljust(2, b"\0"))[0])
        elif kind == _ENHANCED and len(body) >= 20:
            place, kept = struct.unpack_from(f"{order}I8xI", body)
            if place >= len(links) or 20 + kept > len(body):
                raise CaptureError(
                    at + 8, Sentence("a packet of an interface that was named before, in its block")
                )
            yield _Packet(links[place], body[20 : 20 + kept])
        elif kind == _SIMPLE and links:
            yield _Packet(links[0], body[4 : 4 + struct.unpack_from(f"{order}I", body.ljust(4, b"\0"))[0]])
        at += size


def _block(data: bytes, at: int, order: str) -> tuple[int, int]:
    """Return the type and the length in bytes of the pcapng block at byte `at`. Raises CaptureError."""
    if at + 12 > len(data):
        raise CaptureError(at, Sentence("a block of 12 bytes or more"))
    kind, size = struct.unpack_from(f"{order}II", data, at)
    if size < 12 or size % 4 or at + size > len(data):
        raise CaptureError(
            at + 4, Sentence("the length of a block: {size} bytes are no block, or are not there", size=size)
        )
    return kind, size


def _streams(packets: list[_Packet], fault: CaptureError | None) -> Capture:
    """Return the packets put together to streams. A SYN with another sequence number begins a new stream."""
    halves: dict[Direction, list[_HalfStream]] = {}
    other = 0
    for packet in packets:
        segment = _segment(packet)
        if segment is None:
            other += 1
            continue
        direction, sequence, flags, payload = segment
        half_streams = halves.setdefault(direction, [])
        if flags & _SYN:
            begin = (sequence + 1) % (1 << 32)
            if not half_streams or half_streams[-1].start != begin:  # else it is the same SYN again
                half_streams.append(_HalfStream(begin))
            sequence = begin
        if not payload:  # an acknowledgement, or a keep-alive, whose sequence number is one too low
            continue
        if not half_streams:
            half_streams.append(_HalfStream(sequence))
        distance = (sequence - half_streams[-1].start) % (1 << 32)
        half_streams[-1].segments.append((distance - (1 << 32) if distance >= _HALF else distance, payload))
    joined = (
        _joined(direction, half) for direction, both in halves.items() for half in both if half.segments
    )
    return Capture(tuple(stream for stream in joined if stream.data), other, fault)


def _joined(direction: Direction, half: _HalfStream) -> Stream:
    """Return the bytes of a direction in order; it has at least one segment. Bytes that were sent twice are
    taken once; a segment with a lower sequence number than the first one seen is the beginning.
    """
    ordered = sorted(half.segments, key=lambda segment: segment[0])
    data = bytearray()
    at = min(ordered[0][0], 0)
    for distance, payload in ordered:
        if distance > at:
            return Stream(direction, bytes(data), distance - at)
        data += payload[at - distance :]
        at = max(at, distance + len(payload))
    return Stream(direction, bytes(data), 0)


def _segment(packet: _Packet) -> tuple[Direction, int, int, bytes] | None:
    """Return a packet's direction, sequence number, flags and payload; None if it is no whole TCP segment."""
    addressed = _network(packet)
    if addressed is None:
        return None
    source, target, segment = addressed
    if len(segment) < 20:
        return None
    source_port, target_port, sequence = struct.unpack_from(">HHI", segment)
    head = segment[12] >> 4 << 2
    if head < 20:
        return None
    direction = Direction(str(ip_address(source)), source_port, str(ip_address(target)), target_port)
    return direction, sequence, segment[13], segment[head:]


def _network(packet: _Packet) -> tuple[bytes, bytes, bytes] | None:
    """Return source, target and TCP segment of an IP packet; None for everything else, also for fragments."""
    if packet.link not in _LINKS:
        return None
    before, type_at = _LINKS[packet.link]
    data = packet.data
    if type_at is not None:
        kind = int.from_bytes(data[type_at : type_at + 2])
        while kind in _VLANS and type_at == 12:
            kind = int.from_bytes(data[before + 2 : before + 4])
            before += 4
        if kind not in _IP_TYPES:
            return None
    data = data[before:]
    version = data[0] >> 4 if data else 0
    if version == 4:
        return _ipv4(data)
    return _ipv6(data) if version == 6 else None


def _ipv4(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Return source, target and TCP segment of an IPv4 packet; None if there is none."""
    head = (data[0] & 0x0F) * 4
    if head < 20 or len(data) < head or data[9] != _TCP:
        return None
    total, fragment = int.from_bytes(data[2:4]), int.from_bytes(data[6:8])
    if fragment & 0x3FFF:
        return None
    # The total length is 0 if the network card splits the packet later: then all captured bytes belong to it.
    return data[12:16], data[16:20], data[head : total or len(data)]


def _ipv6(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Return source, target and TCP segment of an IPv6 packet; None if there is none."""
    if len(data) < _IPV6_HEADER:
        return None
    end = _IPV6_HEADER + int.from_bytes(data[4:6])
    following, at = data[6], _IPV6_HEADER
    while following in _EXTENSIONS and at + 2 <= len(data):
        following, at = data[at], at + 8 + data[at + 1] * 8
    if following != _TCP:
        return None
    return data[8:24], data[24:40], data[at : end if end > _IPV6_HEADER else len(data)]


def _written(address: str) -> str:
    return f"[{address}]" if ":" in address else address
