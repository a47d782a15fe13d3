"""Writes captures of TCP as tcpdump would, for the tests of what reads them. Nothing comes from outside."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from ipaddress import ip_address
from typing import NamedTuple

SYN, ACK = 0x02, 0x10
ETHERNET, RAW, LOOPBACK, LINUX_ANY = 1, 101, 0, 113


class Segment(NamedTuple):
    """One TCP segment on its way."""

    data: bytes
    sequence: int = 1
    source: str = "192.0.2.10"
    target: str = "192.0.2.20"
    ports: tuple[int, int] = (40_000, 8583)
    flags: int = ACK


def ip_packet(segment: Segment) -> bytes:
    """The segment in IPv4 or IPv6, by its addresses. Checksums are nought: nobody looks."""
    tcp = struct.pack(">HHIIBBHHH", *segment.ports, segment.sequence, 0, 5 << 4, segment.flags, 8192, 0, 0)
    payload = tcp + segment.data
    source, target = ip_address(segment.source), ip_address(segment.target)
    if source.version == 4:
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, 6, 0)
    else:
        head = struct.pack(">IHBB", 6 << 28, len(payload), 6, 64)
    return head + source.packed + target.packed + payload


def on_link(link: int, packet: bytes) -> bytes:
    """An IP packet behind the header of a link; Ethernet fills up to 60 bytes."""
    kind = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
    before = {
        ETHERNET: bytes(12) + kind,
        RAW: b"",
        LOOPBACK: b"\x02\0\0\0",
        LINUX_ANY: bytes(14) + kind,
    }[link]
    whole = before + packet
    return whole.ljust(60, b"\0") if link == ETHERNET else whole


def pcap(packets: Iterable[bytes], link: int = ETHERNET, order: str = "<", magic: int = 0xA1B2C3D4) -> bytes:
    """A classic capture file."""
    head = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65_535, link)
    return head + b"".join(struct.pack(f"{order}IIII", 0, 0, len(p), len(p)) + p for p in packets)


def pcapng(packets: Iterable[bytes], link: int = ETHERNET, order: str = "<") -> bytes:
    """A capture file of blocks: section, interface, a packet each; and one that nobody knows."""

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        size = len(body) + 12
        return struct.pack(f"{order}II", kind, size) + body + struct.pack(f"{order}I", size)

    section = block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))
    interface = block(1, struct.pack(f"{order}HHI", link, 0, 65_535))
    unknown = block(0x0BAD, b"statistics")
    shown = (
        block(6, struct.pack(f"{order}IIIII", 0, 0, 0, len(p), len(p)) + p + bytes(-len(p) % 4))
        for p in packets
    )
    return section + interface + unknown + b"".join(shown)
