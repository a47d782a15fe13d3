"""Which dates are business dates: the working days of mainland China, with the weekend days that are worked
in exchange for a holiday.

Banks take payments on every day. Settlement takes place on working days, so the payments of a weekend belong
to the next working day's date. The State Council announces a year's holidays late in the year before; a year
whose holidays are not known is never guessed. Pure; no clock is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

import chinese_calendar  # type: ignore[import-untyped]

from ledger.errors import LedgerError
from qianzhi_errors.sentence import Sentence

_FRIDAY: Final = 4
_LONGEST_HOLIDAY_DAYS: Final = 31
_NEXT_YEAR_NEEDED_FROM: Final = "1201"
"""From this date (MMDD) on the next year must be known: its notice is published by then, and the cut-over of
31 December needs it."""
_ALWAYS_FREE: Final = ("0101", "0501", "1001", "1002", "1003")
"""Holidays by law with the same date (MMDD) in every year. A list that lacks one is not a whole year's."""
_SPRING_FESTIVAL: Final = ("0120", "0225")
"""In every year the Spring Festival's days off are between these dates (MMDD)."""


class CalendarUnknown(LedgerError):
    """It is not known which days of that year are holidays."""


class Calendar(NamedTuple):
    """The working days of the library, and the settings' additions to them.

    `holidays` and `workdays` are dates YYYYMMDD that count before the library's. For a year in `whole_years`
    the library is not asked: its weekends are free except for `workdays`, and its other days are worked
    except for `holidays`.
    """

    holidays: frozenset[str] = frozenset()
    workdays: frozenset[str] = frozenset()
    whole_years: frozenset[int] = frozenset()

    def is_business_date(self, business_date: str) -> bool:
        """Whether a date (YYYYMMDD) is a business date. Raises CalendarUnknown if its year is not known."""
        day = date.fromisoformat(business_date)
        if not self.knows(day.year):
            raise CalendarUnknown(
                Sentence(
                    "the holidays of {year} are not known: list all of them in [day] holidays and "
                    "workdays, and name {year} in [day] whole_years",
                    year=day.year,
                )
            )
        if business_date in self.holidays or business_date in self.workdays:
            return business_date in self.workdays
        if day.year in self.whole_years:
            return day.weekday() <= _FRIDAY
        return bool(chinese_calendar.is_workday(day))

    def knows(self, year: int) -> bool:
        """Whether the business dates of a year are known."""
        return year in self.whole_years or _is_in_library(year)

    def next_business_date(self, after: str) -> str:
        """The first business date after a date (both YYYYMMDD). Raises CalendarUnknown if a year is not
        known, or if there is none within a month.
        """
        day = date.fromisoformat(after)
        for _ in range(_LONGEST_HOLIDAY_DAYS):
            day += timedelta(1)
            if self.is_business_date(f"{day:%Y%m%d}"):
                return f"{day:%Y%m%d}"
        raise CalendarUnknown(
            Sentence(
                "no business date within {days} days after {date}", days=_LONGEST_HOLIDAY_DAYS, date=after
            )
        )

    def first_unknown_year(self, today: str) -> int:
        """The first year, from that of `today` (YYYYMMDD) on, whose business dates are not known."""
        year = int(today[:4])
        while self.knows(year):
            year += 1
        return year

    def missing_year(self, today: str) -> int | None:
        """The year whose holidays must be set now, on `today` (YYYYMMDD): this year, or from 1 December on
        the next, if it is not known; else None.
        """
        year, current = self.first_unknown_year(today), int(today[:4])
        return year if year <= current + (today[4:] >= _NEXT_YEAR_NEEDED_FROM) else None

    def faults(self) -> Iterator[tuple[str, str]]:
        """The settings that contradict each other or lack a date: a setting's name, and why it is refused."""
        for day in sorted(self.holidays & self.workdays):
            yield "workdays", Sentence("{date} is in holidays too", date=day)
        for year in sorted({int(day[:4]) for day in self.holidays | self.workdays}):
            if not self.knows(year):
                yield (
                    "whole_years",
                    Sentence(
                        "lacks {year}, of which holidays or workdays name a date and nothing else is "
                        "known: list all of its holidays and worked weekend days, and name it here",
                        year=year,
                    ),
                )
        for year in sorted(self.whole_years):
            yield from self._missing_in(year)

    def _missing_in(self, year: int) -> Iterator[tuple[str, str]]:
        """The holidays that every year has and this one of `whole_years` lacks: a setting's name, and why it
        is refused.
        """
        for month_day in _ALWAYS_FREE:
            day = f"{year}{month_day}"
            if day not in self.holidays and date.fromisoformat(day).weekday() <= _FRIDAY:
                yield (
                    "holidays",
                    Sentence(
                        "{date} is free by law, and whole_years says that {year} is whole",
                        date=day,
                        year=year,
                    ),
                )
        begin, end = (date.fromisoformat(f"{year}{month_day}") for month_day in _SPRING_FESTIVAL)
        days = (begin + timedelta(days) for days in range((end - begin).days))
        if not any(f"{day:%Y%m%d}" in self.holidays and day.weekday() <= _FRIDAY for day in days):
            yield (
                "holidays",
                Sentence(
                    "the Spring Festival of {year} is missing, and whole_years says that {year} is whole",
                    year=year,
                ),
            )


@lru_cache(maxsize=64)
def _is_in_library(year: int) -> bool:
    """Whether the library has the whole year. It has only a part of a year in which it takes National Day, 1
    October, for a working day.
    """
    try:
        return not chinese_calendar.is_workday(date(year, 10, 1))
    except NotImplementedError:
        return False
