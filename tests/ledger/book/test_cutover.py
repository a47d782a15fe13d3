"""The cut-over: every entry in one day, every day under one seal, whoever asks, how often, and whatever is
lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from os import urandom

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.engine import RootTransaction
from sqlalchemy.exc import DatabaseError

import ledger.book.cutover
import ledger.book.front
from ledger.book.audit_log import read_audit_log
from ledger.book.cutover import Cutover, CutoverRefused, DayStatus, cut_over, read_day_status
from ledger.book.front import FrontBook
from ledger.book.journal import DayRow, read_days
from ledger.book.load import load_book
from ledger.book.schema import audit_log
from ledger.book.store import Store
from ledger.errors import BatchRefused, Conflict, OutcomeUnknown
from ledger.rules.calendar import Calendar, CalendarUnknown
from ledger.rules.request import Act, Answer
from ledger.rules.seal import Sealer
from protocol.responses import Response
from tests.support.builders import DATE, book, premium, request
from tests.support.interleaving import Stage, gated, named_store, new_postgresql, watcher
from tests.support.machine import SEAL_KEY
from tests.support.seal_reader import faults

NEXT = "20261125"
SEALER = Sealer(SEAL_KEY)
NOW = 1_764_000_000_000_000

close = partial(cut_over, next_business_date=Calendar().next_business_date, sealer=SEALER, now_us=NOW)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    store = Store(database)
    FrontBook(store, "check", urandom).create()
    load_book(store, book(dues=[premium(f"D{n}", f"P{n}") for n in range(1, 6)]), str, 1)
    yield store
    store.close()


def day_rows(store: Store) -> tuple[DayRow, ...]:
    with store.reading() as connection:
        return read_days(connection)


def states(store: Store) -> list[tuple[str, str]]:
    return [(row.date, row.state) for row in day_rows(store)]


def told(answers: list[Answer]) -> list[tuple[str, str]]:
    return [(answer.response.value, answer.business_date) for answer in answers]


def test_what_comes_after_a_cut_over_is_of_the_next_day_and_the_seal_lies_between(
    front: FrontBook, store: Store
) -> None:
    first = request()
    assert told(front.commit([first, request(policy="P2")], 1)) == [("00", DATE)] * 2
    done = close(store, DATE)
    assert done == Cutover(DATE, NEXT, NOW, day_rows(store)[0].root)
    assert told(front.commit([first], 2)) == [("00", DATE)], "a repeat has the first answer's date"
    assert told(front.commit([request(policy="P3"), request(Act.REVERSE, original=first.key)], 2)) == [
        ("00", NEXT),
        ("00", NEXT),
    ]
    assert states(store) == [(DATE, "closed"), (NEXT, "open")]
    assert faults(store) == []


def test_a_cancel_of_yesterday_is_refused_and_dated_today(front: FrontBook, store: Store) -> None:
    first = request()
    front.commit([first], 1)
    close(store, DATE)
    assert told(front.commit([request(Act.CANCEL, original=first.key)], 2)) == [("12", NEXT)]
    assert faults(store) == []


def test_a_day_is_closed_once_however_often_it_is_asked_for(front: FrontBook, store: Store) -> None:
    front.commit([request()], 1)
    done = close(store, DATE)
    front.commit([request(policy="P2")], 2)
    before = day_rows(store)
    assert cut_over(store, DATE, Calendar().next_business_date, Sealer(bytes(32)), NOW + 1) == done._replace(
        done_before=True
    )
    assert day_rows(store) == before
    assert faults(store) == []


def test_an_objection_keeps_an_open_day_open_and_says_nothing_of_a_closed_one(store: Store) -> None:
    with pytest.raises(CutoverRefused, match="too early: nothing was done; --early closes it all the same"):
        close(store, DATE, objection="too early")
    assert states(store) == [(DATE, "open")]
    done = close(store, DATE)
    assert close(store, DATE, objection="too early") == done._replace(done_before=True)


def test_the_book_says_whether_a_date_has_its_dues_and_when_it_was_cut_over_last(store: Store) -> None:
    assert read_day_status(store, DATE) == DayStatus(True, None)
    close(store, DATE)
    assert read_day_status(store, NEXT) == DayStatus(False, NOW)
    assert read_day_status(store, DATE) == DayStatus(True, NOW)
    load_book(store, book(date=NEXT, dues=[premium("D9", "P1")]), str, 1)
    cut_over(store, NEXT, Calendar().next_business_date, SEALER, NOW + 5)
    assert read_day_status(store, NEXT) == DayStatus(True, NOW + 5)


def test_days_follow_each_other_and_each_has_its_seal(front: FrontBook, store: Store) -> None:
    dates = [DATE]
    for number in range(1, 5):
        front.commit([request(policy=f"P{number}")], number)
        dates.append(close(store, dates[-1]).next_date)
    assert dates == [DATE, "20261125", "20261126", "20261127", "20261130"]
    assert [row.state for row in day_rows(store)] == ["closed"] * 4 + ["open"]
    assert len({row.signature for row in day_rows(store)}) == 5
    assert faults(store) == []


def test_a_day_is_not_closed_before_its_last_entry_by_a_clock_that_was_set_back(
    front: FrontBook, store: Store
) -> None:
    front.commit([request()], NOW + 3600)
    assert close(store, DATE, now_us=NOW).closed_at == NOW + 3600
    with store.reading() as connection:
        assert [act.at for act in read_audit_log(connection, audit_log)][-1] == NOW + 3600
    assert faults(store) == []


def test_a_day_that_there_is_not_cannot_be_closed(store: Store) -> None:
    for unknown in ("20261125", "20261123", "2026-11-24", ""):
        with pytest.raises(CutoverRefused, match=f"there is no business day {unknown}"):
            close(store, unknown)
    assert states(store) == [(DATE, "open")]


def test_a_next_date_that_nobody_knows_leaves_the_day_open(front: FrontBook, store: Store) -> None:
    def unknown(_: str) -> str:
        raise CalendarUnknown("the holidays of 2027 are not known")

    with pytest.raises(CalendarUnknown):
        cut_over(store, DATE, unknown, SEALER, NOW)
    assert states(store) == [(DATE, "open")]
    assert told(front.commit([request()], 1)) == [("00", DATE)]


@contextmanager
def losing_commits(*, done: bool) -> Iterator[None]:
    """The database is lost in every COMMIT: after it is done, or before."""
    real = RootTransaction.commit

    def lose(self: RootTransaction) -> None:
        if done:
            real(self)
        raise DatabaseError("COMMIT", None, ConnectionError("lost"), connection_invalidated=True)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(RootTransaction, "commit", lose)
        yield


@pytest.mark.parametrize("done", [True, False])
def test_a_cut_over_that_is_lost_in_commit_is_found_out_by_asking_again(
    front: FrontBook, store: Store, done: bool
) -> None:
    front.commit([request()], 1)
    with losing_commits(done=done), pytest.raises(OutcomeUnknown):
        close(store, DATE)
    sealed = day_rows(store)
    again = close(store, DATE, now_us=NOW + 5)
    assert again.done_before is done
    assert again.closed_at == (NOW if done else NOW + 5)
    assert not done or day_rows(store) == sealed, "the same seal"
    assert close(store, DATE) == again._replace(done_before=True)
    assert told(front.commit([request(policy="P2")], 2)) == [("00", NEXT)]
    assert faults(store) == []


WRONG_STATES = (
    "UPDATE days SET state = 'closed'",
    "UPDATE days SET state = 'closed', signature = 'x'",
    "UPDATE days SET state = 'closed', signature = 'x', next_date = date",
    "UPDATE days SET state = 'closed', next_date = '20261125'",
    "UPDATE days SET signature = 'x', next_date = '20261125'",
    "UPDATE days SET state = 'reconciled', signature = 'x', next_date = '20261125'",
    "UPDATE days SET state = ''",
    "INSERT INTO days VALUES ('20261125', 'open', '', 0, '', '', '')",
    "INSERT INTO days VALUES ('20261124', 'closed', '20261125', 1, '[]', 'r', 's')",
    "INSERT INTO days VALUES ('20261123', 'closed', '', 1, '[]', 'r', '')",
)


def test_the_database_refuses_a_day_in_a_wrong_state(store: Store) -> None:
    for statement in WRONG_STATES:
        with pytest.raises((BatchRefused, Conflict)), store.transaction() as connection:
            connection.execute(text(statement))
    assert states(store) == [(DATE, "open")]


def test_a_closed_day_does_not_open_beside_another(store: Store) -> None:
    close(store, DATE)
    with pytest.raises((BatchRefused, Conflict)), store.transaction() as connection:
        connection.execute(text("UPDATE days SET state = 'open', signature = '' WHERE date = '20261124'"))
    assert states(store) == [(DATE, "closed"), (NEXT, "open")]


def test_the_findings_that_these_tests_rely_on_are_found(front: FrontBook, store: Store) -> None:
    """A date, a total and a seal that are changed afterwards are each seen."""
    front.commit([request()], 1)
    close(store, DATE)
    front.commit([request(policy="P2")], 2)
    trigger = (
        "DROP TRIGGER journal_is_never_updated"
        if store.is_sqlite
        else "DROP TRIGGER journal_is_never_changed ON journal"
    )
    for statement in (
        trigger,
        "UPDATE journal SET business_date = '20261123' WHERE position = 2",
        "UPDATE bank_days SET collected = collected + 1",
        "UPDATE days SET root = 'x' WHERE state = 'closed'",
    ):
        with store.transaction() as connection:
            connection.execute(text(statement))
    fault_text = " ".join(faults(store))
    parts = ("earlier date", "wrong side", "totals kept", "root is not", "not signed", "tip vouches")
    assert [word for word in parts if word not in fault_text] == []


# Two nodes and an operator on one PostgreSQL, in every order.


class Nodes:
    """Nodes A and B, operator C, and who watches the server's locks."""

    def __init__(self, database: str) -> None:
        self.stores = {name: named_store(database, name) for name in "ABC"}
        self.fronts = {name: FrontBook(self.stores[name], "check", urandom) for name in "AB"}
        self.fronts["A"].create()
        load_book(self.stores["C"], book(), str, 1)
        for name, front in self.fronts.items():
            front.claim(f"node-{name.lower()}")
        self.watcher = watcher(database)
        self.answers: list[tuple[str, Answer]] = []
        self.attempts = 0

    def close(self) -> None:
        self.watcher.close()
        for store in self.stores.values():
            store.close()

    def batches(self, node: str, bank: str, number: int = 1) -> None:
        """Batches of two advices, which nothing can refuse; a conflict is run again, as the engine does."""
        for _ in range(number):
            sent = [request(advice=True, mti="0220", bank=bank, policy="P9") for _ in range(2)]
            while True:
                self.attempts += 1
                try:
                    answers = self.fronts[node].commit(sent, 1)
                except Conflict:
                    continue
                break
            self.answers.extend((request.key, answer) for request, answer in zip(sent, answers, strict=True))

    def today(self) -> str:
        with self.stores["C"].reading() as connection:
            return str(connection.execute(text("SELECT max(date) FROM days")).scalar_one())

    def cut_over(self) -> None:
        cut_over(self.stores["C"], self.today(), _tomorrow, SEALER, NOW)

    def dates(self) -> dict[str, str]:
        with self.stores["C"].reading() as connection:
            rows = connection.execute(text("SELECT key, business_date FROM journal"))
            return {row[0]: row[1] for row in rows}


