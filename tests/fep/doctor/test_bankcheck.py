"""Whether a bank could connect: every step is seen to find what would keep the bank out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from socket import AF_UNIX, socket

import pytest

from fep.doctor.bankcheck import STEPS, BankProbe, could_connect
from fep.doctor.finding import Verdict
from fep.doctor.machine import Machine
from fep.doctor.selftest import Fixture
from fep.keys.key_provider import open_keystore
from fep.links.connection import HANDSHAKE_FAILED
from fep.operator.control_client import ControlError, NotAnswering
from fep.settings.config import load_settings
from fep.setup.certificates import VALID, self_signed
from fep.setup.install import install
from qianzhi_errors.sentence import Sentence
from tests.support.chinese import left_in_english

NOW = datetime(2026, 11, 24, 10, 11, 12, tzinfo=UTC)
CODE = "01020000"
Break = Callable[[Machine], Machine]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    config = install(tmp_path / "fep", os.urandom, NOW, first_port=9583, status_port=9580)
    net = tmp_path / "proc" / "net"
    net.mkdir(parents=True)
    (net / "tcp").write_text("head\n" + "".join(f" 0: 00000000:{9583 + n:04X} 0:0 0A\n" for n in range(3)))
    return Machine(config, NOW, fixture=Fixture(tmp_path / "proc"), systemd=tmp_path / "none")


@contextmanager
def served(machine: Machine) -> Iterator[None]:
    with socket(AF_UNIX) as control:
        control.bind(load_settings(machine.config).node.control)
        control.listen()
        yield


TOLD = {
    "owner": CODE,
    "refusal": "",
    "links": {"signed on": 2},
    "heard_seconds": 12,
    "trouble": [],
    "refusals": [],
    "strangers": [],
}


def telling(machine: Machine, **other: object) -> Machine:
    """The machine with a process that serves and says how the bank stands."""
    return replace(machine, ask=lambda *_, **__: {**TOLD, **other})


def looked(machine: Machine, **asked: object) -> dict[str, list[tuple[Verdict, str]]]:
    """What each step observes; none may lack Chinese."""
    settings = load_settings(machine.config)
    entry = next(bank for bank in settings.bank if bank.code == CODE)
    observations: dict[str, list[tuple[Verdict, str]]] = {}
    for finding in could_connect(machine, settings, BankProbe(entry, **asked)):  # type: ignore[arg-type]
        observations.setdefault(finding.check, []).append((finding.verdict, finding.said))
        assert left_in_english([Sentence(finding.check), finding.said, finding.mend]) == {}
    return observations


def test_a_bank_in_order_could_connect_and_its_key_is_named(machine: Machine) -> None:
    certificate = machine.config.parent / "keys" / f"{CODE}.crt"
    settings = load_settings(machine.config)
    value = open_keystore(settings.keystore)[f"zmk/{CODE}"].check_value
    with served(machine):
        observations = looked(
            filtering("127.0.0.0/8", "0.0.0.0/0")(telling(machine)), certificate=certificate
        )
    assert [verdict for seen in observations.values() for verdict, _ in seen] == [Verdict.OK] * len(STEPS)
    assert f"check value {value}," in observations["keys"][0][1]


def change(machine: Machine, old: str, new: str) -> Machine:
    text = machine.config.read_text()
    assert old in text
    machine.config.write_text(text.replace(old, new, 1))
    return machine


def first(new: str) -> Break:
    """Put a line into the first bank's entry."""
    return lambda machine: change(machine, f'code = "{CODE}"', f'{new}\ncode = "{CODE}"')


def silent(*_: object, **__: object) -> None:
    raise ControlError(Sentence("no such command; there are {commands}", commands="[x]"))


def frozen(*_: object, **__: object) -> None:
    raise NotAnswering(Sentence("the machine at {where} does not answer", where="/run/s"))


def filtering(allowed: str, denied: str) -> Break:
    """Under a unit with these lists, as `systemctl show` prints them."""

    def shown(*_: str) -> str:
        return f"IPAddressAllow={allowed}\nIPAddressDeny={denied}\n"

    return lambda machine: replace(machine, systemd=machine.config.parent, command=shown)


