"""The file that the core system leaves, of persons and their holdings, contacts, agents and consents: read
whole or refused, and written.

Bytes in, values out. No path, no database, and no text that repeats a value of a row: whatever its column, it
may be somebody's name or identity number. A header, the rows in any order, a trailer:

    policy,role,name,document,from
    P20170080000001,holder,<name>,<document>,20170301
    ENDED,<policy>,<role>,<document>,<last day>
    CONTACT,<document>,<kind>,<value>,<day on which it was verified, or nothing>
    AGENT,<agent>,<name>,<office>,<phone>
    LEFT,<agent>,<last day>
    SERVING,<policy>,<agent>,<first day>
    CONSENT,<document>,<purpose>,<day>,<SHA-256 of the evidence>
    WITHDRAWN,<document>,<purpose>,<day>,<SHA-256 of the evidence>
    TOTAL,<date of the file>,<persons>,<holdings>,<ended>,<contacts>,<agents>,<serving>,<consents>

A document is a resident identity number, or has its kind before it, `passport:E12345678`. Every line has an
end, the trailer too, so a file that was cut anywhere is seen to be cut. What is not named stays as it is.
What a row of each kind may hold, `customers.load_rows` says.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn, TypeVar

from customers.errors import LoadFileError
from customers.load_rows import (
    COUNTED,
    FORMS,
    NO_CONTACT,
    Check,
    ContactRow,
    Holding,
    Row,
    counted_as,
    form_of,
    known,
    said_on,
    values_of,
)
from customers.rules.contact import is_contact
from customers.rules.person import Role
from ledger.errors import Problem
from ledger.files.bookline import TRAILER, without_end
from ledger.rules.day import is_date
from qianzhi_errors.sentence import Sentence

HEADER: Final = "policy,role,name,document,from"
ROWS_MAX: Final = 200_000
"""A file is held in memory while it is loaded; a larger base comes in several files."""
LINE_BYTES_MAX: Final = 1024
PROBLEMS_MAX: Final = 1000
_BOM: Final = b"\xef\xbb\xbf"
_COUNT: Final = re.compile(r"0|[1-9][0-9]{0,8}")


class LoadFile(NamedTuple):
    """A whole file: `digest` is the SHA-256 of its bytes (hex), `persons` counts the documents that bring a
    holding.
    """

    date: str
    rows: tuple[Row, ...]
    persons: int
    digest: str

    def of(self, kind: type[_R]) -> tuple[_R, ...]:
        """The rows of a kind, in the file's order."""
        return tuple(row for row in self.rows if isinstance(row, kind))


_R = TypeVar("_R", bound=Row)
_TRAILER: Final[tuple[Check, ...]] = (
    ("date", is_date, Sentence("not a date, YYYYMMDD")),
    *(
        (name, _COUNT.fullmatch, Sentence("not a whole number of 1 to 9 digits"))
        for name in ("persons", *COUNTED)
    ),
)


def parse(data: bytes) -> LoadFile:
    """Read a whole file. UTF-8, with or without a byte order mark; lines end in LF or CRLF; fields are quoted
    as in RFC 4180, but none holds a line end. Raises LoadFileError with the first PROBLEMS_MAX problems.
    """
    return _Reading().file(data)


def write(date: str, rows: Iterable[Row]) -> Iterator[bytes]:
    """Yield the file that `parse` reads back so, a line at a time; nothing is checked."""
    yield f"{HEADER}\n".encode()
    documents, counts = set(), Counter[str]()
    for row in rows:
        counts[counted_as(row)] += 1
        if isinstance(row, Holding):
            documents.add(known(row.document))
        yield f"{','.join(map(_quoted, row.fields()))}\n".encode()
    figures = (len(documents), *(counts[name] for name in COUNTED))
    yield f"{TRAILER},{date},{','.join(map(str, figures))}\n".encode()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text


