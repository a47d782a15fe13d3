"""The business day as the banks name it: four digits on the wire, eight in the book.

Pure. The calendar and the cut-over belong here; no clock is read: what day it is, the book says.
"""

from __future__ import annotations


def full_date(month_day: str, current: str) -> str:
    """The latest date not after `current` (YYYYMMDD) that MMDD can mean: DE 15 carries no year (ISO
    8583:1987).
    """
    year = int(current[:4])
    return f"{year if month_day <= current[4:] else year - 1:04d}{month_day}"
