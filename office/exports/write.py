"""Turns the lines of an export into files: a CSV for each kind of line, a workbook of them all, and the
manifest with digests, counts and sums.

The same lines give the same bytes. A line goes by once: it is written, hashed and added up in passing, so
memory does not grow with a date's lines. Nothing is read from a database here, and no file is opened: the
caller hands in the streams.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Final, NamedTuple

from ledger.rules.beijing import beijing
from ledger.rules.escaping import escaped
from ledger.rules.masking import masked_numbers
from office.exports.lines import FEN, FILES, BreakLine, DueLine, Line, VoucherLine, columns_of
from office.exports.read import Export
from office.exports.workbook import ExportWorkbook
from office.reports.cells import BYTE_ORDER_MARK, csv_row, masked_cell, text_cell
from office.reports.wording import plain_yuan

MANIFEST: Final = "manifest.json"
WORKBOOK: Final = "export.xlsx"
FORMAT: Final = "qianzhi-export-1"

OpenFile = Callable[[str], AbstractContextManager[BinaryIO]]
"""Opens a new file of the export, by its name, to be written."""


class WrittenFile(NamedTuple):
    """One file as it was written: its SHA-256 in hex, its length, and the number and sum (fen) of its lines.
    `rows` is the SHA-256 over the lines themselves, each a JSON array (RFC 8259) and a line feed, so that
    they can be proved without the file. The workbook repeats the lines of the others: its figures are 0.
    """

    name: str
    digest: str
    bytes: int
    lines: int
    amount: int
    rows: str


class Written(NamedTuple):
    """All that was written: the files of lines, and the SHA-256 of the manifest, in hex."""

    files: tuple[WrittenFile, ...]
    manifest: str


def write_files(
    export: Export, lines: Callable[[str], Iterable[Line]], previous: str, open_file: OpenFile
) -> Written:
    """Write every file of an export and its manifest. `lines` gives the lines of one of FILES; `previous` is
    the SHA-256 of the manifest of the export before, empty for the first.
    """
    totals: Counter[tuple[str, ...]] = Counter()
    book = ExportWorkbook()
    files = [_write_lines(name, lines(name), totals, book, open_file) for name in FILES]
    files.append(_write_workbook(book, open_file))
    content = _manifest(export, previous, files, totals)
    with open_file(MANIFEST) as stream:
        stream.write(content)
    return Written(tuple(files), hashlib.sha256(content).hexdigest())


def cells_of(line: Line, text: Callable[[str], str]) -> Iterator[str | int]:
    """The cells of a line's row; `text` makes a cell of a text."""
    for name, value in line._asdict().items():
        yield value if isinstance(value, int) else text(value)
        if name.endswith(FEN):
            yield plain_yuan(value)


def _csv_text(line: Line) -> Callable[[str], str]:
    """How a text of a line becomes a cell of CSV. A break may have what a bank's file says in any place, so
    its texts are masked; what the journal has, the front has masked before it wrote it.
    """
    return masked_cell if isinstance(line, BreakLine) else text_cell


def _plain_text(line: Line) -> Callable[[str], str]:
    """How a text of a line becomes a cell of the workbook, which takes no text for anything else."""
    return _masked_text if isinstance(line, BreakLine) else escaped


def _masked_text(value: str) -> str:
    return escaped(masked_numbers(value))


def _write_lines(
    name: str,
    lines: Iterable[Line],
    totals: Counter[tuple[str, ...]],
    book: ExportWorkbook,
    open_file: OpenFile,
) -> WrittenFile:
    """Write one file and its sheet; add each line to its totals: a number of lines and a sum in fen."""
    columns, rows = columns_of(FILES[name]), hashlib.sha256()
    sheet = book.add_sheet(name.partition(".")[0], columns)
    count = amount = 0
    with open_file(name) as stream:
        hashed = _HashedStream(stream)
        hashed.write(BYTE_ORDER_MARK + csv_row(columns))
        for line in lines:
            hashed.write(csv_row(tuple(cells_of(line, _csv_text(line)))))
            sheet.add_row(tuple(cells_of(line, _plain_text(line))))
            rows.update(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
            count += 1
            amount += line.amount
            totals[*_group_of(line), "lines"] += 1
            totals[*_group_of(line), "fen"] += line.amount
    return WrittenFile(name, hashed.hex, hashed.length, count, amount, rows.hexdigest())


def _write_workbook(book: ExportWorkbook, open_file: OpenFile) -> WrittenFile:
    """Write the workbook, whose sheets are filled."""
    with open_file(WORKBOOK) as stream:
        packed = io.BytesIO()
        book.close(packed)
        hashed = _HashedStream(stream)
        hashed.write(packed.getbuffer())
    return WrittenFile(WORKBOOK, hashed.hex, hashed.length, 0, 0, "")


class _HashedStream:
    """Writes to a stream, and knows the SHA-256 and the length of what went by."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._hash = hashlib.sha256()
        self.length = 0

    def write(self, data: bytes | memoryview) -> None:
        self._stream.write(data)
        self._hash.update(data)
        self.length += len(data)

    @property
    def hex(self) -> str:
        return self._hash.hexdigest()


def _group_of(line: Line) -> tuple[str, ...]:
    """The total of the manifest to which a line belongs."""
    match line:
        case DueLine():
            return "dues", line.bank, line.outcome
        case VoucherLine():
            return "vouchers", line.account, line.account_bank
        case BreakLine():
            return "breaks", line.bank, line.state


_HEADS: Final = {
    "dues": ("bank", "outcome"),
    "vouchers": ("account", "bank"),
    "breaks": ("bank", "state"),
}


def _manifest(
    export: Export, previous: str, files: list[WrittenFile], totals: Counter[tuple[str, ...]]
) -> bytes:
    """The manifest: JSON in UTF-8, keys and lists in a fixed order, a line feed at its end."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "date": export.date,
        "number": export.number,
        "exported_at": beijing(export.exported_at).isoformat(),
        "previous": previous,
        "currency": "CNY",
        "files": [
            {
                "name": file.name,
                "sha256": file.digest,
                "bytes": file.bytes,
                "lines": file.lines,
                "sum_fen": file.amount,
            }
            for file in files
        ],
    }
    for part, heads in _HEADS.items():
        groups = sorted({group[1:3] for group in totals if group[0] == part})
        content[part] = [
            {
                **dict(zip(heads, group, strict=True)),
                "lines": totals[part, *group, "lines"],
                "sum_fen": totals[part, *group, "fen"],
            }
            for group in groups
        ]
    return (escaped(json.dumps(content, ensure_ascii=False, indent=2), lines=True) + "\n").encode()
