"""The allowlist at accept(): which bank an address is, before one byte is read.

Pure. Sockets, the counting of links and the configuration file belong elsewhere; this module only says yes
or no. firewall_rules.policy makes the kernel's rules of the same allowances.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

from firewall_rules.hours import Hours

Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = IPv4Address | IPv6Address
_MAPPED_BITS = 96
"""How long the prefix ::ffff:0:0 is that marks an IPv4 address in an IPv6 one."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """One bank's right to connect: from `networks`, to the listening `port`; None is no limit. The right of
    a bank that is not `enabled` rests: the addresses stay its own.
    """

    bank: str
    port: int
    networks: tuple[Network, ...]
    hours: Hours | None = None
    links: int | None = None
    new_links_a_minute: int | None = None
    enabled: bool = True

    def holds(self, address: Address) -> bool:
        """Whether an address is this bank's."""
        return any(address in plain_network(network) for network in self.networks)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two banks that one address on one port could both be."""

    first: str
    second: str
    port: int
    network: Network


class Gateway:
    """Answers for every accepted connection which bank it belongs to, if any."""

    def __init__(self, allowances: Iterable[Allowance]) -> None:
        self._by_port: dict[int, list[Allowance]] = {}
        for allowance in allowances:
            self._by_port.setdefault(allowance.port, []).append(allowance)

    def bank_of(self, host: str, port: int, now: datetime) -> str | None:
        """The code of the bank that may connect from `host` to `port` at this local time, or None: close
        without reading.
        """
        owner = self.owner_of(host, port)
        if owner is None or not owner.enabled:
            return None
        if owner.hours is not None and not owner.hours.include(now.time()):
            return None
        return owner.bank

    def owner_of(self, host: str, port: int) -> Allowance | None:
        """What `host` has on `port`, whatever the time: the first allowance that holds the address."""
        address = plain_address(ip_address(host.partition("%")[0]))
        return next((one for one in self._by_port.get(port, ()) if one.holds(address)), None)


def overlaps(allowances: Iterable[Allowance]) -> tuple[Overlap, ...]:
    """Every pair of banks on one port whose networks share an address: a connection there would have no
    one owner.
    """
    seen: list[Allowance] = []
    found: list[Overlap] = []
    for allowance in allowances:
        for other in seen:
            if other.port == allowance.port:
                found.extend(
                    Overlap(other.bank, allowance.bank, allowance.port, network)
                    for network in overlapping(allowance.networks, other.networks)
                )
        seen.append(allowance)
    return tuple(found)


def overlapping(networks: Iterable[Network], others: Iterable[Network]) -> tuple[Network, ...]:
    """Those of `networks` that share an address with one of `others`."""
    others = tuple(others)
    return tuple(network for network in networks if any(_share(network, other) for other in others))


def plain_address(address: Address) -> Address:
    """An IPv4 address that reached a dual-stack socket as ::ffff:a.b.c.d is still that IPv4 address (RFC
    4291, 2.5.5.2).
    """
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def plain_network(network: Network) -> Network:
    """A network written as ::ffff:a.b.c.d/n holds IPv4 addresses, and is that IPv4 network."""
    # The address of a network of fewer bits than these is never a mapped one.
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS)) if mapped is not None else network


def _share(one: Network, other: Network) -> bool:
    return plain_network(one).overlaps(plain_network(other))
