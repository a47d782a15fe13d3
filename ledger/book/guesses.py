"""Dues that are locked after too many wrong identity numbers: lists them, and unlocks one for a person.

Statements on identity_guesses only. When a due is locked is decided in `ledger.rules.settlement`.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select, update

from ledger.book.audit_log import record
from ledger.book.journal import last_stamp
from ledger.book.schema import audit_log, identity_guesses
from ledger.book.store import Store
from ledger.errors import LedgerError
from qianzhi_errors.sentence import Sentence

UNLOCK = "unlock due"
"""The act's name in the audit log."""


class NotLocked(LedgerError):
    """The due is not locked; nothing was changed."""


class LockedDue(NamedTuple):
    """A locked due: `wrong` numbers were tried on the business date `date` (YYYYMMDD)."""

    due: str
    date: str
    wrong: int


def locked_dues(connection: Connection) -> tuple[LockedDue, ...]:
    """Every locked due, by the date on which it was locked, the oldest first."""
    columns = (identity_guesses.c[name] for name in LockedDue._fields)
    query = select(*columns).where(identity_guesses.c.locked == 1).order_by("date", "due")
    return tuple(LockedDue(*row) for row in connection.execute(query))


def unlock(store: Store, due: str, at: int, by: str) -> None:
    """Unlock a due, on behalf of `by`, who goes into the audit log with it. Its count begins anew.

    `at` is microseconds since 1970-01-01 UTC. Raises NotLocked, and what Store.transaction does.
    """
    with store.transaction() as connection:
        unlocked = connection.execute(
            update(identity_guesses)
            .where(identity_guesses.c.due == due, identity_guesses.c.locked == 1)
            .values(wrong=0, locked=0)
        )
        if unlocked.rowcount != 1:
            raise NotLocked(Sentence("no such due is locked: nothing was done; see qianzhi due locked"))
        record(connection, audit_log, max(at, last_stamp(connection)), by, UNLOCK, due, "")
