"""When the clock cuts a day over: at its hour, later where nobody was up, never before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fep.schedule import is_time, seconds_left

local = partial(datetime, tzinfo=UTC)  # whichever zone: the hour is what the wall clock shows
MOMENTS = st.integers(1_500_000_000, 2_000_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-24 21:59:59", False),
        ("2026-11-24 22:00:00", True),
        ("2026-11-24 23:59:59", True),
        ("2026-11-25 00:00:00", True),
        ("2026-12-01 03:00:00", True),
        ("2026-11-23 23:00:00", False),
        ("2025-12-31 23:00:00", False),
    ],
)
def test_a_day_is_cut_over_from_its_hour_on(now: str, expected: bool) -> None:
    assert is_time(datetime.fromisoformat(now), "20261124", "22:00") is expected


def test_after_fridays_cut_over_monday_waits_for_monday() -> None:
    friday = local(2026, 11, 27, 22)
    asked = [friday + timedelta(hours=hours) for hours in range(73)]
    assert [now for now in asked if is_time(now, "20261130", "22:00")] == [local(2026, 11, 30, 22)]


@given(now=MOMENTS, moment=MOMENTS)
def test_it_is_time_exactly_from_the_moment_on(now: datetime, moment: datetime) -> None:
    minute = moment.replace(second=0, microsecond=0)
    assert is_time(now, f"{moment:%Y%m%d}", f"{moment:%H:%M}") == (now >= minute)


@pytest.mark.parametrize(
    ("now", "cutover", "expected"),
    [
        ("2026-11-24 22:00:00", "22:00", 0),
        ("2026-11-24 22:00:01", "22:00", -1),
        ("2026-11-23 23:59:59", "22:00", 22 * 3600 + 1),
        ("2026-11-26 22:00:00", "22:00", -2 * 86_400),
        ("2026-11-24 23:59:59", None, 1),
        ("2026-11-25 00:10:00", None, -600),
    ],
)
def test_how_long_until_a_cut_over_and_how_late_it_is(now: str, cutover: str | None, expected: int) -> None:
    assert seconds_left(datetime.fromisoformat(now), "20261124", cutover) == expected


@given(now=MOMENTS, moment=MOMENTS)
def test_none_is_late_before_its_time_and_each_is_after_it(now: datetime, moment: datetime) -> None:
    date, hour = f"{moment:%Y%m%d}", f"{moment:%H:%M}"
    due = moment.replace(second=0)
    assert seconds_left(now, date, hour) == int((due - now).total_seconds())
    assert (seconds_left(now, date, hour) < 0) == (is_time(now, date, hour) and now != due)
