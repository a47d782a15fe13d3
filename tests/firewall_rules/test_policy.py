"""The policy, by hand: who may reach what, what may be opened from here, and what no policy can mean."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import time
from ipaddress import ip_address, ip_network

import pytest

from firewall_rules.errors import PolicyError
from firewall_rules.gateway import Allowance
from firewall_rules.hours import Hours
from firewall_rules.policy import MAPPED, Endpoint, Packet, Policy, ZoneRule, allows
from tests.support.firewall_policies import BY_HAND, EXAMPLE, HERE

NOT_WRITTEN = 'is no address and port: write "192.0.2.1:5432" or "[2001:db8::1]:5432"'
BRACKETS = "an IPv6 address stands in [ ] before its port, and no other does"


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("10.2.0.8:1", "10.2.0.8", 1),
        ("[fd00::8]:5432", "fd00::8", 5432),
        ("[::ffff:10.2.0.8]:65535", "10.2.0.8", 65535),
    ],
)
def test_an_endpoint_is_one_address_and_port(text: str, host: str, port: int) -> None:
    assert Endpoint.parse(text) == Endpoint(ip_address(host), port)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", f"'' {NOT_WRITTEN}"),
        ("5432", f"'5432' {NOT_WRITTEN}"),
        ("10.2.0.8", f"'10.2.0.8' {NOT_WRITTEN}"),
        ("10.2.0.8:", f"'10.2.0.8:' {NOT_WRITTEN}"),
        ("10.2.0.8:0", f"'10.2.0.8:0' {NOT_WRITTEN}"),
        ("10.2.0.8:65536", f"'10.2.0.8:65536' {NOT_WRITTEN}"),
        ("10.2.0.8:005432", f"'10.2.0.8:005432' {NOT_WRITTEN}"),
        ("10.2.0.8:５", f"'10.2.0.8:５' {NOT_WRITTEN}"),
        ("fd00::1:5432", f"'fd00::1:5432': {BRACKETS}"),
        ("[fd00::1:5432", f"'[fd00::1:5432': {BRACKETS}"),
        ("fd00::1]:5432", f"'fd00::1]:5432': {BRACKETS}"),
        ("[10.2.0.8]:1", f"'[10.2.0.8]:1': {BRACKETS}"),
        ("[fe80::1%e]:1", "'[fe80::1%e]:1': an address of one link only can be no other zone's"),
        ("db:5432", "'db' does not appear to be an IPv4 or IPv6 address"),
    ],
)
def test_what_is_no_endpoint_is_told(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
        Endpoint.parse(text)


OF_24 = "abcdefghijklmnopqrstuvwx"
GIVEN_ONCE = "a name is given once, in small letters and digits"
KNOWN = "a firewall needs ports that are known beforehand"


@pytest.mark.parametrize(
    ("banks", "zone_rules", "why"),
    [
        ((Allowance("1", 0, ()),), (), f"port 0: {KNOWN}"),
        ((Allowance("1", 65536, ()),), (), f"port 65536: {KNOWN}"),
        ((Allowance("1", 1, ()),), (ZoneRule("ops", (), (2, 0)),), f"port 0: {KNOWN}"),
        ((Allowance("1", 1, ()), Allowance("1", 2, ())), (), f"bank_1: {GIVEN_ONCE}"),
        ((), (ZoneRule("ops", (), ()), ZoneRule("ops", (), ())), f"ops: {GIVEN_ONCE}"),
        ((Allowance("1", 1, ()),), (ZoneRule("bank_1", (), ()),), f"bank_1: {GIVEN_ONCE}"),
        ((Allowance("1; accept", 1, ()),), (), f"bank_1; accept: {GIVEN_ONCE}"),
        ((Allowance("A", 1, ()),), (), f"bank_A: {GIVEN_ONCE}"),
        ((), (ZoneRule("", (), ()),), f": {GIVEN_ONCE}"),
        ((), (ZoneRule(OF_24 + "y", (), ()),), f"{OF_24}y: {GIVEN_ONCE}"),
        (
            (Allowance("1", 21, ()), Allowance("2", 22, ())),
            (ZoneRule("ops", (), (80,)), ZoneRule("inside", (), (22,))),
            "port 22: is both bank 2's and the insurer's own",
        ),
    ],
)
def test_a_policy_that_no_ruleset_can_mean_is_refused(
    banks: tuple[Allowance, ...], zone_rules: tuple[ZoneRule, ...], why: str
) -> None:
    with pytest.raises(PolicyError, match=f"^{re.escape(why)}$"):
        Policy(banks, zone_rules)


def test_the_first_and_the_last_port_and_the_longest_name_are_in_order() -> None:
    banks = Allowance("1", 1, ()), Allowance("2", 65535, ())
    zone_rule = ZoneRule(OF_24, (), (2, 65534))
    assert Policy(banks, (zone_rule,)) == Policy(banks, (zone_rule,), ())
    assert Policy(()).zone_rules == ()


def test_a_packet_opens_a_tcp_connection_at_noon_unless_it_is_told_otherwise() -> None:
    assert Packet("input", HERE, HERE) == Packet(
        *("input", HERE, HERE, "tcp", 0, "new", time(12)),
        loopback=False,
        icmp_type="",
        hops=64,
        links=0,
        recent=0,
    )


def test_mapped_addresses_are_all_that_stand_for_an_ipv4_address() -> None:
    assert ip_address("::ffff:0.0.0.0") in MAPPED
    assert ip_address("::ffff:255.255.255.255") in MAPPED
    assert ip_address("::fffe:255.255.255.255") not in MAPPED
    assert ip_address("::1:0:0:0") not in MAPPED


@pytest.mark.parametrize(("packet", "passes_it"), BY_HAND, ids=str)
def test_who_may_reach_what(packet: Packet, passes_it: bool) -> None:
    assert allows(EXAMPLE, packet) == passes_it


def test_a_bank_that_is_refused_is_not_let_in_by_another_entry() -> None:
    network = (ip_network("10.1.1.0/24"),)
    closed = Allowance("1", 8583, network, Hours.parse("00:00-11:00"))
    packet = Packet("input", ip_address("10.1.1.1"), HERE, port=8583)
    assert allows(Policy((Allowance("2", 8583, network), closed)), packet)
    assert not allows(Policy((closed, Allowance("2", 8583, network))), packet)


def test_a_policy_without_limits_has_room_for_any_number() -> None:
    bank = Allowance("1", 8583, (ip_network("10.1.1.0/24"),))
    packet = Packet("input", ip_address("10.1.1.1"), HERE, port=8583, links=9999, recent=9999)
    assert allows(Policy((bank,)), packet)
    assert not allows(Policy((replace(bank, links=1),)), packet)
