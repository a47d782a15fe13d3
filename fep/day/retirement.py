"""What the machine's clock and files say of retiring days: which keys are still known, and which days the
office has archived.

Reads a file, and computes a date. Which day may go, and how it goes, `ledger.book.retire` says.
"""

from __future__ import annotations

import os
import stat
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

from ledger.files.archived import BYTES_MAX, ArchivedDay, ArchivedRefused, parse

LEAD_DAYS: Final = 10
"""A business day that is open is ahead of the calendar by a holiday at most: the longest has eight days."""
_MARGIN_DAYS: Final = 1
"""Nodes whose clocks are on either side of midnight do not agree about the window's first date."""


def first_known(today: date, open_date: str, key_days: int) -> str:
    """The oldest date YYYYMMDD of which a key may still be known, `key_days` back: from today, or from
    LEAD_DAYS before the open business day (`open_date`, empty for none) where that is earlier. A clock that
    is ahead does not make the journal forget.
    """
    earliest = min(today, _least(open_date)) if open_date else today
    return f"{earliest - timedelta(key_days + _MARGIN_DAYS):%Y%m%d}"


@lru_cache(maxsize=16)
def key_date(today: date, open_date: str) -> date:
    """The date from which a key's window counts: today by the wall clock, but no earlier than LEAD_DAYS
    before the open business day. So a clock that was set back brings no key to life that was forgotten:
    business days do not go back. Cached, since all messages of a day ask for one.
    """
    return max(today, _least(open_date)) if open_date else today


def _least(open_date: str) -> date:
    return date.fromisoformat(open_date) - timedelta(LEAD_DAYS)


def read_archived(path: str) -> dict[str, ArchivedDay]:
    """The days that the office has archived, by date, from the file that it leaves at this machine. Raises
    ArchivedRefused where there is none, where others than its owner can change it, or it is not in order.
    """
    if not path:
        raise ArchivedRefused("[day] archived of the settings names no file of archived days")
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise ArchivedRefused(f"{path} is no plain file")
            if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise ArchivedRefused(f"{path} can be changed by others than its owner: mode 644 or less")
            data = file.read(BYTES_MAX + 1)
    except FileNotFoundError:
        raise ArchivedRefused(f"{Path(path)} is not there: the office has archived nothing yet") from None
    except OSError as error:
        raise ArchivedRefused(f"{path} cannot be read: {error.strerror}") from error
    try:
        return parse(data)
    except ArchivedRefused as error:
        raise ArchivedRefused(f"{path}: {error}") from error
