"""A database that says nothing: the machine is not ready, says which and since when, and comes back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, make_url

from fep.operator.control_client import ControlError, ask
from fep.status.source import READINESS_COMMAND
from ledger.book.server import place
from tests.support.builders import message
from tests.support.machine import OTHER_BANK, Books, Machine, load_front_book, write_settings
from tests.support.silent_relay import relayed


@pytest.fixture(autouse=True)
def _sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fep.engine.availability.SILENT_SECONDS", 0.5)
    monkeypatch.setattr("ledger.book.store.SILENT_SECONDS", 2)
    monkeypatch.setattr("ledger.book.store.SQLITE_LOCK_SECONDS", 2.0)


Silenced = tuple[str, Callable[[], None], Callable[[], None]]
"""The URL of a database, how it falls silent, and how it speaks again."""


@contextmanager
def behind_a_relay(database: str, _path: Path) -> Iterator[Silenced]:
    """A PostgreSQL server that can fall silent."""
    with relayed(database) as (relay, url):
        yield f"{url}{'&' if '?' in url else '?'}connect_timeout=2", relay.fall_silent, relay.speak


@contextmanager
def locked_by_another(database: str, path: Path) -> Iterator[Silenced]:
    """An SQLite file that another program can lock for as long as it likes."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    yield database, lambda: other.execute("BEGIN IMMEDIATE"), lambda: other.execute("ROLLBACK")
    other.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def silenced(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Machine, Callable[[], None], Callable[[], None], str]]:
    """A machine that serves, how its database falls silent and speaks again, and what names the database."""
    on_sqlite = request.param == "sqlite"
    path = tmp_path / "front.db"
    database = f"sqlite:///{path}" if on_sqlite else request.getfixturevalue("postgresql_database")
    load_front_book(write_settings(tmp_path, database))
    with (locked_by_another if on_sqlite else behind_a_relay)(database, path) as (url, fall_silent, speak):
        machine = Machine(write_settings(tmp_path, url))
        yield machine, fall_silent, speak, place(make_url(url))
        machine.stop()


def test_it_is_not_ready_says_which_and_since_when_answers_91_and_comes_back_by_itself(
    silenced: tuple[Machine, Callable[[], None], Callable[[], None], str],
) -> None:
    machine, fall_silent, speak, named = silenced
    control, payment = Path(machine.settings.node.control), message()
    with machine.signed_on() as bank, machine.signed_on(OTHER_BANK) as other:
        fall_silent()
        bank.send(payment)
        why = machine.until_ready(503)
        assert f"the database {named} has not answered since 2026-11-24 10:11:12 Beijing time" in why
        assert "qianzhi_ready 0.0" in machine.get("/metrics")[1]
        answer = other.ask(message(de32=OTHER_BANK))
        assert (answer.fields[39], answer.fields[44]) == ("91", "NOT AVAILABLE NOW")
        with pytest.raises(ControlError, match="does not answer: nothing was done"):
            machine.cut_over()
        assert named in ask(control, READINESS_COMMAND)["unready"]
        speak()
        assert machine.until_ready(200) == "ok\n"
        assert "qianzhi_ready 1.0" in machine.get("/metrics")[1]
        first = bank.receive().fields[39]
        assert first in ("00", "91")
        assert bank.ask(payment).fields[39] == "00"
    books = Books(machine.settings.node.database)
    assert (books.responses(), books.broken()) == ([("collection", "00")], [])
    books.close()


def test_what_was_sent_with_its_commit_is_in_doubt_and_gets_the_journals_word_once_it_can_be_asked(
    tmp_path: Path, postgresql_database: str
) -> None:
    load_front_book(write_settings(tmp_path, postgresql_database))
    with behind_a_relay(postgresql_database, tmp_path) as (url, fall_silent, speak):
        machine = Machine(write_settings(tmp_path, url))
        event.listen(machine.service._store._writer, "commit", lambda _: fall_silent(), once=True)
        with machine.signed_on() as bank:
            bank.send(message())
            assert "the outcome of a batch is unknown" in machine.until_ready(503)
            assert "qianzhi_in_doubt 1.0" in machine.get("/metrics")[1]
            speak()
            assert bank.receive().fields[39] == "00"
            machine.until_ready(200)
        machine.stop()
        books = Books(postgresql_database)
        assert (books.responses(), books.broken()) == ([("collection", "00")], [])
        books.close()
