"""The gateway: one address on one port is one bank, or nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall_rules.gateway import (
    Allowance,
    Gateway,
    Overlap,
    address_of,
    network_of,
    overlapping,
    overlaps,
    plain_address,
    plain_network,
)
from firewall_rules.hours import Hours
from qianzhi_errors.sentence import Sentence

A = Allowance("A", 1, (ip_network("192.0.2.0/24"), ip_network("2001:db8:a::/48")))
B = Allowance("B", 1, (ip_network("198.51.100.7/32"),))
C = Allowance("C", 2, (ip_network("0.0.0.0/0"),))
D = Allowance("D", 4, (ip_network("fe80::/64"),))
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("host", "port", "bank"),
    [
        ("192.0.2.255", 1, "A"),
        ("192.0.3.0", 1, None),
        ("2001:db8:a::1", 1, "A"),
        ("2001:db8:b::1", 1, None),
        ("::ffff:192.0.2.1", 1, "A"),
        ("198.51.100.7", 1, "B"),
        ("198.51.100.8", 1, None),
        ("198.51.100.8", 2, "C"),
        ("2001:db8:a::1", 2, None),
        ("fe80::1%eth0", 1, None),
        ("fe80::1%eth0", 4, "D"),
        ("fe80::1%a%b", 4, "D"),
        ("192.0.2.1", 3, None),
    ],
)
def test_an_address_is_the_bank_whose_network_it_is_in(host: str, port: int, bank: str | None) -> None:
    assert Gateway((A, B, C, D)).bank_of(host, port, NOON) == bank


def test_an_allowance_is_enabled_and_without_limits_unless_they_are_given() -> None:
    assert replace(A) == Allowance("A", 1, A.networks, None, None, None, True)


def test_an_overlap_names_both_banks_their_port_and_the_later_ones_network() -> None:
    inner = Allowance("E", 1, (ip_network("192.0.2.128/25"),))
    outer = Allowance("F", 1, (ip_network("2001:db8::/32"), ip_network("192.0.2.0/23")))
    assert overlaps((A, B, C, inner, outer)) == (
        Overlap("A", "E", 1, ip_network("192.0.2.128/25")),
        Overlap("A", "F", 1, ip_network("2001:db8::/32")),
        Overlap("A", "F", 1, ip_network("192.0.2.0/23")),
        Overlap("E", "F", 1, ip_network("192.0.2.0/23")),
    )


def test_every_allowance_of_a_port_is_asked_and_the_first_that_holds_an_address_owns_it() -> None:
    again = Allowance("G", 1, (ip_network("198.51.100.0/24"),))
    gateway = Gateway((A, B, again))
    assert [gateway.owner_of(f"198.51.100.{host}", 1) for host in (7, 8)] == [B, again]


def test_what_overlaps_is_told_of_the_first_networks() -> None:
    networks = ip_network("10.0.0.0/8"), ip_network("::/0"), ip_network("192.0.2.0/24")
    others = ip_network("192.0.2.7/32"), ip_network("10.9.0.0/16")
    assert overlapping(networks, iter(others)) == (networks[0], networks[2])


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::ffff:0:0/95", "::fffe:0:0/95"),
        ("::fffe:0:0/96", "::fffe:0:0/96"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("192.0.2.0/24", "192.0.2.0/24"),
    ],
)
def test_a_mapped_network_is_plain_from_96_bits_on(written: str, plain: str) -> None:
    assert plain_network(ip_network(written, strict=False)) == ip_network(plain)


@pytest.mark.parametrize(
    ("address", "plain"),
    [("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::1"), ("192.0.2.1", "192.0.2.1")],
)
def test_a_mapped_address_is_the_ipv4_address(address: str, plain: str) -> None:
    assert plain_address(ip_address(address)) == ip_address(plain)


def test_a_network_written_as_mapped_is_the_ipv4_network() -> None:
    mapped = Allowance("M", 1, (ip_network("::ffff:198.51.100.0/120"),))
    assert Gateway((mapped,)).bank_of("198.51.100.9", 1, NOON) == "M"
    assert overlaps((B, mapped)) == (Overlap("B", "M", 1, ip_network("::ffff:198.51.100.0/120")),)


def test_outside_its_hours_a_bank_is_nobody_and_no_other_bank_either() -> None:
    early = Allowance("E", 1, A.networks, Hours.parse("00:00-12:00"))
    gateway = Gateway((early, A))
    assert gateway.bank_of("192.0.2.1", 1, NOON.replace(hour=11, minute=59, second=59)) == "E"
    assert gateway.bank_of("192.0.2.1", 1, NOON) is None
    assert gateway.owner_of("192.0.2.1", 1) == early


def test_a_bank_whose_right_rests_is_nobody_and_its_addresses_stay_its_own() -> None:
    resting = replace(A, enabled=False)
    gateway = Gateway((resting, replace(A, bank="H")))
    assert gateway.bank_of("192.0.2.1", 1, NOON) is None
    assert gateway.owner_of("192.0.2.1", 1) == resting


@pytest.mark.parametrize("text", ["x", "192.0.2.1/24", "192.0.2.0/99", "2001:db8::1/64", "fe80::1%1/64", ""])
def test_a_network_that_is_none_is_refused_in_the_librarys_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"network|host bits") as ours:
        network_of(text)
    with pytest.raises(ValueError, match=r"network|host bits") as librarys:
        ip_network(text)
    assert (str(ours.value), type(ours.value.args[0])) == (str(librarys.value), Sentence)


def test_an_address_that_is_none_is_refused_in_the_librarys_words() -> None:
    with pytest.raises(ValueError, match="address") as ours:
        address_of("x")
    with pytest.raises(ValueError, match="address") as librarys:
        ip_address("x")
    assert (str(ours.value), type(ours.value.args[0])) == (str(librarys.value), Sentence)


@given(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(8, 32), st.integers(8, 32))
def test_banks_that_do_not_overlap_never_share_an_address(
    first: object, second: object, one: int, two: int
) -> None:
    networks = [
        ip_network(f"{address}/{bits}", strict=False) for address, bits in ((first, one), (second, two))
    ]
    banks = [Allowance(name, 1, (network,)) for name, network in zip("AB", networks, strict=True)]
    shared = any(
        ip_address(str(address)) in networks[0] and ip_address(str(address)) in networks[1]
        for address in (networks[0].network_address, networks[1].network_address)
    )
    assert bool(overlaps(banks)) == shared
