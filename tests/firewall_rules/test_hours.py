"""Hours: how they are written, when they are open, and what they are in UTC. The pace of new links."""

from __future__ import annotations

import re
from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall_rules.hours import Hours, Pace

MINUTES = st.integers(0, 1439)


@pytest.mark.parametrize(
    ("text", "opens", "closes"),
    [
        ("06:00-23:30", 360, 1410),
        ("22:00-02:00", 1320, 120),
        ("00:00-24:00", 0, 1440),
        ("23:59-00:00", 1439, 0),
        ("19:08-07:45", 1148, 465),
    ],
)
def test_hours_are_written_as_two_times(text: str, opens: int, closes: int) -> None:
    assert Hours.parse(text) == Hours(opens, closes)


UNREAD = 'are no hours: write them as "06:00-23:30"'
PAST = "passes the end of the day: 24:00 is the latest end, 23:59 the latest start"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("6:00-23:30", UNREAD),
        ("06:00", UNREAD),
        ("06:00-23:30 ", UNREAD),
        ("06:60-07:00", UNREAD),
        ("25:00-07:00", UNREAD),
        ("０６:00-23:30", UNREAD),
        ("", UNREAD),
        ("06:00-24:01", PAST),
        ("24:00-06:00", PAST),
        ("24:00-24:00", PAST),
        ("06:00-06:00", "begins when it ends: leave hours out for the whole day"),
    ],
)
def test_other_hours_are_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(f'{text!r} {why}')}$"):
        Hours.parse(text)


@pytest.mark.parametrize(
    ("hours", "open_at", "closed_at"),
    [
        ("06:00-23:30", ["06:00:00", "23:29:59"], ["05:59:59", "23:30:00", "00:00:00"]),
        ("22:00-02:00", ["22:00:00", "23:59:59", "00:00:00", "01:59:59"], ["02:00:00", "21:59:59"]),
        ("00:00-24:00", ["00:00:00", "23:59:59"], []),
    ],
)
def test_the_first_minute_is_open_and_the_last_is_not(
    hours: str, open_at: list[str], closed_at: list[str]
) -> None:
    read = Hours.parse(hours)
    assert [at for at in open_at + closed_at if read.include(time.fromisoformat(at))] == open_at


def test_hours_that_begin_when_they_end_are_the_whole_day() -> None:
    assert Hours(300, 300).include(time(5))
    assert Hours(300, 300).closed(timedelta(0)) == ()


@pytest.mark.parametrize(
    ("hours", "offset", "closed"),
    [
        ("00:00-24:00", timedelta(hours=8), ()),
        ("06:00-23:30", timedelta(hours=8), ((55_800, 79_199),)),
        ("06:00-23:30", timedelta(0), ((0, 21_599), (84_600, 86_399))),
        ("22:00-02:00", timedelta(hours=-9, minutes=-30), ((0, 26_999), (41_400, 86_399))),
        ("08:00-24:00", timedelta(0), ((0, 28_799),)),
        ("00:00-16:00", timedelta(0), ((57_600, 86_399),)),
        ("00:00-16:00", timedelta(seconds=-1), ((0, 0), (57_601, 86_399))),
    ],
)
def test_the_closed_time_is_seconds_of_the_day_in_utc(
    hours: str, offset: timedelta, closed: tuple[tuple[int, int], ...]
) -> None:
    assert Hours.parse(hours).closed(offset) == closed


def test_a_minutes_worth_of_links_at_once_and_then_as_many_a_minute() -> None:
    pace = Pace()
    assert [pace.take(3, 100.0) for _ in range(5)] == [True, True, True, False, False]
    assert [pace.take(3, 119.9), pace.take(3, 120.0), pace.take(3, 120.0)] == [False, True, False]
    assert [pace.take(3, 1000.0) for _ in range(4)] == [True, True, True, False]


def test_no_pace_is_no_limit_and_another_pace_holds_at_once() -> None:
    pace = Pace()
    assert [pace.take(None, 0.0) for _ in range(1000)] == [True] * 1000
    assert [pace.take(2, 0.0) for _ in range(3)] == [True, True, False]
    assert pace.take(3, 0.0)


def test_a_slower_pace_begins_with_a_minutes_worth_as_nft_does_with_new_rules() -> None:
    pace = Pace()
    assert [pace.take(30, 0.0) for _ in range(30)] == [True] * 30
    assert [pace.take(2, 0.0) for _ in range(3)] == [True, True, False]


@given(st.integers(1, 30), st.lists(st.integers(0, 40), max_size=80))
def test_no_window_holds_more_than_its_pace(a_minute: int, gaps: list[int]) -> None:
    pace, now, let_in = Pace(), 0.0, []
    for gap in gaps:
        now += gap
        if pace.take(a_minute, now):
            let_in.append(now)
    for first, begin in enumerate(let_in):
        for last in range(first, len(let_in)):
            assert last - first + 1 <= a_minute + (let_in[last] - begin) * a_minute / 60 + 1e-6


@given(MINUTES, MINUTES, st.integers(-14 * 4, 14 * 4), st.integers(0, 86_399))
def test_closed_seconds_in_utc_are_the_others(opens: int, closes: int, quarters: int, second: int) -> None:
    hours, offset = Hours(opens, closes + (opens == closes)), timedelta(minutes=15 * quarters)
    ranges = hours.closed(offset)
    assert all(0 <= first <= last < 86_400 for first, last in ranges)
    minute = (second + offset.total_seconds()) % 86_400 // 60
    closed = any(first <= second <= last for first, last in ranges)
    assert closed != hours.include(time(int(minute // 60), int(minute % 60)))
