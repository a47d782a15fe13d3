"""Makes the export of a business date, once, and writes it again to the same bytes.

A date is exported after it is posted, and dates are exported in their order. The row of an export, those of
its files and its audit record are written in the caller's transaction, after the files; the caller puts the
files in their place when the transaction is durable. A crash before that leaves nothing, a crash after it
leaves an export that is written again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, insert, select

from ledger.rules.day import DayState
from office.database.audit_log import moment_of, write_record
from office.database.proofs import digest_of
from office.database.schema import chart_lines, days, export_files, exports
from office.errors import ExportRefused
from office.exports.read import Export, lines_of, read_exports
from office.exports.write import OpenFile, Written, WrittenFile, write_files
from qianzhi_errors.sentence import Sentence, listed

EXPORT = "export"
"""The act of an export in the audit log."""
_POSTED = (DayState.POSTED.value, DayState.ARCHIVED.value)


def waiting_dates(connection: Connection) -> tuple[str, ...]:
    """The posted dates that are not exported yet, the oldest first."""
    query = select(days.c.date).where(days.c.state.in_(_POSTED), days.c.date.not_in(select(exports.c.date)))
    return tuple(connection.scalars(query.order_by(days.c.date)))


def find_export(connection: Connection, date: str) -> Export | None:
    """The export of a date; None if there is none."""
    return next((export for export in read_exports(connection) if export.date == date), None)


def make_export(connection: Connection, date: str, at: int, by: str, open_file: OpenFile) -> Export:
    """Export a date: write its files, its rows and its audit record, and return it.

    `at` is microseconds since 1970-01-01 UTC, `by` the person. Raises ExportRefused if the date was exported
    before, is not posted, or an earlier date is not exported; and InvariantBroken if the journal contradicts
    what was reconciled.
    """
    _check_is_next(connection, date)
    before = read_exports(connection)
    chart: int = connection.scalar(select(func.max(chart_lines.c.chart))) or 0
    export = Export(date, len(before) + 1, chart, moment_of(connection, at))
    written = _write(connection, export, before, open_file)
    export = export._replace(manifest=written.manifest)
    connection.execute(insert(exports), export._asdict())
    rows = [{"date": date, **file._asdict()} for file in written.files]
    connection.execute(insert(export_files), rows)
    write_record(connection, export.exported_at, by, EXPORT, date, _note(export, written.files))
    return export


def repeat_export(connection: Connection, date: str, open_file: OpenFile) -> Export:
    """Write the files of an export again, and return it. Raises ExportRefused if the date was not exported,
    or if a file differs from what was exported; the message names each such file.
    """
    made = read_exports(connection)
    export = next((earlier for earlier in made if earlier.date == date), None)
    if export is None:
        raise ExportRefused(Sentence("{date} was not exported", date=date))
    written = _write(connection, export, made[: export.number - 1], open_file)
    stored = select(export_files.c.name, export_files.c.digest).where(export_files.c.date == date)
    known = {row.name: row.digest for row in connection.execute(stored)}
    differing = [file.name for file in written.files if known.get(file.name) != file.digest]
    if differing or written.manifest != export.manifest:
        names = listed(differing) or Sentence("the manifest")
        raise ExportRefused(
            Sentence(
                "{date} is not as it was exported: {names}; run `qianzhi audit` and find out why",
                date=date,
                names=names,
            )
        )
    return export


def _check_is_next(connection: Connection, date: str) -> None:
    """Raise ExportRefused unless the date is the oldest posted one without an export."""
    if find_export(connection, date) is not None:
        raise ExportRefused(Sentence("{date} was exported before", date=date))
    state = connection.scalar(select(days.c.state).where(days.c.date == date))
    if state not in _POSTED:
        what = (
            Sentence("is {state}", state=state) if state else Sentence("is not closed, or was not pulled yet")
        )
        raise ExportRefused(Sentence("{date} {what}: only what is posted is exported", date=date, what=what))
    earlier = select(days.c.date).where(days.c.date < date, days.c.date.not_in(select(exports.c.date)))
    oldest = connection.scalar(earlier.order_by(days.c.date).limit(1))
    if oldest is not None:
        raise ExportRefused(
            Sentence("{oldest} comes first: dates are exported in their order", oldest=oldest)
        )


def _write(connection: Connection, export: Export, before: Sequence[Export], open_file: OpenFile) -> Written:
    previous = before[-1].manifest if before else ""
    return write_files(export, partial(lines_of, connection, export), previous, open_file)


def _note(export: Export, files: Iterable[WrittenFile]) -> str:
    """The note of the audit record: the number, and the digest over the row of the export and of its
    files.
    """
    row: tuple[Any, ...] = export.date, export.number, export.chart, export.manifest
    rows = [row, *sorted((export.date, *file) for file in files)]
    return f"number {export.number}, manifest {export.manifest}; rows {digest_of(rows)}"
