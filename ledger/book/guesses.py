"""The dues that wrong identity numbers have locked: which they are, and opening one again for a person.

Statements on identity_guesses only. When a due is locked, `ledger.rules.settlement` rules.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select, update

from ledger.book.audit_log import record
from ledger.book.journal import last_stamp
from ledger.book.schema import audit_log, identity_guesses
from ledger.book.store import Store
from ledger.errors import LedgerError

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
    """Every locked due, the oldest lock first."""
    columns = (identity_guesses.c[name] for name in LockedDue._fields)
    query = select(*columns).where(identity_guesses.c.locked == 1).order_by("date", "due")
    return tuple(LockedDue(*row) for row in connection.execute(query))


def unlock(store: Store, due: str, at: int, by: str) -> None:
    """Open a locked due again, for `by`, who is written down with it; its count begins anew.

    `at` is microseconds since 1970-01-01 UTC. Raises NotLocked and what Store.transaction does.
    """
    with store.transaction() as connection:
        opened = connection.execute(
            update(identity_guesses)
            .where(identity_guesses.c.due == due, identity_guesses.c.locked == 1)
            .values(wrong=0, locked=0)
        )
        if opened.rowcount != 1:
            raise NotLocked("no such due is locked: nothing was done; see qianzhi due locked")
        record(connection, audit_log, max(at, last_stamp(connection)), by, UNLOCK, due, "")
