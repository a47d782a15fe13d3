"""Targets for files from outside: a bank's day file in each layout, the files of a day's dues and of
holdings, a sealed line.

As in `fuzz.wire`: any bytes, and only the promises that the modules' docstrings make.
"""

from __future__ import annotations

import io
import re
from collections import defaultdict
from functools import cache
from typing import Final

from customers import load_file, sealing
from customers.errors import LoadFileError, SealedLineError
from fuzz.errors import require
from ledger.errors import BankFileError, BookFileError, Problem
from ledger.files import bankfile, bookfile
from ledger.files.bankline import BankLine
from ledger.files.bookfile import Book, PolicyDues
from ledger.files.bookline import DueLine
from ledger.files.layout import Layout, load

BANK: Final = "01020000"
DATE: Final = "20261124"
_PIECE_BYTES: Final = 7
_IDENTITY: Final = re.compile(rb"[0-9]{18,}|[0-9]{17}[Xx]")
"""What may be a person's identity number."""

_Read = tuple[tuple[BankLine, ...], bankfile.FileTotals | None, tuple[Problem, ...]]


class _InPieces(io.BytesIO):
    """A stream that gives a few bytes at a time, as a pipe may."""

    def read(self, size: int | None = -1) -> bytes:
        """The next few bytes, whatever was asked for."""
        return super().read(min(size, _PIECE_BYTES) if size is not None and size >= 0 else size)


@cache
def layout_of(name: str) -> Layout:
    """A shipped layout."""
    return load(name)


def _taken(layout: Layout, stream: io.BytesIO) -> _Read:
    reader = bankfile.read(layout, stream, BANK, DATE)
    try:
        lines = tuple(reader)
    except BankFileError as error:
        return (), None, error.problems
    return lines, reader.totals, ()


def _discreet(problems: tuple[Problem, ...], data: bytes, most: int) -> None:
    """A refused file has problems, not too many, and they repeat nobody's identity number."""
    require(0 < len(problems) <= most + 1, "no problem, or too many")
    shown = " ".join(map(str, problems)).encode()
    require(
        not any(number in shown for number in _IDENTITY.findall(data)), "a problem repeats an identity number"
    )


def bank_file(layout_name: str, data: bytes) -> None:
    """A bank's day file: whole or refused, the same in pieces; written again it reads as the same lines."""
    layout = layout_of(layout_name)
    lines, totals, problems = _taken(layout, io.BytesIO(data))
    in_pieces = _taken(layout, _InPieces(data))
    require(in_pieces[0] == lines and in_pieces[1] == totals, "what is read depends on how it comes")
    if totals is None:
        _discreet(problems, data, bankfile.PROBLEMS_MAX)
        require(in_pieces[2], "a file that is refused is taken in pieces")
        return
    written = b"".join(bankfile.write(layout, BANK, DATE, lines))
    again, same_totals, _ = _taken(layout, io.BytesIO(written))
    require(again == lines, "written again, it reads as other lines")
    require(
        same_totals is not None and same_totals[:5] == totals[:5],
        "written again, it adds up to something else",
    )
    require(totals.lines == len(lines), "lines are counted wrong")
    require(all(0 < line.amount < 10**12 and line.state in "SR" for line in lines), "a line that cannot be")


def dues(data: bytes) -> None:
    """A file of dues: a book, or a BookFileError; written again it is the same book."""
    try:
        book = bookfile.parse(data)
    except BookFileError as error:
        _discreet(error.problems, data, bookfile.PROBLEMS_MAX)
        return
    again = bookfile.parse(b"".join(bookfile.write(book.business_date, _entries(book), book.withdrawn)))
    require(
        again.policies == book.policies and again.withdrawn == book.withdrawn, "written again, another book"
    )
    require(sorted(again.dues) == sorted(book.dues), "written again, other dues")
    require(again[3:5] == book[3:5], "written again, other sums")
    require(sum(due.amount for due in book.dues) == book.premium + book.benefit, "the sums are wrong")
    require(bookfile.parse(io.BytesIO(data)) == book, "a stream reads otherwise than bytes")


def holdings(data: bytes) -> None:
    """A file of holdings: whole, or a LoadFileError; written again it is the same file."""
    try:
        file = load_file.parse(data)
    except LoadFileError as error:
        _discreet(error.problems, data, load_file.PROBLEMS_MAX)
        return
    again = load_file.parse(b"".join(load_file.write(file.date, file.rows)))
    require(
        (_unnumbered(again), again.persons) == (_unnumbered(file), file.persons),
        "written again, another file",
    )


def _unnumbered(file: load_file.LoadFile) -> list[tuple[object, ...]]:
    """A file's rows without their line numbers."""
    return [tuple(row[1:]) for row in file.rows]


def sealed_line(data: bytes) -> None:
    """A line from a volume: sealed, or a SealedLineError; what is read has one text."""
    text = data.decode(errors="replace")
    try:
        line = sealing.parse(text)
    except SealedLineError:
        return
    require(line.text() == text.removesuffix("\n"), "read back, another text")


def _entries(book: Book) -> list[PolicyDues]:
    owed: defaultdict[str, list[DueLine]] = defaultdict(list)
    for due in book.dues:
        owed[due.policy].append(due)
    return [PolicyDues(policy, tuple(owed[policy.policy])) for policy in book.policies]