def _tomorrow(today: str) -> str:
    return f"{date.fromisoformat(today) + timedelta(1):%Y%m%d}"


@pytest.fixture
def nodes(postgresql: str) -> Iterator[Nodes]:
    nodes = Nodes(new_postgresql(postgresql, "nodes"))
    yield nodes
    nodes.close()


@contextmanager
def gates() -> Iterator[None]:
    """Stop a batch before and after it reads the day, and before and after it writes; a cut-over with the
    day's row in hand, and before its commit.
    """
    with pytest.MonkeyPatch.context() as patched:
        for owner, name, after in (
            (ledger.book.front, "_read_day", True),
            (FrontBook, "_write", True),
            (ledger.book.cutover, "_chain_ends", False),
            (ledger.book.cutover, "open_day", True),
        ):
            patched.setattr(owner, name, gated(getattr(owner, name), before=True, after=after))
        yield


def together(nodes: Nodes, parts: dict[str, Callable[[], None]], order: list[str]) -> None:
    with gates():
        Stage(nodes.watcher, parts).finish(order)


@settings(max_examples=40)
@given(
    order=st.lists(st.sampled_from("AAABBBCC"), max_size=24),
    one_bank=st.booleans(),
    cutovers=st.integers(1, 2),
)
def test_in_whatever_order_every_entry_is_in_the_day_that_its_answer_names(
    nodes_once: Nodes, order: list[str], one_bank: bool, cutovers: int
) -> None:
    nodes = nodes_once
    before, nodes.answers, nodes.attempts = nodes.today(), [], 0
    parts: dict[str, Callable[[], None]] = {
        "A": partial(nodes.batches, "A", "01020000", 2),
        "B": partial(nodes.batches, "B", "01020000" if one_bank else "01030000", 2),
        "C": lambda: [nodes.cut_over() for _ in range(cutovers)] and None,
    }
    together(nodes, parts, order)
    known = nodes.dates()
    assert [answer.response for _, answer in nodes.answers] == [Response.APPROVED] * 8
    assert [answer.business_date for _, answer in nodes.answers] == [known[key] for key, _ in nodes.answers]
    assert (date.fromisoformat(nodes.today()) - date.fromisoformat(before)).days == cutovers
    assert faults(nodes.stores["C"]) == []
    assert one_bank or nodes.attempts == 4, "no batch is run twice for the cut-over's sake"


