"""A settlement and a withdrawal at the same time, and two loads at once: PostgreSQL, several connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from os import urandom
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ledger.book.departures
import ledger.book.load
from ledger.book.front import FrontBook
from ledger.book.load import Loaded, load_book
from ledger.errors import Conflict, LoadRefused
from tests.support.book_loads import close, digest_of, due_states, load, rows
from tests.support.builders import book, premium, request
from tests.support.interleaving import Stage, gated, named_store, new_postgresql, watcher
from tests.support.next_day_file import NEXT, next_book
from tests.support.seal_reader import faults

_names = count(1)


class Pair:
    """A node that collects, a loader, and who watches the server's locks."""

    def __init__(self, database: str) -> None:
        self.bank, self.loader = named_store(database, "bank"), named_store(database, "loader")
        self.front = FrontBook(self.bank, "check", urandom)
        self.front.create()
        load_book(self.loader, book(dues=[premium(f"D{n}", f"P{n}") for n in range(1, 4)]), digest_of, 1)
        close(self.loader)
        self.front.claim("fep1")
        self.watcher = watcher(database)
        self.seen: list[str] = []
        self.done: list[Loaded] = []

    def close(self) -> None:
        self.watcher.close()
        self.bank.close()
        self.loader.close()

    def settle(self) -> None:
        while True:
            try:
                answer = self.front.commit([request()], 1)[0]
            except Conflict:
                self.seen.append("conflict")
                continue
            self.seen.append(f"{answer.response.value} {answer.reason}".strip())
            return

    def withdraw(self) -> None:
        self.done.append(load(self.loader, next_book(withdrawn=[premium("D1", "P1")])))

    def stage(self) -> Stage:
        return Stage(self.watcher, {"bank": self.settle, "loader": self.withdraw})


@pytest.fixture
def pair(postgresql: str) -> Iterator[Pair]:
    pair = Pair(new_postgresql(postgresql, "pair"))
    yield pair
    pair.close()


@contextmanager
def gates() -> Iterator[None]:
    """Stop the batch when it has read and before its commit; the load before and after the row that makes it
    seen, and before and after dues leave.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(FrontBook, "_write", gated(FrontBook._write, before=True, after=True))
        for owner, name in ((ledger.book.load._Load, "_switch"), (ledger.book.departures, "let_dues_leave")):
            patched.setattr(owner, name, gated(getattr(owner, name), before=True, after=True))
        yield


def test_a_load_from_another_process_is_refused_while_one_is_under_way(pair: Pair) -> None:
    """Two files of as many dues and the same sums would pass every count, and one be taken for the other."""
    refusals: list[str] = []

    def run(part: Callable[[], Any]) -> Any:  # noqa: ANN401 - what it returns
        with pytest.raises(LoadRefused) as caught:
            load(pair.bank, next_book([premium("B1", "P1")], digest="the other"))
        refusals.append(str(caught.value))
        return part()

    load_book(pair.loader, next_book([premium("A1", "P1")]), digest_of, 2, run=run)
    assert refusals == ["another load is under way"] * 5
    assert [name for name in due_states(pair.loader) if name in ("A1", "B1")] == ["A1"]
    close(pair.loader, NEXT)
    assert load(pair.bank, next_book([premium("B1", "P1")], date="20261126")).dues == 1


def test_a_load_is_seen_by_no_batch_that_has_begun(pair: Pair) -> None:
    """It would see one half of what it reads with the load, and the other without."""
    with gates():
        stage = pair.stage()
        for name in ("bank", "loader", "loader"):  # the batch has read D1 open, the load would be seen
            stage.go(name)
        assert stage.where() == {"bank": "at a gate", "loader": "waiting"}
        stage.finish(["bank"])
    assert pair.seen == ["00"]
    assert (pair.done[0].withdrawn, pair.done[0].withdrawn_late) == (0, 1)
    assert due_states(pair.loader)["D1"] == "settled"
    assert faults(pair.loader) == []


def test_a_batch_that_begins_as_a_load_is_seen_sees_it_though_no_due_has_left(pair: Pair) -> None:
    with gates():
        stage = pair.stage()
        for name in ("loader", "loader", "bank"):  # the load's row is written and not committed
            stage.go(name)
        assert stage.where() == {"bank": "waiting", "loader": "at a gate"}
        stage.go("loader")  # it is seen; D1 is about to leave
        assert rows(pair.loader, "SELECT state, leaves > 0 FROM dues WHERE due = 'D1'") == [("open", True)]
        while stage.where()["bank"] != "done":
            stage.go("bank")
        stage.finish()
    assert pair.seen == ["12 DUE WITHDRAWN"]
    assert (pair.done[0].withdrawn, pair.done[0].withdrawn_late) == (1, 0)
    assert due_states(pair.loader)["D1"] == "withdrawn"
    assert faults(pair.loader) == []


@settings(max_examples=20)
@given(order=st.lists(st.sampled_from(["bank", "loader"]), max_size=10))
def test_in_whatever_order_a_due_is_settled_or_withdrawn_and_never_both(
    pair_once: Pair, order: list[str]
) -> None:
    pair = pair_once
    pair.seen, pair.done = [], []
    name = f"W{next(_names)}"
    due = premium(name, f"P{name}")
    today = rows(pair.loader, "SELECT max(date) FROM days")[0][0]
    load(pair.loader, next_book([due], date=today, digest=f"file {name}"))
    tomorrow = close(pair.loader, today)

    def settle() -> None:
        while True:
            try:
                answer = pair.front.commit([request(policy=due.policy)], 1)[0]
            except Conflict:
                continue
            pair.seen.append(answer.response.value)
            return

    def withdraw() -> None:
        given = next_book(withdrawn=[due], date=tomorrow, digest=f"file {name} leaves")
        pair.done.append(load(pair.loader, given))

    with gates():
        Stage(pair.watcher, {"bank": settle, "loader": withdraw}).finish(order)
    close(pair.loader, tomorrow)
    outcome = pair.seen, pair.done[0].withdrawn, pair.done[0].withdrawn_late, due_states(pair.loader)[name]
    assert outcome in ((["00"], 0, 1, "settled"), (["12"], 1, 0, "withdrawn"))
    assert faults(pair.loader) == []


@pytest.fixture(scope="module")
def pair_once(postgresql: str) -> Iterator[Pair]:
    """One database for all of hypothesis's examples: each closes two days, and one due finds its end."""
    pair = Pair(new_postgresql(postgresql, "pair"))
    yield pair
    pair.close()
