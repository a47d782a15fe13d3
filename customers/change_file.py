"""The two files by which a customer's changes go to the core system and its answers come back.

Bytes in, values out; no path and no database. The file to the core system has identity numbers and contacts
in clear, as that system must know whom and what; no text of an error repeats a value of the answers:

    change,document,kind,value,source,made          change,answer,reason
    12,resident:<number>,mobile,<value>,counter,…   12,done,
    TOTAL,<date of the file>,<changes>              13,declined,<why>
                                                    TOTAL,<date of the file>,<done>,<declined>

Every line has an end, so a file that was cut anywhere is seen to be cut. What is done with them,
`customers.changes` says.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from customers.errors import AnswersError
from customers.rules.contact import ContactKind, Source
from customers.rules.contact_states import ChangeState
from ledger.errors import Problem
from ledger.files.bookline import TRAILER, without_end
from ledger.rules.day import is_date
from ledger.rules.identity import Document
from ledger.rules.names import is_name
from qianzhi_errors.sentence import Sentence

CHANGES_HEADER: Final = "change,document,kind,value,source,made"
ANSWERS_HEADER: Final = "change,answer,reason"
ANSWERS: Final = (ChangeState.DONE, ChangeState.DECLINED)
"""What the core system can answer."""
_BOM: Final = b"\xef\xbb\xbf"
_NUMBER: Final = re.compile("[1-9][0-9]{0,8}")
_COUNT: Final = re.compile("0|[1-9][0-9]{0,8}")


class SentChange(NamedTuple):
    """A change as the core system is told of it; `made` is the day on which it was asked for."""

    number: int
    document: Document
    kind: ContactKind
    value: str
    source: Source
    made: str

    def __repr__(self) -> str:
        """Name the number, never the person or the contact."""
        return f"SentChange({self.number})"


class Answer(NamedTuple):
    """The core system's answer to a change; `reason` is empty for one that is done."""

    line: int
    change: int
    state: ChangeState
    reason: str


class AnswerFile(NamedTuple):
    """A whole file of answers: `digest` is the SHA-256 of its bytes, hex."""

    date: str
    answers: tuple[Answer, ...]
    digest: str


def write_changes(date: str, changes: Iterable[SentChange]) -> Iterator[bytes]:
    """Yield the file for the core system, a line at a time."""
    text, rows = io.StringIO(), tuple(changes)
    written = csv.writer(text, lineterminator="\n")
    yield f"{CHANGES_HEADER}\n".encode()
    for row in rows:
        document = f"{row.document.kind}:{row.document.number}"
        written.writerow((row.number, document, row.kind, row.value, row.source, row.made))
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield f"{TRAILER},{date},{len(rows)}\n".encode()


def write_answers(date: str, answers: Iterable[Answer]) -> bytes:
    """The file that `parse_answers` reads back so; nothing is checked."""
    rows = tuple(answers)
    counts = Counter(row.state for row in rows)
    lines = (f"{row.change},{row.state},{row.reason}\n" for row in rows)
    figures = ",".join(str(counts[state]) for state in ANSWERS)
    return f"{ANSWERS_HEADER}\n{''.join(lines)}{TRAILER},{date},{figures}\n".encode()


def parse_answers(data: bytes) -> AnswerFile:
    """Read a whole file of answers: UTF-8, with or without a byte order mark; lines end in LF or CRLF; no
    field is quoted. Raises AnswersError with all problems.
    """
    return _Reading(data).file()


class _Reading:
    """A file of answers while it is read: its rows so far, and what is wrong with it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._problems: list[Problem] = []
        self._answers: list[Answer] = []

    def file(self) -> AnswerFile:
        """Read the file, and return it if nothing is wrong and its trailer agrees."""
        lines = self._data.removeprefix(_BOM).splitlines(keepends=True)
        fields = [self._fields(number, line) for number, line in enumerate(lines, 1)]
        if not fields or ",".join(fields[0]) != ANSWERS_HEADER:
            self._note(1, "", Sentence("the header must be {header}", header=ANSWERS_HEADER))
            raise AnswersError(tuple(self._problems))
        if len(fields) == 1 or fields[-1][0] != TRAILER:
            self._note(len(fields), "", Sentence("the TOTAL line is missing: the file was cut short"))
            raise AnswersError(tuple(self._problems))
        for number, row in enumerate(fields[1:-1], 2):
            self._take(number, row)
        date = self._total(len(fields), fields[-1])
        if self._problems:
            raise AnswersError(tuple(self._problems))
        return AnswerFile(date, tuple(self._answers), hashlib.sha256(self._data).hexdigest())

    def _fields(self, number: int, line: bytes) -> list[str]:
        if not line.endswith(b"\n"):
            self._note(number, "", Sentence("has no end: the file was cut short"))
        try:
            return without_end(line).decode().split(",")
        except UnicodeDecodeError:
            self._note(number, "", Sentence("not UTF-8"))
            return [""]

    def _take(self, line: int, row: list[str]) -> None:
        if not self._has_columns(line, row, 3):
            return
        change, answer, reason = row
        good = self._check(line, "change", change, _NUMBER.fullmatch, Sentence("not a change's number"))
        words = tuple(map(str, ANSWERS))
        good &= self._check(
            line, "answer", answer, words.__contains__, Sentence("not one of {words}", words=", ".join(words))
        )
        is_reason = is_name if answer == ChangeState.DECLINED else _is_empty
        good &= self._check(
            line, "reason", reason, is_reason, Sentence("what is declined has a reason, and nothing else")
        )
        if good and any(known.change == int(change) for known in self._answers):
            self._note(line, "change", Sentence("this change has another row"))
        elif good:
            self._answers.append(Answer(line, int(change), ChangeState(answer), reason))

    def _total(self, line: int, row: list[str]) -> str:
        """Hold the trailer against the rows; return the file's date."""
        if not self._has_columns(line, row, 2 + len(ANSWERS)):
            return ""
        self._check(line, "date", row[1], is_date, Sentence("not a date, YYYYMMDD"))
        counts = Counter(answer.state for answer in self._answers)
        for state, text in zip(ANSWERS, row[2:], strict=True):
            reason = Sentence("not a whole number of 1 to 9 digits")
            if (
                self._check(line, state, text, _COUNT.fullmatch, reason)
                and not self._problems
                and int(text) != counts[state]
            ):
                stated = Sentence("{stated} stated, {count} counted", stated=int(text), count=counts[state])
                self._note(line, state, stated)
        return row[1]

    def _has_columns(self, line: int, row: list[str], expected: int) -> bool:
        if len(row) != expected:
            reason = Sentence(
                "{expected} columns expected, {actual} found", expected=expected, actual=len(row)
            )
            self._note(line, "", reason)
        return len(row) == expected

    def _check(self, line: int, column: str, text: str, good: Callable[[str], object], reason: str) -> bool:
        if not good(text):
            self._note(line, column, reason)
            return False
        return True

    def _note(self, line: int, column: str, reason: str) -> None:
        self._problems.append(Problem(line, column, reason))


def _is_empty(text: str) -> bool:
    return text == ""
