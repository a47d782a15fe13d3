"""The clock ends a day once, at its hour; what is odd waits for a person, is shown, and is logged once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from fep.day import cutover_clock
from fep.day.cutover_clock import OBSTACLE_COMMAND, WHY, CutoverClock, to_do
from fep.day.schedule import SETTLE_SECONDS, Obstacle, closes_at
from fep.settings.config import BusinessDay
from ledger.book.cutover import DayStatus
from ledger.errors import LedgerError, Unavailable
from ledger.rules.beijing import beijing
from ledger.rules.calendar import Calendar
from tests.support.clocks import MovedClock

NOON = datetime(2026, 11, 24, 12)  # noqa: DTZ001 - Beijing's
HOUR = 3600


class Room:
    """A day clock with a book in memory: `loaded` has the dates whose dues are there, `closed` what it ended,
    each with the seconds that had truly passed.
    """

    def __init__(self, date: str = "20261124", moment: datetime = NOON, **day: object) -> None:
        self.business_date = date
        self.wall = MovedClock(moment)
        self.before = 0.0
        self.loaded = {date}
        self.last_closed_at: int | None = None
        self.closed: list[tuple[str, float]] = []
        self.script: list[LedgerError] = []
        self.asked = 0
        self.day = BusinessDay.model_validate({"cutover": "22:00", **day})
        self.restart()

    def restart(self) -> None:
        """Another process begins on the same book; what the clocks did before it does not know."""
        self.before += self.wall.seconds()
        self.wall = MovedClock(beijing(self.wall.now_us()))
        self.clock = CutoverClock(self, None, lambda: self.day, self.wall, self.cut_over)  # type: ignore[arg-type]

    def between_batches(self, function: Callable[[], Any]) -> Deferred[Any]:
        """As the engine's."""
        try:
            return succeed(function())
        except LedgerError:
            return fail(Failure())

    def standing(self, _store: object, date: str) -> DayStatus:
        """What the book says."""
        self.asked += 1
        if self.script:
            raise self.script.pop(0)
        return DayStatus(date in self.loaded, self.last_closed_at)

    def cut_over(self, date: str) -> Deferred[None]:
        """As the operations'."""
        self.closed.append((date, self.before + self.wall.seconds()))
        self.close(date)
        return succeed(None)

    def close(self, date: str) -> None:
        """Close a day in the book, as a person does, or another node."""
        self.last_closed_at = self.wall.now_us()
        self.business_date = Calendar().next_business_date(date)

    def look(self, seconds: float = 1, times: int = 1) -> list[str]:
        """Look after so many seconds, so often; the dates that have been ended by then."""
        for _ in range(times):
            self.wall.wait(seconds)
            self.clock.look()
        return [date for date, _ in self.closed]

    def until(self, text: str) -> list[str]:
        """Look now, and when Beijing's clock shows this moment."""
        self.clock.look()
        self.wall.wait_until(datetime.fromisoformat(text))
        return self.look(0)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    made = Room()
    monkeypatch.setattr(cutover_clock, "read_day_status", made.standing)
    return made


def test_a_day_is_ended_at_its_hour_and_once(room: Room) -> None:
    assert room.until("2026-11-24 21:59:59") == []
    assert room.asked == 0, "the book is not asked before it is time"
    assert room.until("2026-11-24 22:00:00") == ["20261124"]
    assert room.look(600, 200) == ["20261124"]
    assert room.clock.obstacle is Obstacle.DUES, "the next day has none"


def test_days_with_their_dues_are_ended_each_at_its_hour(room: Room) -> None:
    room.loaded |= {"20261125", "20261126", "20261127", "20261130"}
    assert room.look(600, 24 * 6 * 6) == ["20261124", "20261125", "20261126", "20261127"]
    assert room.look(600, 24 * 6) == ["20261124", "20261125", "20261126", "20261127", "20261130"]


def test_without_an_hour_people_end_it(room: Room) -> None:
    room.day = BusinessDay()
    assert (room.until("2026-11-25 03:00:00"), room.clock.obstacle, room.asked) == ([], None, 0)


def test_without_an_open_day_there_is_nothing_to_end(room: Room) -> None:
    room.business_date = ""
    assert (room.until("2026-11-24 23:00:00"), room.clock.obstacle) == ([], None)


