"""`qianzhi day cutover` on a book that nobody serves: it closes the date that was named, or that a person at
a terminal says yes to, and no other.
"""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import console.day
from console.main import cli
from ledger.book.cutover import CutoverRefused
from ledger.book.journal import read_days
from ledger.book.store import Store
from ledger.rules.beijing import BEIJING
from simulators.processes import PROGRAM
from tests.support.builders import DATE
from tests.support.machine import load_front_book, write_settings

pytestmark = pytest.mark.slow

NEXT = "20261125"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    load_front_book(write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db"))
    return tmp_path / "qianzhi.toml"


def days(config: Path) -> list[tuple[str, str]]:
    store = Store(f"sqlite:///{config.parent}/front.db", lock=False)
    with store.reading() as connection:
        business_days = [(row.date, str(row.state)) for row in read_days(connection)]
    store.close()
    return business_days


def cut_over(config: Path, *arguments: str) -> Result:
    """Without a terminal, as a script or a timer does."""
    return CliRunner().invoke(cli, ["day", "cutover", "--config", str(config), *arguments])


def at_a_terminal(config: Path, typed: str) -> subprocess.CompletedProcess[str]:
    """At a keyboard at which this has been typed."""
    keyboard, terminal = pty.openpty()
    try:
        os.write(keyboard, typed.encode())
        command = [*PROGRAM, "day", "cutover", "--config", str(config)]
        return subprocess.run(
            command, stdin=terminal, capture_output=True, text=True, check=False, timeout=60
        )
    finally:
        os.close(keyboard)
        os.close(terminal)


OPEN = [(DATE, "open")]
CLOSED = [(DATE, "closed"), (NEXT, "open")]


def test_without_a_terminal_the_date_has_to_be_named(config: Path) -> None:
    done = cut_over(config)
    assert (done.exit_code, days(config)) == (2, OPEN)
    assert f"say which business day to close: --date {DATE} is the open one" in done.stderr


def test_asked_twice_for_a_date_it_closes_one_day_and_says_so(config: Path) -> None:
    first = cut_over(config, "--date", DATE)
    assert (first.exit_code, days(config)) == (0, CLOSED)
    assert first.stdout.startswith(f"{DATE} is closed, {NEXT} is open; root ")
    for more in ((), ("--early",)):
        again = cut_over(config, "--date", DATE, *more)
        assert (again.exit_code, days(config)) == (0, CLOSED)
        assert f"{DATE} was closed before, and nothing was changed; {NEXT} followed; root " in again.stdout


@pytest.mark.parametrize("typed", ["y\n", "yes\n"])
def test_at_a_terminal_it_says_which_day_it_would_close_and_asks(config: Path, typed: str) -> None:
    done = at_a_terminal(config, typed)
    assert f"Business day {DATE} is open. Close it, and open {NEXT}?" in done.stderr
    assert (done.returncode, days(config)) == (0, CLOSED)


@pytest.mark.parametrize("typed", ["n\n", "\n", "\x04"])
def test_who_does_not_say_yes_closes_nothing(config: Path, typed: str) -> None:
    assert at_a_terminal(config, typed).returncode == 130
    assert days(config) == OPEN


def test_a_book_without_an_open_day_says_what_opens_one(tmp_path: Path) -> None:
    write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    cut_over(tmp_path / "qianzhi.toml", "--date", DATE)  # makes the book
    refused = cut_over(tmp_path / "qianzhi.toml").exception
    assert isinstance(refused, CutoverRefused)
    assert "no business day is open: load the dues first" in str(refused)


Clock = Callable[[str], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    def set_to(text: str) -> None:
        moment = datetime.fromisoformat(text).replace(tzinfo=BEIJING)
        monkeypatch.setattr(console.day, "now_us", lambda: int(moment.timestamp() * 1_000_000))

    return set_to


@pytest.mark.parametrize(
    ("hour", "moment", "why"),
    [
        (
            "22:00",
            "2026-11-24 21:59",
            f"{DATE} ends at 2026-11-24 22:00, and it is 2026-11-24 21:59",
        ),
        (
            "00:30",
            "2026-11-25 00:29",
            f"{DATE} ends at 2026-11-25 00:30, and it is 2026-11-25 00:29",
        ),
        ("", "2026-11-23 23:59", f"{DATE} has not begun: it is 2026-11-23 23:59"),
    ],
)
def test_before_its_hour_a_day_is_closed_with_early_only(
    config: Path, clock: Clock, hour: str, moment: str, why: str
) -> None:
    if hour:
        config.write_text(f'{config.read_text()}[day]\ncutover = "{hour}"\n')
    clock(moment)
    refused = cut_over(config, "--date", DATE).exception
    assert str(refused) == f"business day {why} in Beijing: nothing was done; --early closes it all the same"
    assert days(config) == OPEN
    assert cut_over(config, "--date", DATE, "--early").exit_code == 0
    assert days(config) == CLOSED
    assert cut_over(config, "--date", DATE).exit_code == 0, "it is closed, and nobody asks for its hour"
