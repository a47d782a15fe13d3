"""The checkup: every check of its table is seen to find what it is for, and to say what mends it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from os import urandom
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from console import doctor
from fep.doctor.checkup import CHECKS, findings
from fep.doctor.finding import CheckFinding, Verdict
from fep.doctor.machine import Machine, listening
from fep.doctor.selftest import Fixture
from fep.keys.key_provider import KeyProvider
from fep.operator.audit_trail import CLOCK_ACCEPT, CLOCK_JUMP, write
from fep.operator.control_client import NotAnswering, NotServing
from fep.settings.config import load_settings
from fep.setup.certificates import VALID
from fep.setup.install import install
from fep.status.limits import Room
from firewall_rules.loader import Nft
from firewall_rules.nftables import render
from ledger.book.cutover import cut_over
from ledger.book.front import FrontBook
from ledger.book.load import load_book
from ledger.book.store import Store
from ledger.rules.calendar import Calendar
from qianzhi_errors.sentence import Sentence
from tests.support.builders import book, request
from tests.support.chinese import in_chinese, left_in_english

pytestmark = pytest.mark.slow

NOW = datetime(2026, 11, 24, 10, 11, 12, tzinfo=timezone(timedelta(hours=8)))
NOW_US = int(NOW.timestamp() * 1_000_000)
NEW_YEAR = datetime(Calendar().first_unknown_year("20261124"), 1, 1, tzinfo=NOW.tzinfo)
HEAD = "  sl  local_address rem_address   st\n"
LISTENS = " 0: 0100007F:{port:04X} 00000000:0000 0A\n"
ACTIVE = "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n"
DISK = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw\n"

Ran = subprocess.CompletedProcess[str]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with nothing wrong but that it does not serve."""
    config = install(tmp_path / "fep", os.urandom, NOW, first_port=9583, status_port=9580)
    settings = load_settings(config)
    store = Store(settings.node.database)
    front = FrontBook(store, KeyProvider(settings.keystore).front_key.check_value, urandom)
    front.create()
    load_book(store, book(), str, NOW_US)
    front.claim("fep1")
    front.commit([request()], NOW_US)
    store.close()
    proc = tmp_path / "proc"
    for name, content in (("self/mountinfo", DISK), ("self/maps", ""), ("net/tcp", HEAD)):
        (proc / name).parent.mkdir(parents=True, exist_ok=True)
        (proc / name).write_text(content)
    systemd = tmp_path / "systemd"
    systemd.mkdir()
    rules = render(settings.policy(), NOW.utcoffset() or timedelta())
    ticks = iter(range(1_000_000))
    return Machine(
        config,
        NOW,
        fixture=Fixture(proc, lambda: float(next(ticks))),
        command=lambda *asked: ACTIVE if "systemctl" in asked else "yes\n",
        room=lambda _: Room(900 << 30, 1000 << 30),
        nft=Nft(lambda *_, **__: Ran((), 0, rules, "")),
        systemd=systemd,
        ask=nobody_serves,
    )


def nobody_serves(*_: object) -> object:
    raise NotServing("no machine serves")


def damaged(machine: Machine) -> Machine:
    """Its front book's file cannot be read as a database."""
    (machine.config.parent / "front.db").write_bytes(b"no database" * 1000)
    return machine


def damaged_figures(machine: Machine) -> Machine:
    """What the office left here cannot be read."""
    (machine.config.parent / "breaks.json").write_bytes(b"{")
    return machine


def says(machine: Machine, waits: str) -> Machine:
    """A process serves, and says what keeps the clock from cutting over."""
    return replace(machine, ask=lambda *_: {"waits": waits, "unready": ""})


def unready(machine: Machine, why: str) -> Machine:
    """A process serves, and takes no transactions."""
    return replace(machine, ask=lambda *_: {"waits": "", "unready": why})


def on_server(machine: Machine) -> Machine:
    """Its front book is on a PostgreSQL server that is not there."""
    url = "postgresql+psycopg://fep:secret@127.0.0.1:1/front"
    return change(machine, "sqlite:///front.db", url)


