"""Invariant 5, the audit logs: each log is whole, and each record carries the hash of the one before it.

The hash of a record is that of the row (`office.audit.row_digests`) of its number, moment, person, act,
subject, note and `previous`. The first record's `previous` is 64 zeros. A finding calls a record by its
number: "act 3". What a record says of the tables, `office.audit.written` and `office.audit.decided` compare
with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy import Connection, Table, select

from ledger.book import schema as front_schema
from office.audit.evidence import Checked, Evidence, Failing, Results, stream
from office.audit.row_digests import NO_HASH, row_hash
from office.audit.subjects import act_at
from office.database import schema as office_schema
from qianzhi_errors.sentence import Sentence

MACHINE: Final = "office"
"""The author of the records of the machine's own work."""
_REFUSED: Final = "failed: "


class AuditRecord(NamedTuple):
    """One record of an audit log, as its table has it: `act` names what was done, `by` who had it done;
    `at` is microseconds since 1970-01-01 UTC.
    """

    number: int
    at: int
    by: str
    act: str
    subject: str
    note: str
    previous: str

    @property
    def was_done(self) -> bool:
        """Whether the act was done, and not refused."""
        return not self.note.startswith(_REFUSED)


def hash_of(record: AuditRecord) -> str:
    """The hash of a record, which the next record carries."""
    return row_hash(record)


def office_records(evidence: Evidence) -> Iterator[AuditRecord]:
    """The office's records of acts that were done, in order."""
    return (record for record in _read(evidence.office, office_schema.audit_log) if record.was_done)


def front_records(evidence: Evidence) -> Iterator[AuditRecord]:
    """The front's records of acts that were done, in order; none if the front book is out of reach."""
    if evidence.front is None:
        return iter(())
    return (record for record in _read(evidence.front, front_schema.audit_log) if record.was_done)


def tips(evidence: Evidence) -> dict[str, dict[str, int]]:
    """For each side, the numbers of its records by their hashes, the last record last."""
    sides = {"office": (evidence.office, office_schema.audit_log)}
    if evidence.front is not None:
        sides["front"] = (evidence.front, front_schema.audit_log)
    return {
        side: {hash_of(record): record.number for record in _read(connection, table)}
        for side, (connection, table) in sides.items()
    }


def audit_logs(evidence: Evidence) -> Results:
    """Invariant 5: no record was changed, left out or put in, at the office or at the front."""
    yield from _log_results("office", _read(evidence.office, office_schema.audit_log))
    if evidence.front is not None:
        yield from _log_results("front", _read(evidence.front, front_schema.audit_log))


def _read(connection: Connection, table: Table) -> Iterator[AuditRecord]:
    columns = (table.c[name] for name in AuditRecord._fields)
    return map(AuditRecord._make, stream(connection, select(*columns).order_by(table.c.number)))


def _log_results(side: str, records: Iterator[AuditRecord]) -> Results:
    number, tip, stamped = 0, NO_HASH, 0
    for record in records:
        subject = act_at(side, record.number)
        if record.number != number + 1:
            yield Failing(5, subject, Sentence("follows act {number}", number=number))
        if record.previous != tip:
            yield Failing(5, subject, Sentence("does not carry the hash of the act before it"))
        if record.at < stamped:
            yield Failing(5, subject, Sentence("is stamped before the act before it"))
        number, tip, stamped = record.number, hash_of(record), record.at
    yield Checked(5, f"acts of the {side}", number)