BROKEN: list[tuple[str, Break, dict[str, object], Verdict, str]] = [
    ("entry", first("enabled = false"), {}, Verdict.BAD, "disabled"),
    ("firewall", first("enabled = false"), {}, Verdict.SKIPPED, "disabled"),
    (
        "listener",
        lambda m: change(m, "port = 9583", "port = 9599"),
        {},
        Verdict.BAD,
        "nobody listens at 9599",
    ),
    ("allowlist", lambda m: m, {"address": ip_address("192.0.2.1")}, Verdict.BAD, "on no bank's list"),
    ("firewall", lambda m: m, {"address": ip_address("192.0.2.1")}, Verdict.BAD, "keep 192.0.2.1 out"),
    ("allowlist", first('hours = "12:00-13:00"'), {}, Verdict.BAD, "only from 12:00 to 13:00"),
    ("firewall", first('hours = "12:00-13:00"'), {}, Verdict.BAD, "keep"),
    (
        "certificate",
        lambda m: change(m, "keys/machine.crt", "keys/gone.crt"),
        {},
        Verdict.BAD,
        "gone.crt: cannot",
    ),
    (
        "certificate",
        lambda m: replace(m, now=NOW + VALID + timedelta(days=1)),
        {"certificate": "theirs"},
        Verdict.BAD,
        "holds from",
    ),
    ("certificate", lambda m: m, {"certificate": "other"}, Verdict.BAD, "which is not pinned"),
    ("certificate", lambda m: m, {}, Verdict.OK, "1 key is pinned"),
    (
        "certificate",
        lambda m: replace(m, now=NOW + VALID + timedelta(days=1)),
        {},
        Verdict.BAD,
        "expired 1 day ago",
    ),
    ("listener", lambda m: m, {"address": ip_address("192.0.2.1")}, Verdict.WARN, "127.0.0.1 alone"),
    (
        "machine",
        lambda m: telling(m, refusal=Sentence("is disabled in the settings")),
        {},
        Verdict.BAD,
        "refuses 127.0.0.1 now: is disabled in the settings",
    ),
    ("machine", lambda m: telling(m, owner="01030000"), {}, Verdict.BAD, "it is bank 01030000's"),
    ("machine", lambda m: m, {}, Verdict.OK, "lets 127.0.0.1 in; 2 signed on; last seen 0:00:12 ago"),
    (
        "machine",
        lambda m: telling(m, links={}, heard_seconds=None),
        {},
        Verdict.OK,
        "no link; not seen since the machine began",
    ),
    (
        "machine",
        lambda m: telling(m, trouble=[["link_down", HANDSHAKE_FAILED, 3, 125]]),
        {},
        Verdict.WARN,
        "0:02:05 ago, 3 times, link down: the TLS handshake failed",
    ),
    (
        "machine",
        lambda m: telling(m, refusals=[[HANDSHAKE_FAILED, "192.0.2.7", 4711, "SHA 256", 3, 125]]),
        {},
        Verdict.WARN,
        "0:02:05 ago, 3 times, from 192.0.2.7:4711: the TLS handshake failed; it showed SHA 256",
    ),
    (
        "machine",
        lambda m: telling(
            m, strangers=[[Sentence("the address is not on the allowlist"), "192.0.2.77", 4711, "", 1, 61]]
        ),
        {},
        Verdict.WARN,
        "0:01:01 ago, from 192.0.2.77:4711: the address is not on the allowlist",
    ),
    ("machine", lambda m: replace(m, ask=frozen), {}, Verdict.BAD, "does not answer"),
    ("unit", filtering("", "0.0.0.0/0 ::/0"), {}, Verdict.BAD, "does not let 127.0.0.1 through"),
    ("unit", filtering("192.0.2.0/24 ::1/128", "0.0.0.0/0 ::/0"), {}, Verdict.BAD, "127.0.0.1 through"),
    ("unit", filtering("127.0.0.0/8 ::1/128", "0.0.0.0/0 ::/0"), {}, Verdict.OK, "lets 127.0.0.1 through"),
    ("unit", filtering("", "198.51.100.0/24"), {}, Verdict.OK, "lets 127.0.0.1 through"),
    ("unit", lambda m: m, {}, Verdict.SKIPPED, "systemd does not run here"),
    ("machine", lambda m: replace(m, ask=silent), {}, Verdict.WARN, "it does not say"),
    ("keys", lambda m: change(m, 'mac = "aes-cmac"', 'mac = "x9.19"'), {}, Verdict.BAD, "zmk"),
]


