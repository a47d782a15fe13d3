"""A ruleset's text as data, and how two differ: in meaning, which is told, and not in wording."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_address

import pytest

from firewall_rules.errors import UnknownRule
from firewall_rules.nftables import render
from firewall_rules.ruleset import Chain, Span, Table, canonical, difference, parse, span
from tests.support.firewall_policies import CHINA, EXAMPLE

TEXT = render(EXAMPLE, CHINA)


def to(first: str, last: str) -> Span:
    return ip_address(first), ip_address(last)


def test_a_table_is_read_word_by_word() -> None:
    text = """# what stands before it
    add table inet x; delete table inet x
    table inet x { # a remark
        set one { type ipv4_addr; flags interval; auto-merge
            elements = { 10.0.0.0/24, 192.0.2.1,
                192.0.2.5-192.0.2.6 } }
        set none {
            type ipv6_addr
        }
        chain more {
            ip saddr @one accept; drop
        }
        chain input {
            type filter hook input priority filter; policy drop;
            iifname "a b" tcp dport { 22, 5 } jump more
            limit rate 5/minute accept
            meta hour "15:30"-"21:59:59" return
        }
    }
    """
    addresses = to("10.0.0.0", "10.0.0.255"), to("192.0.2.1", "192.0.2.1"), to("192.0.2.5", "192.0.2.6")
    assert parse(text) == Table(
        "inet x",
        {"one": addresses, "none": ()},
        {
            "more": Chain("", "", (("ip", "saddr", "@one", "accept"), ("drop",))),
            "input": Chain(
                "type filter hook input priority filter",
                "drop",
                (
                    ("iifname", '"a b"', "tcp", "dport", ("22", "5"), "jump", "more"),
                    ("limit", "rate", "5/minute", "burst", "5", "packets", "accept"),
                    ("meta", "hour", "55800-79199", "return"),
                ),
            ),
        },
    )


def test_line_breaks_are_needed_only_between_statements() -> None:
    chains = {name: Chain("", "", (("drop",),)) for name in "ab"}
    assert parse("table inet x { chain a { drop } chain b { drop; } }") == Table("inet x", {}, chains)


RULES: tuple[tuple[str, tuple[object, ...]], ...] = (
    ("tcp dport { 22 } accept", ("tcp", "dport", "22", "accept")),
    ("tcp dport { 5432, 22 } accept", ("tcp", "dport", ("22", "5432"), "accept")),
    ("tcp dport { 22, } accept", ("tcp", "dport", "22", "accept")),
    ("x { a  b,\n\n c } accept", ("x", ("a b", "c"), "accept")),
    ("x { } accept", ("x", (), "accept")),
    ("ip6 saddr 2001:DB8:0::1 accept", ("ip6", "saddr", "2001:db8::1", "accept")),
    ("ip6 saddr ::ffff:0.0.0.0/96 drop", ("ip6", "saddr", "::ffff:0:0/96", "drop")),
    ("ip6 saddr { ::1, 0::2 } drop", ("ip6", "saddr", ("::1", "::2"), "drop")),
    ("ip saddr 10.0.0.1/8 drop", ("ip", "saddr", "10.0.0.1/8", "drop")),
    ('meta hour "06:00" drop', ("meta", "hour", "21600", "drop")),
    ('meta hour { "06:00:01", "23:59:59" } drop', ("meta", "hour", ("21601", "86399"), "drop")),
    ("meta hour 06:00 drop", ("meta", "hour", "06:00", "drop")),
    ('iifname "eth0" drop', ("iifname", '"eth0"', "drop")),
    ('iifname "eth0:15" drop', ("iifname", '"eth0:15"', "drop")),
    ('iifname "eth:0" drop', ("iifname", '"eth:0"', "drop")),
    ("limit rate 9/minute drop", ("limit", "rate", "9/minute", "burst", "5", "packets", "drop")),
    ("limit rate over 9/minute drop", ("limit", "rate", "over", "9/minute", "burst", "5", "packets", "drop")),
    (
        "limit rate 9/minute burst 7 packets drop",
        ("limit", "rate", "9/minute", "burst", "7", "packets", "drop"),
    ),
    ("limit bytes 9/minute drop", ("limit", "bytes", "9/minute", "drop")),
    ("ct rate 9/minute drop", ("ct", "rate", "9/minute", "drop")),
    ("policy { drop, accept }", ("policy", ("accept", "drop"))),
    ("policy", ("policy",)),
)


@pytest.mark.parametrize(("written", "rule"), RULES)
def test_one_meaning_is_read_as_one_wording(written: str, rule: tuple[object, ...]) -> None:
    table = parse(f"table inet x {{ chain y {{\n{written}\n}}\n}}\n")
    assert table.chains["y"] == Chain("", "", (rule,))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("head", "chain"),
    [
        ("type filter hook input priority 0; policy accept;", ("priority filter", "accept")),
        ("type filter hook input priority filter; policy drop;", ("priority filter", "drop")),
        ("type filter hook input priority -5;", ("priority -5", "")),
    ],
)
def test_a_chain_that_packets_come_to_has_its_hook_and_its_policy(head: str, chain: tuple[str, str]) -> None:
    priority, policy = chain
    read = parse(f"table inet x {{ chain y {{\n{head}\n}}\n}}\n").chains["y"]
    assert read == Chain(f"type filter hook input {priority}", policy, ())


NO_ADDRESS = "is no address or network"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", NO_ADDRESS),
        ("a", NO_ADDRESS),
        ("10.1.0.1/8", NO_ADDRESS),
        ("10.1.0.0/33", NO_ADDRESS),
        ("10.0.0.1-a", NO_ADDRESS),
        ("::1%a-b-::2", NO_ADDRESS),
        ("10.0.0.2-10.0.0.1", "is no range"),
        ("10.0.0.1-::ffff:a00:2", "is no range"),
    ],
)
def test_what_is_no_span_is_told(text: str, why: str) -> None:
    with pytest.raises(UnknownRule, match=f"^{re.escape(text)}: {why}$"):
        span(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.1.0.1-10.1.0.1", to("10.1.0.1", "10.1.0.1")),
        ("10.1.0.1", to("10.1.0.1", "10.1.0.1")),
        ("10.1.0.0/23", to("10.1.0.0", "10.1.1.255")),
        ("10.1.0.9-10.2.0.1", to("10.1.0.9", "10.2.0.1")),
        ("fd00::/127", to("fd00::", "fd00::1")),
    ],
)
def test_a_span_is_an_address_a_network_or_a_range(text: str, expected: Span) -> None:
    assert span(text) == expected


NEITHER = "is neither a set nor a chain"
UNCLOSED = "the braces do not match: a part of the text is missing"
UNKNOWN: tuple[tuple[str, str], ...] = (
    ("", "0 tables: one is expected"),
    ("table inet x { }\ntable inet y { }\n", "2 tables: one is expected"),
    ("flush ruleset\ntable inet x { }\n", "flush ruleset: stands outside of a table"),
    ("table inet x { }\nflush ruleset", "flush ruleset: stands outside of a table"),
    ("table inet x\n", "table inet x: stands outside of a table"),
    ("chain x { }\n", "chain x: stands outside of a table"),
    ("flush { b, a }\n", "flush { a, b }: stands outside of a table"),
    ("{ b } flush\n", "{ b } flush: stands outside of a table"),
    ("table inet x { set y {\nelements =\n}\n}\n", "set y: elements ="),
    ("table inet x { set y {\nelements = 10.0.0.1\n}\n}\n", "set y: elements = 10.0.0.1"),
    ("table inet x { map y {\n}\n}\n", f"map y {{  }}: {NEITHER}"),
    ("table inet x {\ncounter z\n}\n", f"counter z: {NEITHER}"),
    ("table inet x { chain y { set z {\n}\n}\n}\n", "set z: a block in a chain"),
    ("table inet x { set y { chain z {\n}\n}\n}\n", "chain z: a block in a set"),
    ("table inet x { chain y z {\n}\n}\n", f"chain y z: {NEITHER}"),
    ("table inet x { chain {\n}\n}\n", f"chain: {NEITHER}"),
    ("table inet x { set y {\ntimeout 5\n}\n}\n", "set y: timeout 5"),
    ("table inet x { set y {\nelements = { 10.0.0.1, z }\n}\n}\n", "z: is no address or network"),
    ("table inet x { set y {\nelements = { 10.0.0.1/8 }\n}\n}\n", "10.0.0.1/8: is no address or network"),
    ("table inet x { set y {\nelements = { a-b }\n}\n}\n", "a-b: is no address or network"),
    ("table inet x { set y {\nelements = { 10.0.0.1", UNCLOSED),
    ("table inet x { chain y {\ntcp dport 22 accept\n}\n", UNCLOSED),
    ("table inet x { }\n} drop {\n", UNCLOSED),
    (
        "table inet x { chain y {\ntype filter hook { input, output }\n}\n}\n",
        "type filter hook { input, output }: braces where none are known",
    ),
)


@pytest.mark.parametrize(("text", "reason"), UNKNOWN)
def test_what_no_single_table_has_is_refused(text: str, reason: str) -> None:
    with pytest.raises(UnknownRule, match=f"^{re.escape(reason)}$"):
        parse(text)


def test_a_table_has_one_wording_line_by_line() -> None:
    sets = {
        "two": (to("fd00::", "fd00::f"), to("10.0.0.0", "10.0.0.255"), to("10.0.1.0", "10.0.1.255")),
        "one": (
            to("10.0.0.0", "10.0.0.9"),
            to("10.0.0.2", "10.0.0.3"),
            to("10.0.0.11", "10.0.0.11"),
            to("255.255.255.255", "255.255.255.255"),
            to("::", "::"),
        ),
    }
    rule = "tcp", "dport", ("22", "5"), "accept"
    chains = {"z": Chain("", "", (rule, ("drop",))), "a": Chain("type x", "drop", ())}
    assert list(canonical(Table("inet x", sets, chains))) == [
        "table inet x",
        "set one: 10.0.0.0/29",
        "set one: 10.0.0.8/31",
        "set one: 10.0.0.11/32",
        "set one: 255.255.255.255/32",
        "set one: ::/128",
        "set two: 10.0.0.0/23",
        "set two: fd00::/124",
        "chain a: type x drop",
        "chain z: no hook",
        "chain z: tcp dport { 22, 5 } accept",
        "chain z: drop",
    ]


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


SMALL = """table inet x {
    set s { elements = { 10.0.0.1 } }
    chain c { type x hook input priority 0; policy drop;
        tcp dport 1 accept; tcp dport 2 accept; tcp dport 3 accept; tcp dport 4 accept; }
}
"""


def test_another_meaning_is_told_as_lines_of_a_diff() -> None:
    loaded = SMALL.replace("10.0.0.1", "10.0.0.2").replace("dport 3", "dport 9")
    assert difference(loaded, SMALL) == (
        "--- loaded",
        "+++ settings",
        "@@ -1,3 +1,3 @@",
        " table inet x",
        "-set s: 10.0.0.2/32",
        "+set s: 10.0.0.1/32",
        " chain c: type x hook input priority filter drop",
        "@@ -5,3 +5,3 @@",
        " chain c: tcp dport 2 accept",
        "-chain c: tcp dport 9 accept",
        "+chain c: tcp dport 3 accept",
        " chain c: tcp dport 4 accept",
    )


def test_rules_in_another_order_are_another_meaning() -> None:
    first, second = "tcp dport 1 accept", "tcp dport 2 accept"
    swapped = SMALL.replace(f"{first}; {second}", f"{second}; {first}")
    assert swapped != SMALL
    assert difference(swapped, SMALL) != ()


@pytest.mark.parametrize("loaded", [None, ""])
def test_no_table_is_all_the_difference(loaded: str | None) -> None:
    lines = list(canonical(parse(SMALL)))
    assert difference(loaded, SMALL)[3:] == tuple(f"+{line}" for line in lines)