def by_the_clock(machine: Machine, hour: str = "22:00", **changes: datetime) -> Machine:
    """Its settings have an hour of cut-over."""
    return replace(change(machine, '# cutover = "22:00"', f'cutover = "{hour}"'), **changes)


def by_check(machine: Machine) -> dict[str, list[tuple[Verdict, str, str]]]:
    observations: dict[str, list[tuple[Verdict, str, str]]] = {}
    for check, verdict, wording, mend in findings(machine):
        observations.setdefault(check, []).append((verdict, wording, mend))
    return observations


def test_a_machine_in_order_gets_ok_for_everything_but_that_it_does_not_serve(machine: Machine) -> None:
    observations = by_check(machine)
    assert list(observations) == ["settings", *(check.name for check in CHECKS)]
    assert {
        name: [observation[0] for observation in seen]
        for name, seen in observations.items()
        if seen[0][0] != "ok" and name != "macs"  # the second bank's is of DES
    } == {"control": [Verdict.WARN]}
    assert left_in_english(text for seen in observations.values() for _, *said in seen for text in said) == {}
    assert [name for name in observations if in_chinese(Sentence(name)) == name] == []


def change(machine: Machine, old: str, new: str) -> Machine:
    content = machine.config.read_text()
    assert old in content
    machine.config.write_text(content.replace(old, new))
    return machine


def statement(machine: Machine, sql: str) -> Machine:
    store = Store(load_settings(machine.config).node.database)
    with store.transaction() as connection:
        for part in sql.split(";"):
            connection.execute(text(part))
    store.close()
    return machine


def file(machine: Machine, name: str, mode: int) -> Machine:
    (machine.config.parent / name).chmod(mode)
    return machine


def proc(machine: Machine, name: str, content: str) -> Machine:
    (machine.fixture.proc / name).write_text(content)
    return machine


def commands(machine: Machine, answers: str) -> Machine:
    return replace(machine, command=lambda *_: answers)


def nft(machine: Machine, code: int, out: str, err: str = "") -> Machine:
    return replace(machine, nft=Nft(lambda *_, **__: Ran((), code, out, err)))


def closed(machine: Machine) -> Machine:
    settings = load_settings(machine.config)
    store = Store(settings.node.database)
    cut_over(store, "20261124", lambda _: "20261125", KeyProvider(settings.keystore).sealer, NOW_US)
    store.close()
    return machine


def word_on_clock(machine: Machine, act: str, note: str = "") -> None:
    settings = load_settings(machine.config)
    store = Store(settings.node.database)
    write(store, NOW_US, "li", act, settings.node.name, note)
    store.close()


def roomy(machine: Machine, free: int, size: int) -> Machine:
    return replace(machine, room=lambda _: Room(free, size))


def unmounted(_folder: Path) -> Room:
    raise OSError(5, "Input/output error")


def accepted(machine: Machine) -> Machine:
    word_on_clock(machine, CLOCK_ACCEPT)
    return replace(machine, now=NOW - timedelta(days=2))


def jumped(machine: Machine) -> Machine:
    word_on_clock(machine, CLOCK_JUMP, "the wall clock jumped 40 s back")
    return machine


TAMPER = "DROP TRIGGER journal_is_never_updated;UPDATE journal SET policy = 'P9'"
Break = Callable[[Machine], Machine]

