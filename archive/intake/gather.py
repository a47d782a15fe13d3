"""Gathers a business date of the office, or the core's documents, as a parcel's folder: whole or not at all.

The folder is made beside its place and moved there when its last file is on disk. Killed anywhere, the next
intake begins again. What each piece is, the other modules of this package say; in which state the parcel is,
the catalogue.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from archive.errors import IntakeRefused
from archive.intake.journal import JournalDay
from archive.intake.office_day import (
    OfficeBooks,
    sealed_day,
    take_bank_files,
    take_export,
    take_reports,
    write_acts,
    write_seal,
)
from archive.intake.pieces import MissingPiece
from archive.intake.receipts import write_receipts
from archive.numbered_files import SUFFIXES, cut
from archive.parcel import ParcelFile, digest_of, files_of, rows_of
from archive.rules.names import PARCEL_BYTES_MAX
from archive.sealed_line import KeysOfPolicies
from archive.volume.names import FILE_BYTES_MAX
from qianzhi_errors.sentence import Sentence

_FRESH: Final = ".new"


class Gathered(NamedTuple):
    """A parcel as it lies in its folder: its files and their digest; or what it waits for, and then no
    folder.
    """

    files: tuple[ParcelFile, ...]
    digest: str
    missing: tuple[MissingPiece, ...]

    @property
    def bytes(self) -> int:
        """The length of all files together."""
        return sum(file.bytes for file in self.files)


def gather_office(
    archive: str, date: str, books: OfficeBooks, keys_of: KeysOfPolicies, folder: Path
) -> Gathered:
    """Gather a posted date into `folder`, which must not be there yet. Raises IntakeRefused where a book
    contradicts its own proofs; then, and where a piece is missing, no folder is left.
    """
    fresh = fresh_folder(folder)
    try:
        missing = tuple(_write_office(archive, date, books, keys_of, fresh))
        if missing:
            return Gathered((), "", missing)
        return put_in_place(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _write_office(
    archive: str, date: str, books: OfficeBooks, keys_of: KeysOfPolicies, folder: Path
) -> Iterator[MissingPiece]:
    """Write the date's pieces, and yield those that are missing. The cheap ones come first: while one of them
    is missing, the journal is not read.
    """
    day = sealed_day(books, date)
    if isinstance(day, MissingPiece):
        yield day
        return
    missing = [
        *take_export(books, date, folder),
        *take_bank_files(books, date, folder),
        *take_reports(books, date, folder),
    ]
    yield from missing
    if missing:
        return
    journal = JournalDay(archive, date, folder, keys_of)
    journal.write(books.office, day.ends)
    yield from journal.missing()
    write_seal(day, books.seal_key, folder)
    write_acts(books, day, folder)
    write_receipts(books.office, date, folder)
    for _row in rows_of(folder, date):  # each key can be one of an index, or the date is refused here
        continue


def fresh_folder(folder: Path) -> Path:
    """An empty folder beside a parcel's place."""
    fresh = folder.with_name(f"{folder.name}{_FRESH}")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    return fresh


def put_in_place(fresh: Path, folder: Path, file_bytes: int = FILE_BYTES_MAX) -> Gathered:
    """Move a parcel whose files are all written to its place, a file of lines above `file_bytes` in parts.
    Raises IntakeRefused for any other file that is larger, and for a parcel that is.
    """
    for path in sorted(path for path in fresh.rglob("*") if path.suffix in SUFFIXES):
        if path.stat().st_size > file_bytes:
            cut(path, file_bytes)
    files = tuple(files_of(fresh))
    for file in files:
        if file.bytes > file_bytes:
            raise IntakeRefused(
                Sentence(
                    "{path} has {bytes} bytes, {most} at most",
                    path=file.path,
                    bytes=file.bytes,
                    most=file_bytes,
                )
            )
    gathered = Gathered(files, digest_of(files), ())
    if gathered.bytes > PARCEL_BYTES_MAX:
        raise IntakeRefused(
            Sentence(
                "the parcel has {bytes} bytes, {most} at most", bytes=gathered.bytes, most=PARCEL_BYTES_MAX
            )
        )
    fresh.replace(folder)
    return gathered
