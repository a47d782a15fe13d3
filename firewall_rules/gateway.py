"""The allowlist at accept(): finds the bank of an address, before one byte is read.

Pure. Sockets, the counting of links and the settings belong elsewhere; this module only answers which bank
may connect. firewall_rules.nftables writes the kernel's rules from the same allowances.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from firewall_rules.hours import Hours
from qianzhi_errors.sentence import Sentence

Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = IPv4Address | IPv6Address
_MAPPED_BITS = 96
"""Bits of the prefix ::ffff:0:0, which marks an IPv4 address in an IPv6 address."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """One bank's right to connect from `networks` to the listening `port`. None in `hours`, `links` or
    `new_links_a_minute` means no limit. A bank that is not `enabled` may not connect, but keeps its
    addresses.
    """

    bank: str
    port: int
    networks: tuple[Network, ...]
    hours: Hours | None = None
    links: int | None = None
    new_links_a_minute: int | None = None
    enabled: bool = True

    def holds(self, address: Address) -> bool:
        """Tell whether an address belongs to this bank."""
        return any(address in plain_network(network) for network in self.networks)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two banks whose networks share an address on the same port. `network` is of the second one."""

    first: str
    second: str
    port: int
    network: Network


class Gateway:
    """Answers which bank an accepted connection belongs to, if any."""

    def __init__(self, allowances: Iterable[Allowance]) -> None:
        self._by_port: dict[int, list[Allowance]] = {}
        for allowance in allowances:
            self._by_port.setdefault(allowance.port, []).append(allowance)

    def bank_of(self, host: str, port: int, now: datetime) -> str | None:
        """Return the code of the bank that may connect from `host` to `port` at this local time. None: close
        the connection without reading.
        """
        owner = self.owner_of(host, port)
        if owner is None or not owner.enabled:
            return None
        if owner.hours is not None and not owner.hours.include(now.time()):
            return None
        return owner.bank

    def owner_of(self, host: str, port: int) -> Allowance | None:
        """Return the allowance on `port` that holds the address `host`, at any time of day; None if none
        does.
        """
        address = plain_address(ip_address(host.partition("%")[0]))
        allowances = self._by_port.get(port, ())
        return next((allowance for allowance in allowances if allowance.holds(address)), None)


def overlaps(allowances: Iterable[Allowance]) -> tuple[Overlap, ...]:
    """Return every pair of banks whose networks share an address on one port: a connection from there could
    be of either bank.
    """
    seen: list[Allowance] = []
    shared: list[Overlap] = []
    for allowance in allowances:
        for other in seen:
            if other.port == allowance.port:
                shared.extend(
                    Overlap(other.bank, allowance.bank, allowance.port, network)
                    for network in overlapping(allowance.networks, other.networks)
                )
        seen.append(allowance)
    return tuple(shared)


def overlapping(networks: Iterable[Network], others: Iterable[Network]) -> tuple[Network, ...]:
    """Return those of `networks` that share an address with one of `others`."""
    others = tuple(others)
    return tuple(network for network in networks if any(_share(network, other) for other in others))


def network_of(text: str) -> Network:
    """Return the network that is written `192.0.2.0/24`, as plain_network has it. Raises ValueError with the
    reason.
    """
    try:
        return plain_network(ip_network(text))
    except ValueError as error:
        if str(error).endswith("has host bits set"):
            raise ValueError(Sentence("{text} has host bits set", text=text)) from None
        raise ValueError(
            Sentence("{text!r} does not appear to be an IPv4 or IPv6 network", text=text)
        ) from None


def address_of(text: str) -> Address:
    """Return the address that is written `192.0.2.1`, as plain_address has it. Raises ValueError with the
    reason.
    """
    try:
        return plain_address(ip_address(text))
    except ValueError:
        raise ValueError(
            Sentence("{text!r} does not appear to be an IPv4 or IPv6 address", text=text)
        ) from None


def plain_address(address: Address) -> Address:
    """Return the IPv4 address of one that is written ::ffff:a.b.c.d, as a dual-stack socket shows it (RFC
    4291, 2.5.5.2); every other address unchanged.
    """
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def plain_network(network: Network) -> Network:
    """Return the IPv4 network of one that is written ::ffff:a.b.c.d/n; every other network unchanged."""
    # A network with a shorter prefix than _MAPPED_BITS never has a mapped address.
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS)) if mapped is not None else network


def _share(network: Network, other: Network) -> bool:
    return plain_network(network).overlaps(plain_network(other))
