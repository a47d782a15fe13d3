"""The figures that the office leaves for the status page: what is not closed, added up, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from os import urandom
from pathlib import Path

import pytest
from click.testing import CliRunner

from console.main import cli
from ledger.book.front import FrontBook
from ledger.book.store import Store
from ledger.files.open_breaks_file import Figures, Outstanding, parse
from ledger.rules.seal import Sealer
from office.accounting.breaks import post_approved
from office.config import load_settings
from office.reports.outstanding import outstanding
from tests.support.machine import SEAL_KEY
from tests.support.suspense_breaks import BANK, CHART, D1, D2, OTHER, approved, finding, in_suspense
from tests.support.unexplained_posting import let_in


def test_what_is_not_closed_is_added_up_by_bank_class_and_date(store: Store) -> None:
    with store.transaction() as connection:
        first = in_suspense(connection, finding(0, 100), finding(0, 23), finding(500, 0, "ours_only"))
        in_suspense(connection, finding(0, 7), date=D2)
        in_suspense(connection, finding(40, 90, "amount_differs"), bank=OTHER)
        rows = (
            Outstanding(BANK, "bank_only", D1, 2, 123),
            Outstanding(BANK, "bank_only", D2, 1, 7),
            Outstanding(BANK, "ours_only", D1, 1, 500),
            Outstanding(OTHER, "amount_differs", D1, 1, 50),
        )
        assert outstanding(connection, 9) == Figures(9, rows)
        approved(connection, first)
        assert outstanding(connection, 9) == Figures(9, rows), "decided is not closed"
        post_approved(connection, CHART, BANK, D1, 5)
        assert outstanding(connection, 9).rows[0] == Outstanding(BANK, "bank_only", D1, 1, 23)


def test_an_office_without_breaks_says_that_there_are_none(store: Store) -> None:
    with store.reading() as connection:
        assert outstanding(connection, 9) == Figures(9, ())


@pytest.fixture
def office(tmp_path: Path, new_database: Callable[[str], str]) -> Path:
    """An office's settings, with an empty front book beside it and a place for the figures."""
    front, database = new_database("front"), new_database("office")
    store = Store(front)
    FrontBook(store, "check", urandom).create()
    store.close()
    path = tmp_path / "office.toml"
    path.write_text(
        f'[office]\ndatabase = "{database}"\nfront = "{front}"\nseal_key = "{Sealer(SEAL_KEY).public}"\n'
        f'figures = "breaks.json"\n[[bank]]\ncode = "{BANK}"\nname = "x"\n'
    )
    return path


def close(office: Path) -> Figures:
    """Have the office close; what it left for the page."""
    done = CliRunner().invoke(cli, ["office", "close", "--config", str(office)])
    assert done.exit_code == 0, done.output
    return parse((office.parent / "breaks.json").read_bytes())


def test_each_close_leaves_the_figures_whole_in_place_of_the_last(office: Path) -> None:
    first = close(office)
    assert first.rows == ()
    store = Store(load_settings(office).office.database)
    with store.transaction() as connection:
        let_in(connection)
        in_suspense(connection)
    store.close()
    second = close(office)
    assert second.rows == (Outstanding(BANK, "bank_only", D1, 1, 100),)
    assert second.told_at > first.told_at
    assert [path.name for path in office.parent.glob("breaks*")] == ["breaks.json"]


def test_without_a_place_for_them_no_figures_are_left(office: Path) -> None:
    office.write_text(office.read_text().replace('figures = "breaks.json"\n', ""))
    done = CliRunner().invoke(cli, ["office", "close", "--config", str(office)])
    assert (done.exit_code, list(office.parent.glob("breaks*"))) == (0, [])


def test_a_place_that_cannot_be_written_to_is_told(office: Path) -> None:
    office.write_text(office.read_text().replace("breaks.json", "missing/breaks.json"))
    done = CliRunner().invoke(cli, ["office", "close", "--config", str(office)])
    assert isinstance(done.exception, FileNotFoundError)
