"""Writes what happened to mandates, batches and lines as rows that only grow.

Statements only. Which step may be taken, `collection.rules.states` says.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, insert

from collection.database.schema import events


class Event(NamedTuple):
    """One row: `line` is 0 for the whole batch, and for a mandate."""

    event: str
    state: str
    mandate: str = ""
    batch: str = ""
    line: int = 0


def write_events(connection: Connection, at: int, by: str, rows: Iterable[Event]) -> None:
    """Append the events in the caller's transaction. `at` is in microseconds since 1970-01-01 UTC."""
    values = [{"at": at, "by": by, **row._asdict()} for row in rows]
    if values:
        connection.execute(insert(events), values)
