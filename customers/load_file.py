"""The file of persons and their holdings that the core system leaves: read whole or refused, and written.

Bytes in, values out. No path, no database, and no text that repeats a value of a row: whatever its column, it
may be somebody's name or identity number. A header, one row a holding, one row a holding that ended, a
trailer:

    policy,role,name,document,from
    P20170080000001,holder,<name>,<document>,20170301
    ENDED,<policy>,<role>,<document>,<last day>
    TOTAL,<date of the file>,<persons>,<holdings>,<ended>

A document is a resident identity number, or has its kind before it, `passport:E12345678`. Every line has an
end, the trailer too, so a file that was cut anywhere is seen to be cut. What is not named stays as it is.
Phones and addresses have no column: nothing here uses them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, NoReturn

from customers.errors import LoadFileError
from customers.rules.person import Role
from ledger.errors import Problem
from ledger.files.bookline import TRAILER, without_end
from ledger.rules.day import is_date
from ledger.rules.identity import Document, document, is_document, normalised
from ledger.rules.names import LENGTH_MAX as NAME_LENGTH_MAX
from ledger.rules.names import is_name
from qianzhi_errors.sentence import Sentence, listed

HEADER: Final = "policy,role,name,document,from"
ENDED: Final = "ENDED"
ROWS_MAX: Final = 200_000
"""A file is held in memory while it is loaded; a larger base comes in several files."""
LINE_BYTES_MAX: Final = 1024
PROBLEMS_MAX: Final = 1000
_BOM: Final = b"\xef\xbb\xbf"
_COUNT: Final = re.compile(r"0|[1-9][0-9]{0,8}")


class Holding(NamedTuple):
    """A row that brings a holding; `line` counts from 1."""

    line: int
    policy: str
    role: Role
    name: str
    document: Document
    from_date: str

    def __repr__(self) -> str:
        """Name the line, never the person."""
        return f"Holding(line {self.line})"


class EndedHolding(NamedTuple):
    """A row that ends a holding on its last day."""

    line: int
    policy: str
    role: Role
    document: Document
    to_date: str

    def __repr__(self) -> str:
        """Name the line, never the person."""
        return f"EndedHolding(line {self.line})"


class LoadFile(NamedTuple):
    """A whole file: `digest` is the SHA-256 of its bytes (hex), `persons` counts the documents that bring a
    holding.
    """

    date: str
    holdings: tuple[Holding, ...]
    ended: tuple[EndedHolding, ...]
    persons: int
    digest: str


Check = tuple[str, Callable[[str], object], str]
_POLICY: Final[Check] = (
    "policy",
    re.compile(r"[A-Z0-9-]{1,24}").fullmatch,
    Sentence("not 1 to 24 of A-Z, 0-9 and -"),
)
_ROLE: Final[Check] = (
    "role",
    tuple(map(str, Role)).__contains__,
    Sentence("not one of {roles}", roles=listed(tuple(map(str, Role)))),
)
_NAME: Final[Check] = (
    "name",
    is_name,
    Sentence("not a name of 1 to {most} printable characters", most=NAME_LENGTH_MAX),
)
_DOCUMENT: Final[Check] = (
    "document",
    lambda text: is_document(document(text)),
    Sentence("not a valid document number of its kind"),
)
_DATE: Final[Check] = ("from", is_date, Sentence("not a date, YYYYMMDD"))
_ROW: Final = (_POLICY, _ROLE, _NAME, _DOCUMENT, _DATE)
_TRAILER: Final[tuple[Check, ...]] = (
    ("date", is_date, Sentence("not a date, YYYYMMDD")),
    *(
        (name, _COUNT.fullmatch, Sentence("not a whole number of 1 to 9 digits"))
        for name in ("persons", "holdings", "ended")
    ),
)


def parse(data: bytes) -> LoadFile:
    """Read a whole file. UTF-8, with or without a byte order mark; lines end in LF or CRLF; fields are quoted
    as in RFC 4180, but none holds a line end. Raises LoadFileError with the first PROBLEMS_MAX problems.
    """
    return _Reading().file(data)


def write(date: str, holdings: Iterable[Holding], ended: Iterable[EndedHolding] = ()) -> Iterator[bytes]:
    """Yield the file that `parse` reads back so, a line at a time; nothing is checked."""
    yield f"{HEADER}\n".encode()
    documents, rows = set(), 0
    for row in holdings:
        documents.add(_known(row.document))
        rows += 1
        fields = (row.policy, row.role, _quoted(row.name), _document(row.document), row.from_date)
        yield f"{','.join(fields)}\n".encode()
    count = 0
    for gone in ended:
        count += 1
        yield f"{ENDED},{gone.policy},{gone.role},{_document(gone.document)},{gone.to_date}\n".encode()
    yield f"{TRAILER},{date},{len(documents)},{rows},{count}\n".encode()


def _document(given: Document) -> str:
    return f"{given.kind}:{given.number}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if "," in text or '"' in text else text


def _known(given: Document) -> tuple[str, str]:
    """A document as two rows are compared by it."""
    return given.kind, normalised(given.number)


class _Reading:
    """A file while it is read: its rows so far, and what is wrong with it."""

    def __init__(self) -> None:
        self._line = 0
        self._problems: list[Problem] = []
        self._holdings: list[Holding] = []
        self._ended: list[EndedHolding] = []
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
        return LoadFile(self._trailer[1], tuple(self._holdings), tuple(self._ended), persons, digest)

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
        elif fields[0] == ENDED:
            self._take_ended(fields)
        elif self._check(_ROW, fields):
            policy, role, name, number, from_date = fields
            self._holdings.append(Holding(self._line, policy, Role(role), name, document(number), from_date))

    def _take_ended(self, fields: list[str]) -> None:
        if self._check((_POLICY, _ROLE, _DOCUMENT, _DATE), fields[1:]):
            _, policy, role, number, to_date = fields
            self._ended.append(EndedHolding(self._line, policy, Role(role), document(number), to_date))

    def _fields(self, line: bytes) -> list[str]:
        """The fields of a line; none where they cannot be told apart, which is noted."""
        reason: str
        if len(line) > LINE_BYTES_MAX:
            reason = Sentence("longer than {most} bytes", most=LINE_BYTES_MAX)
        else:
            try:
                text = without_end(line).decode()
                fields = next(csv.reader([text], strict=True)) if '"' in text else text.split(",")
                if len(fields) == len(_ROW):
                    return fields
                reason = Sentence(
                    "{expected} columns expected, {actual} found", expected=len(_ROW), actual=len(fields)
                )
            except UnicodeDecodeError:
                reason = Sentence("not UTF-8")
            except csv.Error:
                reason = Sentence("quotes that do not match")
        self._note(self._line, "", reason)
        return []

    def _check(self, checks: Iterable[Check], values: list[str]) -> bool:
        faults = [
            (name, reason)
            for (name, good, reason), value in zip(checks, values, strict=True)
            if not good(value)
        ]
        for name, reason in faults:
            self._note(self._line, name, reason)
        return not faults

    def _compare_rows(self) -> int:
        """Note what is wrong between rows; return how many persons they bring."""
        names: dict[tuple[str, str], str] = {}
        seen: set[tuple[str, Role, tuple[str, str]]] = set()
        holders: set[str] = set()
        for row in self._holdings:
            known = _known(row.document)
            if names.setdefault(known, row.name) != row.name:
                self._note(row.line, "name", Sentence("another row has another name for this document"))
            self._once(row.line, (row.policy, row.role, known), seen)
            if row.role is Role.HOLDER and row.policy in holders:
                self._note(row.line, "role", Sentence("the policy has a holder in another row"))
            holders |= {row.policy} if row.role is Role.HOLDER else set()
        for gone in self._ended:
            self._once(gone.line, (gone.policy, gone.role, _known(gone.document)), seen)
        return len(names)

    def _once(
        self,
        line: int,
        holding: tuple[str, Role, tuple[str, str]],
        seen: set[tuple[str, Role, tuple[str, str]]],
    ) -> None:
        if holding in seen:
            self._note(line, "", Sentence("this holding has another row"))
        seen.add(holding)

    def _compare_counts(self, persons: int) -> None:
        counted = (persons, len(self._holdings), len(self._ended))
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
