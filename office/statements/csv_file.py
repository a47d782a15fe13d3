"""Reads a statement of account from CSV, by a layout.

Pure: bytes in, a statement out. What no layout describes is refused with the row and the column, never
guessed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence

from office.errors import StatementRefused
from office.statements.layout import Columns, StatementLayout
from office.statements.statement import (
    LINES_MAX,
    Statement,
    StatementLine,
    checked,
    date_of,
    fen_of,
    kind_of,
    printable,
    read_value,
    settles_of,
)
from qianzhi_errors.sentence import Sentence

_BYTE_ORDER_MARK = "\ufeff"


def read_csv(data: bytes, layout: StatementLayout) -> Statement:
    """The checked statement of a file. Raises StatementRefused, which names the row and what is wrong."""
    if layout.heads is None or layout.columns is None:
        raise StatementRefused(Sentence("the layout is not one of CSV"))
    rows = _rows(data, layout)
    place = next((number for number, row in enumerate(rows) if layout.columns.date in row), None)
    if place is None:
        raise StatementRefused(Sentence("there is no row with the column {date!r}", date=layout.columns.date))
    heads = _head_values(rows[:place], layout.heads.model_dump())
    columns = _places(rows[place], layout.columns)
    lines: list[StatementLine] = []
    for number, row in enumerate(rows[place + 1 :], place + 2):
        if any(row):
            lines.append(_line(len(lines) + 1, number, row, columns, layout))
        if len(lines) > LINES_MAX:
            raise StatementRefused(
                Sentence("the statement has more than {lines_max} lines", lines_max=LINES_MAX)
            )
    return checked(
        Statement(
            heads["account"],
            printable(heads["number"]),
            read_value(date_of, heads["from_date"], layout.heads.from_date),
            read_value(date_of, heads["to_date"], layout.heads.to_date),
            read_value(fen_of, heads["opening"], layout.heads.opening),
            read_value(fen_of, heads["closing"], layout.heads.closing),
            tuple(lines),
        )
    )


def _rows(data: bytes, layout: StatementLayout) -> list[list[str]]:
    """All rows of the file, their cells without blanks around them."""
    try:
        text = data.decode(layout.encoding).removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        raise StatementRefused(
            Sentence("byte {start} is no {encoding}", start=error.start, encoding=layout.encoding)
        ) from None
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=layout.separator, strict=True)
        return [[cell.strip() for cell in row] for row in reader]
    except csv.Error as error:
        raise StatementRefused(Sentence("is no CSV: {error}", error=error)) from None


def _head_values(rows: Sequence[Sequence[str]], words: Mapping[str, str]) -> dict[str, str]:
    """The value behind each word above the table."""
    found: dict[str, str] = {}
    for name, word in words.items():
        values = [row[1] for row in rows if len(row) > 1 and row[0].rstrip(":：") == word]
        if len(values) != 1:
            raise StatementRefused(
                Sentence("{word!r} stands above the table more than once", word=word)
                if values
                else Sentence("{word!r} is not above the table", word=word)
            )
        found[name] = values[0]
    return found


def _places(row: Sequence[str], columns: Columns) -> dict[str, int]:
    """The place of each column of the layout in the table's heads."""
    places = {}
    for name, head in columns.model_dump().items():
        if head is None:
            continue
        if row.count(head) != 1:
            raise StatementRefused(
                Sentence(
                    "the table has the column {head!r} {count} times",
                    head=head,
                    count=row.count(head),
                )
            )
        places[name] = row.index(head)
    return places


def _line(
    line: int, row_number: int, row: Sequence[str], places: Mapping[str, int], layout: StatementLayout
) -> StatementLine:
    """One row of the table."""

    def cell(name: str) -> str:
        place = places.get(name)
        if place is None:
            return ""
        if place >= len(row):
            raise StatementRefused(
                Sentence("row {row} has {cells} cells, too few", row=row_number, cells=len(row))
            )
        return row[place]

    where = Sentence("row {row}", row=row_number)
    text = cell("text")
    return StatementLine(
        line,
        read_value(date_of, cell("date"), Sentence("{where}, the date", where=where)),
        _amount(cell, where),
        kind_of(text, layout.line_marks),
        settles_of((text, cell("reference")), layout.line_marks),
        printable(cell("reference")),
        printable(text),
    )


def _amount(cell: Callable[[str], str], where: str) -> int:
    """The signed amount of a row in fen: of one column, or of the one of two that is not empty."""
    if whole := cell("amount"):
        if amount := read_value(fen_of, whole, Sentence("{where}, the amount", where=where)):
            return amount
        raise StatementRefused(Sentence("{where} moves nothing", where=where))
    came, went = (read_value(fen_of, cell(name) or "0", f"{where}, {name}") for name in ("credit", "debit"))
    if bool(came) == bool(went):
        raise StatementRefused(Sentence("{where} has an amount in both columns, or in none", where=where))
    return came - went
