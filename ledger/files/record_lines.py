"""Files of short records between the front and collection: ASCII, a record a line, its fields between bars,
the last record counting the others.

Pure. Which records a file has, and in what order, is in `ledger.files.hold_file` and
`ledger.files.apply_file`.
No text repeats a value of a file: whatever its field, it may be somebody's number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from ledger.errors import LedgerError, Problem
from ledger.rules.day import is_date
from qianzhi_errors.sentence import Sentence

LINES_MAX: Final = 200_000
"""The most lines of one batch: a larger one is made as two."""
_LINE_BYTES_MAX: Final = 200
_BYTES_MAX: Final = (LINES_MAX + 2) * _LINE_BYTES_MAX
_BAR: Final = "|"


class BatchFileRefused(LedgerError):
    """The file is no file of a batch as it must be. Nothing of it was taken."""


class Field(NamedTuple):
    """One field of a record: its name, the condition that its text must meet, and the reason if not."""

    name: str
    is_good: Callable[[str], object]
    reason: str


def _pattern(name: str, pattern: str, reason: str) -> Field:
    return Field(name, re.compile(pattern).fullmatch, reason)


BATCH: Final = _pattern("batch", r"B[0-9]{7}", Sentence("not B and seven digits"))
CHANNEL: Final = _pattern("channel", r"[0-9]{1,11}", Sentence("not a bank's code of 1 to 11 digits"))
LINE: Final = _pattern("line", r"[1-9][0-9]{0,5}", Sentence("not a number from 1 to 999999"))
PART: Final = _pattern("part", r"[1-9][0-9]{0,5}", Sentence("not a number from 1 to 999999"))
FEN: Final = _pattern("amount", r"[1-9][0-9]{0,11}", Sentence("not a whole number of fen, 1 to 999999999999"))
SUM: Final = _pattern("sum", r"0|[1-9][0-9]{0,16}", Sentence("not a whole number of 1 to 17 digits"))
COUNT: Final = _pattern("lines", r"0|[1-9][0-9]{0,5}", Sentence("not a number from 0 to 999999"))
DUE: Final = _pattern("due", r"[A-Z0-9-]{1,20}", Sentence("not 1 to 20 of A-Z, 0-9 and -"))
POLICY: Final = _pattern("policy", r"[A-Z0-9-]{1,24}", Sentence("not 1 to 24 of A-Z, 0-9 and -"))
DATE: Final = Field("date", is_date, Sentence("not a date, YYYYMMDD"))
_HOUR: Final = re.compile(r"([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]")
MOMENT: Final = Field(
    "created_at",
    lambda text: is_date(text[:8]) and _HOUR.fullmatch(text[8:]),
    Sentence("not a moment, YYYYMMDDhhmmss"),
)
REFERENCE: Final = _pattern(
    "reference", r"[!-{}~]{1,40}", Sentence("not 1 to 40 printable characters without blanks")
)
REASON: Final = _pattern(
    "reason", r"[!-{}~]{1,20}", Sentence("not 1 to 20 printable characters without blanks")
)
NAME: Final = _pattern("name", r"|[!-{}~]{1,64}", Sentence("not a person's login"))
RECEIPT: Final = _pattern("receipt", r"|[0-9A-Za-z-]{1,32}", Sentence("not a receipt's number"))
KEY: Final = _pattern("key", r"[!-{}~]{1,60}", Sentence("not a transaction's key"))


class Record(NamedTuple):
    """One line of a file: `number` counts from 1; `kind` is its first field, `fields` the others."""

    number: int
    kind: str
    fields: tuple[str, ...]

    def checked(self, *fields: Field) -> tuple[str, ...]:
        """The texts of the record's fields. Raises BatchFileRefused where one is not as it must be."""
        if len(self.fields) != len(fields):
            raise self.refused(
                Sentence(
                    "{expected} fields expected, {actual} found",
                    expected=len(fields),
                    actual=len(self.fields),
                )
            )
        for field, text in zip(fields, self.fields, strict=True):
            if not field.is_good(text):
                raise self.refused(field.reason, field.name)
        return self.fields

    def refused(self, reason: str, column: str = "") -> BatchFileRefused:
        """The error for a fault of this line."""
        return BatchFileRefused(Problem(self.number, column, reason))


def records(data: bytes) -> list[Record]:
    """The lines of a file. Raises BatchFileRefused where it is too long, not ASCII, or cut."""
    if len(data) > _BYTES_MAX:
        raise BatchFileRefused(Sentence("more than {most} bytes", most=_BYTES_MAX))
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BatchFileRefused(Problem(line, "", Sentence("not ASCII"))) from None
    if not text.endswith("\n"):
        raise BatchFileRefused(Sentence("its last line does not end: the file was cut"))
    lines = text.removesuffix("\n").split("\n")
    return [_record(number, line) for number, line in enumerate(lines, 1)]


def _record(number: int, line: str) -> Record:
    kind, *fields = line.split(_BAR)
    return Record(number, kind, tuple(fields))


def framed(data: bytes, head: str) -> tuple[Record, list[Record], Record]:
    """A file's first record, of kind `head`; those between; and its last one, of kind T. Raises
    BatchFileRefused where it has not both.
    """
    first, *rest = records(data)
    if first.kind != head:
        raise first.refused(Sentence("{record} expected", record=head))
    if not rest or rest[-1].kind != "T":
        raise BatchFileRefused(Sentence("has no record T at its end: the file was cut"))
    return first, rest[:-1], rest[-1]


def as_bytes(rows: Iterable[Sequence[object]]) -> bytes:
    """A file of these records, each a sequence of its kind and its fields."""
    return "".join(_BAR.join(map(str, row)) + "\n" for row in rows).encode("ascii")


def check_once(lines: Sequence[tuple[Record, object]], column: str = "line") -> None:
    """Raise BatchFileRefused at the second record of those with the same value."""
    seen: set[object] = set()
    for record, value in lines:
        if value in seen:
            raise record.refused(Sentence("a second time in the file"), column)
        seen.add(value)


def check_figures(last: Record, stated: Sequence[str], counted: Sequence[int]) -> None:
    """Raise BatchFileRefused where the record T states other figures than the records make."""
    if tuple(map(int, stated)) != tuple(counted):
        raise last.refused(
            Sentence(
                "the records make {counted}, and T says {stated}",
                counted=_BAR.join(map(str, counted)),
                stated=_BAR.join(stated),
            )
        )
