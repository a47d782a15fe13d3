"""A load that is lost on its way, at whatever place: whole or not there, and it can be loaded again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import count
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import RootTransaction
from sqlalchemy.exc import DatabaseError

import ledger.book.arrivals
import ledger.book.load
from ledger.book.load import Loaded, load_book
from ledger.book.schema import FRONT
from ledger.book.store import Store
from ledger.errors import InvariantBroken, LedgerError, LoadOvertaken, LoadRefused
from tests.support.book_loads import (
    Killed,
    close,
    digest_of,
    due_states,
    first_store,
    killed,
    load,
    rows,
    taken,
    unseen,
)
from tests.support.builders import benefit, policy, premium
from tests.support.next_day_file import NEXT, next_book

pytestmark = pytest.mark.slow


@pytest.fixture
def fresh(database: str) -> Callable[[], Store]:
    """Makes books as `store` is, each anew in one database."""

    def make() -> Store:
        store = Store(database)
        with store.transaction() as connection:
            if store.is_sqlite:
                FRONT.drop_all(connection)
            else:  # with the functions of its triggers
                connection.execute(text("DROP SCHEMA public CASCADE"))
                connection.execute(text("CREATE SCHEMA public"))
        store.close()
        return first_store(database)

    return make


# What fails on the way.


FULL = next_book([premium("N1", "P1"), benefit("N2", "P7")], [premium("D2", "P2")], [policy("P3", "lapsed")])


def dying(at: int, *, committed: bool) -> Callable[[Callable[[], Any]], Any]:
    """Runs transactions until the one of that number, and dies before it or after it is done."""
    seen = count()

    def run(part: Callable[[], Any]) -> Any:  # noqa: ANN401 - what it returns
        is_last = next(seen) == at
        result = None if is_last and not committed else part()
        if is_last:
            raise Killed
        return result

    return run


def transactions(store: Store) -> int:
    """How many transactions a load of FULL takes; the book is as before when it has been counted."""
    seen = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ledger.book.load._Load, "_switch", killed)
        with pytest.raises(Killed):
            load_book(store, FULL, digest_of, 2, run=lambda part: (seen.append(1), part())[1])
    return len(seen) + AFTER_THE_SWITCH


AFTER_THE_SWITCH = 3
"""D2 leaves, and P3's premium with it; P3 changes; the audit log says so."""
LEFT = {
    "B6": "open",
    "D1": "open",
    "D2": "withdrawn",
    "D3": "lapsed",
    "D4": "open",
    "D5": "open",
    "N1": "open",
    "N2": "open",
}


@pytest.mark.parametrize("committed", [True, False])
def test_a_loadkilled_at_any_transaction_is_whole_or_not_there_and_can_be_loaded_again(
    fresh: Callable[[], Store], committed: bool
) -> None:
    """Look, begin, withdraw, policies, dues, switch, leave, change, end: lost before one is done or after."""
    at, last = 0, 0
    while at <= last:
        store = fresh()
        close(store)
        before = taken(store)
        last = last or transactions(store) - 1
        with pytest.raises(Killed):
            load_book(store, FULL, digest_of, 2, run=dying(at, committed=committed))
        if taken(store) == before:
            assert load(store, FULL) == Loaded(NEXT, 3, 2, 120_000, 500_000, 1, 0, 1)
        else:
            assert at >= last - AFTER_THE_SWITCH, "whole, or not there"
        with pytest.raises(LoadRefused, match="this file was loaded already"):
            load(store, FULL)
        assert due_states(store) == LEFT
        assert unseen(store) == []
        figures = rows(store, f"SELECT withdrawn, withdrawn_late, lapsed FROM loads WHERE date = '{NEXT}'")  # noqa: S608 - constant
        assert figures == [(1, 0, 1)]
        at += 1
        store.close()
    assert last == 8


STEPS = (
    (ledger.book.arrivals, "withdraw"),
    (ledger.book.arrivals, "put_policies"),
    (ledger.book.arrivals, "put_dues"),
    (ledger.book.load._Load, "_verify"),
    (ledger.book.load, "record"),
)


