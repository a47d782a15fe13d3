"""The audit log of what people had the machine or the office do: numbered, append-only, each act carrying the
hash of the one before, so that none can be changed or left out unseen.

Statements on a table of acts, whichever book it stands in. Nothing is decided here; who may do what, others
say.
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

MACHINE = "machine"
"""Who did what no person asked for: the clock, or a program of ours."""
_ROWS_AT_ONCE = 1000


class Stage(StrEnum):
    """How far an act has come: asked for, and then its end. An act without an end is one whose process was
    lost.
    """

    ASKED = "asked"
    DONE = "done"
    FAILED = "failed"


class AuditRecord(NamedTuple):
    """One act: `at` is microseconds since 1970-01-01 UTC, `by` who had it done, `previous` the hash (hex) of
    the act before it.
    """

    number: int
    at: int
    by: str
    act: str
    subject: str
    note: str
    previous: str


class BrokenRecord(NamedTuple):
    """A place where the audit log does not hold, and why."""

    number: int
    reason: str


def record_hash(act: AuditRecord) -> str:
    """SHA-256, hex, over the act as a JSON array in UTF-8."""
    text = json.dumps(act, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def failed(error: BaseException) -> str:
    """The note of an act that came to nothing: the kind of error, never its text."""
    return f"{Stage.FAILED.value}: {type(error).__name__}"


def record(connection: Connection, table: Table, at: int, by: str, act: str, subject: str, note: str) -> int:
    """Write down an act in the caller's transaction; its number. It is stamped no earlier than the one before
    it, wherever a clock was set back.

    Two who write at the same moment get one number, and the second is refused (Conflict): nothing is lost.
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
    """The newest act, and one more; built once."""
    columns = (table.c[name] for name in AuditRecord._fields)
    return select(*columns).order_by(table.c.number.desc()).limit(1), insert(table)


def read_audit_log(connection: Connection, table: Table) -> Iterator[AuditRecord]:
    """Every act, in order, streamed."""
    columns = (table.c[name] for name in AuditRecord._fields)
    query = select(*columns).order_by(table.c.number)
    for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query):
        yield AuditRecord(*row)


def newest_of(
    connection: Connection, table: Table, names: Collection[str], subject: str
) -> AuditRecord | None:
    """The last act about `subject` that has one of these names; None where there is none."""
    columns = (table.c[name] for name in AuditRecord._fields)
    chosen = select(*columns).where(table.c.act.in_(names), table.c.subject == subject)
    row = connection.execute(chosen.order_by(table.c.number.desc()).limit(1)).first()
    return AuditRecord(*row) if row else None


def broken_records(acts: Iterable[AuditRecord]) -> Iterator[BrokenRecord]:
    """Every place where an audit log, from its first act on, does not hold.

    Acts cut off at its end leave no such place: only who wrote down the last one's hash can tell.
    """
    number, tip, stamped = 0, GENESIS, 0
    for act in acts:
        if act.number != number + 1:
            yield BrokenRecord(number + 1, f"missing; the next act is {act.number}")
        if act.previous != tip:
            yield BrokenRecord(act.number, "does not carry the hash of the act before it")
        if act.at < stamped:
            yield BrokenRecord(act.number, "is stamped before the act before it")
        number, tip, stamped = act.number, record_hash(act), act.at