def test_settings_that_are_read_again_hold_at_the_next_look(room: Room) -> None:
    assert room.until("2026-11-24 20:00:00") == []
    room.day = BusinessDay(cutover="19:30")
    assert room.look() == ["20261124"]


def test_a_clock_that_was_set_ahead_ends_nothing_until_a_person_says_that_it_is_right(room: Room) -> None:
    """Six seconds, in which the clock was ahead by a fortnight, ended six days and sealed them."""
    room.loaded |= {"20261125", "20261126", "20261127", "20261130"}
    room.look(60, 5)
    room.wall.set(14 * 24 * HOUR)
    assert (room.look(1, 6), room.clock.obstacle) == ([], Obstacle.CLOCK)
    room.wall.set(-14 * 24 * HOUR)
    room.until("2026-11-24 21:59:59")
    assert (room.look(), room.clock.obstacle) == ([], Obstacle.CLOCK), "it came back, and nobody has said so"
    room.wall.accept()
    assert room.look() == ["20261124"]


def test_a_clock_that_is_believed_and_wrong_ends_one_day_at_most(room: Room) -> None:
    room.loaded |= {"20261125", "20261126", "20261127", "20261130"}
    room.look(60, 5)
    room.wall.set(40 * HOUR)
    room.wall.accept()
    assert room.look(60, 5) == []
    assert room.clock.obstacle is Obstacle.LATE
    room.wall.set(-30 * HOUR)
    room.wall.accept()
    assert room.look(60, 30) == ["20261124"]
    room.wall.set(24 * HOUR)
    room.wall.accept()
    assert (room.look(60, 30), room.clock.obstacle) == (["20261124"], Obstacle.NEAR)


@pytest.mark.parametrize("hours", [0, 1, 5])
def test_a_machine_that_was_down_at_the_hour_ends_the_day_when_it_is_up(room: Room, hours: int) -> None:
    room.wall.wait((10 + hours) * HOUR)
    room.restart()
    room.last_closed_at = int(closes_at("20261123", "22:00").timestamp() * 1_000_000)
    assert room.look() == [], "the host's clock may be about to be set"
    assert room.look(SETTLE_SECONDS) == ["20261124"]


def test_a_machine_that_was_off_for_days_ends_nothing_and_asks_for_a_person(room: Room) -> None:
    room.loaded |= {"20261125", "20261126", "20261127", "20261130"}
    room.wall.wait(6 * 24 * HOUR)
    room.restart()
    assert (room.look(SETTLE_SECONDS, 100), room.clock.obstacle) == ([], Obstacle.LATE)
    for date in ("20261124", "20261125", "20261126", "20261127"):
        assert room.business_date == date
        room.close(date)
        room.look()
    assert room.clock.obstacle is None, "Monday's hour has not come"
    assert room.until("2026-11-30 22:00:00") == ["20261130"]


def test_a_day_that_people_ended_late_keeps_the_clock_from_the_next_for_hours(room: Room) -> None:
    room.loaded |= {"20261125"}
    room.wall.wait_until(datetime(2026, 11, 25, 21))  # noqa: DTZ001
    room.look(0)
    room.close("20261124")
    assert (room.until("2026-11-25 22:00:00"), room.clock.obstacle) == ([], Obstacle.NEAR)
    assert room.until("2026-11-26 02:59:59") == []
    room.restart()
    assert room.look(0) == []
    assert (room.look(SETTLE_SECONDS), room.clock.obstacle) == (["20261125"], None)


def test_a_machine_that_begins_anew_learns_from_the_book_how_long_ago_it_was_cut_over(room: Room) -> None:
    room.loaded |= {"20261125"}
    room.wall.wait_until(datetime(2026, 11, 25, 21))  # noqa: DTZ001
    room.close("20261124")
    room.wall.wait_until(datetime(2026, 11, 25, 23))  # noqa: DTZ001
    room.restart()
    room.look(0)
    assert (room.look(SETTLE_SECONDS), room.clock.obstacle) == ([], Obstacle.NEAR)
    assert room.look(4 * HOUR) == ["20261125"]


def test_a_day_that_another_node_ended_keeps_this_one_from_the_next_for_hours(room: Room) -> None:
    """Its own wall clock is a day ahead, and it has been told that this is right."""
    room.loaded |= {"20261125"}
    room.look(HOUR)
    room.close("20261124")
    room.last_closed_at = int(closes_at("20261123", "22:00").timestamp() * 1_000_000)
    room.wall.set(34 * HOUR)
    room.wall.accept()
    assert (room.look(60, 5), room.clock.obstacle) == ([], Obstacle.NEAR)


