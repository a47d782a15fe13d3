"""When a business day ends, in Beijing, and what keeps the clock from ending it: every rule, as tables."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fep.day.schedule import (
    LATE_SECONDS,
    SETTLE_SECONDS,
    Known,
    Obstacle,
    Rule,
    closes_at,
    is_hour,
    objection,
    obstacle,
    seconds_left,
)
from ledger.rules.beijing import BEIJING, beijing
from ledger.rules.calendar import Calendar

HOURS = tuple(f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in range(60))
RULE = Rule("22:00", 6, 6)
ENDS = datetime(2026, 11, 24, 22, tzinfo=BEIJING)
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


def test_an_hour_is_one_of_the_evening_or_of_the_night_and_no_other() -> None:
    morning = [f"{hour:02d}:{minute:02d}" for hour in range(6, 12) for minute in range(60)]
    assert [hour for hour in HOURS if not is_hour(hour)] == morning
    assert not is_hour("24:00")


@pytest.mark.parametrize(
    ("hour", "ends"),
    [
        ("12:00", "2026-11-27 12:00"),
        ("22:00", "2026-11-27 22:00"),
        ("23:30", "2026-11-27 23:30"),
        ("23:59", "2026-11-27 23:59"),
        ("00:00", "2026-11-28 00:00"),
        ("00:30", "2026-11-28 00:30"),
        ("05:59", "2026-11-28 05:59"),
        (None, "2026-11-28 00:00"),
    ],
)
def test_an_hour_of_the_night_ends_the_business_day_before_it(hour: str | None, ends: str) -> None:
    assert closes_at("20261127", hour) == at(ends)


DAYS = st.dates(date(2004, 1, 1), date(2099, 12, 30))
SECONDS = st.integers(-3 * 86_400, 3 * 86_400)


@pytest.mark.parametrize(
    ("off_us", "left"), [(-1, 1), (-1_000_000, 1), (-1_000_001, 2), (0, 0), (1, 0), (999_999, 0)]
)
def test_it_is_time_from_the_very_moment_on(off_us: int, left: int) -> None:
    assert seconds_left(ENDS + timedelta(microseconds=off_us), "20261124", "22:00") == left


@pytest.mark.parametrize(
    ("now", "hour", "left"),
    [
        ("2026-11-23 23:59:59", "22:00", 22 * 3600 + 1),
        ("2026-11-26 22:00:00", "22:00", -2 * 86_400),
        ("2026-11-24 23:59:59", None, 1),
        ("2026-11-25 00:10:00", None, -600),
        ("2026-11-25 00:10:00", "00:30", 20 * 60),
    ],
)
def test_how_long_until_a_cut_over_and_how_late_it_is(now: str, hour: str | None, left: int) -> None:
    assert seconds_left(at(now), "20261124", hour) == left


@pytest.mark.parametrize("hour", ["22:00", "23:30", "00:30"])
def test_days_follow_each_other_over_weekends_and_holidays_without_a_gap(hour: str) -> None:
    """After Friday's hour Monday's date is open, and the weekend's payments are Monday's."""
    open_date, ends = "20260929", []
    while open_date < "20261020":
        ends.append(closes_at(open_date, hour))
        following = Calendar().next_business_date(open_date)
        assert closes_at(following, hour) - ends[-1] >= 24 * HOUR, "never two in one day"
        open_date = following
    months = {f"{end:%m%d}" for end in ends}
    assert len(ends) == len(months) == 11
    assert ("1009" in months, "1010" in months, "1011" in months) == (True, True, hour == "00:30")


@pytest.mark.parametrize(
    ("now", "hour", "why"),
    [
        ("2026-11-23 23:59", None, "20261124 has not begun: it is 2026-11-23 23:59 in Beijing"),
        ("2026-11-24 00:00", None, ""),
        ("2026-11-25 00:00", None, ""),
        ("2026-11-23 23:59", "22:00", "20261124 has not begun: it is 2026-11-23 23:59 in Beijing"),
        (
            "2026-11-24 21:59",
            "22:00",
            "20261124 ends at 2026-11-24 22:00, and it is 2026-11-24 21:59 in Beijing",
        ),
        (
            "2026-11-24 21:59:59",
            "22:00",
            "20261124 ends at 2026-11-24 22:00, and it is 2026-11-24 21:59 in Beijing",
        ),
        ("2026-11-24 22:00", "22:00", ""),
        ("2026-11-27 09:00", "22:00", ""),
        (
            "2026-11-24 23:59",
            "00:30",
            "20261124 ends at 2026-11-25 00:30, and it is 2026-11-24 23:59 in Beijing",
        ),
        (
            "2026-11-25 00:29",
            "00:30",
            "20261124 ends at 2026-11-25 00:30, and it is 2026-11-25 00:29 in Beijing",
        ),
        ("2026-11-25 00:30", "00:30", ""),
    ],
)
def test_a_day_that_has_not_begun_or_whose_hour_has_not_come_is_closed_on_purpose_only(
    now: str, hour: str | None, why: str
) -> None:
    assert objection(at(now), "20261124", hour) == (f"business day {why}" if why else "")
    assert objection(at(now).astimezone(UTC), "20261124", hour) == (f"business day {why}" if why else "")


def known(**changes: object) -> Known:
    """The day's hour has come, and nothing is in the way: it was cut over yesterday, in this process."""
    fine = Known(ENDS, "20261124", "", True, True, ENDS - 24 * HOUR, 86_400, True)
    return fine._replace(**changes)  # type: ignore[arg-type]


