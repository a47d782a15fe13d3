"""The archive's audit: notes, manifests, the log, its witnesses, both records, and no day left outside.

Everything is read again: each note is checked against the archive's public key, each checkpoint against the
one before it by the log's own tiles, each day that the office has posted against the parcels. What the books
of a day must hold, `office.audit` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection

from archive.catalogue.parcels import read_parcels
from archive.catalogue.schema import accesses, audit_log
from archive.catalogue.volumes import Volume, files_of, read_volumes
from archive.errors import ArchiveError
from archive.log.note import NoteKey, check_note, parse_note
from archive.log.tiles import check_tiles, nodes_of, root_of
from archive.log.tree import consistency_proof, is_consistent
from archive.parcel import OFFICE
from archive.rules.states import ParcelState, VolumeState
from archive.sealing import Places
from archive.volume.description import parse_note as parse_volume_note
from archive.volume.names import MANIFEST
from archive.witnessing import faults_of
from ledger.book.audit_log import broken_records, read_audit_log
from qianzhi_errors.sentence import Sentence

SEALED_WITHIN_DAYS: Final = 31
"""A posted day is on a volume after so many days, or the audit names it."""


class Finding(NamedTuple):
    """One thing that is not as it must be: of which volume, day or record, and what."""

    subject: str
    what: str


def audit(
    connection: Connection,
    places: Places,
    key: NoteKey,
    witnesses: Sequence[NoteKey],
    posted: Iterable[str],
    today: str,
) -> Iterator[Finding]:
    """Yield what is not as it must be. `key` is the archive's public key; `posted` are the office's posted
    dates, `today` is YYYYMMDD.
    """
    known = [v for v in read_volumes(connection) if v.state is not VolumeState.OPEN]
    for volume in known:
        yield from _note(connection, volume, key)
    yield from _log(known, places)
    yield from (Finding(*fault) for fault in faults_of(connection, key, witnesses))
    yield from _left_outside(connection, posted, today)
    for table in (audit_log, accesses):
        for broken in broken_records(read_audit_log(connection, table)):
            yield Finding(f"{table.name} {broken.number}", broken.reason)


def _note(connection: Connection, volume: Volume, key: NoteKey) -> Iterator[Finding]:
    """A volume's note is signed, and says what the catalogue says."""
    try:
        check_note(parse_note(volume.note.encode()), [key])
        told = parse_volume_note(volume.note)
    except ArchiveError as error:
        yield Finding(volume.volume, str(error))
        return
    digests = {file.path: file.sha256 for file in files_of(connection, volume.volume)}
    if not told.manifest == volume.manifest == digests.get(MANIFEST):
        yield Finding(volume.volume, Sentence("its manifest is not the one that its note signs"))
    size = volume.first_leaf + volume.leaves
    if (told.description.volume, told.description.log_size) != (volume.volume, size):
        yield Finding(volume.volume, Sentence("its note is that of another volume"))


def _log(known: list[Volume], places: Places) -> Iterator[Finding]:
    """Each volume's tree goes on from the one before it, by the tiles that are there."""
    size, root = 0, b""
    for volume in known:
        new = volume.first_leaf + volume.leaves
        try:
            if volume.first_leaf != size:
                yield Finding(volume.volume, Sentence("its leaves do not follow those of the volume before"))
            nodes = nodes_of(places.log, new)
            if root_of(places.log, new).hex() != volume.root:
                yield Finding(volume.volume, Sentence("the log's root is not that of its sealing"))
            elif size and not is_consistent(
                size, root, new, bytes.fromhex(volume.root), consistency_proof(size, new, nodes)
            ):
                yield Finding(volume.volume, Sentence("the log does not go on from the volume before"))
        except ArchiveError as error:
            yield Finding(volume.volume, str(error))
        size, root = new, bytes.fromhex(volume.root)
    try:
        if size:
            check_tiles(places.log, size)
    except ArchiveError as error:
        yield Finding("log", str(error))


def _left_outside(connection: Connection, posted: Iterable[str], today: str) -> Iterator[Finding]:
    """No posted day is older than SEALED_WITHIN_DAYS without being sealed."""
    sealed = {
        p.date for p in read_parcels(connection) if p.source == OFFICE and p.state is ParcelState.SEALED
    }
    for date in posted:
        if date not in sealed and _days_between(date, today) > SEALED_WITHIN_DAYS:
            yield Finding(
                date,
                Sentence("was posted, and is on no volume after {days} days", days=SEALED_WITHIN_DAYS),
            )


def _days_between(first: str, last: str) -> int:
    return (datetime.strptime(last, "%Y%m%d") - datetime.strptime(first, "%Y%m%d")).days  # noqa: DTZ007