@pytest.fixture(scope="module")
def nodes_once(postgresql: str) -> Iterator[Nodes]:
    """One database for all of hypothesis's examples: each closes the day that the one before opened."""
    nodes = Nodes(new_postgresql(postgresql, "nodes"))
    yield nodes
    nodes.close()


def test_a_cut_over_waits_for_the_batch_under_way_and_what_follows_waits_for_the_cut_over(
    nodes: Nodes,
) -> None:
    """However busy the nodes are: batches that begin while it waits queue behind it."""
    parts: dict[str, Callable[[], None]] = {
        "A": partial(nodes.batches, "A", "01020000"),
        "B": partial(nodes.batches, "B", "01030000"),
        "C": nodes.cut_over,
    }
    with gates():
        stage = Stage(nodes.watcher, parts)
        for name in ("A", "A", "A"):  # A has read the day, and is about to write
            stage.go(name)
        stage.go("C")
        assert stage.where() == {"A": "at a gate", "B": "at a gate", "C": "waiting"}
        stage.go("B")
        stage.go("B")
        assert stage.where() == {"A": "at a gate", "B": "waiting", "C": "waiting"}
        stage.finish("AAAACCCC")
    assert [answer.business_date for _, answer in nodes.answers] == [DATE, DATE, NEXT, NEXT]
    assert faults(nodes.stores["C"]) == []