# Check, what is broken, the verdict, what is said, what is to be done.
BROKEN: list[tuple[str, Break, Verdict, str, str]] = [
    (
        "settings",
        lambda m: change(m, "[status]", "[statsu]"),
        Verdict.BAD,
        "did you mean 'status'",
        "correct",
    ),
    ("permissions", lambda m: file(m, "qianzhi.toml", 0o666), Verdict.BAD, "changed by others", "chmod go-w"),
    ("permissions", lambda m: file(m, "keys/keystore", 0o644), Verdict.BAD, "others can read", "chmod 600"),
    ("permissions", lambda m: file(m, "keys/master.key", 0o640), Verdict.BAD, "others can read", "chmod 600"),
    (
        "permissions",
        lambda m: file(m, "keys/machine.key", 0o604),
        Verdict.BAD,
        "others can read",
        "chmod 600",
    ),
    ("database", lambda m: change(m, "front.db", "gone.db"), Verdict.BAD, "does not exist", "book load"),
    ("database", on_server, Verdict.BAD, "the database front at 127.0.0.1:1", "#qianzhidatabaseaway"),
    ("database", damaged, Verdict.BAD, "front.db", "df -h"),
    (
        "database",
        lambda m: statement(m, "UPDATE facts SET value = '1' WHERE name = 'schema'"),
        Verdict.BAD,
        "schema 1",
        "book load",
    ),
    ("day", lambda m: statement(m, "DELETE FROM days"), Verdict.BAD, "no business day", "book load"),
    ("day", closed, Verdict.WARN, "dues of business day 20261125 are not loaded", "book load"),
    ("day", lambda m: says(m, "dues"), Verdict.BAD, "not cut over by the clock: its dues", "book load"),
    ("day", lambda m: says(m, "clock"), Verdict.BAD, "the wall clock jumped", "day cutover --date 20261124"),
    (
        "day",
        lambda m: replace(m, now=NOW + timedelta(days=1)),
        Verdict.WARN,
        "is over",
        "cutover --date 20261124",
    ),
    (
        "day",
        lambda m: by_the_clock(m, now=NOW.replace(hour=22, minute=1)),
        Verdict.BAD,
        "should have been cut over at 2026-11-24 22:00 in Beijing",
        "day cutover --date 20261124",
    ),
    (
        "calendar",
        lambda m: replace(m, now=NEW_YEAR - timedelta(days=31)),
        Verdict.WARN,
        f"nobody has told the holidays of {NEW_YEAR.year}",
        "whole_years; qianzhi reload",
    ),
    (
        "calendar",
        lambda m: statement(replace(m, now=NEW_YEAR), "DELETE FROM days"),
        Verdict.BAD,
        f"nobody has told the holidays of {NEW_YEAR.year}",
        "whole_years; qianzhi reload",
    ),
    ("journal", lambda m: statement(m, TAMPER), Verdict.BAD, "chain 1, entry 1", "journal verify"),
    ("space", lambda m: roomy(m, 1 << 30, 4 << 30), Verdict.WARN, "1024 MiB", "make room"),
    ("space", lambda m: roomy(m, 1 << 20, 1 << 40), Verdict.BAD, "1 MiB of", "make room"),
    ("space", lambda m: replace(m, room=unmounted), Verdict.BAD, "Input/output error", "mount it"),
    (
        "disk",
        lambda m: change(m, "[keystore]", "durable = false\n[keystore]"),
        Verdict.WARN,
        "durable",
        "take",
    ),
    ("disk", lambda m: proc(m, "self/maps", "libeatmydata.so"), Verdict.BAD, "swallows", "0014"),
    (
        "clock",
        lambda m: replace(m, now=NOW - timedelta(days=2)),
        Verdict.BAD,
        "the clock says",
        "timedatectl",
    ),
    ("clock", accepted, Verdict.WARN, "accepted: entries are stamped as the last one", ""),
    ("clock", jumped, Verdict.BAD, "jumped 40 s back: no cut-over by the clock", "qianzhi clock accept"),
    ("clock", lambda m: commands(m, "no\n"), Verdict.WARN, "not kept by NTP", "timedatectl"),
    (
        "keys",
        lambda m: change(m, 'dialect = "bcd87"\nmac = "x9.19"', 'dialect = "bcd87"\nmac = "aes-cmac"'),
        Verdict.BAD,
        "bank 01030000 cannot sign on",
        "keys load zmk/01030000",
    ),
    ("keys", lambda m: file(m, "keys/master.key", 0o644), Verdict.BAD, "others can read it", "keys list"),
    (
        "certificate",
        lambda m: change(m, "keys/machine.crt", "keys/01020000.crt"),
        Verdict.BAD,
        "[tls] key_file",
        "docs/keys.md",
    ),
    (
        "certificate",
        lambda m: change(m, "keys/machine.crt", "keys/gone.crt"),
        Verdict.BAD,
        "gone.crt: cannot be read: No such file or directory",
        "docs/keys.md",
    ),
    (
        "certificate",
        lambda m: replace(m, now=NOW + VALID - timedelta(days=30)),
        Verdict.WARN,
        "expires in 30 days",
        "same key",
    ),
    (
        "certificate",
        lambda m: replace(m, now=NOW + VALID - timedelta(days=7)),
        Verdict.BAD,
        "expires in 7 days",
        "same key",
    ),
    (
        "certificate",
        lambda m: replace(m, now=NOW + VALID + timedelta(days=303)),
        Verdict.BAD,
        "expired 303 days ago",
        "same key",
    ),
    (
        "certificate",
        lambda m: replace(m, now=NOW - timedelta(days=1)),
        Verdict.BAD,
        "is not valid before",
        "same key",
    ),
    ("macs", lambda m: m, Verdict.WARN, "bank 01030000: x9.19 is weak: its cipher is DES", "aes-cmac"),
    ("control", lambda m: m, Verdict.WARN, "no machine serves", "systemctl start"),
    (
        "service",
        lambda m: unready(m, Sentence("no transaction can be written")),
        Verdict.BAD,
        "no transaction can be written",
        "#qianzhiunready",
    ),
    (
        "ports",
        lambda m: proc(m, "net/tcp", HEAD + LISTENS.format(port=9584)),
        Verdict.BAD,
        "9584",
        "ss -ltnp",
    ),
    ("ports", lambda m: proc(m, "net/tcp6", HEAD + LISTENS.format(port=9580)), Verdict.BAD, "status", "ss -"),
    ("units", lambda m: commands(m, "LoadState=not-found\n"), Verdict.WARN, "not installed", "daemon-reload"),
    ("units", lambda m: commands(m, ACTIVE.replace("=active", "=failed")), Verdict.BAD, "failed", "start"),
    ("units", lambda m: commands(m, ACTIVE.replace("enabled", "disabled")), Verdict.WARN, "boot", "enable"),
    ("units", lambda m: replace(m, systemd=Path("/gone")), Verdict.SKIPPED, "does not run here", ""),
    ("firewall", lambda m: nft(m, 0, ""), Verdict.BAD, "in ", "firewall apply"),
    ("firewall", lambda m: nft(m, 1, "", "Operation not permitted"), Verdict.BAD, "as root", "as root"),
    ("office", damaged_figures, Verdict.BAD, "is no JSON", "qianzhi office close"),
]


