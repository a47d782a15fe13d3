"""Business dates: what the State Council announced for 2026, what the settings put above it, and what nobody
has told us.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.calendar import Calendar, CalendarUnknown

# The notice on holidays for 2026: free from, to (both inclusive), and weekend days worked in exchange.
FREE_2026 = (
    ("20260101", "20260103"),
    ("20260215", "20260223"),
    ("20260404", "20260406"),
    ("20260501", "20260505"),
    ("20260619", "20260621"),
    ("20260925", "20260927"),
    ("20261001", "20261007"),
)
WORKED_2026 = ("20260104", "20260214", "20260228", "20260509", "20260920", "20261010")


def days_of(year: int) -> list[str]:
    first = date(year, 1, 1)
    return [f"{day:%Y%m%d}" for n in range(366) if (day := first + timedelta(n)).year == year]


def is_weekend(text: str) -> bool:
    return date.fromisoformat(text).weekday() >= 5


def test_2026_is_as_announced_on_every_day() -> None:
    calendar = Calendar()
    free = {day for day in days_of(2026) if any(start <= day <= end for start, end in FREE_2026)}
    expected = {day: day in WORKED_2026 or not (day in free or is_weekend(day)) for day in days_of(2026)}
    assert {day: calendar.is_business_date(day) for day in days_of(2026)} == expected


@pytest.mark.parametrize(
    ("after", "following"),
    [
        ("20261124", "20261125"),
        ("20261127", "20261130"),
        ("20261128", "20261130"),
        ("20260930", "20261008"),
        ("20261009", "20261010"),
        ("20261010", "20261012"),
        ("20260213", "20260214"),
        ("20260214", "20260224"),
    ],
)
def test_the_next_business_date_skips_what_is_free_and_takes_a_worked_weekend(
    after: str, following: str
) -> None:
    assert Calendar().next_business_date(after) == following


def test_a_year_that_nobody_has_told_us_of_is_refused_with_what_to_do() -> None:
    says = r"the holidays of 2027 are not known: list them in \[day\] holidays and workdays"
    with pytest.raises(CalendarUnknown, match=says):
        Calendar().is_business_date("20270104")
    with pytest.raises(CalendarUnknown, match=says):
        Calendar().next_business_date("20261231")


def test_settings_name_a_year_that_the_library_does_not_know() -> None:
    calendar = Calendar(holidays=frozenset({"20270101"}), workdays=frozenset({"20270103"}))
    assert calendar.next_business_date("20261231") == "20270103"
    assert calendar.next_business_date("20270103") == "20270104"
    assert calendar.next_business_date("20270108") == "20270111"


def test_a_year_that_the_settings_name_is_theirs_alone() -> None:
    calendar = Calendar(holidays=frozenset({"20261230"}))
    assert [calendar.is_business_date(day) for day in ("20261230", "20261001", "20261010")] == [
        False,
        True,
        False,
    ]
    assert Calendar(holidays=frozenset({"20270101"})).is_business_date("20261001") is False


def test_a_date_that_is_named_both_ways_is_worked() -> None:
    both = frozenset({"20261230"})
    assert Calendar(both, both).is_business_date("20261230") is True


def test_a_calendar_without_a_business_date_does_not_search_for_ever() -> None:
    with pytest.raises(CalendarUnknown, match="no business date within 31 days after 20270101"):
        Calendar(holidays=frozenset(days_of(2027))).next_business_date("20270101")


@given(after=st.sampled_from(days_of(2026)[:-1]))
def test_nothing_between_a_date_and_the_next_business_date_is_one(after: str) -> None:
    calendar = Calendar()
    following = calendar.next_business_date(after)
    assert calendar.is_business_date(following)
    between = [day for day in days_of(2026) if after < day < following]
    assert not any(calendar.is_business_date(day) for day in between)