def test_a_batch_that_waited_for_the_days_row_looks_again(nodes: Nodes) -> None:
    """The day may have been closed by whoever locks its row alone: PostgreSQL then gives no row at all."""
    url = nodes.stores["C"]

    def close_by_row() -> None:
        with url.transaction() as connection:
            connection.execute(text("SELECT date FROM days FOR UPDATE"))
            closing = "UPDATE days SET state = 'closed', next_date = '20261125', signature = 's'"
            connection.execute(text(closing))
            ledger.book.cutover.open_day(connection, NEXT)

    parts: dict[str, Callable[[], None]] = {
        "A": partial(nodes.batches, "A", "01020000"),
        "C": close_by_row,
    }
    with gates():
        stage = Stage(nodes.watcher, parts)
        stage.go("A")
        for name in ("C", "C"):
            stage.go(name)
        stage.go("A")
        assert stage.where() == {"A": "waiting", "C": "at a gate"}
        stage.finish("CA")
    assert told([answer for _, answer in nodes.answers]) == [("00", NEXT)] * 2


def test_two_operators_close_a_day_once(nodes: Nodes) -> None:
    done: dict[str, Cutover] = {}

    def close_day(name: str) -> None:
        done[name] = cut_over(nodes.stores[name], DATE, _tomorrow, SEALER, ord(name))

    parts: dict[str, Callable[[], None]] = {name: partial(close_day, name) for name in "AC"}
    with gates():
        stage = Stage(nodes.watcher, parts)
        stage.go("C")
        stage.go("A")
        assert stage.where() == {"A": "waiting", "C": "at a gate"}
        stage.finish("C")
    assert not done["C"].done_before
    assert done["A"] == done["C"]._replace(done_before=True)
    assert faults(nodes.stores["C"]) == []