@pytest.mark.parametrize(("check", "broken", "verdict", "wording", "mend"), BROKEN)
def test_the_check_finds_what_it_is_for_and_says_it_in_chinese(
    check: str, broken: Break, verdict: Verdict, wording: str, mend: str, machine: Machine
) -> None:
    seen = by_check(broken(machine))[check]
    assert [
        observation
        for observation in seen
        if observation[0] is verdict and wording in observation[1] and mend in observation[2]
    ], seen
    assert left_in_english(text for _, *said in seen for text in said) == {}


@pytest.mark.parametrize("zone", [0, 8, -5])
def test_rules_of_beijings_hours_are_those_of_the_settings_on_a_host_in_any_zone(
    zone: int, machine: Machine
) -> None:
    text = machine.config.read_text()
    machine.config.write_text(text.replace("[[bank]]", '[[bank]]\nhours = "06:00-23:30"', 1))
    rules = render(load_settings(machine.config).policy(), timedelta(hours=8))
    there = NOW.astimezone(timezone(timedelta(hours=zone)))
    [found] = [
        finding
        for finding in findings(replace(nft(machine, 0, rules), now=there))
        if finding.check == "firewall"
    ]
    assert found.verdict is Verdict.OK


@pytest.mark.parametrize(
    ("hour", "zone", "wording"),
    [
        ("22:00", 8, "cut-over: at 2026-11-24 22:00 in Beijing"),
        ("00:30", 8, "cut-over: at 2026-11-25 00:30 in Beijing"),
        ("22:00", 0, "cut-over: at 2026-11-24 22:00 in Beijing, 2026-11-24 14:00 by this machine's clock"),
        ("00:30", -5, "cut-over: at 2026-11-25 00:30 in Beijing, 2026-11-24 11:30 by this machine's clock"),
        ("23:30", 9, "cut-over: at 2026-11-24 23:30 in Beijing, 2026-11-25 00:30 by this machine's clock"),
    ],
)
def test_the_hour_of_cut_over_is_told_in_beijing_time_on_a_host_in_any_zone(
    hour: str, zone: int, wording: str, machine: Machine
) -> None:
    there = NOW.astimezone(timezone(timedelta(hours=zone)))
    observations = by_check(by_the_clock(machine, hour, now=there))
    assert (Verdict.OK, wording, "") in observations["day"]


