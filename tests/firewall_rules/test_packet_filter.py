"""What rules as they are written do with a packet, word by word and chain by chain; what is not known."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import time
from ipaddress import ip_address
from typing import Any

import pytest

from firewall_rules.errors import UnknownRule
from firewall_rules.nftables import render
from firewall_rules.policy import Packet
from firewall_rules.ruleset import parse
from tests.support.firewall_policies import BY_HAND, CHINA, EXAMPLE, HERE, HERE_6, shifted
from tests.support.packet_filter import passes

DROP = "policy drop;"


def chain(direction: str, rules: str, policy: str = DROP, name: str = "") -> str:
    return (
        f"chain {name or direction} {{\ntype filter hook {direction} priority filter; {policy}\n{rules}\n}}\n"
    )


def let_through(chains: str, **given: Any) -> bool:  # noqa: ANN401 - whatever a packet has
    """Whether a table of these chains lets a packet pass, by default one of TCP to port 22."""
    packet = Packet(**{"direction": "input", "source": HERE, "destination": HERE, "port": 22, **given})
    sets = "set two {\ntype ipv4_addr\nelements = { 10.1.0.1, 192.0.2.0/24 }\n}\n"
    return passes(parse(f"table inet qianzhi {{\n{sets}{chains}}}\n"), packet)


@pytest.mark.parametrize(("packet", "passes_it"), BY_HAND, ids=str)
def test_the_examples_rules_let_pass_what_the_policy_allows(packet: Packet, passes_it: bool) -> None:
    """By hand, so that policy and rules are not wrong together."""
    there = replace(packet, at=shifted(packet.at, CHINA))
    assert passes(parse(render(EXAMPLE, CHINA)), there) == passes_it


LOOPBACK = {"loopback": True}
OUT = {"direction": "output"}
SIX = {"source": HERE_6, "destination": HERE_6}
SOLICITS = {**SIX, "protocol": "ipv6-icmp", "icmp_type": "nd-neighbor-solicit"}
MATCHES: tuple[tuple[str, dict[str, object], bool], ...] = (
    ('iifname "lo"', LOOPBACK, True),
    ('iifname "lo"', {}, False),
    ('iifname "lo"', LOOPBACK | OUT, False),
    ('iifname "eth"', {}, True),
    ('iifname "eth"', LOOPBACK | OUT, True),
    ('iifname != "lo"', {}, True),
    ('oifname "lo"', LOOPBACK | OUT, True),
    ('oifname "lo"', OUT, False),
    ('oifname "lo"', LOOPBACK, False),
    ("ct state new", {}, True),
    ("ct state established", {}, False),
    ("ct state { established, new }", {}, True),
    ("ct state != new", {}, False),
    ("ct state != { established, related }", {}, True),
    ("ct count over 2", {"links": 1}, False),
    ("ct count over 2", {"links": 2}, True),
    ("ct count 2", {"links": 1}, True),
    ("ct count 2", {"links": 2}, False),
    ("limit rate 9/minute burst 3 packets", {"recent": 2}, True),
    ("limit rate 9/minute burst 3 packets", {"recent": 3}, False),
    ("limit rate over 9/minute burst 3 packets", {"recent": 2}, False),
    ("limit rate over 9/minute burst 3 packets", {"recent": 3}, True),
    ("limit rate 9/minute burst 3", {"recent": 3}, False),
    ("tcp dport 22 limit rate 9/minute", {"recent": 4}, True),
    ("tcp dport 22 limit rate 9/minute", {"recent": 5}, False),
    ("ip saddr 10.1.0.1", {}, True),
    ("ip saddr 10.1.0.2", {}, False),
    ("ip saddr 10.1.0.2", {"source": ip_address("10.1.0.2")}, True),
    ("ip daddr 10.1.0.2", {"source": ip_address("10.1.0.2")}, False),
    ("ip daddr 10.1.0.2", {"destination": ip_address("10.1.0.2")}, True),
    ("ip saddr 10.1.0.0/31", {}, True),
    ("ip saddr 10.1.0.2/31", {}, False),
    ("ip saddr 10.1.0.1-10.1.0.9", {}, True),
    ("ip saddr 10.0.0.0-10.1.0.1", {}, True),
    ("ip saddr 10.0.0.0-10.1.0.0", {}, False),
    ("ip saddr != 10.0.0.0/8", {}, False),
    ("ip saddr != 11.0.0.0/8", {}, True),
    ("ip saddr { 192.0.2.1, 10.1.0.1 }", {}, True),
    ("ip saddr @two", {}, True),
    ("ip saddr @two", {"source": ip_address("192.0.2.255")}, True),
    ("ip saddr @two", {"source": ip_address("192.0.3.0")}, False),
    ("ip saddr != @two", {}, False),
    ("ip6 saddr fd00:1::1", SIX, True),
    ("ip6 saddr != ::/0", {}, False),
    ("ip6 saddr != ::1", {}, False),
    ("ip saddr != 10.0.0.0/8", SIX, False),
    ("ip saddr fd00:1::1", SIX, False),
    ("ip6 saddr ::/0", {"source": ip_address("::")}, True),
    ("ip saddr ::/0", {}, False),
    ("ip6 saddr 0.0.0.0/0", SIX, False),
    ("ip6 hoplimit 255", {**SIX, "hops": 255}, True),
    ("ip6 hoplimit 255", SIX, False),
    ("ip6 hoplimit 64", {}, False),
    ("meta l4proto tcp", {}, True),
    ("meta l4proto { icmp, ipv6-icmp }", {}, False),
    ("meta l4proto { icmp, ipv6-icmp }", {"protocol": "icmp"}, True),
    ("meta hour 43200-43201", {}, True),
    ("meta hour 45296", {"at": time(12, 34, 56)}, True),
    ("meta hour 45295", {"at": time(12, 34, 56)}, False),
    ("meta hour 45297-50000", {"at": time(12, 34, 56)}, False),
    ("meta hour 0-45295", {"at": time(12, 34, 56)}, False),
    ("meta hour != 45295", {"at": time(12, 34, 56)}, True),
    ("tcp dport 22", {}, True),
    ("tcp dport 22", {"protocol": "udp"}, False),
    ("udp dport 22", {"protocol": "udp"}, True),
    ("udp dport 22", {}, False),
    ("tcp dport 23", {}, False),
    ("tcp dport 20-22", {}, True),
    ("tcp dport 20-21", {}, False),
    ("tcp dport 22-30", {}, True),
    ("tcp dport 23-30", {}, False),
    ("tcp dport { 20, 22-23 }", {}, True),
    ("tcp dport { 20, 23-24 }", {}, False),
    ("tcp dport != { 20, 23-24 }", {}, True),
    ("icmpv6 type nd-neighbor-solicit", SOLICITS, True),
    ("icmpv6 type nd-neighbor-advert", SOLICITS, False),
    ("icmp type nd-neighbor-solicit", SOLICITS, False),
    ("icmp type echo-request", {"protocol": "icmp", "icmp_type": "echo-request"}, True),
    ("tcp dport 23 ct state new", {}, False),
    ("ct state new tcp dport 23", {}, False),
    ("ct state new tcp dport 22", {}, True),
)


@pytest.mark.parametrize(("rule", "packet", "matches"), MATCHES)
def test_a_rule_matches_by_every_word_of_it(rule: str, packet: dict[str, object], matches: bool) -> None:
    chains = chain("input", f"{rule} accept") + chain("output", f"{rule} accept")
    assert let_through(chains, **packet) == matches


MORE = "chain more {{\n{}\n}}\n"
CHAINS: tuple[tuple[str, bool], ...] = (
    ("", True),
    (chain("output", ""), True),
    (chain("input", ""), False),
    (chain("input", "", "policy accept;"), True),
    (chain("input", "", ""), True),
    (chain("input", "drop", "policy accept;"), False),
    (chain("input", "accept"), True),
    (chain("input", "return\naccept"), False),
    (chain("input", "tcp dport 23 accept\ntcp dport 22 accept"), True),
    (chain("input", "tcp dport 22 drop\naccept"), False),
    (chain("input", "tcp dport 23 return\naccept"), True),
    (chain("input", "accept") + chain("input", "", name="second"), False),
    (chain("input", "", name="first") + chain("input", "accept"), False),
    (chain("input", "accept") + chain("input", "accept", name="second"), True),
    (MORE.format("accept") + chain("input", "jump more"), True),
    (MORE.format("accept") + chain("input", "goto more"), True),
    (MORE.format("ip saddr @two accept") + chain("input", "jump more"), True),
    (MORE.format("drop") + chain("input", "jump more\naccept"), False),
    (MORE.format("drop") + chain("input", "tcp dport 23 jump more\naccept"), True),
    (MORE.format("return") + chain("input", "jump more\naccept"), True),
    (MORE.format("return") + chain("input", "goto more\naccept"), False),
    (MORE.format("tcp dport 23 accept") + chain("input", "jump more\naccept"), True),
    (MORE.format("tcp dport 23 accept") + chain("input", "goto more\naccept"), False),
)


@pytest.mark.parametrize(("chains", "passes_it"), CHAINS)
def test_a_chain_ends_with_its_first_verdict_and_every_chain_of_the_way_is_asked(
    chains: str, passes_it: bool
) -> None:
    assert let_through(chains) == passes_it


UNKNOWN: tuple[tuple[str, str], ...] = (
    ("accept now", "('accept', 'now'): goes on after its verdict"),
    ("goto more now", "('goto', 'more', 'now'): goes on after its verdict"),
    ("tcp dport 23 accept now", "('tcp', 'dport', '23', 'accept', 'now'): goes on after its verdict"),
    ("tcp dport 22", "('tcp', 'dport', '22'): comes to no verdict"),
    ("tcp dport", "('tcp', 'dport'): ends too soon"),
    ("tcp", "('tcp',): ends too soon"),
    ("goto nowhere", "there is no chain nowhere"),
    ("queue", "('queue',): queue is not known"),
    ("tcp flags syn accept", "('tcp', 'flags', 'syn', 'accept'): tcp flags is not known"),
    (
        "udp dport 22 tcp flags syn accept",
        "('udp', 'dport', '22', 'tcp', 'flags', 'syn', 'accept'): tcp flags is not known",
    ),
    ("ip { x saddr } 10.1.0.1", "('ip', 'x saddr', '10.1.0.1'): ip x saddr is not known"),
    ("meta mark 1 accept", "('meta', 'mark', '1', 'accept'): meta mark is not known"),
    ("ip6 nexthdr 6 accept", "('ip6', 'nexthdr', '6', 'accept'): ip6 nexthdr is not known"),
    ("ct mark 1 accept", "('ct', 'mark', '1', 'accept'): ct mark is not known"),
    ("limit over 5 accept", "('limit', 'over', '5', 'accept'): limit over is not known"),
    ("{ 1, 2 } accept", "(('1', '2'), 'accept'): braces at word 1"),
    ("goto { a, b }", "('goto', ('a', 'b')): braces at word 2"),
    ("ip saddr @nothing accept", "('ip', 'saddr', '@nothing', 'accept'): there is no set @nothing"),
    ("ip saddr nonsense accept", "nonsense: is no address or network"),
    ("tcp dport http accept", "('tcp', 'dport', 'http', 'accept'): http is no number"),
    ("tcp dport 1-z accept", "('tcp', 'dport', '1-z', 'accept'): z is no number"),
    ("ct count over two drop", "('ct', 'count', 'over', 'two', 'drop'): two is no number"),
)


@pytest.mark.parametrize(("rule", "reason"), UNKNOWN)
def test_a_rule_that_is_not_known_is_never_passed_over(rule: str, reason: str) -> None:
    with pytest.raises(UnknownRule, match=f"^{re.escape(reason)}$"):
        let_through(chain("input", rule))
