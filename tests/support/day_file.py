"""Bank day files for tests: layouts that none is shipped of, a line with every value given, a file written
and read back.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from ledger.files.bankfile import FileTotals, read, write
from ledger.files.bankline import BankLine
from ledger.files.layout import Layout, load, parse, shipped

BANK, DATE = "01020000", "20261124"
MARK = "D|T0000001|B00000000000001|1124101112|"
RECEIPT = "202611240100000000015"
STANDARD = load("standard")
FIXED = load("fixed-gb18030")
COMMAS = load("csv-yuan")

# What no shipped layout has: figures in the header, no marks, no trailer, no year, lost columns.
ODD = parse(
    """
form = "fixed"
encoding = "gb18030"
lists_reversed = false
[header]
columns = [
  { name = "date", format = "MMDD" }, { name = "count", width = 8, pad = "blank" },
  { name = "net", width = 20, pad = "blank", unit = "fen", sign = "trailing", plus = " ", minus = "payout" },
]
[detail]
columns = [
  { name = "amount", width = 14, pad = "blank", unit = "yuan", sign = "trailing", minus = "collection" },
  { name = "sent_time", format = "hh:mm:ss" }, { name = "stan" }, { name = "sent_date", format = "MM-DD" },
  { name = "terminal", width = 8 }, { name = "code", width = 7 }, { name = "policy", width = 40 },
]
""",
    "odd",
)
MARKLESS = parse(
    """
form = "delimited"
separator = "\\t"
encoding = "gb18030"
line_end = "CRLF"
[detail]
columns = [
  { name = "state" }, { name = "terminal" }, { name = "branch" }, { name = "rrn" }, { name = "policy" },
  { name = "due" }, { name = "receipt" }, { name = "stan" }, { name = "sent_at", format = "YYYYMMDDhhmmss" },
  { name = "code", pad = "blank" }, { literal = "备注" },
  { name = "amount", unit = "fen", pad = "zero", sign = "leading", minus = "reversed" },
]
[trailer]
columns = [
  { name = "count" }, { name = "paid", unit = "yuan", sign = "leading", minus = "payout" },
  { name = "collected", unit = "fen" },
]
[states]
"完成" = "S"
"撤" = "R"
""",
    "markless",
)
# A trailer that nothing marks behind lines that are marked; every figure in it, each with the other sign.
CONTRARY = parse(
    """
form = "delimited"
separator = ";"
[header]
columns = [{ name = "ignored" }]
[detail]
columns = [
  { literal = "D" }, { name = "terminal" }, { name = "stan" }, { name = "code" }, { name = "state" },
  { name = "amount", unit = "fen", sign = "leading", minus = "reversed" },
  { name = "sent_at", format = "MMDDhhmmss" },
]
[trailer]
columns = [
  { name = "count", pad = "zero" }, { name = "date", format = "MM.DD" }, { name = "bank" },
  { name = "net", unit = "fen", sign = "leading", minus = "collection" },
  { name = "collected", unit = "fen", sign = "leading", plus = "+", minus = "collection" },
  { name = "paid", unit = "yuan", sign = "trailing", plus = "+" },
]
""",
    "contrary",
)
FULL = [*(load(name) for name in shipped()), MARKLESS]


def line(number: int = 2, **given: object) -> BankLine:
    values: dict[str, object] = {
        "terminal": "T0000001",
        "branch": "B00000000000001",
        "sent_at": "20261124101112",
        "stan": "000001",
        "rrn": "RRN000000001",
        "code": "500000",
        "policy": "P1",
        "due": "D1",
        "amount": 120_000,
        "receipt": "202611240100000000015",
        "state": "S",
    }
    return BankLine(number, **{**values, **given})  # type: ignore[arg-type]


LINES = (
    line(2),
    line(3, stan="000002", code="260000", amount=45_601, policy="保单甲", receipt=""),
    line(4, stan="000003", state="R", amount=1),
    line(5, stan="000004", code="263000", state="R", due=""),
)


def file(layout: Layout, lines: Sequence[BankLine] = LINES, bank: str = BANK, date: str = DATE) -> bytes:
    return b"".join(write(layout, bank, date, lines))


def taken(
    layout: Layout, data: bytes, bank: str = BANK, date: str = DATE
) -> tuple[list[BankLine], FileTotals]:
    reader = read(layout, io.BytesIO(data), bank, date)
    return list(reader), reader.totals


class Drops(io.BytesIO):
    """A stream that hands out so many bytes at a time, and keeps how many it was asked for."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size
        self.asked: set[int | None] = set()

    def read(self, limit: int | None = -1, /) -> bytes:
        self.asked.add(limit)
        return super().read(self._size)
