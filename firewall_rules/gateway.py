"""The allowlist at accept(): which bank an address is, before one byte is read.

Pure. Sockets, limits on connections and the configuration file belong elsewhere; this module only says yes
or no.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Allowance:
    """One bank's right to connect: from `networks`, to the listening `port`."""

    bank: str
    port: int
    networks: tuple[Network, ...]


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

    def bank_of(self, host: str, port: int) -> str | None:
        """The code of the bank that may connect from `host` to `port`, or None: close without reading."""
        address = _unmapped(ip_address(host.partition("%")[0]))
        for allowance in self._by_port.get(port, ()):
            if any(address in network for network in allowance.networks):
                return allowance.bank
        return None


def overlaps(allowances: Iterable[Allowance]) -> tuple[Overlap, ...]:
    """Every pair of banks on one port whose networks share an address: a connection there would have no
    one owner.
    """
    seen: list[Allowance] = []
    found = []
    for allowance in allowances:
        for other in seen:
            if other.port == allowance.port:
                found.extend(
                    Overlap(other.bank, allowance.bank, allowance.port, network)
                    for network in allowance.networks
                    if any(_share(network, theirs) for theirs in other.networks)
                )
        seen.append(allowance)
    return tuple(found)


def _share(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _unmapped(address: Address) -> Address:
    """An IPv4 address that reached a dual-stack socket as ::ffff:a.b.c.d is still that IPv4 address (RFC
    4291, 2.5.5.2).
    """
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
