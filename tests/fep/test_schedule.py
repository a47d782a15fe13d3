"""When the clock cuts a day over: at its hour, later where nobody was up, never before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fep.schedule import is_time

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
