"""The year of a date that carries none: DE 7, 13, 15 and 90 are MMDD and hhmmss (ISO 8583:1987).

Pure. No clock is read: today's date is handed in. Which of these dates may be used for what does not belong
here; only which year one means, and how far it is from today.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache


@lru_cache(maxsize=4096)
def nearest_date(month_day: str, today: date) -> str:
    """The date YYYYMMDD, of all that MMDD can mean, that is nearest to `today`; the earlier of two as near.

    Empty where no such date exists within a year of today: MMDD is no date, or is 29 February between two
    leap years. Cached, since all messages of a day name a few dates.
    """
    days = (_date(year, month_day) for year in (today.year - 1, today.year, today.year + 1))
    there = [day for day in days if day is not None]
    return f"{min(there, key=lambda day: abs(day - today)):%Y%m%d}" if there else ""


def _date(year: int, month_day: str) -> date | None:
    try:
        return date(year, int(month_day[:2]), int(month_day[2:]))
    except ValueError:
        return None


@dataclass(frozen=True)
class KeyWindow:
    """The dates on which a transaction's key may be made, seen from `today`: as many days back and ahead.

    A key of another date names no transaction: what is older leaves the front book, and may not come to
    life again.
    """

    today: date
    days_back: int = 31
    days_ahead: int = 1

    def date_of(self, month_day: str) -> str:
        """The date YYYYMMDD that MMDD means, nearest to today; empty where there is none (nearest_date)."""
        return nearest_date(month_day, self.today)

    def holds(self, moment: str) -> bool:
        """Whether a moment that begins with its date YYYYMMDD is within the window, both ends included."""
        return self.first <= moment[:8] <= self.last

    @cached_property
    def first(self) -> str:
        """The oldest date YYYYMMDD of the window."""
        return f"{self.today - timedelta(self.days_back):%Y%m%d}"

    @cached_property
    def last(self) -> str:
        """The newest date YYYYMMDD of the window."""
        return f"{self.today + timedelta(self.days_ahead):%Y%m%d}"
