"""Which business days the front may retire: those that are archived at the office and complete there.

One SELECT; nothing is written here. The caller hands the list to the front-end machine.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from ledger.files.archived import ArchivedDay
from ledger.rules.day import DayState
from office.database.schema import days, entries


def archived_days(connection: Connection) -> tuple[ArchivedDay, ...]:
    """The archived days, the oldest first, each with the number of entries that the office holds of it.

    The list ends before the first day of which the office holds another number of entries than it took.
    """
    held = select(func.count()).where(entries.c.business_date == days.c.date).scalar_subquery()
    query = select(days.c.date, days.c.root, days.c.entries, held.label("held"))
    archived = query.where(days.c.state == DayState.ARCHIVED.value).order_by(days.c.date)
    complete = []
    for row in connection.execute(archived):
        if row.held != row.entries:
            break
        complete.append(ArchivedDay(row.date, row.root, row.held))
    return tuple(complete)
