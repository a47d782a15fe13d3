"""Files of lines: records with a separator, or of fixed widths, to bytes and back.

Pure. Only the file's own shape is judged here: encoding, ends of lines, columns, and that nothing is missing
at its end. What the records mean, and their sums, is judged by `answer`, `returns` and `statement`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final, NoReturn

from collection.errors import FormFault
from collection.forms.cell import text_of, value_of
from collection.forms.form_file import DIGEST, MONEY, NUMBERS, Column, Columns, FileForm, Form
from collection.forms.lines import Record, Records
from ledger.files.content_kind import content_kind, encoded_otherwise
from qianzhi_errors.sentence import Sentence

BYTES_MAX: Final = 32 * 1024 * 1024
"""No batch file is larger: a hundred thousand lines are a third of it."""
_IN_UTF_8: Final = re.compile(rb"[\xe4-\xe9][\x80-\xbf][\x80-\xbf]")
"""A Chinese character in UTF-8."""
_COLUMN: Final = "{column}: {reason}"


def written(name: str, form: Form, file: FileForm, records: Records) -> bytes:
    """Return the file of these records. Raises FormFault with the batch's line and the column that the form
    cannot say.
    """
    end = form.end.encode()
    head = _joined(name, form, file.header, Record(0, records.edge)) + end if file.header else b""
    body = head + b"".join(_joined(name, form, file.detail, line) + end for line in records.lines)
    if not file.trailer:
        return body
    edge = {**records.edge, DIGEST: hashlib.sha256(body).hexdigest()}
    return body + _joined(name, form, file.trailer, Record(0, edge)) + end


def _joined(name: str, form: Form, columns: Columns, record: Record) -> bytes:
    cells = []
    for column in columns:
        try:
            cells.append(_cell(form, column, record.values))
        except ValueError as error:
            why = Sentence(_COLUMN, column=column.name or column.literal, reason=str(error))
            raise FormFault(name, record.line, why) from None
    return form.separator.encode(form.encoding).join(cells)


def _cell(form: Form, column: Column, values: Mapping[str, str]) -> bytes:
    text = text_of(column, values.get(column.name, "")) if column.name else column.literal
    if form.separator and form.separator in text:
        raise ValueError(Sentence("holds the separator"))
    try:
        cell = text.encode(form.encoding)
    except UnicodeEncodeError:
        raise ValueError(Sentence("has a character that {encoding} lacks", encoding=form.encoding)) from None
    if form.form != "fixed":
        return cell
    if len(cell) > column.width:
        raise ValueError(Sentence("longer than {most} bytes", most=column.width))
    return cell.rjust(column.width, b"0") if _is_number(column) else cell.ljust(column.width)


def _is_number(column: Column) -> bool:
    return column.name in NUMBERS or column.name in MONEY


def read(name: str, content: bytes, form: Form, file: FileForm) -> Records:
    """Return the records of a file. Raises FormFault with the line at fault."""
    lines = _lines(name, content, form)
    last = len(lines)
    edge: dict[str, str] = {}
    first = 1 if file.header else 0
    if last < first + bool(file.trailer):
        raise FormFault(name, last + 1, Sentence("the header or the trailer is missing: the file was cut"))
    if file.header:
        if not _is_marked(lines[0], form, file.header):
            why = encoded_otherwise(lines[0], _codec(form)) or Sentence("the header is missing")
            raise FormFault(name, 1, why)
        edge |= _values(name, 1, lines[0], form, file.header)
    details = lines[first : last - bool(file.trailer)]
    for number, line in enumerate(details, first + 1):
        if _is_trailer(line, form, file):
            raise FormFault(name, number + 1, Sentence("nothing may follow the trailer"))
    records = tuple(
        Record(number, _values(name, number, line, form, file.detail))
        for number, line in enumerate(details, first + 1)
    )
    if file.trailer:
        if not _is_marked(lines[-1], form, file.trailer):
            raise FormFault(name, last, Sentence("the trailer is missing: the file was cut short"))
        edge |= _values(name, last, lines[-1], form, file.trailer)
        _check_digest(name, content, lines, form, edge)
    return Records(edge, records, last if file.trailer else 0)


def _lines(name: str, content: bytes, form: Form) -> list[bytes]:
    """Return the lines without their ends. Raises FormFault for what is no text, or has no end."""
    hold_encoding(name, content, form.encoding)
    *lines, rest = content.split(form.end.encode())
    if rest:
        _stop_at(name, len(lines) + 1, rest, form)
    for number, line in enumerate(lines, 1):
        if b"\n" in line or b"\r" in line:
            _stop_at(name, number, line, form)
    return lines


def hold_encoding(name: str, content: bytes, encoding: str) -> None:
    """Raise FormFault for a file that is empty, too large, or by its bytes not text in this encoding.

    Chinese text in UTF-8 is often good GB18030 too, of other characters; the other way round it is so rare
    that such a file is refused.
    """
    if len(content) > BYTES_MAX:
        raise FormFault(name, 0, Sentence("larger than {most} bytes", most=BYTES_MAX))
    if not content:
        raise FormFault(name, 0, Sentence("the file is empty"))
    if kind := content_kind(content[:16]):
        why = Sentence("the file {kind}, where the form has {encoding} text", kind=kind, encoding=encoding)
        raise FormFault(name, 1, why)
    if encoding == "utf-8" or content.isascii():
        return
    for number, line in enumerate(content.split(b"\n"), 1):
        if _IN_UTF_8.search(line) and (other := encoded_otherwise(line, "gb18030")):
            raise FormFault(name, number, other)


def _stop_at(name: str, number: int, line: bytes, form: Form) -> NoReturn:
    """Raise FormFault for a line that does not end as the form says."""
    if b"\r" in line or b"\n" in line:
        raise FormFault(name, number, Sentence("ends otherwise than in {end}", end=form.line_end))
    raise FormFault(name, number, Sentence("has no end: the file was cut short"))


def _values(name: str, number: int, line: bytes, form: Form, columns: Columns) -> dict[str, str]:
    cells = _cells(name, number, line, form, columns)
    values = {}
    for column, cell in zip(columns, cells, strict=True):
        text = cell.rstrip(" ") if form.form == "fixed" and not _is_number(column) else cell
        try:
            value = value_of(column, text, padded=form.form == "fixed")
        except ValueError as error:
            why = Sentence(_COLUMN, column=column.name or column.literal, reason=str(error))
            raise FormFault(name, number, why) from None
        if column.name:
            values[column.name] = value
    return values


def _cells(name: str, number: int, line: bytes, form: Form, columns: Columns) -> list[str]:
    if form.form == "fixed":
        width = sum(column.width for column in columns)
        if len(line) != width:
            why = Sentence("{expected} bytes expected, {actual} found", expected=width, actual=len(line))
            raise FormFault(name, number, encoded_otherwise(line, _codec(form)) or why)
        cells, at = [], 0
        for column in columns:
            cells.append(_decoded(name, number, line[at : at + column.width], form))
            at += column.width
        return cells
    cells = _decoded(name, number, line, form).split(form.separator)
    if len(cells) != len(columns):
        why = Sentence(
            "{expected} columns expected, {actual} found: cut, or a separator within a value",
            expected=len(columns),
            actual=len(cells),
        )
        raise FormFault(name, number, encoded_otherwise(line, _codec(form)) or why)
    return cells


def _codec(form: Form) -> str:
    return "utf-8" if form.encoding == "utf-8" else "gb18030"


def _decoded(name: str, number: int, line: bytes, form: Form) -> str:
    try:
        return line.decode(form.encoding)
    except UnicodeDecodeError:
        why = Sentence("not {encoding}", encoding=form.encoding)
        raise FormFault(name, number, encoded_otherwise(line, _codec(form)) or why) from None


def _mark(columns: Columns) -> str:
    return columns[0].literal if columns else ""


def _is_trailer(line: bytes, form: Form, file: FileForm) -> bool:
    """Return whether a line begins with the trailer's mark, where lines have another one."""
    marks = _mark(file.trailer), _mark(file.detail)
    return all(marks) and marks[0] != marks[1] and _is_marked(line, form, file.trailer)


def _is_marked(line: bytes, form: Form, columns: Columns) -> bool:
    """Return whether a line begins with the mark of a record; any line does where it has none."""
    mark = _mark(columns)
    return not mark or line.startswith((mark + form.separator).encode(form.encoding))


def _check_digest(name: str, content: bytes, lines: list[bytes], form: Form, edge: Mapping[str, str]) -> None:
    if DIGEST not in edge:
        return
    body = content[: len(content) - len(lines[-1]) - len(form.end)]
    if not re.fullmatch("[0-9a-f]{64}", edge[DIGEST]) or hashlib.sha256(body).hexdigest() != edge[DIGEST]:
        raise FormFault(name, len(lines), Sentence("digest: the lines are not those that were written"))
