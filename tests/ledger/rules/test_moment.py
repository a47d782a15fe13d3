"""Which year a date without one means, and on which dates a transaction's key may be made."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.rules.moment import KeyWindow, nearest_date

DAYS = st.dates(date(2001, 1, 1), date(2098, 12, 31))


@pytest.mark.parametrize(
    ("month_day", "today", "meant"),
    [
        ("1231", date(2027, 1, 1), "20261231"),
        ("0101", date(2026, 12, 31), "20270101"),
        ("0229", date(2028, 3, 1), "20280229"),
        ("0229", date(2027, 6, 1), "20280229"),
        ("0229", date(2025, 6, 1), "20240229"),
        ("0229", date(2026, 3, 1), ""),
        ("0229", date(2100, 3, 1), ""),
        ("0230", date(2028, 3, 1), ""),
        ("0000", date(2028, 3, 1), ""),
        ("1301", date(2028, 3, 1), ""),
        ("0101", date(2027, 7, 2), "20270101"),
        ("0101", date(2027, 7, 3), "20280101"),
        ("0101", date(2027, 7, 4), "20280101"),
    ],
)
def test_a_date_of_a_neighbouring_year_and_29_february(month_day: str, today: date, meant: str) -> None:
    assert nearest_date(month_day, today) == meant


@pytest.mark.parametrize(
    ("offset", "holds"), [(-32, False), (-31, True), (-1, True), (0, True), (1, True), (2, False)]
)
@pytest.mark.parametrize("today", [date(2027, 1, 15), date(2028, 2, 29), date(2026, 12, 31)])
def test_a_key_may_be_made_from_31_days_back_to_one_ahead(today: date, offset: int, holds: bool) -> None:
    day = f"{today + timedelta(offset):%Y%m%d}"
    assert KeyWindow(today).holds(day) is KeyWindow(today).holds(f"{day}101112") is holds


def test_the_window_is_as_long_as_was_set_and_says_where_it_begins() -> None:
    window = KeyWindow(date(2027, 1, 3), 5)
    assert (window.first, window.holds("20261229"), window.holds("20261228")) == ("20261229", True, False)
    assert window.date_of("1229") == "20261229"


@given(today=DAYS, offset=st.integers(-181, 181))
def test_a_date_within_half_a_year_of_today_is_meant_whatever_its_year(today: date, offset: int) -> None:
    meant = today + timedelta(offset)
    assert nearest_date(f"{meant:%m%d}", today) == f"{meant:%Y%m%d}"


@given(today=DAYS, month_day=st.text("0123456789", min_size=4, max_size=4))
def test_the_nearest_of_all_dates_that_four_digits_can_mean_is_meant(today: date, month_day: str) -> None:
    reach = (today + timedelta(offset) for offset in range(-731, 732))
    near = [day for day in reach if f"{day:%m%d}" == month_day and abs(day.year - today.year) <= 1]
    expected = f"{min(near, key=lambda day: abs(day - today)):%Y%m%d}" if near else ""
    assert nearest_date(month_day, today) == expected
