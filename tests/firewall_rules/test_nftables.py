"""The ruleset's text, to the letter: what nft is given for the example, and for what the example has not."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from firewall_rules.gateway import Allowance, Network
from firewall_rules.nftables import REMOVAL, TABLE, render
from firewall_rules.policy import Endpoint, Policy, ZoneRule
from tests.support.firewall_policies import CHINA, EXAMPLE


def networks(*texts: str) -> tuple[Network, ...]:
    return tuple(map(ip_network, texts))


MERGED = networks("10.0.0.0/25", "::ffff:10.0.0.128/121", "10.0.0.0/30", "fd00::/64", "fd00:0:0:1::/64")
OTHER = Policy(
    (Allowance("9", 8583, MERGED, None, None, 5),),
    (
        ZoneRule("closed", networks("10.9.0.0/16"), ()),
        ZoneRule("ops", networks("fd00:b::/32", "fd00:9::/32"), (443, 22, 443)),
    ),
    (Endpoint.parse("[fd00::8]:5432"),),
)
"""Networks that touch and hold each other, a door without ports and one with a port twice, IPv6 outwards."""


@pytest.mark.parametrize(
    ("policy", "file"), [(EXAMPLE, "example.nft"), (OTHER, "other.nft"), (Policy(()), "nobody.nft")]
)
def test_a_policy_is_written_as_it_stands_in_its_file(policy: Policy, file: str) -> None:
    assert render(policy, CHINA) == (Path(__file__).parent / file).read_text("utf-8")


def test_the_table_is_removed_by_its_name_whether_or_not_it_is_there() -> None:
    assert (TABLE, REMOVAL) == ("inet qianzhi", "add table inet qianzhi\ndelete table inet qianzhi\n")


def test_hours_are_written_in_utc_so_that_no_time_zone_shifts_them() -> None:
    closed = (
        "\tchain bank_02 {\n\t\tmeta hour 0-21599 drop\n\t\tmeta hour 84600-86399 drop\n\t\taccept\n\t}\n"
    )
    assert closed in render(EXAMPLE, timedelta(0))
