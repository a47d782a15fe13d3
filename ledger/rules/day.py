"""The business day: its states, and its dates as the banks name them.

Pure. No clock is read: what day it is, the book says. Which dates are business dates, `ledger.rules.calendar`
says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType


class DayState(StrEnum):
    """How far a business day has come. The front book knows the first two, the office the others."""

    OPEN = "open"
    CLOSED = "closed"
    RECONCILED = "reconciled"
    POSTED = "posted"
    ARCHIVED = "archived"


class DayEvent(StrEnum):
    """What moves a day on."""

    CUT_OVER = "cut over"
    RECONCILE = "reconcile"
    POST = "post"
    ARCHIVE = "archive"


TRANSITIONS: Mapping[tuple[DayState, DayEvent], DayState] = MappingProxyType(
    {
        (DayState.OPEN, DayEvent.CUT_OVER): DayState.CLOSED,
        (DayState.CLOSED, DayEvent.RECONCILE): DayState.RECONCILED,
        (DayState.RECONCILED, DayEvent.POST): DayState.POSTED,
        (DayState.POSTED, DayEvent.ARCHIVE): DayState.ARCHIVED,
    }
)
"""All that can happen to a day, each once and in this order. It is archived when nothing of it is awaited any
more: the next day's dues are loaded."""


def is_date(text: object) -> bool:
    """Whether this is YYYYMMDD of a real day."""
    return isinstance(text, str) and len(text) == 8 and text.isascii() and text.isdecimal() and _exists(text)


@lru_cache(maxsize=4096)
def _exists(digits: str) -> bool:
    """Cached: a million rows of a file name a few hundred days."""
    try:
        date.fromisoformat(digits)
    except ValueError:
        return False
    return True
