"""The firewall in a real kernel does what the evaluator says; the commands; the gateway's hours and pace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from random import Random

import pytest

from fep.operator.control_client import ask
from firewall_rules.gateway import Allowance
from firewall_rules.hours import Hours
from firewall_rules.nftables import render
from firewall_rules.policy import Endpoint, Packet, Policy, ZoneRule, allows
from firewall_rules.ruleset import difference, parse
from protocol.message import Message
from simulators.processes import PROGRAM
from tests.support.builders import BANK
from tests.support.firewall_policies import EXAMPLE, firewall_settings
from tests.support.machine import OTHER_BANK, Machine, load_front_book, write_settings
from tests.support.namespaces import (
    ADDRESSES,
    MACHINE,
    Host,
    Hosts,
    Probe,
    know_neighbours,
    three_hosts,
    why_not,
)
from tests.support.packet_filter import passes

NO_OFFSET = timedelta(0)
LAST_PORT = 9000
LAST = Allowance("99", LAST_PORT, tuple(ip_network(network) for network in ("10.1.0.9", "10.2.0.9")))
"""Lets the last probe of a round in."""
LAST_PROBES = {
    "outer": Probe("10.1.0.9", "10.1.0.1", LAST_PORT),
    "inner": Probe("10.2.0.9", "10.2.0.1", LAST_PORT),
    "machine": Probe("10.2.0.1", "10.2.0.8", 5432),
}
PORTS = (8583, 8584, 8580, 22, 5432, 9999)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Hosts]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    with three_hosts() as hosts:
        yield hosts


@pytest.fixture
def hosts(kernel: Hosts) -> Iterator[Hosts]:
    """The three hosts without rules."""
    kernel.machine.run("nft", "flush", "ruleset")
    yield kernel
    kernel.machine.run("nft", "flush", "ruleset")


def now_around(before: int, after: int) -> Hours:
    """From so many hours before now until so many after, in UTC; the kernel's clock cannot be set."""
    hour = datetime.now(UTC).hour
    return Hours((hour + before) % 24 * 60, (hour + after) % 24 * 60 or 1440)


OPEN, CLOSED = now_around(-2, 3), now_around(2, -2)


def loaded(host: Host, policy: Policy) -> str:
    """Load a policy, with what lets the last probes pass; the text."""
    text = render(replace(policy, banks=(*policy.banks, LAST)), NO_OFFSET)
    host.run("nft", "-f", "-", given=text)
    return text


def probes_of(side: str) -> list[Probe]:
    """Every address of a side to every port of the machine, UDP and echo too."""
    results = []
    for source in ADDRESSES[side]:
        here = MACHINE[side][":" in source]
        results += [Probe(source, here, port) for port in PORTS]
        results += [Probe(source, here, 8583, "udp"), Probe(source, here, 53, "udp")]
        results += [Probe(source, here, 0, "icmp")] * (":" not in source)
    return results


def outward() -> list[Probe]:
    """From the machine to every address of both sides."""
    return [
        Probe(MACHINE[side][":" in address], address, port, protocol)
        for side in ADDRESSES
        for address in ADDRESSES[side]
        for port, protocol in ((22, "tcp"), (5432, "tcp"), (53, "udp"))
    ]


def packet(probe: Probe, direction: str) -> Packet:
    """What a probe is to the evaluator."""
    icmp = "echo-request" if probe.protocol == "icmp" else ""
    addresses = ip_address(probe.source), ip_address(probe.destination)
    at = datetime.now(UTC).time().replace(microsecond=0)
    return Packet(direction, *addresses, probe.protocol, probe.port, at=at, icmp_type=icmp)  # type: ignore[arg-type]


def agree(hosts: Hosts, policy: Policy, text: str, probes: dict[str, list[Probe]]) -> set[bool]:
    """The kernel's answer is the evaluator's and the policy's for every probe; which answers there were."""
    table, seen = parse(text), set()
    for side, sent in probes.items():
        direction = "output" if side == "machine" else "input"
        wanted = [passes(table, packet(probe, direction)) for probe in sent]
        assert wanted == [allows(policy, packet(probe, direction)) for probe in sent]
        got = hosts.passes(side, sent, LAST_PROBES[side])
        wrong = [
            (probe, verdict) for probe, verdict, did in zip(sent, wanted, got, strict=True) if verdict != did
        ]
        assert wrong == []
        seen |= set(got)
    return seen


EVERYTHING = {"outer": probes_of("outer"), "inner": probes_of("inner"), "machine": outward()}
AT_THIS_HOUR = replace(
    EXAMPLE,
    banks=(
        replace(EXAMPLE.banks[0], links=None, new_links_a_minute=None),
        replace(EXAMPLE.banks[1], hours=OPEN),
        replace(EXAMPLE.banks[2], hours=CLOSED),
    ),
)


