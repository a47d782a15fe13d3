"""Cells of a table for a spreadsheet: texts that stay texts, and CSV as a Chinese Excel opens it.

Pure. Excel on a Chinese Windows takes a CSV without a byte order mark for GB18030, so there is one before the
UTF-8. It runs a text that begins with =, +, - or @, and rewrites long runs of digits and what looks like a
date; an apostrophe before the text keeps it from both. What a column holds does not belong here.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

from ledger.rules.escaping import escaped
from ledger.rules.masking import masked_numbers

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""The mark with which a CSV file begins."""
_FORMULA: Final = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
"""The beginning of a text that a spreadsheet takes for a formula, also with full-width signs."""
_SHORTENED: Final = re.compile(r"0[0-9]+|[0-9]{16,}|[0-9]+[Ee][0-9]+|[0-9]{1,4}(?:-[0-9]{1,4}){1,2}")
"""A text that a spreadsheet takes for a number and shortens, or for a date. A policy may have such a name."""


def text_cell(value: str) -> str:
    """The value as a cell that stays a text. An apostrophe is put before a value that begins with one too, so
    that a reader can always take one off. What is not seen is an escape.
    """
    guarded = _FORMULA.match(value) or _SHORTENED.fullmatch(value) or value.startswith("'")
    return escaped(f"'{value}" if guarded else value)


def masked_cell(value: str) -> str:
    """The value, with identity and card numbers masked, as a cell that stays a text."""
    return text_cell(masked_numbers(value))


def csv_row(cells: Sequence[str | int]) -> bytes:
    """One row by RFC 4180 in UTF-8, with its end of line, CR LF."""
    stream = io.StringIO(newline="")
    csv.writer(stream).writerow(cells)
    return stream.getvalue().encode()


def csv_table(columns: Sequence[str], rows: Iterable[Sequence[str | int]]) -> bytes:
    """A whole table, with a byte order mark and a row of the columns' names."""
    return BYTE_ORDER_MARK + b"".join(csv_row(row) for row in (columns, *rows))
