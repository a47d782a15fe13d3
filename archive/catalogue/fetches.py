"""Requests for volumes of which no medium is at hand: who needs which, since when.

Statements on `fetches` alone; the caller owns the transaction.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select

from archive.catalogue.schema import fetches


class Fetch(NamedTuple):
    """One request: the volume, who asked, and when (microseconds since 1970-01-01 UTC)."""

    volume: str
    by: str
    at: int


def request_fetch(connection: Connection, volume: str, by: str, at: int) -> None:
    """Write a request down."""
    number = connection.execute(select(func.count()).select_from(fetches)).scalar_one() + 1
    connection.execute(insert(fetches).values(number=number, volume=volume, by=by, at=at))


def read_fetches(connection: Connection) -> tuple[Fetch, ...]:
    """All requests, the oldest first."""
    columns = (fetches.c[name] for name in Fetch._fields)
    return tuple(Fetch._make(row) for row in connection.execute(select(*columns).order_by(fetches.c.number)))
