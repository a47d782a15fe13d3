"""The consent of two people that rows of a file of dues are left out: who consented, for which file and
lines, in the chained audit log.

Statements on the audit log. A consent is for one file, by its digest, and for exactly these lines; of a
person's consents for a file only the last one counts. Which rows may be left out is in
`ledger.files.bookfile`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, select

from ledger.book.audit_log import MACHINE, record
from ledger.book.journal import last_stamp
from ledger.book.schema import audit_log
from ledger.files.leftout import LeftOut, text_of

ACT: Final = "load without"
_LOGIN: Final = re.compile(r"[^\s,:]+")


def given_by_another(connection: Connection, digest: str, left_out: Iterable[LeftOut], by: str) -> str:
    """The login of another person than `by` whose last consent for this file is for the same lines; empty if
    there is none.
    """
    consents = select(audit_log.c.by, audit_log.c.note).where(
        audit_log.c.act == ACT, audit_log.c.subject == digest
    )
    last = {row.by: row.note for row in connection.execute(consents.order_by(audit_log.c.number))}
    return next((login for login, note in last.items() if login != by and note == note_of(left_out)), "")


def give(connection: Connection, at: int, digest: str, left_out: Iterable[LeftOut], by: str) -> None:
    """Record that `by` consents to leave these lines of the file out; `at` is microseconds since 1970-01-01
    UTC.
    """
    record(connection, audit_log, max(at, last_stamp(connection)), by, ACT, digest, note_of(left_out))


def is_person(by: str) -> bool:
    """Whether this is a person's login. The machine is no person, nor is a user whose login is not known."""
    return by != MACHINE and _LOGIN.fullmatch(by) is not None


def note_of(left_out: Iterable[LeftOut]) -> str:
    """The lines in the form in which the audit log has them."""
    return f"lines {text_of(row.line for row in left_out)}"
