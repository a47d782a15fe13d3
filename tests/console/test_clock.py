"""A person accepts the clock of a machine that does not serve; until then nothing final is done by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from console.main import cli
from fep.operator.audit_trail import CLOCK_ACCEPT, CLOCK_JUMP, write
from fep.operator.control_client import ControlError
from ledger.book.retire import RetireRefused
from ledger.book.store import Store
from tests.support.machine import load_front_book, records, write_settings

JUMPED = "the wall clock jumped 40 s back"
FAR_AHEAD = 4_070_908_800_000_000


@pytest.fixture
def config(tmp_path: Path) -> Path:
    load_front_book(write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}"))
    return tmp_path / "qianzhi.toml"


def note(config: Path, act: str, text: str, at: int = 1) -> None:
    store = Store(f"sqlite:///{config.with_name('front.db')}")
    write(store, at, "li", act, "fep1", text)
    store.close()


def qianzhi(config: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, [*words, "--config", str(config)])


def test_who_accepts_a_jump_and_what_the_clock_said_stands_in_the_trail(config: Path) -> None:
    note(config, CLOCK_JUMP, JUMPED)
    done = qianzhi(config, "clock", "accept")
    assert done.exit_code == 0
    assert done.output.startswith(f"accepted: {JUMPED}; the clock says ")
    by, act, node, text = records(config)[-1]
    assert (bool(by), act, node) == (True, CLOCK_ACCEPT, "fep1")
    assert text.startswith(f"{JUMPED}; the clock says ")


def test_a_book_that_is_ahead_of_the_clock_is_accepted_once(config: Path) -> None:
    note(config, "reload", "", FAR_AHEAD)
    done = qianzhi(config, "clock", "accept")
    assert "the book was written to at 2099-01-01 00:00:00 UTC; the clock says" in done.output
    again = qianzhi(config, "clock", "accept")
    assert isinstance(again.exception, ControlError)
    assert str(again.exception).startswith("the clock is trusted: it says ")


def test_no_day_is_forgotten_by_a_clock_that_jumped_before_a_person_has_accepted_it(config: Path) -> None:
    note(config, CLOCK_JUMP, JUMPED)
    refused = qianzhi(config, "book", "retire")
    assert isinstance(refused.exception, RetireRefused)
    assert str(refused.exception) == f"{JUMPED}: nothing is retired before qianzhi clock accept"
    qianzhi(config, "clock", "accept")
    assert JUMPED not in str(qianzhi(config, "book", "retire").exception)
