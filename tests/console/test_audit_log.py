"""`qianzhi audit-log` and `qianzhi office audit-log`: who, when, what; and whether the chain holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from console.audit_log import audit_log_command, line, show
from fep.operator.audit_trail import begin, write
from ledger.book.audit_log import AuditRecord, read_audit_log, record_hash
from ledger.book.schema import audit_log, make_missing
from ledger.book.store import Store
from office.database.audit_log import write as write_office
from office.database.schema import OFFICE
from office.database.schema import audit_log as office_records
from tests.support.machine import write_settings

AT = 1_764_000_000_000_000
Tamper = Callable[[str], None]


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    store = Store(database)
    begin(store)
    for by, note in (("li", "asked"), ("li", "done"), ("wang", "failed: SettingsError")):
        write(store, AT, by, "reload", "", note)
    yield store
    store.close()


@pytest.fixture
def tamper(store: Store) -> Tamper:
    """Does to the audit log what its triggers refuse."""

    def do(statement: str) -> None:
        with store.transaction() as connection:
            if store.is_sqlite:
                for name in ("audit_log_is_never_updated", "audit_log_is_never_deleted"):
                    connection.execute(text(f"DROP TRIGGER {name}"))
            else:
                connection.execute(text("DROP TRIGGER audit_log_is_never_changed ON audit_log"))
            connection.execute(text(statement))

    return do


read = partial(read_audit_log, table=audit_log)


def test_who_did_what_and_when_is_listed_in_order(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    show(store, read, verify=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" ", 2)[0] for line in lines] == ["1", "2", "3"]
    assert [line.split(" ", 2)[2] for line in lines] == [
        "li reload asked",
        "li reload done",
        "wang reload failed: SettingsError",
    ]


def test_a_trail_that_holds_is_said_to_with_the_hash_to_keep_elsewhere(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    show(store, read, verify=True)
    with store.reading() as connection:
        tip = record_hash(list(read(connection))[-1])
    assert capsys.readouterr().out.splitlines()[3:] == [
        f"every link holds, 3 acts; the last one's hash is {tip}: keep it elsewhere"
    ]


@pytest.mark.parametrize(
    ("statement", "wording"),
    [
        ("UPDATE audit_log SET by = 'wang' WHERE number = 1", "act 2: does not carry the hash"),
        ("DELETE FROM audit_log WHERE number = 2", "act 2: missing; the next act is 3"),
    ],
)
def test_a_trail_that_was_tampered_with_is_an_error(
    store: Store, tamper: Tamper, capsys: pytest.CaptureFixture[str], statement: str, wording: str
) -> None:
    tamper(statement)
    show(store, read, verify=False)
    assert "act 2:" not in capsys.readouterr().out
    with pytest.raises(click.ClickException, match="broken links: keep the files as they are"):
        show(store, read, verify=True)
    assert wording in capsys.readouterr().out


def test_the_command_reads_the_book_of_the_settings(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, "sqlite:///front.db")
    config = str(tmp_path / "qianzhi.toml")
    store = Store(settings.node.database)
    begin(store)
    empty = CliRunner().invoke(audit_log_command, ["--verify", "--config", config])
    assert (empty.exit_code, empty.output) == (0, "every link holds, 0 acts\n")
    write(store, AT, "li", "reload", "", "asked")
    listed = CliRunner().invoke(audit_log_command, ["--config", config])
    assert listed.output.endswith(" li reload asked\n")
    with store.transaction() as connection:
        for name in ("audit_log_is_never_updated", "audit_log_is_never_deleted"):
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text("UPDATE audit_log SET number = 2"))
    assert CliRunner().invoke(audit_log_command, ["--verify", "--config", config]).exit_code == 1
    store.close()


def test_the_offices_trail_is_read_the_same_way(
    new_database: Callable[[str], str], capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(new_database("office"))
    with store.transaction() as connection:
        make_missing(connection, OFFICE)
    write_office(store, AT, "li", "propose", "B20261124-01020000-0001", "refund")
    show(store, partial(read_audit_log, table=office_records), verify=True)
    store.close()
    assert " li propose B20261124-01020000-0001 refund\nevery link holds, 1 acts;" in capsys.readouterr().out


def test_nothing_in_an_act_commands_the_terminal_or_shows_a_number_of_a_person() -> None:
    shown = line(AuditRecord(1, AT, "li", "load", "4111111111111111", "\x1b[2J\nfake\u202e", "0" * 64))
    assert shown.endswith(" li load 411111******1111 \\u001b[2J\\u000afake\\u202e")
