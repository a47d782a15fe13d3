"""Writes the policy as a ruleset for nft: one table, always whole, the same text for the same policy.

Pure: text only. Who may pass is decided in firewall_rules.policy; firewall_rules.loader gives the text to
nft.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from firewall_rules.gateway import Allowance, Network, plain_network
from firewall_rules.policy import MAPPED, NEIGHBOUR_DISCOVERY, NEIGHBOUR_HOPS, Policy

TABLE = "inet qianzhi"
REMOVAL = f"add table {TABLE}\ndelete table {TABLE}\n"
"""Removes the table if there is one: `add` makes sure that there is, because `delete` of none is an error."""

_REPLIES = (
    "ct state established accept",
    # ICMP errors about our own packets. A second connection by a helper is "related" too, and not wanted.
    "ct state related meta l4proto { icmp, ipv6-icmp } accept",
    "ct state != new drop",
)
_NEIGHBOURS = f"icmpv6 type {{ {', '.join(NEIGHBOUR_DISCOVERY)} }} ip6 hoplimit {NEIGHBOUR_HOPS} accept"


def render(policy: Policy, utc_offset: timedelta) -> str:
    """Return the text for `nft -f`, which replaces the table in one transaction.

    `utc_offset` is local time less UTC: the kernel's hours are in UTC. They are written as seconds, because
    nft shifts a time such as "06:00" by the time zone of the user who loads it.
    """
    blocks = list(_sets(policy))
    blocks += [_chain(f"bank_{bank.bank}", None, _room(bank, utc_offset)) for bank in policy.banks]
    blocks += [
        _chain("input", "input", _input(policy)),
        _chain("forward", "forward", ()),
        _chain("output", "output", _output(policy)),
    ]
    body = "\n".join(blocks)
    return f"{REMOVAL}table {TABLE} {{\n{body}}}\n"


def _sets(policy: Policy) -> Iterator[str]:
    """Yield the sets of addresses of each bank and zone, one for each version of IP."""
    named = [(f"bank_{bank.bank}", bank.networks) for bank in policy.banks]
    named += [(zone_rule.zone, zone_rule.networks) for zone_rule in policy.zone_rules if zone_rule.ports]
    for name, networks in named:
        for family, members in _families(networks):
            kind = {"ip": "ipv4_addr", "ip6": "ipv6_addr"}[family]
            elements = ", ".join(str(network) for network in members)
            yield _block(
                f"set {name}_{family}", (f"type {kind}", "flags interval", f"elements = {{ {elements} }}")
            )


def _families(networks: Iterable[Network]) -> Iterator[tuple[str, list[Network]]]:
    """Yield "ip" and "ip6" with their networks, merged and in order: nft rejects a set with overlaps."""
    plain = [plain_network(network) for network in networks]
    four = [network for network in plain if isinstance(network, IPv4Network)]
    six = [network for network in plain if isinstance(network, IPv6Network)]
    if four:
        yield "ip", list(collapse_addresses(four))
    if six:
        yield "ip6", list(collapse_addresses(six))


def _room(bank: Allowance, utc_offset: timedelta) -> Iterator[str]:
    """Yield the checks of a bank's new link, in the order in which the gateway makes them.

    One chain serves both versions of IP, so that the links are counted together.
    """
    for first, last in bank.hours.closed(utc_offset) if bank.hours else ():
        yield f"meta hour {first}-{last} drop"
    if bank.links is not None:
        yield f"ct count over {bank.links} drop"
    if bank.new_links_a_minute is not None:
        pace = bank.new_links_a_minute
        yield f"limit rate over {pace}/minute burst {pace} packets drop"
    yield "accept"


def _input(policy: Policy) -> Iterator[str]:
    """Yield the rules of packets to this machine."""
    yield 'iifname "lo" accept'
    yield f"ip6 saddr {MAPPED} drop"
    yield _NEIGHBOURS
    yield from _REPLIES
    for bank in policy.banks:
        name = f"bank_{bank.bank}"
        for family, _ in _families(bank.networks):
            yield f"tcp dport {bank.port} {family} saddr @{name}_{family} goto {name}"
    for zone_rule in policy.zone_rules:
        if zone_rule.ports:
            ports = ", ".join(str(port) for port in sorted(set(zone_rule.ports)))
            for family, _ in _families(zone_rule.networks):
                yield f"tcp dport {{ {ports} }} {family} saddr @{zone_rule.zone}_{family} accept"


def _output(policy: Policy) -> Iterator[str]:
    """Yield the rules of packets from this machine."""
    yield 'oifname "lo" accept'
    yield _NEIGHBOURS
    yield from _REPLIES
    for database in policy.databases:
        family = "ip" if database.address.version == 4 else "ip6"
        yield f"{family} daddr {database.address} tcp dport {database.port} accept"


def _chain(name: str, hook: str | None, rules: Iterable[str]) -> str:
    head = (f"type filter hook {hook} priority filter; policy drop;",) if hook else ()
    return _block(f"chain {name}", (*head, *rules))


def _block(head: str, lines: Iterable[str]) -> str:
    inner = "".join(f"\t\t{line}\n" for line in lines)
    return f"\t{head} {{\n{inner}\t}}\n"
