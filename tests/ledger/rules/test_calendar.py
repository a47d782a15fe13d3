"""Business dates: what the State Council announced for 2026, what the settings put above it, and what nobody
has told us.
"""

from __future__ import annotations

from datetime import date, timedelta

import chinese_calendar  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ledger.rules.calendar
from ledger.rules.calendar import Calendar, CalendarUnknown

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


NEVER = 2098
"""A year that no library knows in these years."""
LAW_2098 = ("20980101", "20980501", "20981001", "20981002", "20981003", "20980203", "20980204")
"""What a list of its holidays cannot lack: those of fixed date, and some days of a Spring Festival."""


def whole(*holidays: str, workdays: tuple[str, ...] = ()) -> Calendar:
    return Calendar(frozenset((*LAW_2098, *holidays)), frozenset(workdays), frozenset({NEVER}))


def test_a_year_that_nobody_has_told_us_of_is_refused_with_what_to_do() -> None:
    says = (
        r"the holidays of 2098 are not known: list all of them in \[day\] holidays and workdays, and name"
        r" 2098 in \[day\] whole_years"
    )
    with pytest.raises(CalendarUnknown, match=says):
        Calendar().is_business_date("20980106")
    with pytest.raises(CalendarUnknown, match=says):
        Calendar(whole_years=frozenset({2097})).next_business_date("20971231")


def test_settings_name_a_whole_year_that_the_library_does_not_know() -> None:
    calendar = whole(workdays=("20980104",))
    assert (calendar.is_business_date("20980103"), calendar.is_business_date("20980105")) == (True, False)
    assert calendar.next_business_date("20980101") == "20980102"
    assert calendar.next_business_date("20980103") == "20980104", "a Saturday that is worked"
    assert calendar.next_business_date("20980202") == "20980205"


def test_one_more_holiday_keeps_all_that_the_library_knows() -> None:
    calendar = Calendar(holidays=frozenset({"20261230"}))
    days = {day for day in days_of(2026) if calendar.is_business_date(day)}
    assert days == {day for day in days_of(2026) if Calendar().is_business_date(day)} - {"20261230"}


def test_one_more_workday_keeps_all_that_the_library_knows() -> None:
    calendar = Calendar(workdays=frozenset({"20261226"}))
    days = {day for day in days_of(2026) if calendar.is_business_date(day)}
    assert days == {day for day in days_of(2026) if Calendar().is_business_date(day)} | {"20261226"}


def test_settings_take_back_what_the_library_knows_date_by_date() -> None:
    calendar = Calendar(holidays=frozenset({"20261010"}), workdays=frozenset({"20261001"}))
    assert (calendar.is_business_date("20261010"), calendar.is_business_date("20261001")) == (False, True)


def test_a_whole_year_is_the_settings_alone_even_where_the_library_knows_it() -> None:
    calendar = Calendar(whole_years=frozenset({2026}))
    assert [calendar.is_business_date(day) for day in ("20261001", "20261010", "20250101")] == [
        True,
        False,
        False,
    ]


LACKS_2098 = (
    "lacks 2098, of which holidays or workdays name a date and nothing else is known: list all of its"
    " holidays and worked weekend days, and name it here"
)


@pytest.mark.parametrize(
    ("calendar", "name", "why"),
    [
        (
            Calendar(frozenset({"20261230"}), frozenset({"20261230"})),
            "workdays",
            "20261230 is in holidays too",
        ),
        (Calendar(frozenset({"20980105"})), "whole_years", LACKS_2098),
        (Calendar(workdays=frozenset({"20980105"})), "whole_years", LACKS_2098),
        (
            whole()._replace(holidays=frozenset(LAW_2098[1:])),
            "holidays",
            "20980101 is free by law, and whole_years says that 2098 is whole",
        ),
        (
            whole()._replace(holidays=frozenset(LAW_2098[:5])),
            "holidays",
            "the Spring Festival of 2098 is missing, and whole_years says that 2098 is whole",
        ),
        (whole()._replace(workdays=frozenset({"20981001"})), "workdays", "20981001 is in holidays too"),
    ],
)
def test_what_settings_cannot_mean_is_named_with_the_reason(calendar: Calendar, name: str, why: str) -> None:
    assert list(calendar.faults()) == [(name, why)]


@pytest.mark.parametrize("missing", LAW_2098[:5])
def test_a_whole_year_has_each_holiday_of_fixed_date(missing: str) -> None:
    calendar = whole()._replace(holidays=frozenset(LAW_2098) - {missing})
    wording = f"{missing} is free by law, and whole_years says that 2098 is whole"
    assert list(calendar.faults()) == [("holidays", wording)]


