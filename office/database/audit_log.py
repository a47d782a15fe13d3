"""Writes the office's audit log: what was done, by whom and when.

The table only grows; of what it holds, only the last moment is read here. How its records are chained,
`ledger.book.audit_log` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, select

from ledger.book.audit_log import Stage, failed, record
from ledger.book.store import Store
from office.database.schema import audit_log

MACHINE: Final = "office"
"""The name in the audit log for what the office did by itself. No person may use this name."""


def moment_of(connection: Connection, at: int) -> int:
    """The moment for the next record and the rows written with it, in microseconds since 1970-01-01 UTC.

    This is `at`, or one microsecond after the last record if the clock was set back since. So no two records
    have the same moment, and the audit can tell which rows belong to which record.
    """
    last: int | None = connection.scalar(select(audit_log.c.at).order_by(audit_log.c.number.desc()).limit(1))
    return at if last is None else max(at, last + 1)


def write_record(connection: Connection, at: int, by: str, act: str, subject: str, note: str) -> None:
    """Append a record to the audit log in the caller's transaction. `at` is in microseconds since 1970-01-01
    UTC; `act` is the name of what was done, `subject` what it was done to. Raises what
    `ledger.book.audit_log.record` raises.
    """
    record(connection, audit_log, at, by, act, subject, note)


@contextmanager
def recorded(store: Store, now_us: Callable[[], int], by: str, act: str, subject: str = "") -> Iterator[None]:
    """Context manager: record that a person asked for `act` before the block, and how it ended after it.

    Raises what Store.transaction raises. If the first record cannot be written, the block does not run.
    """
    write(store, now_us(), by, act, subject, Stage.ASKED.value)
    try:
        yield
    except BaseException as error:
        write(store, now_us(), by, act, subject, failed(error))
        raise
    write(store, now_us(), by, act, subject, Stage.DONE.value)


def write(store: Store, at: int, by: str, act: str, subject: str, note: str) -> None:
    """Append a record to the audit log in its own transaction. Raises what Store.transaction raises."""
    with store.transaction() as connection:
        write_record(connection, at, by, act, subject, note)
