"""One policy, two enforcers: policy, rendered rules and gateway say the same of every packet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall_rules.errors import UnknownRule
from firewall_rules.evaluate import passes
from firewall_rules.gateway import Gateway
from firewall_rules.hours import Pace
from firewall_rules.nftables import render
from firewall_rules.policy import MAPPED, Packet, Policy, allows
from firewall_rules.ruleset import parse
from tests.policies import BANK_PORTS, CHINA, EXAMPLE, packets, policies, shifted

OFFSETS = st.sampled_from([timedelta(0), CHINA, timedelta(hours=-9, minutes=-30), timedelta(hours=14)])


@given(policies(), st.lists(packets(), min_size=1, max_size=8), OFFSETS)
def test_the_rules_do_what_the_policy_says(policy: Policy, sent: list[Packet], offset: timedelta) -> None:
    table = parse(render(policy, offset))
    for packet in sent:
        there = replace(packet, at=shifted(packet.at, offset))
        assert passes(table, there) == allows(policy, packet), packet


@given(policies(), packets().filter(lambda one: one.direction == "input" and one.source not in MAPPED))
def test_the_gateway_lets_in_whom_the_rules_let_in(policy: Policy, packet: Packet) -> None:
    """Hours, links and pace too, each enforcer counting for itself; as either kind of socket sees them."""
    port = BANK_PORTS[packet.port % 2]
    packet = replace(packet, protocol="tcp", port=port, state="new", loopback=False, icmp_type="")
    hosts = [str(packet.source)] + [f"::ffff:{packet.source}"] * (packet.source.version == 4)
    gateway = Gateway(policy.banks)
    for host in hosts:
        now = datetime.combine(datetime(2026, 1, 1, tzinfo=UTC), packet.at)
        code = gateway.bank_of(host, port, now)
        bank = gateway.owner_of(host, port)
        let_in = code is not None and bank is not None
        if let_in:
            let_in = bank.links is None or packet.links < bank.links
            pace = Pace()
            for _ in range(packet.recent):
                pace.take(bank.new_links_a_minute, 1.0)
            let_in = let_in and pace.take(bank.new_links_a_minute, 1.0)
        there = replace(packet, at=shifted(packet.at, CHINA))
        assert let_in == passes(parse(render(policy, CHINA)), there) == allows(policy, packet)


HERE, HERE_6 = ip_address("10.1.0.1"), ip_address("fd00:1::1")


@pytest.mark.parametrize(
    ("source", "port", "hour", "passes_it"),
    [
        ("10.1.1.200", 8583, 3, True),
        ("10.1.1.200", 8584, 3, False),
        ("10.1.1.200", 8580, 3, False),
        ("10.1.1.200", 22, 3, False),
        ("fd00:1::1f", 8583, 3, True),
        ("fd00:1::20", 8583, 3, False),
        ("::ffff:10.1.1.200", 8583, 3, False),
        ("10.1.2.127", 8583, 6, True),
        ("10.1.2.127", 8583, 5, False),
        ("10.1.2.128", 8583, 6, False),
        ("10.1.2.128", 8584, 1, True),
        ("10.1.2.128", 8584, 2, False),
        ("10.1.2.128", 8584, 22, True),
        ("10.9.9.9", 8583, 12, False),
        ("10.2.1.5", 8580, 3, True),
        ("10.2.1.5", 5432, 3, False),
        ("10.2.2.5", 5432, 3, True),
        ("10.2.2.5", 22, 3, True),
        ("10.2.2.5", 8580, 3, False),
    ],
)
def test_who_may_reach_what(source: str, port: int, hour: int, passes_it: bool) -> None:
    """By hand, so that policy and rules are not wrong together."""
    address = ip_address(source)
    packet = Packet("input", address, HERE if address.version == 4 else HERE_6, port=port)
    local = packet.at.replace(hour=hour)
    table = parse(render(EXAMPLE, CHINA))
    assert allows(EXAMPLE, replace(packet, at=local)) == passes_it
    assert passes(table, replace(packet, at=shifted(local, CHINA))) == passes_it


@pytest.mark.parametrize(
    ("destination", "port", "state", "passes_it"),
    [
        ("10.2.0.8", 5432, "new", True),
        ("10.2.0.8", 22, "new", False),
        ("10.2.2.5", 5432, "new", False),
        ("10.1.1.200", 8583, "new", False),
        ("10.2.2.5", 40000, "established", True),
        ("10.2.2.5", 40000, "related", False),
        ("10.2.2.5", 40000, "invalid", False),
    ],
)
def test_nothing_is_opened_from_here_but_to_the_database(
    destination: str, port: int, state: str, passes_it: bool
) -> None:
    packet = Packet("output", HERE, ip_address(destination), port=port, state=state)  # type: ignore[arg-type]
    assert allows(EXAMPLE, packet) == passes_it
    assert passes(parse(render(EXAMPLE, CHINA)), packet) == passes_it


TABLE = (
    "table inet qianzhi {{ chain input {{ type filter hook input priority filter; policy drop;\n{}\n}}\n}}\n"
)


@pytest.mark.parametrize(
    "rule",
    [
        "accept now",
        "tcp flags syn accept",
        "tcp dport 22",
        "tcp dport",
        "goto nowhere",
        "ip saddr @nothing accept",
        "ip saddr nonsense accept",
        "meta mark 1 accept",
        "ct mark 1 accept",
        "queue",
        "{ 1, 2 } accept",
    ],
)
def test_a_rule_that_is_not_known_is_never_passed_over(rule: str) -> None:
    with pytest.raises(UnknownRule):
        passes(parse(TABLE.format(rule)), Packet("input", HERE, HERE, port=22))


@pytest.mark.parametrize(
    ("rule", "passes_it"),
    [
        ("udp dport 22 accept", False),
        ("ip saddr != 10.0.0.0/8 accept", False),
        ("ip saddr 10.1.0.0-10.1.0.9 accept", True),
        ("ip6 saddr != ::/0 accept", False),
        ("ip saddr { 10.1.0.1, 192.0.2.1 } accept", True),
        ("tcp dport 20-30 jump more\naccept", True),
        ("limit rate 5/minute accept", True),
        ("return\naccept", False),
    ],
)
def test_other_wordings_mean_what_nft_means_by_them(rule: str, passes_it: bool) -> None:
    text = TABLE.format(rule).replace("chain input", "chain more {\nreturn\n}\nchain input")
    assert passes(parse(text), Packet("input", HERE, HERE, port=22)) == passes_it
