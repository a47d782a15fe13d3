"""Which dates are business dates: the working days of mainland China, weekends worked in exchange included.

Banks take payments on every day; settlement takes place on working days, so a weekend's payments belong to
the next working day's date. The State Council announces a year's holidays late in the year before; a year
that nobody has told us of is not guessed. Pure; no clock is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

import chinese_calendar  # type: ignore[import-untyped]

from ledger.errors import LedgerError

_FRIDAY: Final = 4
_LONGEST_HOLIDAY_DAYS: Final = 31
_TOLD_FROM: Final = "1201"
"""From this date (MMDD) on the next year should be known: its notice is out by then, and 31 December's
cut-over needs it."""
_ALWAYS_FREE: Final = ("0101", "0501", "1001", "1002", "1003")
"""Holidays by law whose dates are the same in each year. A list that lacks one is not a whole year's."""
_SPRING_FESTIVAL: Final = ("0120", "0225")
"""Between these dates (MMDD) the Spring Festival's days off fall, in whichever year."""


class CalendarUnknown(LedgerError):
    """Nobody has told us which days of that year are holidays."""


class Calendar(NamedTuple):
    """The working days that the library knows, and what the settings add to them: `holidays` and `workdays`,
    each YYYYMMDD, one by one above the library's. A year in `whole_years` is the settings' alone: its
    weekends are free, but for `workdays`, and its other days are worked, but for `holidays`.
    """

    holidays: frozenset[str] = frozenset()
    workdays: frozenset[str] = frozenset()
    whole_years: frozenset[int] = frozenset()

    def is_business_date(self, business_date: str) -> bool:
        """Whether settlement takes place on a date (YYYYMMDD). Raises CalendarUnknown."""
        day = date.fromisoformat(business_date)
        if not self.knows(day.year):
            raise CalendarUnknown(
                f"the holidays of {day.year} are not known: list all of them in [day] holidays and workdays,"
                f" and name {day.year} in [day] whole_years"
            )
        if business_date in self.holidays or business_date in self.workdays:
            return business_date in self.workdays
        if day.year in self.whole_years:
            return day.weekday() <= _FRIDAY
        return bool(chinese_calendar.is_workday(day))

    def knows(self, year: int) -> bool:
        """Whether it is known which days of a year are business dates."""
        return year in self.whole_years or _is_in_library(year)

    def next_business_date(self, after: str) -> str:
        """The first business date after a date (both YYYYMMDD). Raises CalendarUnknown."""
        day = date.fromisoformat(after)
        for _ in range(_LONGEST_HOLIDAY_DAYS):
            day += timedelta(1)
            if self.is_business_date(f"{day:%Y%m%d}"):
                return f"{day:%Y%m%d}"
        raise CalendarUnknown(f"no business date within {_LONGEST_HOLIDAY_DAYS} days after {after}")

    def first_unknown_year(self, today: str) -> int:
        """The first year from that of `today` (YYYYMMDD) on that is not known."""
        year = int(today[:4])
        while self.knows(year):
            year += 1
        return year

    def untold_year(self, today: str) -> int | None:
        """The year that somebody has to tell now (YYYYMMDD): this one, or from 1 December on the next, if it
        is not known; else None.
        """
        year, current = self.first_unknown_year(today), int(today[:4])
        return year if year <= current + (today[4:] >= _TOLD_FROM) else None

    def faults(self) -> Iterator[tuple[str, str]]:
        """What the settings say and cannot mean: the setting's name, and why it is refused."""
        for both in sorted(self.holidays & self.workdays):
            yield "workdays", f"{both} is in holidays too"
        for year in sorted({int(named[:4]) for named in self.holidays | self.workdays}):
            if not self.knows(year):
                yield (
                    "whole_years",
                    f"lacks {year}, of which holidays or workdays name a date and nothing else is known: list"
                    " all of its holidays and worked weekend days, and name it here",
                )
        for year in sorted(self.whole_years):
            yield from self._missing_in(year)

    def _missing_in(self, year: int) -> Iterator[tuple[str, str]]:
        """What each year has, and this one lacks, which is given as a whole."""
        for month_day in _ALWAYS_FREE:
            day = f"{year}{month_day}"
            if day not in self.holidays and date.fromisoformat(day).weekday() <= _FRIDAY:
                yield (
                    "holidays",
                    f"{year}{month_day} is free by law, and whole_years says that {year} is whole",
                )
        begin, end = (date.fromisoformat(f"{year}{month_day}") for month_day in _SPRING_FESTIVAL)
        days = (begin + timedelta(days) for days in range((end - begin).days))
        if not any(f"{day:%Y%m%d}" in self.holidays and day.weekday() <= _FRIDAY for day in days):
            yield (
                "holidays",
                f"the Spring Festival of {year} is missing, and whole_years says that {year} is whole",
            )


@lru_cache(maxsize=64)
def _is_in_library(year: int) -> bool:
    """Whether the library has all of a year: one whose National Day it takes for worked it has in part."""
    try:
        return not chinese_calendar.is_workday(date(year, 10, 1))
    except NotImplementedError:
        return False