def test_without_rules_every_probe_passes(hosts: Hosts) -> None:
    """Or else a drop would be no proof of anything."""
    for side, sent in EVERYTHING.items():
        got = hosts.passes(side, sent, LAST_PROBES[side])
        assert [probe for probe, passed in zip(sent, got, strict=True) if not passed] == []


def test_the_kernel_does_what_the_evaluator_says(hosts: Hosts) -> None:
    assert agree(hosts, AT_THIS_HOUR, loaded(hosts.machine, AT_THIS_HOUR), EVERYTHING) == {True, False}


@pytest.mark.parametrize("seed", range(12))
def test_the_kernel_does_what_the_evaluator_says_of_random_policies(hosts: Hosts, seed: int) -> None:
    random = Random(seed)
    policy = random_policy(random)
    text = loaded(hosts.machine, policy)
    chosen = {side: random.sample(sent, 25) for side, sent in EVERYTHING.items()}
    agree(hosts, policy, text, chosen)
    assert difference(hosts.machine.run("nft", "-s", "list", "table", "inet", "qianzhi"), text) == ()


NETWORKS = (
    *(
        "0.0.0.0/0",
        "10.0.0.0/14",
        "10.1.0.0/16",
        "10.1.1.0/24",
        "10.1.1.0/25",
        "10.1.1.128/25",
        "10.1.1.2/32",
    ),
    *("::ffff:10.1.2.0/121", "10.1.2.128/25", "10.1.2.0/24", "10.2.1.0/24", "10.2.0.0/22", "10.2.3.1/32"),
    *("::/0", "fd00:1::/64", "fd00:1::10/124", "fd00:1::20/128", "fd00:2::/123", "fd00:2::24/127"),
)


def random_policy(random: Random) -> Policy:
    """Networks that overlap, touch or are mapped, some banks at this hour and some not."""

    def some() -> tuple:  # type: ignore[type-arg]
        return tuple(ip_network(network) for network in random.sample(NETWORKS, random.randint(1, 4)))

    banks = tuple(
        Allowance(f"{n:02d}", random.choice((8583, 8584)), some(), random.choice((None, OPEN, CLOSED)))
        for n in range(random.randint(1, 3))
    )
    zone_rules = (
        ZoneRule("ops", some(), (8580,)),
        ZoneRule("inside", some(), tuple(random.sample((22, 5432), 1))),
    )
    return Policy(banks, zone_rules, (Endpoint.parse("10.2.0.8:5432"),))


def test_nothing_is_passed_on_from_one_side_to_the_other(hosts: Hosts) -> None:
    across = [Probe("10.1.3.1", "10.2.2.5", 5432), Probe("fd00:1::20", "fd00:2::25", 5432)]
    back = [Probe("10.2.2.5", "10.1.3.1", 5432), Probe("10.2.2.5", "10.1.3.1", 53, "udp")]
    assert hosts.passes("outer", across, LAST_PROBES["outer"]) == [True, True]
    assert hosts.passes("inner", back, LAST_PROBES["inner"]) == [True, True]
    loaded(hosts.machine, AT_THIS_HOUR)
    assert hosts.passes("outer", across, LAST_PROBES["outer"]) == [False, False]
    assert hosts.passes("inner", back, LAST_PROBES["inner"]) == [False, False]


def test_neighbours_find_each_other_under_the_rules(hosts: Hosts) -> None:
    loaded(hosts.machine, AT_THIS_HOUR)
    for host in hosts:
        host.run("ip", "-6", "neighbour", "flush", "all")
    last = Probe("fd00:1::1f", "fd00:1::1", 8583)
    assert hosts.passes("outer", [], last) == []
    hosts.machine.run("nft", "flush", "ruleset")
    know_neighbours(hosts)


def test_an_open_link_stays_when_its_hours_end(hosts: Hosts) -> None:
    bank = replace(EXAMPLE.banks[0], hours=OPEN, links=None, new_links_a_minute=None)
    loaded(hosts.machine, Policy((bank,)))
    hosts.machine.ask("listen", port=8583)
    far = hosts.outer.ask("open", source="10.1.1.2", destination="10.1.0.1", port=8583)
    near = hosts.machine.ask("take")
    loaded(hosts.machine, Policy((replace(bank, hours=CLOSED),)))
    assert hosts.passes("outer", [Probe("10.1.1.2", "10.1.0.1", 8583)], LAST_PROBES["outer"]) == [False]
    for host, number in ((hosts.outer, far), (hosts.machine, near)):
        other, end = (hosts.machine, near) if host is hosts.outer else (hosts.outer, far)
        host.ask("say", number=number)
        assert other.ask("hear", number=end) == "x"


