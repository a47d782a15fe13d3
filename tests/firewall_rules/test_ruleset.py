"""Differences between two rulesets: those in meaning are told, those in wording are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from firewall_rules.errors import PolicyError, UnknownRule
from firewall_rules.gateway import Allowance
from firewall_rules.nftables import render
from firewall_rules.policy import Door, Endpoint, Policy
from firewall_rules.ruleset import difference, parse
from tests.policies import CHINA, EXAMPLE, policies

TEXT = render(EXAMPLE, CHINA)


@given(policies())
def test_the_same_policy_is_the_same_text(policy: Policy) -> None:
    text = render(policy, CHINA)
    assert text == render(replace(policy), CHINA)
    assert difference(text, text) == ()


@pytest.mark.parametrize(
    ("wanted", "listed"),
    [
        ("{ 22, 5432 }", "{ 5432,\n\t\t22 }"),
        ("priority filter", "priority 0"),
        ("10.1.1.0/24", "10.1.1.0/25, 10.1.1.128-10.1.1.255"),
        ("::ffff:0:0/96", "::ffff:0.0.0.0/96"),
        ("{ 8580 }", "8580"),
        ("iifname", "# a remark\n\t\tiifname"),
        ("flags interval", "flags interval\n\t\tauto-merge"),
    ],
)
def test_another_wording_is_no_difference(wanted: str, listed: str) -> None:
    assert wanted in TEXT
    assert difference(TEXT.replace(wanted, listed), TEXT) == ()


def test_hours_and_a_usual_burst_as_nft_lists_them_are_no_difference() -> None:
    bank = replace(EXAMPLE.banks[1], new_links_a_minute=5)
    text = render(replace(EXAMPLE, banks=(bank,)), CHINA)
    listed = text.replace(" burst 5 packets", "").replace("55800-79199", '"15:30"-"21:59:59"')
    assert listed.count('"15:30"') == 1
    assert difference(listed, text) == ()


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("policy drop", "policy accept", "-chain input: type filter hook input priority filter accept"),
        ("10.1.1.0/24", "10.1.0.0/23", "-set bank_01_ip: 10.1.0.0/23"),
        ("over 2 ", "over 3 ", "-chain bank_01: ct count over 3 drop"),
        ("dport 8584", "dport 8585", "-chain input: tcp dport 8585 ip saddr @bank_03_ip goto bank_03"),
    ],
)
def test_another_meaning_is_told(before: str, after: str, told: str) -> None:
    assert told in difference(TEXT.replace(before, after), TEXT)


def test_rules_in_another_order_are_another_meaning() -> None:
    lines = TEXT.splitlines()
    at = next(place for place, line in enumerate(lines) if "ct state established" in line)
    lines[at], lines[at + 2] = lines[at + 2], lines[at]
    assert difference("\n".join(lines), TEXT) != ()


def test_no_table_is_all_the_difference() -> None:
    assert all(line.startswith("+") for line in difference(None, TEXT)[3:])


@pytest.mark.parametrize(
    "text", ["", "flush ruleset\n" + TEXT, TEXT + TEXT, "table inet x { map y {\n}\n}\n"]
)
def test_what_is_no_single_table_is_refused(text: str) -> None:
    with pytest.raises(UnknownRule):
        parse(text)


@pytest.mark.parametrize(
    ("banks", "doors", "why"),
    [
        ((Allowance("1", 0, ()),), (), "port 0"),
        ((Allowance("1", 1, ()), Allowance("1", 2, ())), (), "given once"),
        ((Allowance("1; accept", 1, ()),), (), "small letters"),
        ((Allowance("1", 22, ()),), (Door("inside", (), (22,)),), "the insurer's own"),
    ],
)
def test_a_policy_that_no_ruleset_can_mean_is_refused(
    banks: tuple[Allowance, ...], doors: tuple[Door, ...], why: str
) -> None:
    with pytest.raises(PolicyError, match=why):
        Policy(banks, doors)


@pytest.mark.parametrize(
    "text",
    ["10.2.0.8", "10.2.0.8:0", "10.2.0.8:70000", "db:5432", "fd00::1:5432", "[10.2.0.8]:1", "[fe80::1%e]:1"],
)
def test_an_endpoint_is_one_address_and_port(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Endpoint.parse(text)


def test_endpoints_are_read() -> None:
    assert str(Endpoint.parse("[fd00::8]:5432").address) == "fd00::8"
    assert Endpoint.parse("[::ffff:10.2.0.8]:5432") == Endpoint.parse("10.2.0.8:5432")


def test_the_text_is_in_utc_so_that_no_time_zone_shifts_it() -> None:
    assert "meta hour 55800-79199 drop" in TEXT
    assert "meta hour 84600-86399 drop" in render(EXAMPLE, timedelta(0))
