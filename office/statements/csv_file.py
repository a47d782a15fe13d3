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

_BYTE_ORDER_MARK = "\ufeff"


def read_csv(data: bytes, layout: StatementLayout) -> Statement:
    """The checked statement of a file. Raises StatementRefused, which names the row and what is wrong."""
    if layout.heads is None or layout.columns is None:
        raise StatementRefused("the layout is not one of CSV")
    rows = _rows(data, layout)
    place = next((number for number, row in enumerate(rows) if layout.columns.date in row), None)
    if place is None:
        raise StatementRefused(f"there is no row with the column {layout.columns.date!r}")
    heads = _head_values(rows[:place], layout.heads.model_dump())
    columns = _places(rows[place], layout.columns)
    lines: list[StatementLine] = []
    for number, row in enumerate(rows[place + 1 :], place + 2):
        if any(row):
            lines.append(_line(len(lines) + 1, number, row, columns, layout))
        if len(lines) > LINES_MAX:
            raise StatementRefused(f"the statement has more than {LINES_MAX} lines")
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
        raise StatementRefused(f"byte {error.start} is no {layout.encoding}") from None
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=layout.separator, strict=True)
        return [[cell.strip() for cell in row] for row in reader]
    except csv.Error as error:
        raise StatementRefused(f"is no CSV: {error}") from None


def _head_values(rows: Sequence[Sequence[str]], words: Mapping[str, str]) -> dict[str, str]:
    """The value behind each word above the table."""
    found: dict[str, str] = {}
    for name, word in words.items():
        values = [row[1] for row in rows if len(row) > 1 and row[0].rstrip(":：") == word]
        if len(values) != 1:
            what = "is not above the table" if not values else "stands above the table more than once"
            raise StatementRefused(f"{word!r} {what}")
        found[name] = values[0]
    return found


def _places(row: Sequence[str], columns: Columns) -> dict[str, int]:
    """The place of each column of the layout in the table's heads."""
    places = {}
    for name, head in columns.model_dump().items():
        if head is None:
            continue
        if row.count(head) != 1:
            raise StatementRefused(f"the table has the column {head!r} {row.count(head)} times")
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
            raise StatementRefused(f"row {row_number} has {len(row)} cells, too few")
        return row[place]

    where = f"row {row_number}"
    text = cell("text")
    return StatementLine(
        line,
        read_value(date_of, cell("date"), f"{where}, the date"),
        _amount(cell, where),
        kind_of(text, layout.line_marks),
        settles_of((text, cell("reference")), layout.line_marks),
        printable(cell("reference")),
        printable(text),
    )


def _amount(cell: Callable[[str], str], where: str) -> int:
    """The signed amount of a row in fen: of one column, or of the one of two that is not empty."""
    if whole := cell("amount"):
        if amount := read_value(fen_of, whole, f"{where}, the amount"):
            return amount
        raise StatementRefused(f"{where} moves nothing")
    came, went = (read_value(fen_of, cell(name) or "0", f"{where}, {name}") for name in ("credit", "debit"))
    if bool(came) == bool(went):
        raise StatementRefused(f"{where} has an amount in both columns, or in none")
    return came - went
