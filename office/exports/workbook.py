"""The workbook of an export: the same lines as its CSV files, a sheet for each, as XLSX (ISO/IEC 29500).

The same rows give the same bytes: no date of making is in it, and its parts are stored without compression,
so that no version of a compressor shows in the digest. Texts are written as texts, so none is a formula;
amounts are written as decimal digits, never through a float. More rows than a sheet has go on in a next one.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import BinaryIO, Final

import xlsxwriter

from office.exports.lines import FEN, YUAN

ROWS_MAX: Final = 1_048_576
"""The rows of a sheet, its heads among them."""
_DIGITS_MAX: Final = 15
"""A spreadsheet keeps so many digits of a number; one that has more is written as a text."""
_CREATED: Final = datetime(2026, 1, 1)  # noqa: DTZ001 - the format wants it naive, and it is no moment
_PART_DATE: Final = (1980, 1, 1, 0, 0, 0)


class ExportWorkbook:
    """A workbook that is filled sheet by sheet, row by row, in the order of the rows."""

    def __init__(self) -> None:
        """Begin an empty one."""
        self._compressed = io.BytesIO()
        self._book = xlsxwriter.Workbook(self._compressed, {"constant_memory": True})
        self._book.set_properties({"created": _CREATED})
        self._yuan = self._book.add_format({"num_format": "#,##0.00"})
        self._whole = self._book.add_format({"num_format": "0"})
        self._head = self._book.add_format({"bold": True})

    def add_sheet(self, title: str, columns: Sequence[str], rows_max: int = ROWS_MAX) -> WorkbookSheet:
        """Return a new sheet with these columns; rows above `rows_max` go into further sheets."""
        return WorkbookSheet(self, title, tuple(columns), rows_max)

    def new_sheet(self, title: str, columns: Sequence[str]) -> xlsxwriter.worksheet.Worksheet:
        """Return one sheet of the file with its heads."""
        sheet = self._book.add_worksheet(title)
        sheet.freeze_panes(1, 0)
        for place, name in enumerate(columns):
            sheet.write_string(0, place, name, self._head)
        return sheet

    def write_row(
        self,
        sheet: xlsxwriter.worksheet.Worksheet,
        number: int,
        columns: Sequence[str],
        cells: Sequence[str | int],
    ) -> None:
        """Write the cells of one row; the columns' names say which are amounts."""
        for place, (name, value) in enumerate(zip(columns, cells, strict=True)):
            digits = str(value).strip("-").replace(".", "")
            if (not isinstance(value, int) and not name.endswith(YUAN)) or len(digits) > _DIGITS_MAX:
                sheet.write_string(number, place, str(value))
            else:
                sheet.write_number(number, place, Decimal(value), self._format_of(name))

    def _format_of(self, name: str) -> object:
        return self._yuan if name.endswith(YUAN) else self._whole if name.endswith(FEN) else None

    def close(self, stream: BinaryIO) -> None:
        """Write the whole workbook to the stream."""
        self._book.close()
        with (
            zipfile.ZipFile(self._compressed) as packed,
            zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as stored,
        ):
            for part in sorted(packed.namelist()):
                head = zipfile.ZipInfo(part, _PART_DATE)
                with packed.open(part) as source, stored.open(head, "w", force_zip64=False) as target:
                    shutil.copyfileobj(source, target)


class WorkbookSheet:
    """The rows of one kind of line, over as many sheets as they need."""

    def __init__(self, book: ExportWorkbook, title: str, columns: tuple[str, ...], rows_max: int) -> None:
        """Begin the first sheet, which is there also without a row."""
        self._book = book
        self._title = title
        self._columns = columns
        self._rows_max = rows_max
        self._sheets = 1
        self._number = 0
        self._sheet = book.new_sheet(title, columns)

    def add_row(self, cells: Sequence[str | int]) -> None:
        """Write one row behind the last one."""
        self._number += 1
        if self._number == self._rows_max:
            self._sheets += 1
            self._number = 1
            self._sheet = self._book.new_sheet(f"{self._title} {self._sheets}", self._columns)
        self._book.write_row(self._sheet, self._number, self._columns, cells)
