"""A database that falls silent is noticed, and its silence means for the money what a failure means."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from ledger.book.server import DEFAULTS, parameters, place
from ledger.book.store import Store
from ledger.errors import OutcomeUnknown, Unavailable
from tests.support.silent_relay import relayed


def test_each_connection_has_keep_alives_and_timeouts() -> None:
    given = parameters({}, by_index=True)
    assert {name: given[name] for name in DEFAULTS} == {
        "connect_timeout": 5,
        "keepalives": 1,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
    }


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_urls_own_value_wins(name: str) -> None:
    url = make_url(f"postgresql+psycopg://fep@db.example/front?{name}=7")
    assert [own for own in DEFAULTS if own not in parameters(url.query, by_index=True)] == [name]


def test_the_urls_options_come_after_ours_and_before_what_makes_a_commit_durable() -> None:
    options = parameters({"options": "-c lock_timeout=9s -c synchronous_commit=off"}, by_index=True)[
        "options"
    ]
    assert options.endswith(
        "-c lock_timeout=9s -c synchronous_commit=off -c synchronous_commit=on -c enable_seqscan=off"
    )
    assert options.startswith("-c lock_timeout=6s ")


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("postgresql+psycopg://fep:secret@db.example:5433/front", "front at db.example:5433"),
        ("postgresql+psycopg://fep:secret@db.example/front", "front at db.example"),
        (
            "postgresql+psycopg://fep@/front?host=a.example:1&host=b.example:2",
            "front at a.example:1, b.example:2",
        ),
        ("postgresql+psycopg:///front?host=/run/postgresql", "front at /run/postgresql"),
        ("postgresql+psycopg:///front", "front at this host"),
        ("sqlite:////srv/qianzhi/front.db", "/srv/qianzhi/front.db"),
    ],
)
def test_a_database_is_named_by_its_host_and_name_and_never_by_its_password(url: str, named: str) -> None:
    assert place(make_url(url)) == named


def _nothing() -> None: ...


def _write(
    store: Store, name: str, before: Callable[[], None] = _nothing, behind: Callable[[], None] = _nothing
) -> None:
    """Write a fact; what happens `before` the statement and `behind` it is given."""
    with store.transaction() as connection:
        before()
        connection.execute(text("INSERT INTO lines VALUES (:name)"), {"name": name})
        behind()


def test_silence_before_commit_did_nothing_and_what_silence_in_commit_did_the_table_says_later(
    postgresql_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.book.store.SILENT_SECONDS", 1)
    with relayed(postgresql_database) as (relay, url):
        store = Store(f"{url}{'&' if '?' in url else '?'}connect_timeout=2")
        with store.transaction() as connection:
            connection.execute(text("CREATE TABLE lines (name text)"))
        with pytest.raises(OutcomeUnknown, match="no answer for"):
            _write(store, "committed late", behind=relay.fall_silent)
        with pytest.raises(Unavailable, match=f"at 127.0.0.1:{relay.port}"):
            _write(store, "never begun")
        relay.speak()
        with pytest.raises(Unavailable, match="no answer for"):
            _write(store, "never committed", before=relay.fall_silent)
        relay.speak()
        with store.transaction() as connection:
            connection.execute(text("LOCK TABLE lines"))  # behind whatever is still on its way
            names = connection.execute(text("SELECT name FROM lines")).scalars().all()
        store.close()
    assert names in ([], ["committed late"])


def _in_book(url: str, *before: str) -> Store:
    """A book with a table of one column; its writer then runs the statements of `before`."""
    store = Store(url)
    with store.transaction() as connection:
        connection.execute(text("CREATE TABLE lines (name text)"))
    with store.transaction() as connection:
        for statement in before:
            connection.exec_driver_sql(statement)
    return store


@pytest.mark.parametrize(
    ("statement", "named"),
    [("PRAGMA max_page_count = 1", "full"), ("PRAGMA query_only = ON", "readonly")],
    ids=["a full disk", "a read-only file system"],
)
def test_what_sqlite_cannot_write_was_not_done_and_the_error_names_the_file(
    statement: str, named: str, tmp_path: Path
) -> None:
    path = tmp_path / "front.db"
    store = _in_book(f"sqlite:///{path}", statement)
    with pytest.raises(Unavailable, match=f"the database {path}: .*{named}"):
        _write(store, "x" * 100_000)
    store.close()


def test_an_sqlite_file_that_another_program_has_locked_is_unavailable_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.book.store.SQLITE_LOCK_SECONDS", 0.01)
    path = tmp_path / "front.db"
    store = _in_book(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match=f"the database {path}: .*locked"):
        _write(store, "never")
    other.close()
    store.close()
