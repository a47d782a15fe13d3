"""`qianzhi day status`: the open day, its totals by bank, when it ends, and how far the office has come."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from os import urandom
from pathlib import Path

import pytest
from click.testing import CliRunner

from console.day import OfficeDay, day_status, status_command
from fep.keys.key_provider import KeyProvider
from fep.keys.keys import FrontKey
from ledger.book.cutover import cut_over
from ledger.book.front import FrontBook
from ledger.book.schema import make_missing
from ledger.book.store import Store
from office.accounting.books import install_chart
from office.accounting.chart import shipped
from office.database.schema import OFFICE
from tests.support.builders import BANK, DATE, request
from tests.support.machine import FRONT_KEY, OTHER_BANK, load_front_book, write_settings
from tests.support.suspense_breaks import in_suspense
from tests.support.unexplained_posting import let_in

NOW = datetime(2026, 11, 24, 13, 59, 30, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    load_front_book(settings)
    store = Store(settings.node.database)
    book = FrontBook(store, FrontKey(FRONT_KEY).check_value, urandom)
    book.claim("fep1")
    book.commit([request()], 1)
    store.close()
    path = tmp_path / "qianzhi.toml"
    path.write_text(path.read_text() + '[day]\ncutover = "22:00"\n')
    return path


def test_the_open_day_is_told_with_each_banks_totals_and_the_time_left(config: Path) -> None:
    status = day_status(config, None, NOW)
    assert (status.open, status.cutover, status.ends_at) == (DATE, "22:00", "2026-11-24 22:00")
    assert status.seconds_left == 30
    assert {row.bank: (row.totals.collections, row.net) for row in status.banks} == {
        BANK: (1, 120_000),
        OTHER_BANK: (0, 0),
    }
    assert status.dues is not None
    assert status.dues.dues == 2
    assert status.office is None


def test_words_and_json_say_the_same(config: Path) -> None:
    arguments = ["--config", str(config)]
    words = CliRunner().invoke(status_command, arguments, env={"COLUMNS": "80"}).stdout
    shown = json.loads(CliRunner().invoke(status_command, [*arguments, "--json"]).stdout)
    assert f"{shown['open']} open\ndues: 2, on 2 policies\ncut-over: 2026-11-24 22:00 in Beijing" in words
    [row] = [line for line in words.splitlines() if line.startswith(BANK)]
    assert row.split()[-5:] == ["1,200.00", "(1)", "0.00", "(0)", "1,200.00"]
    assert shown["banks"][0]["net"] == 120_000


def test_a_day_after_the_cut_over_has_no_dues_yet(config: Path, tmp_path: Path) -> None:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    store = Store(settings.node.database)
    cut_over(store, DATE, lambda _: "20261125", KeyProvider(settings.keystore).sealer, 1)
    store.close()
    status = day_status(config, None, NOW)
    assert (status.open, status.dues, [row.state for row in status.days]) == (
        "20261125",
        None,
        ["closed", "open"],
    )
    words = CliRunner().invoke(status_command, ["--config", str(config)]).stdout
    assert "dues: not loaded yet\ncut-over: by an operator" in words


def test_the_office_says_how_far_it_has_come(config: Path, tmp_path: Path) -> None:
    office = tmp_path / "office.toml"
    office.write_text(
        f'[office]\ndatabase = "sqlite:///{tmp_path}/office.db"\nfront = "sqlite:///{tmp_path}/front.db"\n'
        f'seal_key = "{"0" * 64}"\n[[bank]]\ncode = "{BANK}"\nname = "x"\n'
    )
    store = Store(f"sqlite:///{tmp_path}/office.db")
    with store.transaction() as connection:
        make_missing(connection, OFFICE)
        install_chart(connection, shipped(), 1, "li")
        let_in(connection)
        in_suspense(connection)
        [date] = connection.exec_driver_sql("SELECT date FROM breaks").scalars()
        connection.exec_driver_sql(
            "INSERT INTO days VALUES (?, 'reconciled', '20261125', 1, 'root', 'signature', 3)", (date,)
        )
    store.close()
    assert day_status(config, office, NOW).office == (OfficeDay(date, "reconciled", 1),)


def test_a_book_without_a_day_says_what_begins_one(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    store = Store(settings.node.database)
    FrontBook(store, FrontKey(FRONT_KEY).check_value, urandom).create()
    store.close()
    output = CliRunner().invoke(status_command, ["--config", str(tmp_path / "qianzhi.toml")]).stdout
    assert output == "no business day yet: qianzhi book load FILE\n"