def test_a_process_that_does_not_answer_is_a_finding(machine: Machine) -> None:
    def silent(*_: object) -> object:
        raise NotAnswering("the machine does not answer")

    observations = by_check(replace(machine, ask=silent))
    assert [(verdict, wording) for verdict, wording, _ in observations["day"]] == [
        (Verdict.BAD, "the machine does not answer")
    ]


def test_settings_without_a_bank_are_a_finding(machine: Machine) -> None:
    text = machine.config.read_text()
    machine.config.write_text(text[: text.index("[[bank]]")])
    bad = [finding for finding in findings(machine) if finding.check == "settings"]
    assert [(finding.verdict, finding.mend) for finding in bad] == [
        (Verdict.OK, ""),
        (Verdict.BAD, "qianzhi bank add CODE ..."),
    ]


def test_every_check_is_seen_to_fail() -> None:
    assert {check for check, *_ in BROKEN} == {"settings", *(check.name for check in CHECKS)}


def test_what_needs_a_book_is_skipped_without_one(machine: Machine) -> None:
    observations = by_check(change(machine, "front.db", "gone.db"))
    skipped = {name for name, seen in observations.items() if seen[0][0] is Verdict.SKIPPED}
    assert skipped == {check.name for check in CHECKS if check.needs_book}


def test_while_it_serves_every_port_must_be_listened_at(machine: Machine) -> None:
    path = Path(load_settings(machine.config).node.control)
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(path))
        control.listen()
        path.chmod(0o666)
        rows = "".join(LISTENS.format(port=port) for port in (9583, 9584, 9585))
        observations = by_check(proc(machine, "net/tcp", HEAD + rows))
        path.chmod(0o600)
        private = by_check(machine)["control"]
    assert [wording for _, wording, _ in observations["ports"]] == [
        "nobody listens at 9580, for the status port"
    ]
    assert [verdict for verdict, *_ in observations["control"]] == [Verdict.BAD]
    assert [verdict for verdict, *_ in private] == [Verdict.OK]


def test_this_system_says_which_ports_are_listened_at() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert server.getsockname()[1] in listening(Path("/proc"))
    assert server.fileno() == -1


def run(machine: Machine, monkeypatch: pytest.MonkeyPatch, *flags: str) -> tuple[int, str, str]:
    monkeypatch.setattr(doctor, "Machine", lambda config, now: replace(machine, config=config))
    result = CliRunner().invoke(doctor.doctor_command, ["--config", str(machine.config), *flags])
    return result.exit_code, result.stdout, result.stderr


def test_the_exit_code_says_it(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(machine, monkeypatch)[0] == 0
    assert run(machine, monkeypatch, "--strict")[::2] == (1, "Error: 0 bad, 2 doubtful\n")
    assert run(nft(machine, 0, ""), monkeypatch)[::2] == (1, "Error: 1 bad, 2 doubtful\n")


def test_words_and_json_say_the_same(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    words = re.sub(r"\s+", " ", run(machine, monkeypatch)[1])
    shown = [CheckFinding(**row) for row in json.loads(run(machine, monkeypatch, "--json")[1])]
    assert shown == list(findings(machine))
    at = 0
    for finding in shown:
        at = words.index(f"{finding.verdict} {finding.check} ", at)
    assert "→ systemctl start qianzhi-fep.service" in words


def test_the_time_is_the_one_that_the_book_is_written_with(machine: Machine) -> None:
    assert machine.now_us() == NOW_US
    assert datetime.fromtimestamp(NOW_US / 1e6, UTC) == NOW
