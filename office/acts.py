"""The record of what the office did and who had it done. It only grows; nothing here reads it."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select

from office.schema import acts


def record_act(connection: Connection, at: int, by: str, act: str, subject: str, note: str) -> None:
    """Write down an act in the caller's transaction: `at` is microseconds since 1970-01-01 UTC.

    Two who write at the same moment get one number, and the second is refused (Conflict): nothing is lost.
    """
    last: int = connection.execute(select(func.coalesce(func.max(acts.c.number), 0))).scalar_one()
    row = {"number": last + 1, "at": at, "by": by, "act": act, "subject": subject, "note": note}
    connection.execute(insert(acts).values(row))
