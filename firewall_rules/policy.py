"""The policy as data: who may connect to the front-end machine, and where it may connect to itself.

Pure, and the only place where the policy is decided: firewall_rules.nftables writes it for the kernel, and
firewall_rules.gateway enforces the banks' part again at accept. How nft words a rule does not belong here.
Everything that is not allowed is dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time
from ipaddress import IPv6Network
from typing import Literal, TypeAlias

from firewall_rules.errors import PolicyError
from firewall_rules.gateway import Address, Allowance, Network, address_of, plain_network
from qianzhi_errors.sentence import Sentence

Direction: TypeAlias = Literal["input", "output", "forward"]
State: TypeAlias = Literal["new", "established", "related", "invalid", "untracked"]

MAPPED = IPv6Network("::ffff:0:0/96")
"""Never a source address on the wire: a sender from here pretends to have an IPv4 address."""
NEIGHBOUR_DISCOVERY = ("nd-neighbor-advert", "nd-neighbor-solicit")
NEIGHBOUR_HOPS = 255
"""The hop limit of a neighbour's packet; one that a router has passed on has a lower one (RFC 4861, 6.1 and
7.1).
"""
_NAME = re.compile(r"[a-z0-9_]{1,24}").fullmatch


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address and port."""

    address: Address
    port: int

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Return the endpoint written `192.0.2.1:5432` or `[2001:db8::1]:5432`. Raises ValueError with the
        reason.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
            raise ValueError(
                Sentence(
                    '{text!r} is no address and port: write "192.0.2.1:5432" or "[2001:db8::1]:5432"',
                    text=text,
                )
            )
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        if (":" in bare) != (bare != host):
            raise ValueError(
                Sentence(
                    "{text!r}: an IPv6 address stands in [ ] before its port, and no other does", text=text
                )
            )
        if "%" in bare:
            raise ValueError(
                Sentence("{text!r}: an address of one link only can be no other zone's", text=text)
            )
        return cls(address_of(bare), int(port))


@dataclass(frozen=True, slots=True)
class ZoneRule:
    """Ports of this machine that one of the insurer's own networks may reach."""

    zone: str
    networks: tuple[Network, ...]
    ports: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that is allowed. Raises PolicyError if two parts share a name or port, or for a bad port."""

    banks: tuple[Allowance, ...]
    zone_rules: tuple[ZoneRule, ...] = ()
    databases: tuple[Endpoint, ...] = ()

    def __post_init__(self) -> None:
        names = [f"bank_{bank.bank}" for bank in self.banks] + [
            zone_rule.zone for zone_rule in self.zone_rules
        ]
        for name in names:
            if not _NAME(name) or names.count(name) > 1:
                raise PolicyError(
                    Sentence("{name}: a name is given once, in small letters and digits", name=name)
                )
        ports = [bank.port for bank in self.banks] + [
            port for zone_rule in self.zone_rules for port in zone_rule.ports
        ]
        for port in ports:
            if not 1 <= port <= 65535:
                raise PolicyError(
                    Sentence("port {port}: a firewall needs ports that are known beforehand", port=port)
                )
        for bank in self.banks:
            if any(bank.port in zone_rule.ports for zone_rule in self.zone_rules):
                raise PolicyError(
                    Sentence(
                        "port {port}: is both bank {bank}'s and the insurer's own",
                        port=bank.port,
                        bank=bank.bank,
                    )
                )


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet as this machine's firewall sees it: the first of a connection, or a later one (`state`).

    `at` is the time of day. `links`: how many the source's bank has open. `recent`: how many of them it has
    opened at this moment.
    """

    direction: Direction
    source: Address
    destination: Address
    protocol: Literal["tcp", "udp", "icmp", "ipv6-icmp"] = "tcp"
    port: int = 0
    state: State = "new"
    at: time = time(12)
    loopback: bool = False
    icmp_type: str = ""
    hops: int = 64
    links: int = 0
    recent: int = 0


def allows(policy: Policy, packet: Packet) -> bool:
    """Tell whether the policy lets a packet pass; `packet.at` is local time."""
    if packet.direction == "forward":
        return False
    if packet.loopback:
        return True
    if packet.direction == "input" and packet.source in MAPPED:
        return False
    if packet.icmp_type in NEIGHBOUR_DISCOVERY and packet.hops == NEIGHBOUR_HOPS:
        return packet.protocol == "ipv6-icmp"
    if packet.state == "related":
        return packet.protocol in ("icmp", "ipv6-icmp")
    if packet.state != "new":
        return packet.state == "established"
    if packet.protocol != "tcp":
        return False
    if packet.direction == "output":
        return Endpoint(packet.destination, packet.port) in policy.databases
    return _opens(policy, packet)


def _opens(policy: Policy, packet: Packet) -> bool:
    """Tell whether a connection to this machine may be opened."""
    for bank in policy.banks:
        if bank.port == packet.port and bank.holds(packet.source):
            return _has_room(bank, packet)
    return any(
        packet.port in zone_rule.ports
        and any(packet.source in plain_network(network) for network in zone_rule.networks)
        for zone_rule in policy.zone_rules
    )


def _has_room(bank: Allowance, packet: Packet) -> bool:
    """Tell whether the bank's hours, links and pace allow another link."""
    return (
        (bank.hours is None or bank.hours.include(packet.at))
        and (bank.links is None or packet.links < bank.links)
        and (bank.new_links_a_minute is None or packet.recent < bank.new_links_a_minute)
    )
