"""The audit logs, and invariant 5 of them: they are whole, each act with the hash of the one before it.

The bytes under the hash: number, moment, person, act, subject, note and `previous`, as one JSON array (RFC
8259) without blanks, text as itself, in UTF-8; SHA-256, lower-case hex. The first act's `previous` is 64
zeros. What an act says of the tables, `office.audit.written` and `office.audit.decided` hold against them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy import Connection, Table, select

from ledger.book import schema as front_schema
from office.audit.evidence import Checked, Evidence, Failing, Outcome, stream
from office.database import schema as office_schema

MACHINE: Final = "office"
"""Who did what no person does."""
NOTHING: Final = "0" * 64
"""What stands for the hash before the first act."""
_REFUSED: Final = "failed: "


class AuditRecord(NamedTuple):
    """One act as its table has it; `at` is microseconds since 1970-01-01 UTC."""

    number: int
    at: int
    by: str
    act: str
    subject: str
    note: str
    previous: str

    @property
    def was_done(self) -> bool:
        """Whether it came to something."""
        return not self.note.startswith(_REFUSED)


def hash_of(record: AuditRecord) -> str:
    """The hash of an act, which the next one carries."""
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def office_records(evidence: Evidence) -> Iterator[AuditRecord]:
    """The office's acts that came to something, in order."""
    return (one for one in _read(evidence.office, office_schema.audit_log) if one.was_done)


def front_records(evidence: Evidence) -> Iterator[AuditRecord]:
    """The front's acts that came to something, in order; none where the front book is out of reach."""
    if evidence.front is None:
        return iter(())
    return (one for one in _read(evidence.front, front_schema.audit_log) if one.was_done)


def tips(evidence: Evidence) -> dict[str, dict[str, int]]:
    """By side, the numbers of its acts by their hashes, the last one last."""
    sides = {"office": (evidence.office, office_schema.audit_log)}
    if evidence.front is not None:
        sides["front"] = (evidence.front, front_schema.audit_log)
    return {
        side: {hash_of(one): one.number for one in _read(connection, table)}
        for side, (connection, table) in sides.items()
    }


def trails(evidence: Evidence) -> Outcome:
    """Invariant 5: no act was changed, left out or put in, at the office or at the front."""
    yield from _trail("office", _read(evidence.office, office_schema.audit_log))
    if evidence.front is not None:
        yield from _trail("front", _read(evidence.front, front_schema.audit_log))


def _read(connection: Connection, table: Table) -> Iterator[AuditRecord]:
    columns = (table.c[name] for name in AuditRecord._fields)
    return map(AuditRecord._make, stream(connection, select(*columns).order_by(table.c.number)))


def _trail(where: str, records: Iterator[AuditRecord]) -> Outcome:
    number, tip, stamped = 0, NOTHING, 0
    for one in records:
        if one.number != number + 1:
            yield Failing(5, f"{where}, act {one.number}", f"follows act {number}")
        if one.previous != tip:
            yield Failing(5, f"{where}, act {one.number}", "does not carry the hash of the act before it")
        if one.at < stamped:
            yield Failing(5, f"{where}, act {one.number}", "is stamped before the act before it")
        number, tip, stamped = one.number, hash_of(one), one.at
    yield Checked(5, f"acts of the {where}", number)
