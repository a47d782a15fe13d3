"""What the clock and the office's file say about retiring days: which keys are still known, which days are
archived.

Computes dates and reads one file. Which day may be retired, and how, `ledger.book.retire` says.
"""

from __future__ import annotations

import os
import stat
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

from ledger.files.archived import BYTES_MAX, ArchivedDay, ArchivedRefused, parse
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.system import system_reason

LEAD_DAYS: Final = 10
"""Days by which the open business date may be ahead of the calendar: a holiday at most, and the longest has
eight.
"""
_MARGIN_DAYS: Final = 1
"""Days added because nodes whose clocks are on either side of midnight disagree about the window's first
date.
"""


def first_known(today: date, open_date: str, key_days: int) -> str:
    """Return the oldest date YYYYMMDD of which a key may still be known: `key_days` before today, or before
    the date LEAD_DAYS ahead of the open business day (`open_date`, empty for none) where that is earlier.
    So a clock that is ahead does not make the journal forget.
    """
    earliest = min(today, _earliest_today(open_date)) if open_date else today
    return f"{earliest - timedelta(key_days + _MARGIN_DAYS):%Y%m%d}"


@lru_cache(maxsize=16)
def key_date(today: date, open_date: str) -> date:
    """Return the date from which a key's window counts back: today by the wall clock, but not earlier than
    LEAD_DAYS before the open business day. So a clock that was set back revives no key that was forgotten:
    business days do not go back. Cached, because every message of a day asks for the same date.
    """
    return max(today, _earliest_today(open_date)) if open_date else today


def _earliest_today(open_date: str) -> date:
    """Return the earliest date that today can be while the business day `open_date` is open."""
    return date.fromisoformat(open_date) - timedelta(LEAD_DAYS)


def read_archived(path: str) -> dict[str, ArchivedDay]:
    """Return the days that the office has archived, by date, from the file that it leaves at this machine.
    Raises ArchivedRefused where there is no file, where users other than its owner can change it, or where
    it is malformed.
    """
    if not path:
        raise ArchivedRefused(Sentence("[day] archived of the settings names no file of archived days"))
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise ArchivedRefused(Sentence("{path} is no plain file", path=path))
            if mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise ArchivedRefused(
                    Sentence("{path} can be changed by others than its owner: mode 644 or less", path=path)
                )
            data = file.read(BYTES_MAX + 1)
    except FileNotFoundError:
        raise ArchivedRefused(
            Sentence("{path} is not there: the office has archived nothing yet", path=Path(path))
        ) from None
    except OSError as error:
        raise ArchivedRefused(
            Sentence("{path} cannot be read: {reason}", path=path, reason=system_reason(error))
        ) from error
    try:
        return parse(data)
    except ArchivedRefused as error:
        raise ArchivedRefused(Sentence("{path}: {reason}", path=path, reason=error)) from error