class _Reading:
    """A file while it is read: its rows so far, and what is wrong with it."""

    def __init__(self) -> None:
        self._line = 0
        self._problems: list[Problem] = []
        self._rows: list[Row] = []
        self._trailer: list[str] = []

    def file(self, data: bytes) -> LoadFile:
        """Read the file, and return it if nothing is wrong and its trailer agrees."""
        for line in io.BytesIO(data):
            self._take(line)
        if not self._trailer:
            self._stop(Sentence("the TOTAL line is missing: the file was cut short"))
        persons = self._compare_rows()
        if not self._problems:
            self._compare_counts(persons)
        if self._problems:
            raise LoadFileError(tuple(sorted(self._problems, key=lambda problem: problem.line)))
        digest = hashlib.sha256(data).hexdigest()
        return LoadFile(self._trailer[1], tuple(self._rows), persons, digest)

    def _take(self, line: bytes) -> None:
        self._line += 1
        if not line.endswith(b"\n"):
            self._stop(Sentence("has no end: the file was cut short"))
        if self._trailer:
            self._stop(Sentence("nothing may follow the TOTAL line"))
        if self._line == 1:
            if without_end(line.removeprefix(_BOM)) != HEADER.encode():
                self._stop(Sentence("the header must be {header}", header=HEADER))
            return
        if self._line > ROWS_MAX + 2:
            self._stop(Sentence("more than {most} rows: give several files", most=ROWS_MAX))
        fields = self._fields(line)
        if not fields:
            return
        if fields[0] == TRAILER:
            self._trailer = fields
            self._check(_TRAILER, fields[1:])
            return
        form = form_of(fields[0])
        values = values_of(form, fields)
        if self._check(form.checks, values):
            self._rows.append(form.make(self._line, values))

    def _fields(self, line: bytes) -> list[str]:
        """The fields of a line; none where they cannot be told apart, which is noted."""
        reason: str
        if len(line) > LINE_BYTES_MAX:
            reason = Sentence("longer than {most} bytes", most=LINE_BYTES_MAX)
        else:
            try:
                text = without_end(line).decode()
                fields = next(csv.reader([text], strict=True)) if '"' in text else text.split(",")
                if len(fields) == (expected := _columns(fields[0])):
                    return fields
                reason = Sentence(
                    "{expected} columns expected, {actual} found", expected=expected, actual=len(fields)
                )
            except UnicodeDecodeError:
                reason = Sentence("not UTF-8")
            except csv.Error:
                reason = Sentence("quotes that do not match")
        self._note(self._line, "", reason)
        return []

    def _check(self, checks: Iterable[Check], values: Sequence[str]) -> bool:
        faults = [
            (name, reason)
            for (name, good, reason), value in zip(checks, values, strict=True)
            if not good(value)
        ]
        for name, reason in faults:
            self._note(self._line, name, reason)
        return not faults

    def _compare_rows(self) -> int:
        """Note what is wrong between rows, and between a row and the file's date; return how many persons
        they bring.
        """
        names: dict[tuple[str, str], str] = {}
        seen: set[tuple[object, ...]] = set()
        holders: set[str] = set()
        for row in self._rows:
            if row.subject() in seen:
                self._note(row.line, "", _TWICE[counted_as(row)])
            seen.add(row.subject())
            if isinstance(row, Holding):
                self._compare_holding(row, names, holders)
            elif isinstance(row, ContactRow) and not is_contact(row.kind, row.value):
                self._note(row.line, "value", NO_CONTACT)
            column, date = said_on(row)
            if date > self._trailer[1]:
                self._note(row.line, column, Sentence("later than the date of the file"))
        return len(names)

    def _compare_holding(self, row: Holding, names: dict[tuple[str, str], str], holders: set[str]) -> None:
        if names.setdefault(known(row.document), row.name) != row.name:
            self._note(row.line, "name", Sentence("another row has another name for this document"))
        if row.role is Role.HOLDER and row.policy in holders:
            self._note(row.line, "role", Sentence("the policy has a holder in another row"))
        holders |= {row.policy} if row.role is Role.HOLDER else set()

    def _compare_counts(self, persons: int) -> None:
        counts = Counter(map(counted_as, self._rows))
        counted = (persons, *(counts[name] for name in COUNTED))
        for (name, _, _), text, count in zip(_TRAILER[1:], self._trailer[2:], counted, strict=True):
            if int(text) != count:
                self._note(
                    self._line,
                    name,
                    Sentence("{stated} stated, {count} counted", stated=int(text), count=count),
                )

    def _note(self, line: int, column: str, reason: str) -> None:
        self._problems.append(Problem(line, column, reason))
        if len(self._problems) == PROBLEMS_MAX:
            raise LoadFileError(tuple(sorted(self._problems, key=lambda problem: problem.line)))

    def _stop(self, reason: str) -> NoReturn:
        """Raise LoadFileError with a problem after which the rest cannot be understood."""
        self._problems.append(Problem(max(self._line, 1), "", reason))
        raise LoadFileError(tuple(self._problems))


def _columns(first: str) -> int:
    """How many fields a line has that begins with this one."""
    if first == TRAILER:
        return 1 + len(_TRAILER)
    form = form_of(first)
    return len(form.checks) + (first in FORMS)


_ANOTHER: Final = Sentence("this holding has another row")
_TWICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "holdings": _ANOTHER,
        "ended": _ANOTHER,
        "contacts": Sentence("this contact has another row"),
        "agents": Sentence("this agent has another row"),
        "serving": Sentence("another row says who serves this policy"),
        "consents": Sentence("another row has a consent of this person for this purpose"),
    }
)
