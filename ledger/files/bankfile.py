"""A bank's day file: read whole or refused, and written.

Bytes in, values out, by a layout (`ledger.files.layout`). No database, no code for one bank's file only, and
no text that repeats a value of a line except counts and sums: a value may be a customer's. A good file is
taken by `office.intake`.

`ledger.files.bankline` takes a good line in one step. Only a line that it does not take is examined column by
column, to say what is wrong with it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, Final, NamedTuple, NoReturn

from ledger.errors import BankFileError, Problem
from ledger.files.bankline import (
    COLUMN_CHARACTERS_MAX,
    FIGURE_MAX,
    BankLine,
    ColumnFault,
    Lines,
    date_text,
    join,
    meant,
    number_of,
    number_text,
    pattern,
    split,
    wire_encoding,
    wire_text,
)
from ledger.files.content_kind import content_kind, encoded_otherwise
from ledger.files.layout import Column, Layout, Record
from ledger.files.layout_file import FIGURES
from ledger.rules.dues import KINDS
from ledger.rules.masking import figure
from qianzhi_errors.sentence import Sentence

PROBLEMS_MAX: Final = 20
"""A file of the wrong kind is wrong in every line; the first few problems are enough."""
_BLOCK_BYTES: Final = 1 << 18
_UNDECODABLE: Final = "\udcff"
"""Stands for a line that is not in the file's encoding; no decoded line can hold a surrogate."""
_AS_GB18030: Final = "\udcfe"
"""Stands for a line that is not UTF-8, and that reads as GB18030."""
_NOT_TEXT: Final = (_UNDECODABLE, _AS_GB18030)
_BANK_DIGITS: Final = 11
_CHARACTER_BYTES_MAX: Final = 4


class FileTotals(NamedTuple):
    """The totals of a file that was read whole: `date` is YYYYMMDD, `lines` the number of detail lines,
    `collected` and `paid` the sums in fen of those in state S, `digest` the SHA-256 of the file in hex.
    """

    bank: str
    date: str
    lines: int
    collected: int
    paid: int
    digest: str


def read(layout: Layout, stream: BinaryIO, bank: str, date: str) -> Reader:
    """Return the reader of one bank's file for a business date (YYYYMMDD). Nothing is read yet.

    Raises ValueError for a wrong `date`.
    """
    return Reader(layout, stream, bank, date)


def write(layout: Layout, bank: str, date: str, lines: Iterable[BankLine]) -> Iterator[bytes]:
    """Yield the file that `read` reads back as `lines`, a line at a time.

    Their `line` is ignored. Reversed lines are left out where the layout says that the bank does so; values
    without a column are lost. Raises BankFileError where the layout cannot express a line's value, and
    ValueError for a wrong `date`.
    """
    texts = Lines(layout, date)
    counted = _Counted()
    if any(column.name in FIGURES for column in layout.header):
        lines = tuple(lines)
        for line in lines:
            counted.add(line, layout)
    if layout.header:
        yield _edge_bytes(layout, layout.header, bank, date, counted, 1)
    counted = _Counted()
    for line in lines:
        if not counted.add(line, layout):
            continue
        number = counted.lines + bool(layout.header)
        try:
            text = texts.text(line)
        except ValueError as error:
            raise BankFileError(
                (Problem(number, str(error), Sentence("the layout cannot say this value")),)
            ) from None
        yield (text + layout.line_end).encode(wire_encoding(layout))
    if layout.trailer:
        number = counted.lines + bool(layout.header) + 1
        yield _edge_bytes(layout, layout.trailer, bank, date, counted, number)


class _Counted:
    """The number of lines so far, and the sums in fen of those in state S."""

    def __init__(self) -> None:
        self.lines = self.collected = self.paid = 0

    def add(self, line: BankLine, layout: Layout) -> bool:
        """Count a line to be written; return False for a line that the bank leaves out."""
        if line.state == "R" and not layout.lists_reversed:
            return False
        self.lines += 1
        if line.state == "S" and KINDS.get(line.code) == "premium":
            self.collected += line.amount
        elif line.state == "S":
            self.paid += line.amount
        return True

    def signed(self, column: Column) -> int:
        """Signed value expected in control-total column `column` of the header or trailer."""
        net = self.collected - self.paid
        number = {"count": self.lines, "collected": self.collected, "paid": self.paid, "net": net}[
            column.name
        ]
        other_way = column.minus == ("collection" if column.name == "net" else _MINUS_OF.get(column.name))
        return -number if other_way else number


_MINUS_OF: Final[Mapping[str, str]] = {"collected": "collection", "paid": "payout"}


def _edge_bytes(
    layout: Layout, record: Record, bank: str, date: str, counted: _Counted, number: int
) -> bytes:
    texts = {"bank": bank}
    for column in record:
        if column.name == "date":
            texts["date"] = date_text(column.format, date)
        elif column.name in FIGURES:
            signed = counted.signed(column)
            texts[column.name] = number_text(column, abs(signed), signed < 0)
    try:
        text = join(layout, record, texts)
    except ValueError as error:
        raise BankFileError(
            (Problem(number, str(error), Sentence("the layout cannot say this value")),)
        ) from None
    return (text + layout.line_end).encode(wire_encoding(layout))


