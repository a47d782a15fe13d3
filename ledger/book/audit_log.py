"""The audit log of what people had the machine or the office do: numbered, append-only, each record with the
hash of the one before it, so that none can be changed or left out without being noticed.

Statements on a table of records, in the front's book or the office's. Nothing is decided here; who may do
what is in `fep.operator` and `office`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Insert, Select, Table, insert, select

from ledger.rules.entry import GENESIS
from qianzhi_errors.sentence import Sentence

MACHINE = "machine"
"""The `by` of a record of what no person asked for: the clock's, or a program's."""
_ROWS_AT_ONCE = 1000


class Stage(StrEnum):
    """How far an act has come: asked for, and then done or failed. An act that has neither is one whose
    process was lost.
    """

    ASKED = "asked"
    DONE = "done"
    FAILED = "failed"


class AuditRecord(NamedTuple):
    """One record of an act: `at` is microseconds since 1970-01-01 UTC, `by` who had it done, `act` its name,
    `subject` what it was done to, `previous` the hash (hex) of the record before it.
    """

    number: int
    at: int
    by: str
    act: str
    subject: str
    note: str
    previous: str


class BrokenRecord(NamedTuple):
    """A place where the audit log does not hold, by a record's number, and why."""

    number: int
    reason: str


def record_hash(audit_record: AuditRecord) -> str:
    """SHA-256, hex, over the record as a JSON array in UTF-8."""
    text = json.dumps(audit_record, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def failed(error: BaseException) -> str:
    """The note of an act that failed: the class of the error, never its text."""
    return f"{Stage.FAILED.value}: {type(error).__name__}"


def record(connection: Connection, table: Table, at: int, by: str, act: str, subject: str, note: str) -> int:
    """Write a record of an act within the caller's transaction; returns its number. `at` is microseconds
    since 1970-01-01 UTC; where the record before it has a later stamp, since a clock was set back, it gets
    that one.

    Of two that write at the same moment one raises Conflict, since both took the same number.
    """
    newest, append = _statements(table)
    row = connection.execute(newest).first()
    last = AuditRecord(*row) if row else None
    previous = record_hash(last) if last else GENESIS
    number, stamp = (last.number + 1, max(at, last.at)) if last else (1, at)
    new = AuditRecord(number, stamp, by, act, subject, note, previous)
    connection.execute(append, new._asdict())
    return new.number


@cache
def _statements(table: Table) -> tuple[Select[Any], Insert]:
    """The query of the newest record, and the insert of one more; built once a table."""
    columns = (table.c[name] for name in AuditRecord._fields)
    return select(*columns).order_by(table.c.number.desc()).limit(1), insert(table)


def read_audit_log(connection: Connection, table: Table) -> Iterator[AuditRecord]:
    """Every record, in order, streamed from the database."""
    columns = (table.c[name] for name in AuditRecord._fields)
    query = select(*columns).order_by(table.c.number)
    for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query):
        yield AuditRecord(*row)


def newest_of(
    connection: Connection, table: Table, names: Collection[str], subject: str
) -> AuditRecord | None:
    """The newest record about `subject` of an act that has one of these names; None if there is none."""
    columns = (table.c[name] for name in AuditRecord._fields)
    chosen = select(*columns).where(table.c.act.in_(names), table.c.subject == subject)
    row = connection.execute(chosen.order_by(table.c.number.desc()).limit(1)).first()
    return AuditRecord(*row) if row else None


def broken_records(records: Iterable[AuditRecord]) -> Iterator[BrokenRecord]:
    """Every place where an audit log, given from its first record on, does not hold.

    Records that were cut off at its end leave no such place. Only a copy of the last record's hash, kept
    elsewhere, shows that they are missing.
    """
    number, tip, stamped = 0, GENESIS, 0
    for current in records:
        if current.number != number + 1:
            yield BrokenRecord(
                number + 1, Sentence("missing; the next act is {number}", number=current.number)
            )
        if current.previous != tip:
            yield BrokenRecord(current.number, Sentence("does not carry the hash of the act before it"))
        if current.at < stamped:
            yield BrokenRecord(current.number, Sentence("is stamped before the act before it"))
        number, tip, stamped = current.number, record_hash(current), current.at