def test_a_holiday_of_fixed_date_need_not_be_named_on_a_weekend() -> None:
    """In 2095 1 January and 1 October are Saturdays, 1 May and 2 October Sundays."""
    holidays = frozenset({"20950215", "20951003"})
    calendar = Calendar(holidays, frozenset(), frozenset({2095}))
    assert list(calendar.faults()) == []


@pytest.mark.parametrize(
    ("month_day", "is_one"),
    [("0119", False), ("0120", True), ("0205", True), ("0206", False), ("0224", True), ("0225", False)],
)
def test_a_spring_festival_takes_a_working_day_between_20_january_and_24_february(
    month_day: str, is_one: bool
) -> None:
    """6 February 2094 is a Saturday."""
    holidays = frozenset({"20940101", "20941001", f"2094{month_day}"})
    wording = "the Spring Festival of 2094 is missing, and whole_years says that 2094 is whole"
    calendar = Calendar(holidays, frozenset(), frozenset({2094}))
    assert list(calendar.faults()) == ([] if is_one else [("holidays", wording)])


@pytest.mark.parametrize(
    "calendar",
    [
        Calendar(),
        Calendar(holidays=frozenset({"20261230", "20261226", "20040101"})),
        Calendar(workdays=frozenset({"20261226", "20261230"})),
        whole(),
        whole("20980613", workdays=("20980201",)),
    ],
)
def test_what_settings_can_mean_has_no_fault(calendar: Calendar) -> None:
    assert list(calendar.faults()) == []


@pytest.mark.parametrize("is_known", [False, True])
def test_the_library_is_not_asked_for_a_year_of_which_it_takes_national_day_for_worked(
    monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    """Were it to know a New Year holiday of 2098 alone, all of that year's others would be worked."""
    national_day = date(NEVER, 10, 1)
    monkeypatch.setattr(chinese_calendar, "is_workday", lambda day: (day == national_day) is not is_known)
    ledger.rules.calendar._is_in_library.cache_clear()
    try:
        assert Calendar().knows(NEVER) is is_known
    finally:
        ledger.rules.calendar._is_in_library.cache_clear()


@pytest.mark.parametrize(
    ("today", "years", "untold"),
    [
        ("20970101", (), 2097),
        ("20970101", (2097,), None),
        ("20971130", (2097,), None),
        ("20971201", (2097,), 2098),
        ("20971231", (2097,), 2098),
        ("20971201", (2097, 2098), None),
        ("20971201", (2098,), 2097),
    ],
)
def test_a_year_is_to_be_told_from_the_first_of_december_before_it(
    today: str, years: tuple[int, ...], untold: int | None
) -> None:
    assert Calendar(whole_years=frozenset(years)).missing_year(today) == untold


def test_of_this_year_and_the_last_all_is_known_and_told_when_it_ends() -> None:
    known = Calendar().first_unknown_year("20261130") - 1
    assert known >= 2026
    assert Calendar().missing_year(f"{known}1130") is None
    assert Calendar().missing_year(f"{known}1201") == known + 1


def test_a_calendar_without_a_business_date_does_not_search_for_ever() -> None:
    with pytest.raises(CalendarUnknown, match="no business date within 31 days after 20260101"):
        Calendar(holidays=frozenset(days_of(2026))).next_business_date("20260101")


@given(after=st.sampled_from(days_of(2026)[:-1]))
def test_nothing_between_a_date_and_the_next_business_date_is_one(after: str) -> None:
    calendar = Calendar()
    following = calendar.next_business_date(after)
    assert calendar.is_business_date(following)
    between = [day for day in days_of(2026) if after < day < following]
    assert not any(calendar.is_business_date(day) for day in between)


DATES = st.sampled_from([*days_of(2026), *days_of(NEVER)])


def oracle(holidays: set[str], workdays: set[str], day: str) -> bool:
    """By the announcement's table for 2026, and by nothing but weekdays for the other year."""
    if day in holidays | workdays:
        return day in workdays
    free = day.startswith("2026") and any(start <= day <= end for start, end in FREE_2026)
    return day in WORKED_2026 or not (free or is_weekend(day))


@given(holidays=st.sets(DATES, max_size=30), workdays=st.sets(DATES, max_size=30), after=DATES)
def test_every_calendar_of_the_settings_is_what_it_says(
    holidays: set[str], workdays: set[str], after: str
) -> None:
    calendar = Calendar(frozenset(holidays), frozenset(workdays - holidays), frozenset({NEVER}))
    is_free = [not oracle(holidays, workdays - holidays, day) for day in days_of(int(after[:4]))]
    place = days_of(int(after[:4])).index(after)
    assert calendar.is_business_date(after) is not is_free[place]
    later = [
        day for day, free in zip(days_of(int(after[:4])), is_free, strict=True) if not free and day > after
    ]
    if later and (date.fromisoformat(later[0]) - date.fromisoformat(after)).days <= 31:
        assert calendar.next_business_date(after) == later[0]
