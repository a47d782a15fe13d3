"""Policies and packets for the firewall's tests: one example with every part, and strategies for random ones.

Addresses come from few, close networks, so that networks overlap, touch, and hold each other; some are
written as IPv4-mapped IPv6.
"""

from __future__ import annotations

from datetime import time, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

from hypothesis import strategies as st

from firewall_rules.gateway import Address, Allowance, Network
from firewall_rules.hours import Hours
from firewall_rules.policy import NEIGHBOUR_DISCOVERY, Endpoint, Packet, Policy, ZoneRule

CHINA = timedelta(hours=8)
EXAMPLE = Policy(
    (
        Allowance("01", 8583, (ip_network("10.1.1.0/24"), ip_network("fd00:1::10/124")), None, 2, 60),
        Allowance("02", 8583, (ip_network("10.1.2.0/25"),), Hours.parse("06:00-23:30")),
        Allowance("03", 8584, (ip_network("::ffff:10.1.2.128/121"),), Hours.parse("22:00-02:00")),
    ),
    (
        ZoneRule("ops", (ip_network("10.2.1.0/24"), ip_network("fd00:2::10/124")), (8580,)),
        ZoneRule("inside", (ip_network("10.2.2.0/24"),), (5432, 22)),
    ),
    (Endpoint.parse("10.2.0.8:5432"), Endpoint.parse("10.2.0.9:5433")),
)

HERE, HERE_6 = ip_address("10.1.0.1"), ip_address("fd00:1::1")


def coming(source: str, port: int, hour: int = 12, **given: object) -> Packet:
    """A packet to this machine, at a full hour of local time."""
    address = ip_address(source)
    here = HERE if address.version == 4 else HERE_6
    return Packet("input", address, here, port=port, at=time(hour), **given)  # type: ignore[arg-type]


def going(destination: str, port: int, **given: object) -> Packet:
    """A packet from this machine."""
    address = ip_address(destination)
    here = HERE if address.version == 4 else HERE_6
    return Packet("output", here, address, port=port, **given)  # type: ignore[arg-type]


_NEIGHBOUR = {"protocol": "ipv6-icmp", "icmp_type": "nd-neighbor-solicit", "hops": 255}
BY_HAND: tuple[tuple[Packet, bool], ...] = (
    (coming("10.1.1.200", 8583, 3), True),
    (coming("10.1.1.200", 8584, 3), False),
    (coming("10.1.1.200", 8580, 3), False),
    (coming("10.1.1.200", 22, 3), False),
    (coming("fd00:1::1f", 8583, 3), True),
    (coming("fd00:1::20", 8583, 3), False),
    (coming("::ffff:10.1.1.200", 8583, 3), False),
    (coming("10.1.2.127", 8583, 6), True),
    (coming("10.1.2.127", 8583, 5), False),
    (coming("10.1.2.128", 8583, 6), False),
    (coming("10.1.2.128", 8584, 1), True),
    (coming("10.1.2.128", 8584, 2), False),
    (coming("10.1.2.128", 8584, 22), True),
    (coming("10.9.9.9", 8583), False),
    (coming("10.2.1.5", 8580, 3), True),
    (coming("10.2.1.5", 5432, 3), False),
    (coming("10.2.2.5", 5432, 3), True),
    (coming("10.2.2.5", 22, 3), True),
    (coming("10.2.2.5", 8580, 3), False),
    # A bank's links and how fast it opens them.
    (coming("10.1.1.200", 8583, links=1, recent=59), True),
    (coming("10.1.1.200", 8583, links=2), False),
    (coming("10.1.1.200", 8583, recent=60), False),
    # What is no new TCP connection.
    (coming("10.1.1.200", 8583, protocol="udp"), False),
    (coming("10.9.9.9", 40000, state="established"), True),
    (coming("10.9.9.9", 40000, state="related"), False),
    (coming("10.9.9.9", 0, state="related", protocol="icmp"), True),
    (coming("fd00:9::9", 0, state="related", protocol="ipv6-icmp"), True),
    (coming("10.1.1.200", 8583, state="invalid"), False),
    (coming("10.1.1.200", 8583, state="untracked"), False),
    (coming("::ffff:10.1.1.200", 40000, state="established"), False),
    # Neighbours, and those whom a router passed on.
    (coming("fd00:9::9", 0, **_NEIGHBOUR), True),
    (coming("fd00:9::9", 0, **{**_NEIGHBOUR, "icmp_type": "nd-neighbor-advert"}), True),
    (coming("fd00:9::9", 0, **_NEIGHBOUR, state="untracked"), True),
    (coming("fd00:9::9", 0, **{**_NEIGHBOUR, "hops": 254}), False),
    (coming("fd00:9::9", 0, **{**_NEIGHBOUR, "icmp_type": "echo-request"}), False),
    (coming("::ffff:10.1.1.200", 0, **_NEIGHBOUR), False),
    (going("fd00:9::9", 0, **_NEIGHBOUR), True),
    # This machine with itself.
    (coming("10.1.0.1", 9999, loopback=True), True),
    (coming("::ffff:10.1.0.1", 9999, loopback=True), True),
    (going("10.1.0.1", 9999, loopback=True), True),
    # What it opens itself.
    (going("10.2.0.8", 5432), True),
    (Packet("output", ip_address("::ffff:10.1.0.1"), ip_address("10.2.0.8"), port=5432), True),
    (going("10.2.0.9", 5433), True),
    (going("10.2.0.8", 5433), False),
    (going("10.2.0.8", 5432, protocol="udp"), False),
    (going("10.2.2.5", 5432), False),
    (going("10.1.1.200", 8583), False),
    (going("10.2.2.5", 40000, state="established"), True),
    (going("10.2.2.5", 40000, state="related"), False),
    (going("10.2.2.5", 40000, state="invalid"), False),
    (Packet("forward", ip_address("10.1.1.200"), HERE, port=8583), False),
    (Packet("forward", ip_address("10.1.1.200"), HERE, state="established"), False),
    (Packet("forward", HERE, HERE, loopback=True), False),
)
"""Packets, and whether EXAMPLE lets them pass: so that its enforcers are not wrong together."""

