"""Says which business days the front may retire: those that are archived here, and whole. One SELECT.

Nothing is written here; who is told, whoever asks says.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from ledger.files.archived import ArchivedDay
from ledger.rules.day import DayState
from office.database.schema import days, entries


def archived_days(connection: Connection) -> tuple[ArchivedDay, ...]:
    """The days that are archived, in order, each with as many entries as are here now. None from the first on
    of which not as many are here as it was taken with.
    """
    held = select(func.count()).where(entries.c.business_date == days.c.date).scalar_subquery()
    query = select(days.c.date, days.c.root, days.c.entries, held.label("held"))
    archived = query.where(days.c.state == DayState.ARCHIVED.value).order_by(days.c.date)
    found = []
    for row in connection.execute(archived):
        if row.held != row.entries:
            break
        found.append(ArchivedDay(row.date, row.root, row.held))
    return tuple(found)
