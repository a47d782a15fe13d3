"""Statements are compiled once for all databases of a test run, and for each kind of database by itself."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from ledger.book.store import Store
from tests.support.compiled_statements import Compiled

TABLE = Table("numbers", MetaData(), Column("number", Integer))


def test_what_was_compiled_for_one_database_serves_another(tmp_path: Path) -> None:
    caches = []
    for name in ("first", "second"):
        store = Store(f"sqlite:///{tmp_path / name}.db")
        with store.transaction() as connection:
            TABLE.metadata.create_all(connection)
            cache = connection.get_execution_options()["compiled_cache"]
            before = len(cache)
            assert connection.execute(select(TABLE.c.number)).all() == []
            caches.append((cache, len(cache) - before))
        store.close()
    (first, added), (second, more) = caches
    assert (first is second, added, more) == (True, 1, 0)


def test_each_kind_and_version_of_database_has_its_own() -> None:
    cache = Compiled(10)
    dialects = [sqlite.dialect(), postgresql.dialect(), postgresql.dialect(), postgresql.dialect()]
    for dialect, version in zip(dialects, [(3, 51), (3, 51), (16,), (16,)], strict=True):
        dialect.server_version_info = version
    for number, dialect in enumerate(dialects[:3]):
        cache[dialect, "statement"] = number
    assert [cache.get((dialect, "statement")) for dialect in dialects] == [0, 1, 2, 2]
    assert cache.get((dialects[0], "other")) is None