BANK_PORTS = (8583, 8584)
ZONE_PORTS = (22, 5432, 8580)

four = st.builds(lambda host: IPv4Address(int(IPv4Address("10.1.1.0")) + host), st.integers(-2, 520))
mapped = four.map(lambda address: IPv6Address(f"::ffff:{address}"))
six = st.builds(lambda host: IPv6Address(int(IPv6Address("fd00:1::")) + host), st.integers(-2, 70))
addresses: st.SearchStrategy[Address] = st.one_of(four, six)


def _around(address: Address, bits: int) -> Network:
    length = 32 if address.version == 4 else 128
    return ip_network(f"{address}/{length - bits}", strict=False)


networks = st.one_of(
    st.builds(_around, four, st.integers(0, 10)),
    st.builds(_around, mapped, st.integers(0, 10)),
    st.builds(_around, six, st.integers(0, 7)),
    st.sampled_from([ip_network("0.0.0.0/0"), ip_network("::/0"), ip_network("10.1.1.0/24")]),
)
some_networks = st.lists(networks, min_size=1, max_size=4).map(tuple)
hours = st.one_of(
    st.none(),
    st.builds(
        lambda opens, length: Hours(opens, (opens + length) % 1440),
        st.integers(0, 1439),
        st.integers(1, 1439),
    ),
)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    banks = tuple(
        Allowance(
            f"{number:02d}",
            draw(st.sampled_from(BANK_PORTS)),
            draw(some_networks),
            draw(hours),
            draw(st.none() | st.integers(1, 3)),
            draw(st.none() | st.integers(1, 6)),
        )
        for number in range(draw(st.integers(1, 3)))
    )
    ports = st.lists(st.sampled_from(ZONE_PORTS), max_size=3).map(tuple)
    zone_rules = tuple(ZoneRule(zone, draw(some_networks), draw(ports)) for zone in ("ops", "inside"))
    databases = st.lists(st.builds(Endpoint, addresses, st.sampled_from((5432, 5433))), max_size=2)
    return Policy(banks, zone_rules, tuple(draw(databases)))


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    direction = draw(st.sampled_from(("input", "input", "input", "output", "forward")))
    other = draw(st.one_of(four, six, mapped) if direction == "input" else addresses)
    here = HERE if other.version == 4 else HERE_6
    protocols = ("tcp", "tcp", "tcp", "udp", "icmp" if other.version == 4 else "ipv6-icmp")
    protocol = draw(st.sampled_from(protocols))
    icmp = {"icmp": ("echo-request",), "ipv6-icmp": ("echo-request", *NEIGHBOUR_DISCOVERY)}
    return Packet(
        direction,
        *((here, other) if direction == "output" else (other, here)),
        protocol=protocol,
        port=draw(st.sampled_from((*BANK_PORTS, *ZONE_PORTS, 5433, 9999)))
        if protocol in ("tcp", "udp")
        else 0,
        state=draw(st.sampled_from(("new", "new", "new", "established", "related", "invalid", "untracked"))),
        at=draw(st.times().map(lambda at: at.replace(microsecond=0))),
        loopback=draw(st.integers(0, 9)) == 0,
        icmp_type=draw(st.sampled_from(icmp[protocol])) if protocol in icmp else "",
        hops=draw(st.sampled_from((255, 64))),
        links=draw(st.integers(0, 3)),
        recent=draw(st.integers(0, 6)),
    )


def shifted(at: time, offset: timedelta) -> time:
    """The UTC time of day at a local one."""
    seconds = (at.hour * 3600 + at.minute * 60 + at.second - int(offset.total_seconds())) % 86_400
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60)


_ZONES = """
[zones]
ops = ["10.2.1.0/24"]
inside = ["10.2.2.0/24"]
inside_ports = [22]
"""


def firewall_settings(folder: Path) -> Path:
    """A settings file with fixed ports and zones, as the firewall's commands need it."""
    from tests.support.machine import write_settings

    write_settings(folder, "sqlite:///front.db", networks='["10.1.1.0/24"]')
    path = folder / "qianzhi.toml"
    text = path.read_text().replace("port = 0", 'host = "10.2.0.1"\nport = 8580', 1)
    text = text.replace("port = 0", "port = 8583", 1).replace("port = 0", "port = 8584", 1)
    path.write_text(text.replace("[limits]", f"{_ZONES}[limits]"))
    return path
