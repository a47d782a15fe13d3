"""The year of a date without one: DE 7, 13, 15 and 90 carry MMDD only (ISO 8583:1987); and the window of
dates on which a transaction's key may be made.

Pure. No clock is read: today's date is handed in. Which message may use which date is decided elsewhere
(fep.links.request_parser).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache


@lru_cache(maxsize=4096)
def nearest_date(month_day: str, today: date) -> str:
    """The date YYYYMMDD with this MMDD that is nearest to `today`; of two equally near, the earlier.

    Empty if there is none in last year, this year or the next: MMDD is no date, or is 29 February and none of
    the three is a leap year. Cached, since the messages of a day name few dates.
    """
    days = (_date(year, month_day) for year in (today.year - 1, today.year, today.year + 1))
    existing = [day for day in days if day is not None]
    return f"{min(existing, key=lambda day: abs(day - today)):%Y%m%d}" if existing else ""


def _date(year: int, month_day: str) -> date | None:
    try:
        return date(year, int(month_day[:2]), int(month_day[2:]))
    except ValueError:
        return None


@dataclass(frozen=True)
class KeyWindow:
    """The dates on which a transaction's key may be made: from `days_back` before `today` to `days_ahead`
    after.

    A key of any other date is refused. Older transactions leave the front book, which would take a repeat of
    one for a new transaction.
    """

    today: date
    days_back: int = 31
    days_ahead: int = 1

    def date_of(self, month_day: str) -> str:
        """The date YYYYMMDD with this MMDD that is nearest to today; empty if there is none."""
        return nearest_date(month_day, self.today)

    def holds(self, moment: str) -> bool:
        """Whether the date of a moment YYYYMMDD... is in the window, its first and last date included."""
        return self.first <= moment[:8] <= self.last

    @cached_property
    def first(self) -> str:
        """The oldest date YYYYMMDD of the window."""
        return f"{self.today - timedelta(self.days_back):%Y%m%d}"

    @cached_property
    def last(self) -> str:
        """The newest date YYYYMMDD of the window."""
        return f"{self.today + timedelta(self.days_ahead):%Y%m%d}"
