"""A statement is waited for as long as the server says something, and no longer; SQLite needs no driver."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator

import pytest

from ledger.book.watched_connection import Silent, watched


def _outcome(readiness: list[int]) -> str:
    """What comes of a statement of which the socket says `readiness`, 0 for each second without a byte."""

    def statement() -> Generator[int, int, str]:
        for _ in readiness:
            yield 1
        return "answered"

    statement_watched = watched(statement(), 15)
    next(statement_watched)
    try:
        for ready in readiness:
            statement_watched.send(ready)
    except StopIteration as end:
        return str(end.value)
    except Silent as error:
        return str(error)
    raise AssertionError("the statement still waits")


@pytest.mark.parametrize(
    ("readiness", "outcome"),
    [
        ([0] * 14 + [1], "answered"),
        (([0] * 14 + [1]) * 3, "answered"),
        ([0] * 15, "no answer for 15 s"),
        ([0] * 14 + [1] + [0] * 15, "no answer for 15 s"),
    ],
    ids=["late", "slow and never silent", "silent", "silent within its answer"],
)
def test_a_server_that_says_nothing_for_so_long_is_given_up_and_one_that_is_slow_is_not(
    readiness: list[int], outcome: str
) -> None:
    assert _outcome(readiness) == outcome


def test_a_command_whose_books_are_sqlite_does_not_load_postgresqls_driver() -> None:
    program = (
        "import sys, console.book, console.office\n"
        "from ledger.book.store import Store\n"
        "Store('sqlite:////dev/null').close()\n"
        "print('psycopg' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
