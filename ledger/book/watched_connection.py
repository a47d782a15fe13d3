"""A connection to a PostgreSQL server that is not waited for without end.

The only module that takes PostgreSQL's driver along: a command whose book is SQLite does not load it. For how
many seconds a server may be silent, `ledger.book.server` says.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeVar

import psycopg

from ledger.book.server import SILENT_SECONDS_OF_WHOLE_DAYS

T = TypeVar("T")


class WatchedConnection(psycopg.Connection[Any]):
    """A connection that is closed when the server says nothing for `silent_seconds` about a statement; the
    statement then fails as on a lost connection.
    """

    silent_seconds: int = SILENT_SECONDS_OF_WHOLE_DAYS

    def wait(self, gen: Generator[Any, Any, T], *_: object, **_named: object) -> T:
        """Wait as psycopg does, for as long as the server is not silent; look once a second."""
        try:
            return super().wait(watched(gen, self.silent_seconds), interval=1)
        except Silent:
            self.pgconn.finish()
            raise


class Silent(psycopg.OperationalError):
    """The server has said nothing about a statement for too long."""


def watched(gen: Generator[Any, Any, T], seconds: int) -> Generator[Any, Any, T]:
    """Pass on what psycopg's generator and the socket say to each other: the socket sends 0 for each second
    in which nothing came. Raises Silent after `seconds` of them in a row.
    """
    quiet = 0
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            quiet = 0 if ready else quiet + 1
            if quiet >= seconds:
                raise Silent(f"no answer for {seconds} s")
            wanted = gen.send(ready)
    except StopIteration as end:
        value: T = end.value
        return value
