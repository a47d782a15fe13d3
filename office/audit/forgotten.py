"""Invariants 4 and 5 after the front has retired business days: what the front still has of these days is
compared with the office's copy, which is then the only one.

A retired day keeps its seal and its chains' ends at the front; `office.audit.chains` walks the front's chains
from the ends of the last retired day. The front's table `retired` and its audit log say which days these are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import func, or_, select

from ledger.book import schema as front_schema
from office.audit.audit_records import front_records
from office.audit.evidence import Checked, Evidence, Failing, Journal, Results, count_of, stream
from office.audit.subjects import FRONT_SIDE, day_at, due_named
from office.database import schema as office_schema
from qianzhi_errors.sentence import Sentence

End = tuple[int, int, str]
"""A chain, the position of its last entry, and the hash of that entry."""


class Forgotten(NamedTuple):
    """The last business date of which a journal has retired the entries, or empty; and the end of each chain
    at that date: position and hash, by chain.
    """

    date: str
    ends: Mapping[int, tuple[int, str]]


NOTHING_FORGOTTEN: Final = Forgotten("", {})


def read_ends(stored: str) -> list[End]:
    """The chains' ends from their stored text; none if it cannot be read, and then no root agrees."""
    try:
        return [(int(chain), int(position), str(tip)) for chain, position, tip in json.loads(stored)]
    except (ValueError, TypeError):
        return []


def forgotten(journal: Journal) -> Forgotten:
    """What a journal has retired. The office's copy retires nothing."""
    if journal.name != "front":
        return NOTHING_FORGOTTEN
    retired, days = front_schema.retired, front_schema.days
    query = select(days.c.date, days.c.chains).where(
        days.c.date == select(func.max(retired.c.date)).scalar_subquery()
    )
    row = journal.connection.execute(query).first()
    if row is None:
        return NOTHING_FORGOTTEN
    ends = {chain: (position, tip) for chain, position, tip in read_ends(row.chains)}
    return Forgotten(row.date, ends)


def retired_days(evidence: Evidence) -> Results:
    """Invariant 5: each day that the front has retired is whole at the office, under the same root; days are
    retired in their order, each with a record of the audit log.
    """
    if evidence.front is None:
        return
    office_day, day, entries = office_schema.days.c, front_schema.days.c, office_schema.entries.c
    office_days = select(office_day.date, office_day.root, office_day.entries)
    at_office = {row.date: row for row in evidence.office.execute(office_days)}
    retired = front_schema.retired
    rows = evidence.front.execute(select(retired).order_by(retired.c.date)).all()
    logged = {
        record.subject: (record.at, record.note)
        for record in front_records(evidence)
        if record.act == "retire"
    }
    dates = select(day.date).order_by(day.date).limit(len(rows))
    expected = evidence.front.execute(dates).scalars().all()
    for row, oldest in zip(rows, expected, strict=False):
        subject = day_at(FRONT_SIDE, row.date)
        count = count_of(evidence.office, select(func.count()).where(entries.business_date == row.date))
        ours = at_office.get(row.date)
        if row.date != oldest:
            yield Failing(5, subject, Sentence("is retired, and {oldest} before it is not", oldest=oldest))
        if ours is None or (ours.root, ours.entries, count) != (row.root, row.entries, row.entries):
            yield Failing(5, subject, Sentence("is retired, and the office has it not or not whole"))
        if logged.get(row.date) != (row.retired_at, f"{row.entries} entries; root {row.root}"):
            yield Failing(5, subject, Sentence("was not retired so, by the audit log"))
    for date in sorted(logged.keys() - {row.date for row in rows}):
        yield Failing(5, day_at(FRONT_SIDE, date), Sentence("was retired by the audit log, and is not"))
    yield Checked(5, "retired days of the front, held against the office's", len(rows))


def settled_before(evidence: Evidence, dues: Sequence[Any]) -> Iterator[Failing]:
    """Invariant 4: a due whose entries are all retired is as the office's copy of these entries leaves it.
    `dues` are rows with due, sequence and settled_by.
    """
    entries = office_schema.entries
    waiting = {row.due: row for row in dues}
    query = select(entries.c.subject, func.max(entries.c.sequence)).where(entries.c.sequence.is_not(None))
    for subject, sequence in stream(evidence.office, query.group_by(entries.c.subject)):
        row = waiting.pop(subject, None)
        if row is not None and row.sequence != sequence:
            yield Failing(
                4,
                due_named(subject),
                Sentence(
                    "has sequence {sequence}, the office's copy {copy}",
                    sequence=row.sequence,
                    copy=sequence,
                ),
            )
    for due in waiting:
        yield Failing(4, due_named(due), Sentence("is settled, or was, and no entry says so"))
    settlers = {row.settled_by: row.due for row in dues if row.settled_by}
    is_settlement = or_(entries.c.kind == "collection", entries.c.kind == "payout")
    for key, due in stream(evidence.office, select(entries.c.key, entries.c.due).where(is_settlement)):
        if settlers.get(key) == due:
            del settlers[key]
    for due in settlers.values():
        yield Failing(
            4,
            due_named(due),
            Sentence("is settled by a transaction that the office does not know"),
        )
