"""Beijing time, by which all business is done, whatever time zone a host is set to.

Pure. No clock is read here. Which business date an hour belongs to is in `fep.day.schedule`.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final

BEIJING: Final = timezone(timedelta(hours=8))
"""The time of all mainland China; there was no summer time after 1991."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=BEIJING) + timedelta(hours=8)


def beijing(now_us: int) -> datetime:
    """The date and time in Beijing, `now_us` being microseconds since 1970-01-01 UTC."""
    return _EPOCH + timedelta(microseconds=now_us)


def midnight(date: str) -> int:
    """The moment at which a date (YYYYMMDD) begins in Beijing, in microseconds since 1970-01-01 UTC."""
    begins = datetime.strptime(date, "%Y%m%d").replace(tzinfo=BEIJING)
    return (begins - _EPOCH) // timedelta(microseconds=1)


def day_of(now_us: int) -> str:
    """The date (YYYYMMDD) in Beijing at a moment, `now_us` being microseconds since 1970-01-01 UTC."""
    return f"{beijing(now_us):%Y%m%d}"