def test_dues_that_come_late_let_the_day_end(room: Room) -> None:
    room.loaded.clear()
    assert (room.until("2026-11-24 22:00:00"), room.clock.obstacle) == ([], Obstacle.DUES)
    room.loaded = {"20261124"}
    assert (room.look(), room.clock.obstacle) == (["20261124"], None)


def test_a_year_that_nobody_has_told_keeps_the_last_day_open_until_it_is_told(
    monkeypatch: pytest.MonkeyPatch, room: Room
) -> None:
    monkeypatch.setattr(Calendar, "knows", lambda calendar, year: year < 2027 or year in calendar.whole_years)
    room.business_date, room.loaded = "20261231", {"20261231"}
    assert (room.until("2026-12-31 22:00:00"), room.clock.obstacle) == ([], Obstacle.CALENDAR)
    room.day = BusinessDay(cutover="22:00", holidays=("20270101",), whole_years=(2027,))
    room.close = lambda date: setattr(room, "business_date", "20270104")  # type: ignore[method-assign]
    assert (room.look(), room.business_date) == (["20261231"], "20270104")


def test_each_reason_is_logged_once_with_what_to_do(room: Room, logged: list[str]) -> None:
    room.loaded.clear()
    room.until("2026-11-24 22:00:00")
    room.look(1, 60)
    room.loaded = {"20261124"}
    room.wall.wait(7 * HOUR)
    room.look(1, 60)
    assert logged == [
        f"business day 20261124 is not cut over by the clock: {WHY[reason]}; " + to_do(reason, "20261124")
        for reason in (Obstacle.DUES, Obstacle.LATE)
    ]


def test_a_database_that_is_away_is_logged_once_and_asked_again(room: Room, logged: list[str]) -> None:
    room.script = [Unavailable("no route")] * 3
    room.until("2026-11-24 22:00:00")
    assert room.look(1, 3) == ["20261124"]
    assert [line for line in logged if "no route" in line] == [
        "business day 20261124 is not cut over by the clock: no route; it is tried on, or have it done:"
        " qianzhi day cutover --date 20261124"
    ]


def test_what_is_in_the_way_is_told_to_whoever_asks(room: Room) -> None:
    def asked() -> dict[str, str]:
        results: list[dict[str, str]] = []
        room.clock.commands()[OBSTACLE_COMMAND]({}, lambda _: None).addCallback(results.append)
        return results[0]

    assert asked() == {"waits": ""}
    room.loaded.clear()
    room.until("2026-11-24 22:00:00")
    assert asked() == {"waits": "dues"}


def test_every_obstacle_has_words_and_something_to_do() -> None:
    assert set(WHY) == set(Obstacle)
    assert all(to_do(reason, "20261124") for reason in Obstacle)


HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(["wait", "wait", "wait", "set", "accept", "restart", "load", "close"]),
        st.integers(-10 * 24 * HOUR, 10 * 24 * HOUR),
    ),
    max_size=40,
)


@settings(max_examples=80)
@given(happenings=HAPPENINGS, hour=st.sampled_from(["12:00", "22:00", "23:30", "00:30", "05:59"]))
def test_whatever_clocks_people_and_restarts_do_no_day_ends_without_its_dues_nor_two_at_once(
    happenings: list[tuple[str, int]], hour: str
) -> None:
    room = Room("20260921", datetime(2026, 9, 21, 13), cutover=hour)  # noqa: DTZ001
    room.loaded.clear()
    processes, first = 0, {0: 0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutover_clock, "read_day_status", room.standing)
        for what, seconds in happenings:
            if what == "set":
                room.wall.set(seconds)
            elif what == "accept":
                room.wall.accept()
            elif what == "restart":
                room.restart()
                processes += 1
                first[processes] = len(room.closed)
            elif what == "load":
                room.loaded.add(room.business_date)
            elif what == "close":
                room.close(room.business_date)
            elif "20260901" < room.business_date < "20261201":
                room.look(abs(seconds) / 20, 20)
    for place, (date, seconds) in enumerate(room.closed):
        assert date in room.loaded
        if place not in first.values() and place:
            assert seconds - room.closed[place - 1][1] >= 6 * HOUR
    assert len({date for date, _ in room.closed}) == len(room.closed)
