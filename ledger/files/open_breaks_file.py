"""The file of open breaks: their number and sum by bank, class and date, from the office to the front.

The front-end machine's status page shows it. No break's name, no policy and no person comes in here, because
the page stands in the DMZ. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from ledger.errors import LedgerError
from ledger.rules.day import is_date
from qianzhi_errors.sentence import Sentence, listed

BYTES_MAX: Final = 1_000_000
ROWS_MAX: Final = 10_000
"""Banks times classes times dates: more would mean that nobody has decided breaks for years."""
_VERSION: Final = 1
_COUNT_MAX: Final = 2**53 - 1
"""The largest whole number that every browser knows exactly."""
_NOT_THE_KEYS: Final = ("missing", "extra_forbidden", "model_type")
"""What pydantic calls a file that is no object, or an object with other keys."""


def _checked_date(text: str) -> str:
    if not is_date(text):
        raise ValueError
    return text


_Bank = Annotated[str, Field(pattern=r"^[0-9]{1,11}$")]
_BreakClass = Annotated[str, Field(pattern=r"^[a-z_]{1,20}$")]
_Date = Annotated[str, AfterValidator(_checked_date)]
_Count = Annotated[int, Field(ge=0, le=_COUNT_MAX)]


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


class _File(BaseModel):
    """The file as JSON has it; each row is checked as the fields of an Outstanding, in their order."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: Annotated[int, Field(ge=_VERSION, le=_VERSION)]
    told_at: _Count
    rows: Annotated[list[tuple[_Bank, _BreakClass, _Date, _Count, _Count]], Field(max_length=ROWS_MAX)]


def parse(data: bytes) -> Figures:
    """Return the figures of a file that `write` made. Raises FiguresRefused."""
    if len(data) > BYTES_MAX:
        raise FiguresRefused(Sentence("more than {most} bytes", most=BYTES_MAX))
    try:
        file = _File.model_validate_json(data)
    except ValidationError as error:
        raise FiguresRefused(_reason(error.errors())) from None
    outstanding = tuple(Outstanding(*row) for row in file.rows)
    if len({row[:3] for row in outstanding}) < len(outstanding):
        raise FiguresRefused(Sentence("a bank has a class and date twice"))
    return Figures(file.told_at, outstanding)


def _reason(errors: Sequence[ErrorDetails]) -> str:
    """Return the first thing that is wrong, in words of ours: pydantic's may repeat a value."""
    if errors[0]["type"] == "json_invalid":
        return Sentence("is no JSON")
    if any(len(error["loc"]) < 3 and error["type"] in _NOT_THE_KEYS for error in errors):
        return Sentence("version, told_at and rows are to be there, and nothing else")
    match errors[0]["loc"]:
        case ("version",):
            return Sentence("is of another version than {version}", version=_VERSION)
        case ("told_at",):
            return Sentence("told_at is no time")
        case ("rows", int(place), int(column)) if errors[0]["type"] != "missing":
            return Sentence(
                "row {row}: {column} is not in order", row=place + 1, column=Outstanding._fields[column]
            )
        case ("rows", int(place), *_):
            return Sentence("row {row} is not {fields}", row=place + 1, fields=listed(Outstanding._fields))
    return Sentence("rows is no list of {most} at most", most=ROWS_MAX)
