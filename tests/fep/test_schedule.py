"""When the clock cuts a day over: at its hour, later where nobody was up, never before."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fep.schedule import is_time


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
    friday = datetime(2026, 11, 27, 22)
    asked = [friday + timedelta(hours=hours) for hours in range(73)]
    assert [now for now in asked if is_time(now, "20261130", "22:00")] == [datetime(2026, 11, 30, 22)]


@given(
    now=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    day=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    hour=st.times(),
)
def test_it_is_time_exactly_from_the_moment_on(now: datetime, day: datetime, hour: object) -> None:
    cutover = f"{hour:%H:%M}"
    moment = datetime.strptime(f"{day:%Y%m%d}{cutover}", "%Y%m%d%H:%M")
    assert is_time(now, f"{day:%Y%m%d}", cutover) == (now >= moment)
