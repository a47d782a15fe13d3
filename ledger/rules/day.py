"""The business day: its states, and what a date is.

Pure. No clock is read: which day is open is a row of the front book. Which dates are business dates is in
`ledger.rules.calendar`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType


class DayState(StrEnum):
    """The state of a business day. The front book has OPEN and CLOSED, the office has the others."""

    OPEN = "open"
    CLOSED = "closed"
    RECONCILED = "reconciled"
    POSTED = "posted"
    ARCHIVED = "archived"


class DayEvent(StrEnum):
    """What moves a business day to its next state."""

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
"""State and event to the next state: every day goes through these once, in this order. A day is posted when
each bank's date is in the books or was closed without the bank's file; it is archived when the next day's
dues are loaded."""


def is_date(text: object) -> bool:
    """Whether this is the YYYYMMDD of a day that exists."""
    return isinstance(text, str) and len(text) == 8 and text.isascii() and text.isdecimal() and _exists(text)


def hyphenated(text: str) -> str:
    """Write a date for people: 20261124 is 2026-11-24. What has not eight characters stays as it is."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 else text


@lru_cache(maxsize=4096)
def _exists(digits: str) -> bool:
    """Cached: a million rows of a file name a few hundred days."""
    try:
        date.fromisoformat(digits)
    except ValueError:
        return False
    return True
