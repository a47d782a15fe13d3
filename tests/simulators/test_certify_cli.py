"""The command: what it says, writes and exits with; and that the document has what the command prints."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from os import urandom
from pathlib import Path
from xml.dom.minidom import parse as parse_xml

import pytest
from click.testing import CliRunner, Result

from fep.keys.key_provider import KeyProvider
from fep.settings.config import load_settings
from fep.setup.install import SAMPLE_BANKS, install
from ledger.book.front import FrontBook
from ledger.book.load import load_book
from ledger.book.store import Store
from ledger.files import bookfile
from simulators.certify import dues
from simulators.certify.cases import CASES
from simulators.certify.cli import cli
from simulators.certify.exercises import EXERCISES
from simulators.certify.talk import Talk
from simulators.certify.terms import Terms
from simulators.certify.trial_machine import EXERCISE_ZMK
from simulators.certify.watch import RULES
from tests.support.builders import BANK, DATE
from tests.support.certification import machine_with_dues, means_with
from tests.support.child_processes import SECONDS, running
from tests.support.clocks import still
from tests.support.machine import ZMK, Machine

DOCUMENT = Path(__file__).parents[2] / "docs" / "certify.md"


def today() -> datetime:
    """The command asks by the computer's clock: the machine has to live on the same day."""
    return datetime.now().astimezone()


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def counts(folder: Path) -> tuple[str, str]:
    """Cases and failures, as JUnit has them."""
    suite = parse_xml(str(folder / "junit.xml")).getElementsByTagName("testsuite")[0]
    return suite.getAttribute("tests"), suite.getAttribute("failures")


@pytest.mark.parametrize("command", ["cases", "exercises"])
def test_the_document_has_what_the_command_prints(command: str) -> None:
    printed = run(command).output
    text = DOCUMENT.read_text("utf-8")
    rows = [line for line in printed.splitlines() if line]
    in_document = [line for line in text.splitlines() if line in frozenset(rows)]
    heads = [line for line in rows if line.startswith("|---") or "名称" in line]
    assert [line for line in rows if line not in heads] == [line for line in in_document if line not in heads]
    assert len(rows) - len(heads) > 0


