"""The file of archived business days, by which the office lets the front-end machine retire them.

Each day has its date, its sealed root and the number of entries of the office's own copy; no entry, no policy
and no person comes in here. Pure. Whether a day may be retired, `ledger.book.retire` says.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

from ledger.errors import LedgerError
from ledger.rules.day import is_date
from qianzhi_errors.sentence import Sentence, listed

BYTES_MAX: Final = 4_000_000
"""Enough for some 25,000 days: the file names every archived day since the first."""
_VERSION: Final = 1
_COUNT_MAX: Final = 2**53 - 1
_ROOT: Final = re.compile(r"[0-9a-f]{64}")


class ArchivedRefused(LedgerError):
    """The file is no list of archived days. The text says what is wrong and repeats nothing of the file."""


class ArchivedDay(NamedTuple):
    """An archived business day (YYYYMMDD): the root that it was sealed with (SHA-256 in hex), and the
    number of its entries that the office has.
    """

    date: str
    root: str
    entries: int


def write(days: tuple[ArchivedDay, ...]) -> bytes:
    """Return the days as JSON, in UTF-8."""
    return json.dumps({"version": _VERSION, "days": days}, indent=1).encode() + b"\n"


def parse(data: bytes) -> dict[str, ArchivedDay]:
    """Return the days of a file that `write` made, by date. Raises ArchivedRefused."""
    if len(data) > BYTES_MAX:
        raise ArchivedRefused(Sentence("more than {most} bytes", most=BYTES_MAX))
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise ArchivedRefused(Sentence("is no JSON")) from None
    if not isinstance(content, dict) or content.keys() != {"version", "days"}:
        raise ArchivedRefused(Sentence("version and days are to be there, and nothing else"))
    if content["version"] != _VERSION or isinstance(content["version"], bool):
        raise ArchivedRefused(Sentence("is of another version than {version}", version=_VERSION))
    if not isinstance(content["days"], list):
        raise ArchivedRefused(Sentence("days is no list"))
    days = tuple(_day(number, row) for number, row in enumerate(content["days"], 1))
    by_date = {day.date: day for day in days}
    if len(by_date) < len(days):
        raise ArchivedRefused(Sentence("a date stands there twice"))
    return by_date


def _day(number: int, row: Any) -> ArchivedDay:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(row, list) or len(row) != len(ArchivedDay._fields):
        raise ArchivedRefused(
            Sentence("day {number} is not {fields}", number=number, fields=listed(ArchivedDay._fields))
        )
    date, root, entries = row
    if not is_date(date):
        raise ArchivedRefused(Sentence("day {number}: date is no date", number=number))
    if not isinstance(root, str) or _ROOT.fullmatch(root) is None:
        raise ArchivedRefused(Sentence("day {number}: root is no SHA-256 in hex", number=number))
    if not isinstance(entries, int) or isinstance(entries, bool) or not 0 <= entries <= _COUNT_MAX:
        raise ArchivedRefused(Sentence("day {number}: entries is no count", number=number))
    return ArchivedDay(date, root, entries)
