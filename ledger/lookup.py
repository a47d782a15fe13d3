"""Looks things up in a front book for a person: what the book is, a day's dues, a transaction by any key.

Reads only, by indexes where there are some; never used while serving. What a thing found means, others say.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, Select, or_, select

from ledger.entry import Entry, Kind
from ledger.load import Loaded
from ledger.schema import facts, journal, loads
from protocol.responses import Response

FOUND_MAX = 100
"""A key that fits more entries is none; a person is to give a longer one."""


def read_facts(connection: Connection) -> dict[str, str]:
    """What the book says that it is: `schema`, `front_key` (a check value)."""
    return {row.name: row.value for row in connection.execute(select(facts.c.name, facts.c.value))}


def loaded_for(connection: Connection, date: str) -> Loaded | None:
    """The load of a business date's dues, or None where there was none."""
    names = (loads.c[name] for name in Loaded._fields)
    row = connection.execute(select(*names).where(loads.c.date == date)).first()
    return Loaded(*row) if row else None


def entries_where(connection: Connection, *conditions: ColumnElement[bool]) -> tuple[Entry, ...]:
    """The entries that fit any of the conditions, in the order in which they were recorded, FOUND_MAX and one
    more at most.
    """
    wanted: Select[tuple[object, ...]] = (
        select(journal)
        .where(or_(*conditions))
        .order_by(journal.c.recorded_at, journal.c.chain, journal.c.position)
        .limit(FOUND_MAX + 1)
    )
    return tuple(_entries(connection, wanted))


def _entries(connection: Connection, wanted: Select[tuple[object, ...]]) -> Iterator[Entry]:
    for row in connection.execute(wanted):
        entry = Entry._make(row)
        yield entry._replace(kind=Kind(entry.kind), response=Response(entry.response))
