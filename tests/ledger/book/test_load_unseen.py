"""A load that keeps nobody waiting: by small transactions, unseen until one row says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

import ledger.book.arrivals
import ledger.book.load
from ledger.book.front import FrontBook
from ledger.book.load import load_book
from ledger.book.store import Store
from ledger.errors import LoadRefused
from ledger.rules.request import Act
from tests.support.book_loads import Killed, close, digest_of, due_states, killed, load, rows, unseen
from tests.support.builders import policy, premium, request
from tests.support.next_day_file import NEXT, next_book
from tests.support.seal_reader import faults


def test_until_one_row_says_so_nothing_is_seen_and_then_everything(store: Store, front: FrontBook) -> None:
    """Whatever transaction it is looked at after, by whoever reads, and also by who takes money back."""
    paid = request(policy="P4")
    front.commit([paid], 1)
    close(store)
    given = next_book(
        [premium("N1", "P1")], [premium("D2", "P2"), premium("D4", "P4")], [policy("P3", "lapsed")]
    )
    looks = [inquiry for n in (1, 2, 3) if (inquiry := request(Act.DUES, policy=f"P{n}", key=""))]
    seen: list[object] = []

    def run(part: Callable[[], Any]) -> Any:  # noqa: ANN401 - what it returns
        result = part()
        said = tuple(
            (answer.status, tuple(due.due for due in answer.dues)) for answer in front.commit(looks, 2)
        )
        seen.append((due_states(store), said))
        return result

    done = load_book(store, given, digest_of, 2, run=run)
    different = [state for place, state in enumerate(seen) if state != seen[place - 1]]
    before = (("active", ("D1",)), ("active", ("D2",)), ("active", ("D3",)))
    after = (("active", ("D1", "N1")), ("active", ()), ("lapsed", ()))
    assert [said for _, said in different] == [after] or [said for _, said in different] == [before, after]
    assert (seen[0][1], seen[-1][1]) == (before, after)  # type: ignore[index]
    assert (done.withdrawn, done.withdrawn_late, done.lapsed) == (1, 1, 1)


def test_a_settlement_undone_when_its_load_is_seen_and_its_due_has_not_left_yet_leaves_it_withdrawn(
    store: Store, front: FrontBook
) -> None:
    paid, other = request(), request(policy="P2")
    front.commit([paid, other], 1)
    close(store)
    gone = next_book(withdrawn=[premium("D1", "P1")])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            ledger.book.load._Load, "_let_leave", lambda _, number: killed() if number > 1 else None
        )
        with pytest.raises(Killed):
            load(store, gone)
        patched.undo()
    load_is_seen = rows(store, "SELECT count(*) FROM loads")
    undone = [
        request(Act.REVERSE, original=settlement.key, policy=settlement.policy, mti="0400")
        for settlement in (paid, other)
    ]
    answers = front.commit([*undone, request(), request(policy="P2")], 2)
    assert load_is_seen == [(2,)]
    assert [answer.response.value for answer in answers] == ["00", "00", "12", "00"]
    assert due_states(store)["D1"] == "withdrawn"
    with pytest.raises(LoadRefused, match="loaded already"):
        load(store, gone)
    assert (unseen(store), due_states(store)["D1"]) == ([], "withdrawn")
    assert faults(store) == []


@contextmanager
def rows_touched() -> Iterator[list[int]]:
    """How many rows each transaction inserts, updates or deletes."""
    touched: list[int] = []

    def begun(_connection: object) -> None:
        touched.append(0)

    def done(_connection: object, cursor: Any, statement: str, *_: object) -> None:  # noqa: ANN401 - a driver's
        if statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
            touched[-1] += max(cursor.rowcount, 0)

    event.listen(Engine, "begin", begun)
    event.listen(Engine, "after_cursor_execute", done)
    try:
        yield touched
    finally:
        event.remove(Engine, "begin", begun)
        event.remove(Engine, "after_cursor_execute", done)


def test_no_transaction_of_a_load_of_any_size_touches_more_than_a_few_slices(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits longer than for one of them: of a first load, of one that changes all, of what is left."""
    monkeypatch.setattr(ledger.book.load, "ROWS_A_TRANSACTION", 10)
    close(store)
    many = [premium(f"M{n:03d}", f"Q{n:03d}") for n in range(95)]
    ended = [policy(f"Q{n:03d}", "terminated", "another") for n in range(95)]
    later = [premium(f"L{n:03d}", f"R{n:03d}") for n in range(40)]
    dates = [NEXT, "20261126", "20261127", "20261128"]
    files = [
        next_book(many, date=dates[0]),
        next_book(later, many[:50], ended, date=dates[1]),
        next_book([premium("X1", "P1")], date=dates[2]),
        next_book([premium("X2", "P1")], date=dates[3]),
    ]
    with rows_touched() as touched:
        for date, given in zip(dates, files, strict=True):
            if date == dates[2]:
                with pytest.MonkeyPatch.context() as patched:
                    patched.setattr(ledger.book.load._Load, "_switch", killed)
                    with pytest.raises(Killed):
                        load(store, next_book([premium(f"Z{n:03d}", "P1") for n in range(60)], date=date))
            load(store, given)
            close(store, date)
    assert max(touched) <= 31, "a slice, what lapses with it, and their load's row"
    assert sum(touched) > 500
    assert sorted(due_states(store)) == [
        "B6",
        *(f"D{n}" for n in range(1, 6)),
        *(due.due for due in later),
        "X1",
        "X2",
    ]


def test_a_slice_is_of_500_rows(store: Store) -> None:
    close(store)
    many = [premium(f"M{n:04d}", "P1") for n in range(1_100)]
    with rows_touched() as touched:
        load(store, next_book(many))
    assert max(touched) == 501, "a slice, and its load's row"