def test_a_bank_has_no_more_links_than_it_may_over_ipv4_and_ipv6_together(hosts: Hosts) -> None:
    bank = replace(EXAMPLE.banks[0], links=2, new_links_a_minute=None)
    text = loaded(hosts.machine, Policy((bank,)))
    hosts.machine.ask("listen", port=8583)
    link = hosts.outer.ask("open", source="10.1.1.2", destination="10.1.0.1", port=8583)
    two = hosts.outer.ask("open", source="fd00:1::11", destination="fd00:1::1", port=8583)
    third = Probe("10.1.1.200", "10.1.0.1", 8583)
    verdicts = [passes(parse(text), replace(packet(third, "input"), links=links)) for links in (1, 2)]
    assert verdicts == [True, False]
    assert hosts.passes("outer", [third], LAST_PROBES["outer"]) == [False]
    for _ in range(2):
        near = hosts.machine.ask("take")
        hosts.machine.ask("close", number=near)
    for number in (link, two):
        hosts.outer.ask("close", number=number)
    hosts.outer.ask("reach", source=third.source, destination=third.destination, port=third.port)


def test_a_bank_opens_links_no_faster_than_it_may(hosts: Hosts) -> None:
    bank = replace(EXAMPLE.banks[0], links=None, new_links_a_minute=3)
    text = loaded(hosts.machine, Policy((bank,)))
    probe = Probe("10.1.1.2", "10.1.0.1", 8583)
    verdicts = [passes(parse(text), replace(packet(probe, "input"), recent=recent)) for recent in range(5)]
    assert verdicts == [True, True, True, False, False]
    assert hosts.passes("outer", [probe] * 5, LAST_PROBES["outer"]) == verdicts


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return firewall_settings(tmp_path)


def qianzhi(host: Host, config: Path, *arguments: str, given: str = "", expect: int = 0) -> str:
    """Run `qianzhi firewall` in a namespace."""
    command = (*PROGRAM, "firewall", *arguments, "--config", str(config))
    return host.run(*command, given=given, expect=expect)


def test_only_confirmed_rules_stay_loaded(hosts: Hosts, config: Path) -> None:
    machine, good = hosts.machine, config.read_text()
    assert "hold again" in qianzhi(machine, config, "apply", "--seconds", "0", expect=1)
    assert machine.run("nft", "list", "ruleset") == ""
    assert qianzhi(machine, config, "apply", given="keep\n").endswith("kept\n")
    assert qianzhi(machine, config, "diff") == "the loaded rules are those of the settings\n"
    kept = machine.run("nft", "list", "ruleset")
    config.write_text(good.replace("[22]", "[2222]"))
    assert "hold again" in qianzhi(machine, config, "apply", given="no\n", expect=1)
    assert machine.run("nft", "list", "ruleset") == kept


def test_a_machine_closes_a_link_outside_the_banks_hours_and_a_reload_opens_them(tmp_path: Path) -> None:
    """The machine's clock stands at 10:11."""
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}", entry='hours = "10:12-10:11"')
    load_front_book(settings)
    machine = Machine(settings)
    try:
        with machine.client() as bank:
            assert bank.is_closed()
        with machine.signed_on(OTHER_BANK):
            pass
        path = tmp_path / "qianzhi.toml"
        path.write_text(path.read_text().replace("10:12-10:11", "10:11-10:12"))
        ask(Path(settings.node.control), "reload")
        with machine.signed_on() as bank:
            path.write_text(path.read_text().replace("10:11-10:12", "10:12-10:11"))
            ask(Path(settings.node.control), "reload")
            assert (
                bank.ask(Message("0800", {7: "1124101112", 11: "000002", 32: BANK, 70: "301"})).fields[39]
                == "00"
            )
        with machine.client() as late:
            assert late.is_closed()
        assert machine.service.statistics.refused_connections == 2
    finally:
        machine.stop()


def test_a_machine_closes_a_link_that_comes_too_fast(tmp_path: Path) -> None:
    settings = write_settings(
        tmp_path, f"sqlite:///{tmp_path / 'front.db'}", entry="new_links_a_minute = 2\nlinks = 2"
    )
    load_front_book(settings)
    machine = Machine(settings)
    try:
        with machine.client() as one, machine.client() as two:
            assert [one.sign_on().fields[39], two.sign_on().fields[39]] == ["00", "00"]
            with machine.client() as three:
                assert three.is_closed()
        with machine.client() as four:
            assert four.is_closed()
        assert machine.service.statistics.refused_connections == 2
    finally:
        machine.stop()
