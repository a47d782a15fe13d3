"""Invariant 4, of what batches hold: every due that is held has one owner, which was granted it; every line
that was granted is as the audit log says; every file of a batch was carried out once, with the answer that it
has.

The front's tables and its audit log, and nothing else. What a line's money did is in the journal, where the
checks of `office.audit.sequences` look at it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, select

from ledger.book import schema as front_schema
from office.audit.audit_records import AuditRecord, front_records
from office.audit.evidence import Checked, Evidence, Failing, Results, stream
from office.audit.subjects import batch_named, due_named
from qianzhi_errors.sentence import Sentence

_ENDED: Final = re.compile(
    r"(?P<digest>[0-9a-f]{64}); let go (?P<lines>[0-9]+), (?P<amount>[0-9]+) fen,"
    r" (?P<withdrawn>[0-9]+) withdrawn; answer (?P<answer>[0-9a-f]{64})(?:; lines (?P<granted>[0-9a-f]{64}))?"
)
_ACTS: Final = ("batch hold", "batch release", "batch apply")
_DUE_OF_LINE: Final = ("due", "policy", "code", "amount")


class _End(NamedTuple):
    """What the audit log says of a file that was carried out."""

    record: AuditRecord
    stated: Mapping[str, str]


def held_dues(evidence: Evidence) -> Results:
    """Invariant 4: each due that is held is held by a line that was granted it, of a batch that still holds;
    and a batch that still holds has such a due.
    """
    if evidence.front is None:
        return
    dues, lines, holds = front_schema.dues, front_schema.hold_lines, front_schema.holds
    open_holds = set(evidence.front.execute(select(holds.c.batch).where(holds.c.released_at == 0)).scalars())
    columns = (lines.c.batch, lines.c.line, *(lines.c[name] for name in _DUE_OF_LINE))
    granted = {
        f"{batch}/{line}": tuple(due)
        for batch, line, *due in stream(
            evidence.front, select(*columns).where(lines.c.batch.in_(sorted(open_holds)))
        )
    }
    query = select(dues.c.held_by, *(dues.c[name] for name in _DUE_OF_LINE)).where(dues.c.held_by != "")
    holding = set()
    count = 0
    for held_by, *due in stream(evidence.front, query):
        count += 1
        holding.add(held_by.partition("/")[0])
        if granted.get(held_by) != tuple(due):
            yield Failing(4, due_named(due[0]), Sentence("is held by a line that was not granted it"))
    begun = {row.batch for row in evidence.front.execute(select(holds).where(holds.c.held_at == 0))}
    for batch in sorted(open_holds - holding - begun):
        yield Failing(4, batch_named(batch), Sentence("holds no due, and is not said to be over"))
    yield Checked(4, "dues that batches hold, each by a line that was granted it", count)


def granted_lines(evidence: Evidence) -> Results:
    """Invariant 4: each batch is as its file's records in the audit log say, and so are the lines that it was
    granted.
    """
    if evidence.front is None:
        return
    begun = {record.subject: record for record in front_records(evidence) if record.act == "batch hold"}
    ended = {end.stated["digest"]: end for end in _ends(evidence)}
    ends_at = _moments(evidence.front)
    count = 0
    for row in evidence.front.execute(select(front_schema.holds)).all():
        count += 1
        note = f"{row.digest}; {row.channel}, {row.date}, {row.created_at}"
        record = begun.pop(row.batch, None)
        if record is None or record.note != note:
            yield Failing(4, batch_named(row.batch), Sentence("was held by no act of the audit log"))
        end = ended.get(row.digest)
        if not row.held_at and end is None:
            continue
        lines, amount, digest = _granted(evidence.front, row.batch)
        stated = end.stated["granted"] if end is not None else None
        moment = end.record.at if end is not None else 0
        if (row.lines, row.amount, row.held_at, stated) != (lines, amount, moment, digest):
            yield Failing(4, batch_named(row.batch), Sentence("is not as it was granted, by the audit log"))
        if row.released_at and row.released_at not in ends_at.get(row.batch, ()):
            yield Failing(4, batch_named(row.batch), Sentence("was not over when it is said to have been"))
    for batch in sorted(begun):
        yield Failing(4, batch_named(batch), Sentence("is in the audit log, and is not there"))
    yield Checked(4, "batches, their lines held against the audit log", count)


def files_of_batches(evidence: Evidence) -> Results:
    """Invariant 4: each file of a batch was carried out as the audit log says, and has that answer."""
    if evidence.front is None:
        return
    begun = {
        (record.note[:64], record.subject, record.act)
        for record in front_records(evidence)
        if record.act in _ACTS and record.subject
    }
    ended = {end.stated["digest"]: end for end in _ends(evidence)}
    rows = evidence.front.execute(select(front_schema.hold_files)).all()
    for row in rows:
        if (row.digest, row.batch, row.act) not in begun:
            yield Failing(4, batch_named(row.batch), Sentence("has a file of no act of the audit log"))
        end = ended.pop(row.digest, None)
        if end is None and row.at == 0:
            continue
        if end is None or not _is_so(row, end):
            yield Failing(4, batch_named(row.batch), Sentence("has a file that was not carried out so"))
    missing = {digest for digest, _, _ in begun} - {row.digest for row in rows}
    for end in ended.values():
        missing.add(end.stated["digest"])
    for _ in sorted(missing):
        yield Failing(4, Sentence("a batch's file"), Sentence("is in the audit log, and is not there"))
    yield Checked(4, "files of batches, held against the audit log", len(rows))


def _is_so(row: Row[Any], end: _End) -> bool:
    counts = (str(row.lines), str(row.amount), str(row.withdrawn))
    stated = tuple(end.stated[name] for name in ("lines", "amount", "withdrawn"))
    answer = hashlib.sha256(row.answer.encode()).hexdigest()
    named = (end.record.act, end.record.subject, end.record.at, end.stated["answer"])
    return counts == stated and named == (f"{row.act} ended", row.batch, row.at, answer)


def _ends(evidence: Evidence) -> Iterator[_End]:
    """The records of files that were carried out."""
    acts = {f"{act} ended" for act in _ACTS}
    for record in front_records(evidence):
        match = _ENDED.fullmatch(record.note) if record.act in acts else None
        if match is not None:
            yield _End(record, match.groupdict(default=""))


def _granted(front: Connection, batch: str) -> tuple[int, int, str]:
    """The lines that a batch was granted: their number, their sum in fen, and a digest over them."""
    lines = front_schema.hold_lines
    digest, count, amount = hashlib.sha256(), 0, 0
    for row in stream(front, select(lines).where(lines.c.batch == batch).order_by(lines.c.line)):
        digest.update(json.dumps(list(row), ensure_ascii=False, separators=(",", ":")).encode())
        count, amount = count + 1, amount + row[-1]
    return count, amount, digest.hexdigest()


def _moments(front: Connection) -> dict[str, set[int]]:
    """When each batch's files were carried out."""
    files = front_schema.hold_files
    moments: dict[str, set[int]] = {}
    for row in front.execute(select(files.c.batch, files.c.at).where(files.c.at > 0)):
        moments.setdefault(row.batch, set()).add(row.at)
    return moments
