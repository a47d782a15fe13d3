"""A jump of the wall clock is told once and written down for good; only a person's recorded word ends it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from fep.day.clock_watch import ClockWatch
from fep.operator.audit_trail import ClockWord, begin, clock_word
from fep.operator.control_client import ControlError
from fep.telemetry.event_log import EventLog, Kind
from ledger.book.audit_log import read_audit_log
from ledger.book.schema import audit_log
from ledger.book.store import Store
from ledger.errors import Unavailable
from tests.support.clocks import MovedClock

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = 3600
BACK = "the wall clock jumped 3600 s back"


class Tower:
    """A watch over a clock that a test sets, on a book that can be out of reach."""

    def __init__(self, store: Store, clock: MovedClock | None = None, node: str = "fep1") -> None:
        self.store, self.clock = store, clock or MovedClock(NOON)
        self.is_away = False
        self.meanwhile: Callable[[], None] = lambda: None
        self.event_log = EventLog(self.clock.now_us, self.clock.seconds)
        self.watch = ClockWatch(self.clock, store, self._run, self.event_log, node)

    def _run(self, exclusive_job: Callable[[], Any]) -> Deferred[Any]:
        if self.is_away:
            return fail(Failure(Unavailable("no database")))
        done = exclusive_job()
        self.meanwhile()
        return succeed(done)

    def accept(self) -> object:
        """What the operator Li is told."""
        results: list[object] = []
        self.watch.accept({"by": "li"}, lambda _: None).addCallbacks(
            results.append, lambda failure: results.append(failure.value)
        )
        return results[0]

    def acts(self) -> list[tuple[str, ...]]:
        with self.store.reading() as connection:
            return [record[2:6] for record in read_audit_log(connection, audit_log)]

    def events(self) -> list[tuple[Kind, str]]:
        return [(event.kind, event.detail) for event in self.event_log.since()]


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    store = Store(database)
    begin(store)
    yield store
    store.close()


def test_a_clock_in_order_is_not_spoken_of(store: Store) -> None:
    tower = Tower(store)
    for _ in range(3):
        tower.clock.wait(1)
        assert tower.watch.look() is None
    assert (tower.acts(), tower.events()) == ([], [])


def test_a_jump_is_told_and_written_down_once(store: Store) -> None:
    tower = Tower(store)
    tower.clock.set(-HOUR)
    for _ in range(3):
        tower.watch.look()
        tower.clock.wait(1)
    assert tower.acts() == [("machine", "clock jump", "fep1", BACK)]
    assert tower.events() == [(Kind.CLOCK, BACK)]


def test_a_jump_that_cannot_be_written_down_is_told_once_and_written_when_it_can_be(store: Store) -> None:
    tower = Tower(store)
    tower.clock.set(-HOUR)
    tower.is_away = True
    for _ in range(3):
        looked = tower.watch.look()
        assert looked is not None
        looked.addErrback(lambda failure: failure.trap(Unavailable))
    assert (tower.acts(), len(tower.events())) == ([], 1)
    tower.is_away = False
    tower.watch.look()
    assert tower.acts() == [("machine", "clock jump", "fep1", BACK)]
    assert len(tower.events()) == 1


def test_who_accepts_a_jump_stands_behind_it_in_the_trail(store: Store) -> None:
    tower = Tower(store)
    tower.clock.set(-HOUR)
    note = f"{BACK}; the clock says 2026-11-24 11:00:00"
    assert tower.accept() == {"accepted": note}, "before the watch itself has looked"
    assert tower.acts() == [("machine", "clock jump", "fep1", BACK), ("li", "clock accept", "fep1", note)]
    assert tower.clock.fault() == ""
    assert tower.watch.look() is None
    assert tower.events()[-1] == (Kind.CLOCK_ACCEPTED, "")


def test_a_clock_that_is_trusted_needs_no_word(store: Store) -> None:
    tower = Tower(store)
    refused = tower.accept()
    assert isinstance(refused, ControlError)
    assert str(refused) == "the clock is trusted: it says 2026-11-24 12:00:00"
    assert tower.acts() == []


def test_a_word_that_cannot_be_written_down_is_not_taken(store: Store) -> None:
    tower = Tower(store)
    tower.clock.set(-HOUR)
    tower.is_away = True
    assert isinstance(tower.accept(), Unavailable)
    assert tower.clock.fault() == BACK


def test_a_jump_while_a_person_accepts_another_is_not_accepted_with_it(store: Store) -> None:
    tower = Tower(store)
    tower.clock.set(-HOUR)
    tower.watch.look()
    tower.meanwhile = lambda: tower.clock.set(-HOUR)
    assert "jumped again meanwhile" in str(tower.accept())
    tower.meanwhile = lambda: None
    assert tower.clock.fault() == "the wall clock jumped 7200 s back"
    tower.watch.look()
    assert clock_word(store, "fep1") == ClockWord("the wall clock jumped 7200 s back", 0)


def test_the_next_process_takes_up_what_nobody_has_accepted(store: Store) -> None:
    before = Tower(store)
    before.clock.set(-HOUR)
    before.watch.look()
    after, other = Tower(store), Tower(store, node="fep2")
    for tower in (after, other):
        tower.watch.take_up(clock_word(store, tower.watch.node))
    assert (after.clock.fault(), other.clock.fault()) == (BACK, "")
    assert after.events() == [(Kind.CLOCK, BACK)]
    after.accept()
    later = Tower(store)
    later.watch.take_up(clock_word(store, "fep1"))
    assert later.clock.fault() == ""


def test_a_word_is_stamped_no_earlier_than_what_stands_in_the_book(store: Store) -> None:
    ahead = Tower(store)
    ahead.clock.set(8 * HOUR)
    ahead.watch.look()
    tower = Tower(store)
    tower.clock.set(-60)
    tower.accept()
    assert clock_word(store, "fep1").accepted_at == ahead.clock.now_us()


def test_a_clock_set_back_after_a_lost_connection_does_not_have_each_transaction_connect(
    store: Store,
) -> None:
    def session() -> object:
        with store.transaction() as connection:
            return connection.execute(text("SELECT pg_backend_pid()")).scalar()

    if store.is_sqlite:
        pytest.skip("an embedded book has no connection to lose")
    store._writer.pool._invalidate_time = time.time() + HOUR  # one was lost, and then the clock set back
    assert session() != session()
    tower = Tower(store)
    tower.clock.set(-HOUR)
    tower.watch.look()
    assert session() == session()
