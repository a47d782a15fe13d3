"""Every operator's act stands in the front's audit log, under the person who did it: through the process that
serves, by a signal, and in a book that nobody serves.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import console.day  # now, since one that is imported while a test has a function patched keeps that one
import fep.operator.audit_trail
from console.main import cli
from console.serve import reload_settings
from fep.keys.keys import zmk_name
from fep.keys.keystore import Keystore, MasterKey
from fep.operator.control_client import ControlError, ask
from fep.operator.identity import at_keyboard
from fep.settings.config import Settings
from ledger.book.audit_log import broken_records, read_audit_log
from ledger.book.cutover import CutoverRefused
from ledger.book.schema import audit_log as table
from ledger.errors import BookFileError, LedgerError, Unavailable
from ledger.rules.secret import Secret
from protocol.mac import aes_check_value
from simulators.processes import serving
from tests.support.builders import BANK
from tests.support.machine import (
    MASTER_KEY,
    OTHER_BANK,
    Books,
    Machine,
    load_front_book,
    wait_for,
    write_settings,
)

ME = at_keyboard()


def audit_rows(books: Books) -> list[tuple[str, ...]]:
    """Person, act, subject and note of each act; the chain must hold."""
    with books._store.reading() as connection:
        records = list(read_audit_log(connection, table))
    assert list(broken_records(records)) == []
    return [act[2:6] for act in records]


def control(machine: Machine, command: str, **arguments: object) -> Any:  # noqa: ANN401 - JSON
    return ask(Path(machine.settings.node.control), command, **arguments)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "qianzhi.toml"


def edit(config: Path, old: str, new: str) -> None:
    content = config.read_text()
    assert old in content
    config.write_text(content.replace(old, new, 1))


LOADED = ("machine", "load", "20261124")
"""What the fixture that fills the book left in the audit log, but for the digest."""


def since_the_load(books: Books) -> list[tuple[str, ...]]:
    first, *others = audit_rows(books)
    assert first[:3] == LOADED
    return others


def test_a_reload_is_written_down_with_what_it_changed(machine: Machine, books: Books, config: Path) -> None:
    edit(config, 'name = "The other bank"', 'name = "Renamed"')
    control(machine, "reload", by="wang")
    edit(config, f'code = "{OTHER_BANK}"', 'code = "01040000"')
    with pytest.raises(ControlError, match="it takes a restart"):
        control(machine, "reload")
    assert since_the_load(books) == [
        (ME, "reload", "", "asked"),
        (ME, "reload", "", f"done: bank {OTHER_BANK} changed: name"),
        (ME, "reload", "", "asked"),
        (ME, "reload", "", "failed: SettingsError"),
    ]


def test_a_reload_that_cannot_be_written_down_changes_nothing(
    machine: Machine, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> int:
        raise Unavailable("no database")

    assert console.day  # is imported
    monkeypatch.setattr(fep.operator.audit_trail, "write", away)
    edit(config, 'name = "The other bank"', 'name = "Renamed"')
    before = machine.service.settings
    with pytest.raises(ControlError, match="no database"):
        control(machine, "reload")
    assert machine.service.settings is before


def test_a_reload_by_a_signal_is_written_down_as_nobodys(
    machine: Machine, books: Books, config: Path
) -> None:
    wait_for(machine.service.reload)
    config.write_text("nonsense")
    wait_for(reload_settings, machine.service)
    with pytest.raises(ControlError, match="is not TOML"):
        control(machine, "reload")
    assert since_the_load(books) == [
        ("signal", "reload", "", "asked"),
        ("signal", "reload", "", "done: nothing has changed"),
        ("signal", "reload", "", "asked"),
        ("signal", "reload", "", "failed: SettingsError"),
        (ME, "reload", "", "asked"),
        (ME, "reload", "", "failed: SettingsError"),
    ]


def test_cut_overs_and_loads_that_were_refused_are_written_down(machine: Machine, books: Books) -> None:
    with pytest.raises(ControlError, match="there is no business day 20261120"):
        machine.cut_over(date="20261120", by="wang")
    machine.cut_over(by="wang")
    with pytest.raises(ControlError, match="has not begun"):
        machine.cut_over()
    machine.cut_over(date="20261124")
    with pytest.raises(ControlError, match="No such file"):
        control(machine, "load", path="/nonexistent/book.csv")
    refused, done, early, again, load = since_the_load(books)
    assert refused == (ME, "cutover", "20261120", "failed: CutoverRefused")
    assert (done[:3], done[3][:19]) == ((ME, "cutover", "20261124"), "20261125 is open; r")
    assert early == (ME, "cutover", "20261125", "failed: CutoverRefused")
    assert again == (ME, "cutover", "20261124", "done before: nothing changed")
    assert load == (ME, "load", "", "failed: FileNotFoundError")


def test_only_acts_of_the_table_are_written_down_for_the_asking(machine: Machine, books: Books) -> None:
    with pytest.raises(ControlError, match="no such act; there are keys create"):
        control(machine, "record", act="cutover", subject="20261124", stage="done", details={})
    control(machine, "record", act="keys remove", subject="front", stage="done", details={}, by="wang")
    assert since_the_load(books) == [(ME, "keys remove", "front", "done")]


def test_a_key_is_changed_while_the_machine_serves_and_it_writes_that_down(
    machine: Machine, books: Books, config: Path
) -> None:
    name = zmk_name(BANK)
    done = run("keys", "generate", name, "--replace", "--config", str(config), typed=name)
    assert done.exit_code == 0
    [key] = [Keystore(config.with_name("keystore"), MasterKey(Secret(MASTER_KEY)))[name]]
    check_value = aes_check_value(key.secret.reveal())
    assert since_the_load(books) == [
        (ME, "keys generate", name, "asked"),
        (ME, "keys generate", name, f"done: kind aes; check value {check_value}"),
    ]


def test_a_signal_reaches_a_process_that_serves(tmp_path: Path, config: Path) -> None:
    settings = write_settings(tmp_path, "sqlite:///front.db")
    load_front_book(settings)
    with serving(config) as machine:
        machine.process.send_signal(signal.SIGHUP)
        ask(Path(settings.node.control), "reload")
    books = Books(settings.node.database)
    assert sorted(since_the_load(books)) == sorted(
        (by, "reload", "", note) for by in ("signal", ME) for note in ("asked", "done: nothing has changed")
    )
    books.close()


# A book that nobody serves.


def run(*arguments: str, typed: str | None = None) -> Result:
    done = CliRunner().invoke(cli, arguments, input=typed)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture
def still(settings: Settings) -> Iterator[Books]:
    books = Books(settings.node.database)
    yield books
    books.close()


def test_what_is_done_without_a_machine_is_under_the_persons_name_too(
    still: Books, tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "wang")
    (tmp_path / "bad.csv").write_text("nonsense\n")
    with pytest.raises(BookFileError):
        run("book", "load", str(tmp_path / "bad.csv"), "--config", str(config))
    with pytest.raises(CutoverRefused):
        run("day", "cutover", "--date", "20261120", "--config", str(config))
    for _ in range(2):
        run("day", "cutover", "--date", "20261124", "--early", "--config", str(config))
    run("book", "sample", "3", "--date", "20261125", "--output", str(tmp_path / "good.csv"))
    run("book", "load", str(tmp_path / "good.csv"), "--config", str(config))
    acts = [(*act[:3], act[3][:19]) for act in since_the_load(still)]
    assert acts[:4] == [
        (ME, "load", "", "failed: BookFileErr"),
        (ME, "cutover", "20261120", "failed: CutoverRefu"),
        (ME, "cutover", "20261124", "20261125 is open; r"),
        (ME, "cutover", "20261124", "done before: nothin"),
    ]
    assert acts[4][:3] == (ME, "load", "20261125")
    assert run("audit-log", "--verify", "--config", str(config)).exit_code == 0


def test_a_refusal_that_cannot_be_written_down_is_told_all_the_same(
    still: Books, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(*_: object) -> int:
        raise LedgerError("no database")

    assert console.day  # is imported
    monkeypatch.setattr(fep.operator.audit_trail, "write", away)
    with pytest.raises(CutoverRefused, match="no business day"):
        run("day", "cutover", "--date", "20261120", "--config", str(config))
    assert since_the_load(still) == []


def test_root_leaves_no_file_that_the_machines_own_user_could_not_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = write_settings(tmp_path, "sqlite:///front.db")
    monkeypatch.setattr("os.geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(fep.errors.FepError, match="is not there yet"):
        run(
            "keys",
            "generate",
            "zmk/01030000",
            "--replace",
            "--config",
            str(tmp_path / "qianzhi.toml"),
            typed="zmk/01030000",
        )
    assert not Path(settings.node.database.removeprefix("sqlite:///")).exists()
    load_front_book(settings)
    run(
        "keys",
        "generate",
        "zmk/01030000",
        "--replace",
        "--config",
        str(tmp_path / "qianzhi.toml"),
        typed="zmk/01030000",
    )
