"""Which dates are business dates: the working days of mainland China, weekends worked in exchange included.

Banks take payments on every day; settlement takes place on working days, so a weekend's payments belong to
the next working day's date. The State Council announces a year's holidays late in the year before; a year
that nobody has told us of is not guessed.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import chinese_calendar  # type: ignore[import-untyped]

from ledger.errors import LedgerError

_FRIDAY = 4
_LONGEST_HOLIDAY_DAYS = 31


class CalendarUnknown(LedgerError):
    """Nobody has told us which days of that year are holidays."""


class Calendar(NamedTuple):
    """The working days that the library knows, and what the settings add: `holidays` and `workdays`, each
    YYYYMMDD. A year of which the settings name any date is theirs alone: weekends are free, but for
    `workdays`.
    """

    holidays: frozenset[str] = frozenset()
    workdays: frozenset[str] = frozenset()

    def is_business_date(self, business_date: str) -> bool:
        """Whether settlement takes place on a date (YYYYMMDD). Raises CalendarUnknown."""
        day = date.fromisoformat(business_date)
        if business_date in self.holidays or business_date in self.workdays:
            return business_date in self.workdays
        if any(known[:4] == business_date[:4] for known in self.holidays | self.workdays):
            return day.weekday() <= _FRIDAY
        try:
            return bool(chinese_calendar.is_workday(day))
        except NotImplementedError as error:
            raise CalendarUnknown(
                f"the holidays of {day.year} are not known: list them in [day] holidays and workdays"
            ) from error

    def next_business_date(self, after: str) -> str:
        """The first business date after a date (both YYYYMMDD). Raises CalendarUnknown."""
        day = date.fromisoformat(after)
        for _ in range(_LONGEST_HOLIDAY_DAYS):
            day += timedelta(1)
            if self.is_business_date(f"{day:%Y%m%d}"):
                return f"{day:%Y%m%d}"
        raise CalendarUnknown(f"no business date within {_LONGEST_HOLIDAY_DAYS} days after {after}")
