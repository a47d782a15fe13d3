"""The gateway: one address on one port is one bank, or nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall_rules.gateway import Allowance, Gateway, Overlap, overlaps
from firewall_rules.hours import Hours

A = Allowance("A", 1, (ip_network("192.0.2.0/24"), ip_network("2001:db8:a::/48")))
B = Allowance("B", 1, (ip_network("198.51.100.7/32"),))
C = Allowance("C", 2, (ip_network("0.0.0.0/0"),))
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
        ("192.0.2.1", 3, None),
    ],
)
def test_an_address_is_the_bank_whose_network_it_is_in(host: str, port: int, bank: str | None) -> None:
    assert Gateway((A, B, C)).bank_of(host, port, NOON) == bank


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


def test_an_overlap_names_both_banks() -> None:
    inner = Allowance("D", 1, (ip_network("192.0.2.128/25"),))
    assert overlaps((A, B, C, inner)) == (Overlap("A", "D", 1, ip_network("192.0.2.128/25")),)


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