WRONG = (
    (Obstacle.CLOCK, {"clock_fault": "the wall clock jumped 86400 s ahead"}),
    (Obstacle.CALENDAR, {"is_next_known": False}),
    (Obstacle.DUES, {"is_loaded": False}),
    (Obstacle.LATE, {"now": ENDS + 6 * HOUR + timedelta(seconds=1)}),
    (Obstacle.NEAR, {"seconds": 6 * 3600 - 1}),
)


@pytest.mark.parametrize("wrong", list(product((False, True), repeat=len(WRONG))))
def test_the_first_of_all_that_is_in_the_way_is_said_and_nothing_else_lets_a_day_end(
    wrong: tuple[bool, ...],
) -> None:
    here = [case for case, is_here in zip(WRONG, wrong, strict=True) if is_here]
    changes = {name: value for _, change in here for name, value in change.items()}
    assert obstacle(known(**changes), RULE) is (here[0][0] if here else None)


def test_everything_that_can_be_in_the_way_is_in_the_table_and_written_down_as_its_name() -> None:
    assert [barred for barred, _ in WRONG] == list(Obstacle)
    assert [str(obstacle) for obstacle in Obstacle] == ["clock", "calendar", "dues", "late", "near"]


def test_a_process_that_has_just_begun_waits_half_a_minute_for_its_clock() -> None:
    assert SETTLE_SECONDS == 30


@pytest.mark.parametrize(
    ("late", "why"),
    [(0 * HOUR, None), (6 * HOUR, None), (6 * HOUR + timedelta.resolution, "late"), (72 * HOUR, "late")],
)
def test_a_cut_over_that_is_hours_late_waits_for_a_person(late: timedelta, why: str | None) -> None:
    assert obstacle(known(now=ENDS + late), RULE) == why
    assert obstacle(known(now=ENDS + late), Rule("22:00", 18, 6)) == ("late" if late > 18 * HOUR else None)


YESTERDAY, JUST_NOW = ENDS - 24 * HOUR, ENDS - HOUR


@pytest.mark.parametrize(
    ("seconds", "is_seen", "last_closed_at", "why"),
    [
        (6 * 3600, True, YESTERDAY, None),
        (6 * 3600 - 1, True, YESTERDAY, "near"),  # the wall clock says a day, and has no say
        (6 * 3600, True, JUST_NOW, None),  # the wall clock says an hour, and has no say
        (6 * 3600, False, JUST_NOW, None),  # no cut-over since the process began, and that is long enough ago
        (60, False, YESTERDAY, None),  # after a start the book says, by the wall clock
        (60, False, ENDS - 6 * HOUR, None),
        (60, False, ENDS - 6 * HOUR + timedelta.resolution, "near"),
        (60, False, JUST_NOW, "near"),
        (60, False, ENDS + HOUR, "near"),  # the book is ahead of the clock
        (60, False, None, None),  # the first day of the book
        (60, True, None, "near"),
    ],
)
def test_hours_must_lie_between_two_cut_overs_by_a_clock_that_can_be_trusted(
    seconds: float, is_seen: bool, last_closed_at: datetime | None, why: str | None
) -> None:
    facts = known(seconds=seconds, is_seen=is_seen, last_closed_at=last_closed_at)
    assert obstacle(facts, RULE) == why


@given(
    day=DAYS,
    hour=st.sampled_from([hour for hour in HOURS if is_hour(hour)]),
    off=SECONDS,
    zone=st.integers(-12, 14),
)
def test_every_hour_of_every_date_comes_once_and_is_counted_down_to(
    day: date, hour: str, off: int, zone: int
) -> None:
    """Counted in minutes since a day long ago: no calendar, no zone, no string compared."""
    minute = int(hour[:2]) * 60 + int(hour[3:])
    moment = (day.toordinal() - date(1970, 1, 1).toordinal()) * 1440 + minute + (1440 if minute < 360 else 0)
    moment_us = (moment * 60 - 8 * 3600) * 1_000_000
    now = beijing(moment_us + off * 1_000_000).astimezone(timezone(timedelta(hours=zone)))
    assert seconds_left(now, f"{day:%Y%m%d}", hour) == -off


@given(
    hour=st.sampled_from([hour for hour in HOURS if is_hour(hour)]),
    late=st.integers(1, 18),
    date_=st.dates(date(2005, 1, 1), date(2026, 12, 30)).map(lambda day: f"{day:%Y%m%d}"),
    ahead=st.timedeltas(timedelta(), timedelta(days=30)),
)
def test_whatever_the_clock_shows_one_business_day_at_most_can_end_by_it(
    hour: str, late: int, date_: str, ahead: timedelta
) -> None:
    """A clock that shows a moment at which one date may end shows none at which the next may."""
    now = closes_at(date_, hour) + ahead
    following = Calendar().next_business_date(date_)
    may_end = [
        seconds_left(now, day, hour) <= 0
        and obstacle(known(now=now, business_date=day), Rule(hour, late, 1)) is None
        for day in (date_, following)
    ]
    assert may_end != [True, True]


def test_a_day_is_late_a_minute_after_its_hour() -> None:
    assert LATE_SECONDS == 60
