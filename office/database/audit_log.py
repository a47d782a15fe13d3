"""The record of what the office did and who had it done. It only grows; nothing here reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, select

from ledger.book.audit_log import Stage, failed, record
from ledger.book.store import Store
from office.database.schema import audit_log

MACHINE: Final = "office"
"""Who did what no person did. Nobody may act under this name."""


def moment_of(connection: Connection, at: int) -> int:
    """The moment at which an act, and what it writes, is stamped in the caller's transaction: `at`, or just
    after the last act where the clock was set back since; microseconds since 1970-01-01 UTC. So what one act
    has written is told from what another has.
    """
    last: int | None = connection.scalar(select(audit_log.c.at).order_by(audit_log.c.number.desc()).limit(1))
    return at if last is None else max(at, last + 1)


def write_record(connection: Connection, at: int, by: str, act: str, subject: str, note: str) -> None:
    """Write down an act in the caller's transaction: `at` is microseconds since 1970-01-01 UTC. Raises what
    `ledger.book.audit_log.record` does.
    """
    record(connection, audit_log, at, by, act, subject, note)


@contextmanager
def recorded(store: Store, now_us: Callable[[], int], by: str, act: str) -> Iterator[None]:
    """Write down what a person has the office do before it begins, and its end after. Raises what
    Store.transaction does, and then nothing was done.
    """
    write(store, now_us(), by, act, "", Stage.ASKED.value)
    try:
        yield
    except BaseException as error:
        write(store, now_us(), by, act, "", failed(error))
        raise
    write(store, now_us(), by, act, "", Stage.DONE.value)


def write(store: Store, at: int, by: str, act: str, subject: str, note: str) -> None:
    """Write down an act in a transaction of its own. Raises what Store.transaction does."""
    with store.transaction() as connection:
        write_record(connection, at, by, act, subject, note)
