"""`qianzhi book retire` on a book that nobody serves: what goes, what is waited for, and that it is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from console.main import cli
from ledger.book.audit_log import read_audit_log
from ledger.book.cutover import cut_over
from ledger.book.schema import audit_log
from ledger.book.store import Store
from ledger.files.archived import ArchivedDay, write
from ledger.rules.seal import Sealer
from tests.support.builders import book
from tests.support.machine import SEAL_KEY, load_front_book, write_settings

FIRST, SECOND, THIRD, OPEN = "20200106", "20200107", "20200108", "20200601"


@pytest.fixture
def config(tmp_path: Path, database: str) -> Path:
    """A front book with three closed days without entries, of which the office has archived two."""
    load_front_book(write_settings(tmp_path, database), book(date=FIRST))
    store = Store(database)
    results = []
    for date, following in ((FIRST, SECOND), (SECOND, THIRD), (THIRD, OPEN)):
        done = cut_over(store, date, lambda _, to=following: to, Sealer(SEAL_KEY), 1)  # type: ignore[misc]
        results.append(ArchivedDay(date, done.root, 0))
    store.close()
    path = tmp_path / "qianzhi.toml"
    path.write_text(f'{path.read_text()}\n[day]\narchived = "archived.json"\n')
    (tmp_path / "archived.json").write_bytes(write(tuple(results[:2])))
    (tmp_path / "archived.json").chmod(0o644)
    return path


def run(config: Path, *more: str) -> Result:
    return CliRunner().invoke(cli, ["book", "retire", "--config", str(config), *more])


def audit_rows(database: str) -> list[tuple[str, str]]:
    store = Store(database)
    try:
        with store.reading() as connection:
            return [
                (record.subject, record.note[:9])
                for record in read_audit_log(connection, audit_log)
                if record.act == "retire"
            ]
    finally:
        store.close()


def test_what_went_and_what_is_waited_for_is_said_and_written_down(config: Path, database: str) -> None:
    waits = f"the office has not archived {THIRD} yet"
    first = run(config)
    assert first.exception is None, first.exception
    assert first.stdout == f"retired {FIRST}, {SECOND}: 0 entries\nno further day: {waits}\n"
    assert audit_rows(database) == [(FIRST, "0 entries"), (SECOND, "0 entries")]
    again = json.loads(run(config, "--json").stdout)
    assert again == {"dates": [], "entries": 0, "waits": waits}


def test_a_file_that_others_can_change_is_refused_and_that_is_written_down(
    config: Path, database: str
) -> None:
    (config.parent / "archived.json").chmod(0o666)
    refused = run(config)
    assert (refused.exit_code, "can be changed by others" in str(refused.exception)) == (1, True)
    assert audit_rows(database) == [("", "failed: A")]
