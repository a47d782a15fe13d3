"""Somebody sets the machine's wall clock while it serves: no link notices, a person is asked, stamps go on.

Real sockets, the real reactor, a process of its own; the clock that is set is the process's, by a preloaded
library.
"""

from __future__ import annotations

import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulators.processes import Served, run, serving
from tests.crash.control import compiler
from tests.support.builders import book, message, premium
from tests.support.machine import SOCKET_SECONDS, Books, Client, load_front_book, records, write_settings
from tests.walltime.set_clock import SetClock

MORNING = datetime(2026, 11, 24, 10, 11, 12, tzinfo=UTC)
HOUR = 3600

pytestmark = pytest.mark.skipif(compiler() is None, reason="no C compiler makes the preloaded library here")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}")
    load_front_book(settings, book(dues=[premium(f"D{n}", f"P{n}") for n in range(9)]))
    return tmp_path / "qianzhi.toml"


def get(machine: Served, path: str) -> str:
    url = f"http://127.0.0.1:{machine.ports['status']}{path}"
    with urllib.request.urlopen(url, timeout=SOCKET_SECONDS) as answer:
        return str(answer.read().decode())


def pays(bank: Client, policy: int) -> bool:
    return bank.ask(message(groups=(("PN", f"P{policy}"),))).fields[39] == "00"


def stamps(config: Path) -> list[int]:
    books = Books(f"sqlite:///{config.with_name('front.db')}")
    try:
        return [row[0] for row in books.rows("SELECT recorded_at FROM journal ORDER BY position")]
    finally:
        books.close()


@pytest.mark.parametrize("seconds", [-40, -HOUR, 8 * HOUR])
def test_links_answer_at_once_when_the_clock_is_set_and_a_person_is_asked(config: Path, seconds: int) -> None:
    clock = SetClock(config.parent, MORNING)
    with serving(config, environment=clock.environment) as machine:
        port = machine.ports["01020000"]
        with Client(port) as old:
            old.sign_on()
            assert pays(old, 0)
            assert get(machine, "/readyz") == "ok\n"
            clock.set(seconds)
            assert pays(old, 1), "the link that was open answers within a socket's patience"
            with Client(port) as new:
                assert new.sign_on().fields[39] == "00"
                assert pays(new, 2)
            assert pays(old, 3)
        way = "ahead" if seconds > 0 else "back"
        fault = f"the wall clock jumped {abs(seconds)} s {way}"
        assert get(machine, "/readyz") == f"ok; {fault}\n"
        assert "qianzhi_clock_distrusted 1.0" in get(machine, "/metrics")
        for _ in range(60):  # the jump comes into the audit log, where doctor reads it, by the next batch
            doctor = run("doctor", "--json", "--config", str(config), environment=clock.environment).stdout
            if "no cut-over by the clock" in doctor:
                break
        result = run("clock", "accept", "--config", str(config), environment=clock.environment)
        assert result.stdout.startswith(f"accepted: {fault}; the clock says 2026-11-2")
        assert "no cut-over by the clock" in doctor
        assert get(machine, "/readyz") == "ok\n"
        again = run("clock", "accept", "--config", str(config), environment=clock.environment)
        assert (again.returncode, again.stderr[:42]) == (1, "qianzhi: the clock is trusted: it says 202")
    acts = [(act, subject, note.partition(";")[0]) for _, act, subject, note in records(config)]
    assert acts[-2:] == [("clock jump", "fep1", fault), ("clock accept", "fep1", fault)]
    written = stamps(config)
    assert len(written) == 4
    assert written == sorted(written)


def test_what_a_clock_ahead_wrote_keeps_nobody_out_for_ever(config: Path) -> None:
    clock = SetClock(config.parent, MORNING)
    clock.set(8 * HOUR)
    with serving(config, environment=clock.environment) as machine, Client(machine.ports["01020000"]) as bank:
        bank.sign_on()
        assert pays(bank, 0)
    clock.set(-8 * HOUR)
    refused = run("serve", str(config), environment=clock.environment)
    assert refused.returncode == 1
    assert "the clock says 2026-11-24 10:" in refused.stderr
    assert "the book was written to at 2026-11-24 18:" in refused.stderr
    assert "qianzhi clock accept" in refused.stderr
    doctor = " ".join(run("doctor", "--config", str(config), environment=clock.environment).stdout.split())
    assert "if the clock is right: qianzhi clock accept" in doctor
    accepted = run("clock", "accept", "--config", str(config), environment=clock.environment)
    assert accepted.returncode == 0, accepted.stderr
    for policy in (1, 2):  # and it stays accepted
        with (
            serving(config, environment=clock.environment) as machine,
            Client(machine.ports["01020000"]) as bank,
        ):
            bank.sign_on()
            assert pays(bank, policy)
            assert get(machine, "/readyz") == "ok\n"
    [ahead, *later] = stamps(config)
    assert later == [later[0]] * 2, "stamped as the last of the book until the clock has come that far"
    assert ahead <= later[0]
    assert records(config)[-1][1:3] == ("clock accept", "fep1")
    assert run("journal", "verify", "--config", str(config), environment=clock.environment).returncode == 0


def test_a_clock_that_jumped_is_distrusted_over_a_restart_until_a_person_accepts_it(config: Path) -> None:
    clock = SetClock(config.parent, MORNING)
    with serving(config, environment=clock.environment):
        clock.set(HOUR)
    assert records(config)[-1][1:] == ("clock jump", "fep1", "the wall clock jumped 3600 s ahead")
    with serving(config, environment=clock.environment) as machine:
        assert get(machine, "/readyz") == "ok; the wall clock jumped 3600 s ahead\n"
    assert run("clock", "accept", "--config", str(config), environment=clock.environment).returncode == 0
    with serving(config, environment=clock.environment) as machine:
        assert get(machine, "/readyz") == "ok\n"