@pytest.mark.parametrize(("step", "broken", "asked", "verdict", "wording"), BROKEN)
def test_the_step_finds_what_keeps_the_bank_out(
    step: str, broken: Break, asked: dict[str, object], verdict: Verdict, wording: str, machine: Machine
) -> None:
    keys = machine.config.parent / "keys"
    (keys / "other.crt").write_bytes(self_signed("other", NOW).certificate)
    files = {"theirs": keys / f"{CODE}.crt", "other": keys / "other.crt"}
    given = {name: files.get(str(value), value) for name, value in asked.items()}
    with served(machine):
        observations = looked(broken(telling(machine)), **given)
    assert [
        observation
        for observation in observations[step]
        if observation[0] is verdict and wording in observation[1]
    ], observations[step]


def test_a_machine_that_does_not_serve_lets_nobody_in(machine: Machine) -> None:
    assert looked(machine)["listener"] == [(Verdict.BAD, "no machine serves with these settings")]


def test_the_machine_is_not_asked_where_none_serves(machine: Machine) -> None:
    assert looked(replace(machine, ask=silent))["machine"][0][0] is Verdict.SKIPPED


def test_only_the_last_trouble_is_told(machine: Machine) -> None:
    trouble = [["link_down", f"{number}", 1, 9 - number] for number in range(9)]
    with served(machine):
        observations = looked(telling(machine, trouble=trouble))["machine"]
    assert [wording.rpartition(" ")[2] for _, wording in observations[1:]] == ["4", "5", "6", "7", "8"]


def test_every_step_is_seen_to_fail() -> None:
    assert {step for step, *_ in BROKEN} == {step.name for step in STEPS}


def test_an_address_of_another_bank_is_told(machine: Machine) -> None:
    change(machine, "port = 9584\nnetworks = [", 'port = 9583\nnetworks = ["192.0.2.9"] #')
    observations = looked(machine, address=ip_address("192.0.2.9"))["allowlist"]
    assert observations == [(Verdict.BAD, "192.0.2.9 at 9583 is bank 01030000's")]


def test_a_plain_link_is_doubtful(machine: Machine) -> None:
    text = machine.config.read_text()
    place = text.index("pins = ")
    machine.config.write_text(text[:place] + 'transport = "plain" #' + text[place:])
    assert looked(machine)["certificate"][0][0] is Verdict.WARN


@pytest.mark.parametrize(("hours", "verdict"), [("18:11-18:12", Verdict.OK), ("10:11-10:12", Verdict.BAD)])
def test_a_banks_hours_are_beijings_whatever_the_hosts_clock_shows(
    machine: Machine, hours: str, verdict: Verdict
) -> None:
    """The host's shows 10:11, UTC."""
    [(observations, _)] = looked(first(f'hours = "{hours}"')(machine))["allowlist"]
    assert observations is verdict


def test_a_bank_that_makes_the_keys_is_named_so_and_its_zmk_opens_one(machine: Machine) -> None:
    with served(machine):
        observations = looked(telling(first('keys_made_by = "bank"')(machine)))
    assert (Verdict.OK, "the bank makes the session keys and sends them") in observations["entry"]
    [(verdict, said)] = observations["keys"]
    assert (verdict, said.startswith("its ZMK opens a session key; check value ")) == (Verdict.OK, True)


@pytest.mark.parametrize(
    ("reason", "mend"),
    [
        ("KEY BLOCK: OTHER ZMK", "compare the check value of its ZMK"),
        ("KEY IS WEAK", "the bank sends another"),
    ],
)
def test_a_key_of_the_banks_that_was_refused_is_told_with_what_mends_it(
    machine: Machine, reason: str, mend: str
) -> None:
    refusal = [f"its key was refused: 63 {reason}: why", "127.0.0.1", 4711, "", 1, 9]
    machine = telling(machine, refusals=[refusal])
    settings = load_settings(machine.config)
    with served(machine):
        findings = list(could_connect(machine, settings, BankProbe(settings.bank[0])))
    [told] = [finding for finding in findings if reason in finding.said]
    assert (told.verdict, told.mend.startswith(mend)) == (Verdict.WARN, True)