def test_the_document_has_no_case_that_is_not_there() -> None:
    names = {
        line.split("`")[1] for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| `")
    }
    known = (
        {case.id for case in CASES}
        | {rule.id for rule in RULES}
        | {exercise.policy for exercise in EXERCISES}
    )
    assert names == known


def test_dues_are_written_for_a_date(tmp_path: Path) -> None:
    path = tmp_path / "certify.csv"
    assert run("dues", "--date", DATE, "--out", path).exit_code == 0
    assert path.read_bytes() == dues.write(DATE)
    wrong = run("dues", "--date", "20261301", "--out", path)
    assert wrong.exit_code == 2
    assert "is no date" in wrong.output


def test_a_machine_is_examined_by_its_settings(tmp_path: Path) -> None:
    with machine_with_dues(tmp_path, today()) as machine:
        out = tmp_path / "out"
        given = ("fep", "--config", tmp_path / "qianzhi.toml", "--port", str(machine.port()), "--out", out)
        ended = run(*given, "--only", "SIGN,FRAME")
    wanted = [case.id for case in CASES if case.id.startswith(("SIGN", "FRAME"))]
    assert ended.exit_code == 0, ended.output
    assert counts(out) == (str(len(wanted)), "0")
    assert "FRAME-05         not applicable: framing 2be has no such thing" in ended.output
    assert "前置机接口认证" in (out / "report.html").read_text("utf-8")


def test_a_machine_is_examined_by_terms_given_and_a_failure_is_the_exit_code(tmp_path: Path) -> None:
    zmk = tmp_path / "zmk.hex"
    zmk.touch(mode=0o600)
    zmk.write_text(ZMK.hex())
    with machine_with_dues(tmp_path, today(), limits="bad_macs = 3") as machine:
        out = tmp_path / "out"
        given = ("fep", "--bank", BANK, "--port", str(machine.port()), "--zmk-file", zmk, "--out", out)
        good = run(*given, "--only", "ECHO")
        bad = run(*given, "--only", "MAC-06")
    assert (good.exit_code, bad.exit_code) == (0, 1)
    assert counts(out) == ("1", "1")
    assert "MAC-06           failed: expected 0800 is answered; seen the link was closed" in bad.output


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    assert "without --config give --bank, --port and --zmk-file" in run("fep", "--port", "1").output
    with machine_with_dues(tmp_path, today()) as machine:
        given = ("fep", "--config", tmp_path / "qianzhi.toml", "--port", str(machine.port()))
        assert "no case begins so" in run(*given, "--only", "NO-SUCH-CASE").output
        assert "no bank 99 in the settings; there are 01020000" in run(*given, "--bank", "99").output
        assert "has port 0 in the settings: give --port" in run(*given[:3]).output


@pytest.mark.parametrize("code", ["abc", "123456789012", "\u0661", ""])
@pytest.mark.parametrize("command", ["fep", "bank"])
def test_a_bank_s_code_is_digits(command: str, code: str, tmp_path: Path) -> None:
    wrong = run(command, "--bank", code, "--out", tmp_path)
    assert wrong.exit_code == 2
    assert f"{code!r}: a bank's code is up to 11 digits" in wrong.output


@pytest.mark.parametrize("command", ["fep", "bank"])
def test_reports_that_cannot_be_written_are_said_before_anything_is_examined(
    command: str, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    for out in (file, file / "below"):
        wrong = run(command, "--out", out)
        assert wrong.exit_code == 2
        assert "no folder, and none can be made" in wrong.output


def test_settings_where_everything_has_them_need_not_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "without --config give --bank, --port and --zmk-file" in run("fep").output
    with machine_with_dues(tmp_path / "var", today()) as machine:
        ended = run("fep", "--port", str(machine.port()), "--only", "ECHO")
        zmk = tmp_path / "zmk.hex"
        zmk.touch(mode=0o600)
        other = run("fep", "--port", str(machine.port()), "--zmk-file", zmk)
    assert (ended.exit_code, ended.output.split(";")[0]) == (0, "2 passed, 0 failed, 0 not applicable")
    assert "without --config give --bank, --port and --zmk-file" in other.output


def test_a_zmk_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    zmk = tmp_path / "zmk.hex"
    zmk.write_text(ZMK.hex())
    zmk.chmod(0o644)
    ended = run("fep", "--bank", BANK, "--port", "1", "--zmk-file", zmk)
    assert "others can read it" in str(ended.exception)
    assert ZMK.hex() not in f"{ended.output}{ended.exception}"


def test_a_machine_behind_tls_is_examined(tmp_path: Path) -> None:
    config = install(tmp_path, os.urandom, datetime.now(UTC), first_port=0, status_port=0, trial=True)
    settings = load_settings(config)
    front_key = KeyProvider(settings.keystore).front_key
    store = Store(settings.node.database)
    FrontBook(store, front_key.check_value, urandom).create()
    load_book(store, bookfile.parse(dues.write(DATE)), front_key.identity, 1)
    store.close()
    machine = Machine(settings, still(today()))
    try:
        for bank in SAMPLE_BANKS:
            port, out = str(machine.port(bank.code)), tmp_path / bank.code
            ended = run(
                "fep", "--config", config, "--bank", bank.code, "--port", port, "--only", "SIGN", "--out", out
            )
            assert ended.exit_code == 0, ended.output
            assert counts(out)[1] == "0"
            assert f"127.0.0.1:{port}, TLS" in (out / "report.html").read_text("utf-8")
    finally:
        machine.stop()


def test_the_stand_serves_until_sigterm_and_then_reports(tmp_path: Path) -> None:
    """A process of its own; the bank is the examiner, which knows how to speak."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "simulators.certify.cli", "bank", "--bank", BANK, "--port", "0", "--out"]
    with running([*command, str(out)]) as trial_machine:
        assert trial_machine.stdout is not None
        lines = []
        for line in trial_machine.stdout:
            lines.append(line)
            if line.startswith("listening at port "):
                break
        talk = Talk(
            means_with(Terms(BANK, "127.0.0.1", int(lines[-1].split()[3].strip(";")), zmk=EXERCISE_ZMK))
        )
        talk.sign_on()
        talk.ask(talk.network("301"))
        talk.close()
        trial_machine.send_signal(signal.SIGTERM)
        rest = trial_machine.stdout.read()
    assert trial_machine.returncode == 0, rest
    assert counts(out) == (str(len(RULES)), "0")
    assert "银行系统认证" in (out / "report.html").read_text("utf-8")
    assert [
        exercise.policy
        for exercise in EXERCISES
        if f"{exercise.policy}  DE 3 {exercise.code}" not in "".join(lines)
    ] == []
    assert EXERCISE_ZMK.hex().upper() not in "".join(lines).upper() + rest.upper()


def test_the_stand_ends_when_nobody_speaks(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "simulators.certify.cli", "bank", "--port", "0", "--until-idle", "1"]
    ended = subprocess.run(
        [*command, "--out", str(tmp_path)], capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert ended.returncode == 1
    assert f"0 passed, 0 failed, {len(RULES)} not applicable" in ended.stdout


def test_a_port_that_is_taken_is_said_and_nothing_is_left_running(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [
            sys.executable,
            "-m",
            "simulators.certify.cli",
            "bank",
            "--port",
            port,
            "--out",
            str(tmp_path),
        ]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert ended.returncode == 1
    assert f"qianzhi-certify: 127.0.0.1:{port} cannot be listened at" in ended.stderr
