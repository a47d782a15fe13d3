"""Captures of a network, pcap and pcapng, to the bytes of each TCP connection in each direction.

A small reader of what banks' links are captured in: Ethernet, Linux's "any", loopback or bare IP; IPv4, IPv6,
TCP. No other protocol belongs here, and no judgement of what the bytes mean.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final, NamedTuple

from protocol.errors import CaptureError

_PCAP: Final[Mapping[bytes, str]] = MappingProxyType(
    {
        b"\xa1\xb2\xc3\xd4": ">",
        b"\xd4\xc3\xb2\xa1": "<",
        b"\xa1\xb2\x3c\x4d": ">",
        b"\x4d\x3c\xb2\xa1": "<",
    }
)
"""The first four bytes of a pcap file and its byte order; the last two have nanoseconds."""
_PCAPNG: Final = b"\x0a\x0d\x0d\x0a"
_BYTE_ORDER: Final[Mapping[bytes, str]] = MappingProxyType(
    {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
)
_INTERFACE, _SIMPLE, _ENHANCED = 1, 3, 6
# Link types (tcpdump.org's registry): bytes before the IP header, and where its EtherType is, if anywhere.
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
"""IPv6 headers that only say where the next one begins: hop-by-hop, routing, destination options."""
_IPV6_HEADER: Final = 40
_SYN: Final = 0x02
_HALF: Final = 1 << 31


class Way(NamedTuple):
    """One direction of a TCP connection: addresses and ports."""

    source: str
    source_port: int
    target: str
    target_port: int

    @property
    def back(self) -> Way:
        """The other direction."""
        return Way(self.target, self.target_port, self.source, self.source_port)

    def __str__(self) -> str:
        return f"{_written(self.source)}:{self.source_port} to {_written(self.target)}:{self.target_port}"


class Stream(NamedTuple):
    """The bytes of one direction, as far as they are without a gap; `missing` bytes follow if it has one."""

    way: Way
    data: bytes
    missing: int

    def __repr__(self) -> str:
        """Say how long it is, never a byte."""
        return f"Stream({self.way}, {len(self.data)} bytes)"


class Capture(NamedTuple):
    """What a capture holds: TCP streams with data, in the order of their first packets; how many packets are
    something else; and why its end could not be read, where it could not.
    """

    streams: tuple[Stream, ...]
    other_packets: int
    fault: CaptureError | None


class _Packet(NamedTuple):
    """A packet as captured: link type, the bytes that were kept, and how many it had."""

    link: int
    data: bytes


@dataclass(slots=True)
class _Half:
    """One direction while it is put together: segments by their distance from the first byte."""

    start: int
    segments: list[tuple[int, bytes]] = field(default_factory=list)


def is_capture(data: bytes) -> bool:
    """Return whether `data` begins as a pcap or pcapng file does."""
    return data[:4] in _PCAP or data[:4] == _PCAPNG


def read(data: bytes) -> Capture:
    """Return the TCP streams of a capture file; a file that breaks off gives what is before that."""
    packets: list[_Packet] = []
    fault = None
    try:
        for packet in _pcapng(data) if data[:4] == _PCAPNG else _pcap(data):
            packets.append(packet)
    except CaptureError as error:
        fault = error
    return _streams(packets, fault)


def of_packets(packets: tuple[bytes, ...]) -> Capture | None:
    """Return the TCP streams of packets without a file around them, as `tcpdump -X` (from the IP header) and
    `-XX` (from the Ethernet header) print them; None where there are none.
    """
    for link in (101, 1):
        found = _streams([_Packet(link, data) for data in packets], None)
        if found.streams:
            return found
    return None


def _pcap(data: bytes) -> Iterator[_Packet]:
    order = _PCAP.get(data[:4])
    if order is None or len(data) < 24:
        raise CaptureError(0, "the header of a capture file, 24 bytes")
    link = struct.unpack_from(f"{order}I", data, 20)[0] & 0x0FFFFFFF
    at = 24
    while at < len(data):
        if at + 16 > len(data):
            raise CaptureError(at, "the header of a packet, 16 bytes")
        size = struct.unpack_from(f"{order}I", data, at + 8)[0]
        if at + 16 + size > len(data):
            raise CaptureError(at + 8, f"the length of a packet: {size} bytes are not there")
        yield _Packet(link, data[at + 16 : at + 16 + size])
        at += 16 + size


def _pcapng(data: bytes) -> Iterator[_Packet]:
    order, links = "<", list[int]()
    at = 0
    while at < len(data):
        if data[at : at + 4] == _PCAPNG:  # a new section: its own byte order and interfaces
            found = _BYTE_ORDER.get(data[at + 8 : at + 12])
            if found is None:
                raise CaptureError(min(at + 8, len(data)), "the mark of a section's byte order")
            order, links = found, []
        kind, size = _block(data, at, order)
        body = data[at + 8 : at + size - 4]
        if kind == _INTERFACE:
            links.append(struct.unpack_from(f"{order}H", body.ljust(2, b"\0"))[0])
        elif kind == _ENHANCED and len(body) >= 20:
            place, kept = struct.unpack_from(f"{order}I8xI", body)
            if place >= len(links) or 20 + kept > len(body):
                raise CaptureError(at + 8, "a packet of an interface that was named before, in its block")
            yield _Packet(links[place], body[20 : 20 + kept])
        elif kind == _SIMPLE and links:
            yield _Packet(links[0], body[4 : 4 + struct.unpack_from(f"{order}I", body.ljust(4, b"\0"))[0]])
        at += size


def _block(data: bytes, at: int, order: str) -> tuple[int, int]:
    if at + 12 > len(data):
        raise CaptureError(at, "a block of 12 bytes or more")
    kind, size = struct.unpack_from(f"{order}II", data, at)
    if size < 12 or size % 4 or at + size > len(data):
        raise CaptureError(at + 4, f"the length of a block: {size} bytes are no block, or are not there")
    return kind, size


def _streams(packets: list[_Packet], fault: CaptureError | None) -> Capture:
    halves: dict[Way, list[_Half]] = {}
    other = 0
    for packet in packets:
        segment = _segment(packet)
        if segment is None:
            other += 1
            continue
        way, sequence, flags, payload = segment
        known = halves.setdefault(way, [])
        if flags & _SYN:
            begin = (sequence + 1) % (1 << 32)
            if not known or known[-1].start != begin:  # else it is the same one again
                known.append(_Half(begin))
            sequence = begin
        if not payload:  # an acknowledgement, or a keep-alive, which stands before what comes next
            continue
        if not known:
            known.append(_Half(sequence))
        distance = (sequence - known[-1].start) % (1 << 32)
        known[-1].segments.append((distance - (1 << 32) if distance >= _HALF else distance, payload))
    joined = (_joined(way, half) for way, both in halves.items() for half in both if half.segments)
    return Capture(tuple(stream for stream in joined if stream.data), other, fault)


def _joined(way: Way, half: _Half) -> Stream:
    """The bytes of a direction that has some, in order. What came twice is taken once; what came early,
    before the first that was seen, makes the beginning.
    """
    ordered = sorted(half.segments, key=lambda one: one[0])
    data = bytearray()
    at = min(ordered[0][0], 0)
    for distance, payload in ordered:
        if distance > at:
            return Stream(way, bytes(data), distance - at)
        data += payload[at - distance :]
        at = max(at, distance + len(payload))
    return Stream(way, bytes(data), 0)


def _segment(packet: _Packet) -> tuple[Way, int, int, bytes] | None:
    """A packet's way, sequence number, flags and payload, or None where it is no whole TCP segment."""
    found = _network(packet)
    if found is None:
        return None
    source, target, segment = found
    if len(segment) < 20:
        return None
    source_port, target_port, sequence = struct.unpack_from(">HHI", segment)
    head = segment[12] >> 4 << 2
    if head < 20:
        return None
    way = Way(str(ip_address(source)), source_port, str(ip_address(target)), target_port)
    return way, sequence, segment[13], segment[head:]


def _network(packet: _Packet) -> tuple[bytes, bytes, bytes] | None:
    """Source, target and TCP segment of an IP packet; None for anything else, fragments too."""
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
    head = (data[0] & 0x0F) * 4
    if head < 20 or len(data) < head or data[9] != _TCP:
        return None
    total, fragment = int.from_bytes(data[2:4]), int.from_bytes(data[6:8])
    if fragment & 0x3FFF:
        return None
    # 0 where the network card was to split it: then it is all there is.
    return data[12:16], data[16:20], data[head : total or len(data)]


def _ipv6(data: bytes) -> tuple[bytes, bytes, bytes] | None:
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