@pytest.mark.parametrize(("owner", "step"), STEPS)
def test_a_load_that_fails_at_any_step_leaves_the_book_as_it_was(
    store: Store, monkeypatch: pytest.MonkeyPatch, owner: object, step: str
) -> None:
    close(store)
    before = taken(store)
    real = getattr(owner, step)

    def fail(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - what the step takes and gives
        real(*arguments, **named)
        raise Killed

    monkeypatch.setattr(owner, step, fail)
    with pytest.raises(Killed):
        load(store, FULL)
    monkeypatch.undo()
    assert taken(store) == before
    assert load(store, FULL).dues == 2
    assert unseen(store) == []


def test_what_an_interrupted_load_of_another_file_left_is_not_taken(store: Store) -> None:
    close(store)
    other = next_book(
        [premium("OLD", "P1"), premium("OLD2", "P9")],
        [premium("D1", "P1")],
        [policy("P2", "lapsed")],
        digest="old",
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ledger.book.load._Load, "_switch", killed)
        with pytest.raises(Killed):
            load(store, other)
    assert "OLD" not in due_states(store)
    assert rows(store, "SELECT due FROM dues WHERE due LIKE 'OLD%' ORDER BY due") == [("OLD",), ("OLD2",)]
    load(store, next_book([premium("N1", "P1")]))
    assert rows(store, "SELECT due FROM dues WHERE due LIKE 'OLD%'") == []
    assert due_states(store) == {"B6": "open", "N1": "open", **{f"D{n}": "open" for n in range(1, 6)}}
    assert rows(store, "SELECT policy, state FROM policies WHERE policy IN ('P2', 'P9')") == [
        ("P2", "active")
    ]
    assert unseen(store) == []


def test_a_load_that_was_cut_off_while_another_began_puts_in_and_takes_out_nothing_more(store: Store) -> None:
    close(store)
    before: list[object] = []

    def overtaken(part: Callable[[], Any]) -> Any:  # noqa: ANN401 - what it returns
        if len(before) == 3:
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(
                    ledger.book.load, "_only_load", nullcontext
                )  # its connection was lost, and the lock
                patched.setattr(ledger.book.load._Load, "_switch", killed)
                with pytest.raises(Killed):
                    load(store, next_book([premium("N9", "P1")], digest="the other"))
            before.append(rows(store, "SELECT due, load, leaves FROM dues ORDER BY due"))
        before.append(part)
        return part()

    with pytest.raises(LoadOvertaken):
        load_book(store, FULL, digest_of, 2, run=overtaken)
    assert rows(store, "SELECT due, load, leaves FROM dues ORDER BY due") == before[3]
    assert load(store, FULL).dues == 2


@contextmanager
def losing_commit(number: int, *, done: bool) -> Iterator[None]:
    """The database is lost in the COMMIT of that number, after it is done or before."""
    real, seen = RootTransaction.commit, count()

    def lose(self: RootTransaction) -> None:
        if next(seen) != number:
            real(self)
            return
        if done:
            real(self)
        raise DatabaseError("COMMIT", None, ConnectionError("lost"), connection_invalidated=True)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(RootTransaction, "commit", lose)
        yield


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("number", range(9))
def test_a_load_that_is_lost_in_a_commit_finds_out_what_became_of_it(
    store: Store, number: int, done: bool
) -> None:
    close(store)
    with losing_commit(number, done=done):
        assert load(store, FULL) == Loaded(NEXT, 3, 2, 120_000, 500_000, 1, 0, 1)
    assert due_states(store) == LEFT
    assert unseen(store) == []
    with pytest.raises(LoadRefused, match=f"this file was loaded already, for {NEXT}"):
        load(store, FULL)


def test_whatever_is_staged_must_be_what_the_file_says(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that gets lost on its way is seen before anything can be."""
    close(store)
    given = next_book(
        [premium("N1", "P1"), premium("N2", "P2")],
        [premium("D1", "P1")],
        [policy("P3", "lapsed"), policy("P9")],
    )
    for step in ("put_dues", "put_policies", "withdraw"):
        real = getattr(ledger.book.arrivals, step)

        def lose(connection: Any, number: int, given: Sequence[Any], real: Any = real) -> Any:  # noqa: ANN401
            return real(connection, number, given[:-1])

        monkeypatch.setattr(ledger.book.arrivals, step, lose)
        with pytest.raises((InvariantBroken, LedgerError)):
            load(store, given)
        monkeypatch.undo()
        assert "N1" not in due_states(store)
    assert load(store, given).dues == 2