class Reader:
    """Yields a file's lines in their order, in constant memory; then has its `totals`.

    If the file has any problem, the iteration raises BankFileError, with the first PROBLEMS_MAX problems, at
    its end at the latest. So until the iteration has ended, none of the lines may be used.
    """

    def __init__(self, layout: Layout, stream: BinaryIO, bank: str, date: str) -> None:
        self._layout = layout
        self._columns = Lines(layout, date)
        self._longest = _longest(layout)
        self._stream = stream
        self._bank, self._date = bank, date
        self._digest = hashlib.sha256()
        self._problems: list[Problem] = []
        self._number = 0
        self._counted = _Counted()
        self._stated: list[tuple[int, Column, int]] = []
        self._trailer_line = 0
        self._totals: FileTotals | None = None
        self._lines = self._read()

    def __iter__(self) -> Iterator[BankLine]:
        return self._lines

    @property
    def totals(self) -> FileTotals:
        """The totals of the file. Raises ValueError before the iteration has ended."""
        if self._totals is None:
            raise ValueError("the file has not been read to its end")
        return self._totals

    def _read(self) -> Iterator[BankLine]:
        header, trailer = self._layout.header, self._layout.trailer
        trailer_is_last = bool(trailer) and not (_mark(trailer) or _mark(self._layout.detail))
        for lines, last in self._blocks():
            if self._trailer_line:
                self._stop(self._number + 1, Sentence("nothing may follow the trailer"))
            if header and not self._number:
                self._take_header(lines.pop(0))
            if last and lines and trailer_is_last:
                self._number += 1
                self._take_trailer(lines.pop())
            yield from self._details(lines)
        self._finish()

    def _blocks(self) -> Iterator[tuple[list[str], bool]]:
        """Yield the file's lines without their ends, in lists that are not empty. The last line comes alone,
        with True: some trailers are recognised by their place only.
        """
        end, longest = self._layout.line_end.encode(), self._longest
        rest, held = b"", list[str]()
        for data in iter(lambda: self._stream.read(_BLOCK_BYTES), b""):
            if not self._number and not held and not rest and (kind := content_kind(data)):
                self._stop(
                    1,
                    Sentence(
                        "the file {kind}, where the layout has {encoding} text",
                        kind=kind,
                        encoding=self._layout.encoding,
                    ),
                )
            self._digest.update(data)
            whole, line_end, rest = (rest + data).rpartition(end)
            if line_end:
                lines = held + self._texts(whole)
                held = [lines.pop()]
                if lines:
                    yield lines, False
            if len(rest) > longest + 1:  # one more: the CR may be there and its LF still to come
                break
        if not rest:
            if held:
                yield held, True
            return
        if held:
            yield held, False
        if self._trailer_line:
            self._stop(self._number + 1, Sentence("nothing may follow the trailer"))
        if b"\n" in rest:
            self._stop(self._number + 1, Sentence("ends in LF, where the layout has CRLF"))
        if b"\r" in rest[:-1] and b"\n" not in rest:
            self._stop(self._number + 1, Sentence("its lines end in CR, as no layout has it"))
        self._stop(
            self._number + 1, self._too_long(len(rest)) or Sentence("has no end: the file was cut short")
        )

    def _too_long(self, length: int) -> str:
        return Sentence("longer than {most} bytes", most=self._longest) if length > self._longest + 1 else ""

    def _texts(self, whole: bytes) -> list[str]:
        encoding, end = wire_encoding(self._layout), self._layout.line_end
        try:
            return whole.decode(encoding).split(end)
        except UnicodeDecodeError:
            return [_text(line, encoding) for line in whole.split(end.encode())]

    def _details(self, lines: list[str]) -> Iterator[BankLine]:
        """Yield the good detail lines of a list, up to the trailer; note what is wrong with the others."""
        take, number = self._columns.take, self._number
        count = collected = paid = 0
        for text in lines:
            number += 1
            line = take(number, text)
            if line is None:
                self._number = number
                self._take_other(text)
                if self._trailer_line:
                    break
                continue
            count += 1
            if line.state == "S":
                if line.code in _COLLECTIONS:
                    collected += line.amount
                else:
                    paid += line.amount
            yield line
        self._number = number
        self._counted.lines += count
        self._counted.collected += collected
        self._counted.paid += paid

    def _stop(self, number: int, reason: str) -> NoReturn:
        """Raise BankFileError with a problem after which the rest cannot be understood."""
        raise BankFileError((*self._problems, Problem(number, "", reason)))

    def _note(self, faults: Iterable[ColumnFault]) -> None:
        for column, reason in faults:
            self._problems.append(Problem(self._number, column, reason))
            if len(self._problems) == PROBLEMS_MAX:
                raise BankFileError(tuple(self._problems))

    def _take_header(self, text: str) -> None:
        self._number = 1
        if reason := _ends_otherwise(text):
            self._stop(1, reason)
        if not self._is_marked(self._layout.header, text):
            self._stop(1, self._encoded_otherwise(text) or Sentence("the header is missing"))
        self._note(self._edge(self._layout.header, text))
        # The file is another bank's, another day's or of another layout: its lines would add nothing to that.
        if self._problems:
            raise BankFileError(tuple(self._problems))

    def _take_trailer(self, text: str) -> None:
        self._trailer_line = self._number
        self._note(self._edge(self._layout.trailer, text))

    def _take_other(self, text: str) -> None:
        """Take a line that is no good detail line: the trailer, or a problem."""
        layout = self._layout
        if text == _UNDECODABLE:
            self._note([("", Sentence("not {encoding}", encoding=layout.encoding))])
        elif text == _AS_GB18030:
            self._note(
                [("", Sentence("not {encoding}; it reads as GB18030 (GBK)", encoding=layout.encoding))]
            )
        elif reason := self._too_long(len(text.encode(wire_encoding(layout)))) or _ends_otherwise(text):
            self._note([("", reason)])
        elif _mark(layout.trailer) and self._is_marked(layout.trailer, text):
            self._take_trailer(text)
        elif _mark(layout.header) and self._is_marked(layout.header, text):
            self._note([("", Sentence("a second header"))])
        elif self._is_marked(layout.detail, text):
            reason = self._encoded_otherwise(text)
            self._note([("", reason)] if reason else self._columns.faults(text))
        elif layout.trailer and not _mark(layout.trailer):
            self._take_trailer(text)
        else:
            self._note(
                [("", self._encoded_otherwise(text) or Sentence("neither a detail line nor the trailer"))]
            )

    def _encoded_otherwise(self, text: str) -> str:
        """The encoding that a line with a fault is in, if it is not the layout's: a sentence, or empty."""
        if text in _NOT_TEXT:
            return ""
        return encoded_otherwise(text.encode(wire_encoding(self._layout)), self._layout.encoding)

    def _is_marked(self, record: Record, text: str) -> bool:
        """Return whether a line begins with the record's mark; any line does where the record has none."""
        mark = wire_text(self._layout, _mark(record))
        separator = self._layout.separator
        return text.partition(separator)[0] == mark if separator and mark else text.startswith(mark)

    def _edge(self, record: Record, text: str) -> list[ColumnFault]:
        """Keep the figures of a header or trailer; return what is wrong with it."""
        raws, fault = split(self._layout, record, text)
        if fault:
            return [("", self._encoded_otherwise(text) or fault)]
        return [
            (column.name, reason)
            for column, raw in zip(record, raws, strict=True)
            if (reason := self._edge_fault(column, raw))
        ]

    def _edge_fault(self, column: Column, raw: str) -> str:
        match = re.fullmatch(pattern(self._layout, column), raw)
        if match is None:
            return meant(column)
        if column.name == "bank" and raw.strip(" ").zfill(_BANK_DIGITS) != self._bank.zfill(_BANK_DIGITS):
            return Sentence("another bank's")
        if column.name == "date" and raw != date_text(column.format, self._date):
            return Sentence("another date's")
        if column.name in FIGURES:
            number = number_of(match)
            if number > FIGURE_MAX:
                return meant(column)
            self._stated.append((self._number, column, -number if match["sign"] == "-" else number))
        return ""

    def _finish(self) -> None:
        """Make the totals if there is no problem and the stated figures agree. Raises BankFileError."""
        if self._layout.header and not self._number:
            self._stop(1, Sentence("the header is missing: the file is empty"))
        if self._layout.trailer and not self._trailer_line:
            self._stop(self._number + 1, Sentence("the trailer is missing: the file was cut short"))
        if not self._problems:
            for number, column, stated in self._stated:
                made = self._counted.signed(column)
                if stated != made:
                    reason = Sentence(
                        "the file says {stated}, its lines make {made}", stated=figure(stated), made=made
                    )
                    self._problems.append(Problem(number, column.name, reason))
        if self._problems:
            raise BankFileError(tuple(self._problems))
        counted = self._counted
        figures = counted.lines, counted.collected, counted.paid
        self._totals = FileTotals(self._bank, self._date, *figures, self._digest.hexdigest())


_COLLECTIONS: Final = frozenset(code for code, kind in KINDS.items() if kind == "premium")


def _longest(layout: Layout) -> int:
    """Return the most bytes that a good line can have, its end apart."""
    records = layout.header, layout.detail, layout.trailer
    if not layout.separator:
        return max(sum(column.width for column in record) for record in records)
    return max(map(len, records)) * (COLUMN_CHARACTERS_MAX + 1) * _CHARACTER_BYTES_MAX


def _mark(record: Record) -> str:
    """Return the literal text that a record begins with; empty where it has none."""
    return record[0].literal if record else ""


def _text(line: bytes, encoding: str) -> str:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return _AS_GB18030 if encoded_otherwise(line, encoding) else _UNDECODABLE


def _ends_otherwise(text: str) -> str:
    """Return the reason that a line ends otherwise than the layout says; empty if it does not."""
    if text.endswith("\r"):
        return Sentence("ends in CRLF, where the layout has LF")
    return Sentence("holds an LF, where the layout has CRLF") if "\n" in text else ""
