"""Two people's word that rows of a file of dues are left out: who said it for which file and lines, in the
chained audit log.

Statements on the audit log. A word is for one file, by its digest, and for exactly these lines; a person's
last word on a file is the one that counts. Which rows may be left out, `ledger.files.bookfile` says.
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
    """Return another person than `by` whose last word on this file is to leave out the same lines; empty
    where there is none.
    """
    words = select(audit_log.c.by, audit_log.c.note).where(
        audit_log.c.act == ACT, audit_log.c.subject == digest
    )
    last = {row.by: row.note for row in connection.execute(words.order_by(audit_log.c.number))}
    return next((who for who, note in last.items() if who != by and note == note_of(left_out)), "")


def give(connection: Connection, at: int, digest: str, left_out: Iterable[LeftOut], by: str) -> None:
    """Write down that `by` would have these lines of the file left out."""
    record(connection, audit_log, max(at, last_stamp(connection)), by, ACT, digest, note_of(left_out))


def is_person(by: str) -> bool:
    """Whether this is somebody's login: the machine is nobody, and so is who could not be told."""
    return by != MACHINE and _LOGIN.fullmatch(by) is not None


def note_of(left_out: Iterable[LeftOut]) -> str:
    """The lines as the audit log has them."""
    return f"lines {text_of(row.line for row in left_out)}"
