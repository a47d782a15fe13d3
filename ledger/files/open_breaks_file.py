"""The file of open breaks: their number and sum by bank, class and date, from the office to the front.

The front-end machine's status page shows it. No break's name, no policy and no person comes in here, because
the page stands in the DMZ. Pure.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

from ledger.errors import LedgerError
from ledger.rules.day import is_date

BYTES_MAX: Final = 1_000_000
ROWS_MAX: Final = 10_000
"""Banks times classes times dates: more would mean that nobody has decided breaks for years."""
_VERSION: Final = 1
_COUNT_MAX: Final = 2**53 - 1
"""The largest whole number that every browser knows exactly."""
_BANK: Final = re.compile(r"[0-9]{1,11}")
_CLASS: Final = re.compile(r"[a-z_]{1,20}")


class FiguresRefused(LedgerError):
    """The file is no file of open breaks. The text says what is wrong and repeats nothing of the file."""


class Outstanding(NamedTuple):
    """A bank's open breaks of one class and one date (YYYYMMDD): their number, and the sum of their absolute
    differences in fen.
    """

    bank: str
    cls: str
    date: str
    breaks: int
    amount: int


class Figures(NamedTuple):
    """All open breaks as of `told_at`, in microseconds since 1970-01-01 UTC."""

    told_at: int
    rows: tuple[Outstanding, ...]


def write(figures: Figures) -> bytes:
    """Return the figures as JSON, in UTF-8."""
    content = {"version": _VERSION, "told_at": figures.told_at, "rows": figures.rows}
    return json.dumps(content, indent=1).encode() + b"\n"


def parse(data: bytes) -> Figures:
    """Return the figures of a file that `write` made. Raises FiguresRefused."""
    if len(data) > BYTES_MAX:
        raise FiguresRefused(f"more than {BYTES_MAX} bytes")
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise FiguresRefused("is no JSON") from None
    if not isinstance(content, dict) or content.keys() != {"version", "told_at", "rows"}:
        raise FiguresRefused("version, told_at and rows are to be there, and nothing else")
    if not _is_count(content["version"]) or content["version"] != _VERSION:
        raise FiguresRefused(f"is of another version than {_VERSION}")
    if not _is_count(content["told_at"]):
        raise FiguresRefused("told_at is no time")
    rows = content["rows"]
    if not isinstance(rows, list) or len(rows) > ROWS_MAX:
        raise FiguresRefused(f"rows is no list of {ROWS_MAX} at most")
    outstanding = tuple(_row(number, row) for number, row in enumerate(rows, 1))
    if len({row[:3] for row in outstanding}) < len(outstanding):
        raise FiguresRefused("a bank has a class and date twice")
    return Figures(content["told_at"], outstanding)


def _row(number: int, row: Any) -> Outstanding:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(row, list) or len(row) != len(Outstanding._fields):
        raise FiguresRefused(f"row {number} is not {', '.join(Outstanding._fields)}")
    bank, cls, date, breaks, amount = row
    good = (
        isinstance(bank, str) and _BANK.fullmatch(bank) is not None,
        isinstance(cls, str) and _CLASS.fullmatch(cls) is not None,
        is_date(date),
        _is_count(breaks),
        _is_count(amount),
    )
    for name, is_good in zip(Outstanding._fields, good, strict=True):
        if not is_good:
            raise FiguresRefused(f"row {number}: {name} is not in order")
    return Outstanding(bank, cls, date, breaks, amount)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _COUNT_MAX
