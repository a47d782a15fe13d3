"""What a posted date has beside its journal: seal, audit logs, export, banks' files, reports.

Reads the office's and the front's books and the office's folders. Each piece is proved by a digest or a hash
that a book has, or it is not taken; a report is a view, and is taken as it is.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, func, select

from archive.errors import IntakeRefused
from archive.intake.pieces import MissingPiece, write_parts
from archive.parcel import REPORTS, SEAL
from ledger.book import schema as front_schema
from ledger.book.audit_log import AuditRecord
from ledger.rules.day import DayState
from office.database.audit_log import MACHINE
from office.database.schema import audit_log, bank_files, days, export_files, exports, posted_dates
from office.intake.frontday import FrontDay, read_closed, sealed_by
from qianzhi_errors.sentence import Sentence

POSTED: Final = (DayState.POSTED.value, DayState.ARCHIVED.value)
_MANIFEST: Final = "manifest.json"
_OVERVIEW: Final = "overview.html"
_DAY: Final = "day"
"""The act with which the office says that a date is posted."""


class OfficeFolders(NamedTuple):
    """Where the office has its files: the banks' day files, what it handed to the core, its reports."""

    files: Path
    exports: Path
    reports: Path


class OfficeBooks(NamedTuple):
    """The office's book and the front's, opened for reading, the office's folders, and the public half of the
    front's sealing key (hex).
    """

    office: Connection
    front: Connection
    folders: OfficeFolders
    seal_key: str


def posted_dates_of(office: Connection) -> tuple[str, ...]:
    """The posted business dates, the oldest first."""
    return tuple(office.scalars(select(days.c.date).where(days.c.state.in_(POSTED)).order_by(days.c.date)))


def sealed_day(books: OfficeBooks, date: str) -> FrontDay | MissingPiece:
    """The day as the front has sealed it, if it is posted. Raises IntakeRefused where the seal is not the one
    that the office took, or is not good.
    """
    row = books.office.execute(select(days).where(days.c.date == date)).first()
    if row is None or row.state not in POSTED:
        state = Sentence("is {state}", state=row.state) if row else Sentence("is not at the office yet")
        return MissingPiece("day", Sentence("the day {state}: run `qianzhi office close`", state=state))
    day = next((day for day in read_closed(books.front) if day.date == date), None)
    if day is None:
        return MissingPiece("seal", Sentence("the front book has no closed day of this date"))
    if (day.root, day.signature) != (row.root, row.signature):
        raise IntakeRefused(Sentence("{date}: the seal is not the one that the office took", date=date))
    if fault := sealed_by(books.seal_key)(day):
        raise IntakeRefused(Sentence("{date}: {fault}", date=date, fault=fault))
    return day


def write_seal(day: FrontDay, public: str, folder: Path) -> None:
    """Write the day's seal with all that its root is made of."""
    fields = {
        "date": day.date,
        "next_date": day.next_date,
        "closed_at": day.closed_at,
        "ends": [list(end) for end in sorted(day.ends)],
        "root": day.root,
        "signature": day.signature,
        "public": public,
    }
    write_parts(
        folder.joinpath("data", day.date, SEAL), [json.dumps(fields, separators=(",", ":")).encode() + b"\n"]
    )


def write_acts(books: OfficeBooks, day: FrontDay, folder: Path) -> None:
    """Write the records of both audit logs from the end of the date before up to the end of this one."""
    front, office = front_schema.audit_log.c, audit_log.c
    cut_over = front.note == f"{day.next_date} is open; root {day.root}"
    earlier = front.note.like("% is open; root %") & (front.subject < day.date)
    posted = (office.act == _DAY) & (office.by == MACHINE)
    for name, connection, table, before, at in (
        ("front", books.front, front_schema.audit_log, earlier, cut_over & (front.subject == day.date)),
        (
            "office",
            books.office,
            audit_log,
            posted & (office.subject < day.date),
            posted & (office.subject == day.date),
        ),
    ):
        first, last = _last_number(connection, table, before), _last_number(connection, table, at)
        records = _records(connection, table, first, last)
        write_parts(folder.joinpath("data", day.date, f"acts-{name}.jsonl"), records)


def _last_number(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    """The number of the newest record that meets the condition; 0 if there is none."""
    number: int | None = connection.scalar(select(func.max(table.c.number)).where(condition))
    return number or 0


def _records(connection: Connection, table: Table, first: int, last: int) -> Iterator[bytes]:
    """Yield each record as the JSON array that its hash is over, a line each."""
    columns = (table.c[name] for name in AuditRecord._fields)
    query = select(*columns).where(table.c.number > first, table.c.number <= last).order_by(table.c.number)
    for row in connection.execute(query):
        yield json.dumps(AuditRecord(*row), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def take_bank_files(books: OfficeBooks, date: str, folder: Path) -> Iterator[MissingPiece]:
    """Copy the banks' files of the dates that were posted on this one; yields what is missing."""
    query = (
        select(bank_files.c.bank, bank_files.c.date, bank_files.c.digest)
        .join(
            posted_dates,
            (posted_dates.c.bank == bank_files.c.bank) & (posted_dates.c.date == bank_files.c.date),
        )
        .where(posted_dates.c.posted_on == date)
        .order_by(bank_files.c.bank, bank_files.c.date)
    )
    for row in books.office.execute(query):
        name = f"{row.bank}.{row.date}.txt"
        target = folder.joinpath("data", date, "bankfiles", name)
        yield from _taken(books.folders.files.joinpath(name), target, row.digest, name)


def take_export(books: OfficeBooks, date: str, folder: Path) -> Iterator[MissingPiece]:
    """Copy what the core system was handed of the date; yields what is missing."""
    manifest = books.office.scalar(select(exports.c.manifest).where(exports.c.date == date))
    if manifest is None:
        yield MissingPiece("export", Sentence("it is not exported yet: run `qianzhi office export`"))
        return
    query = select(export_files.c.name, export_files.c.digest).where(export_files.c.date == date)
    wanted = {_MANIFEST: manifest, **{row.name: row.digest for row in books.office.execute(query)}}
    for name, digest in sorted(wanted.items()):
        target = folder.joinpath("data", date, "export", name)
        yield from _taken(books.folders.exports.joinpath(date, name), target, digest, f"export/{name}")


def take_reports(books: OfficeBooks, date: str, folder: Path) -> Iterator[MissingPiece]:
    """Copy the reports of the date; yields a missing piece if they were not printed."""
    pages = sorted(books.folders.reports.glob(f"{date}.*"))
    if not any(page.name == f"{date}.{_OVERVIEW}" for page in pages):
        yield MissingPiece(
            "reports",
            Sentence("its reports are not printed: run `qianzhi recon report --date {date}`", date=date),
        )
        return
    for page in pages:
        target = folder.joinpath("data", date, REPORTS, page.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(page, target)


def _taken(source: Path, target: Path, digest: str, name: str) -> Iterator[MissingPiece]:
    """Copy a file whose SHA-256 is known; yields a missing piece where it is not there, or is another."""
    if not source.is_file():
        yield MissingPiece(name, Sentence("{file} is not there", file=source))
        return
    data = source.read_bytes()
    if hashlib.sha256(data).hexdigest() != digest:
        yield MissingPiece(name, Sentence("{file} is not the file that the office took", file=source))
        return
    write_parts(target, [data])
