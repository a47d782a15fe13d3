"""One policy, two enforcers: policy, rendered rules and gateway say the same of every packet."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall_rules.gateway import Gateway
from firewall_rules.hours import Pace
from firewall_rules.nftables import render
from firewall_rules.policy import MAPPED, Packet, Policy, allows
from firewall_rules.ruleset import parse
from tests.support.firewall_policies import BANK_PORTS, CHINA, packets, policies, shifted
from tests.support.packet_filter import passes

pytestmark = pytest.mark.slow

OFFSETS = st.sampled_from([timedelta(0), CHINA, timedelta(hours=-9, minutes=-30), timedelta(hours=14)])


@given(policies(), st.lists(packets(), min_size=1, max_size=8), OFFSETS)
def test_the_rules_do_what_the_policy_says(policy: Policy, sent: list[Packet], offset: timedelta) -> None:
    table = parse(render(policy, offset))
    for packet in sent:
        there = replace(packet, at=shifted(packet.at, offset))
        assert passes(table, there) == allows(policy, packet), packet


@given(
    policies(), packets().filter(lambda packet: packet.direction == "input" and packet.source not in MAPPED)
)
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
