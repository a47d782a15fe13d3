"""Writes the archive's two chained records: what was done, and who read what; makes the catalogue's tables.

How the records are chained, `ledger.book.audit_log` says. Nothing of what was read stands in a record.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, insert, select

from archive.catalogue.schema import CATALOGUE, SCHEMA_VERSION, accesses, audit_log, facts
from archive.errors import ActRefused, NoSuchItem
from ledger.book.audit_log import record
from ledger.book.schema import make_missing
from ledger.book.store import Store
from ledger.errors import InvariantBroken
from qianzhi_errors.sentence import Sentence

MACHINE: Final = "archive"
"""The name in the audit log for what the archive did by itself. No person may use this name."""
_ARCHIVE: Final = "archive"
_SCHEMA: Final = "schema"


def write_record(connection: Connection, at: int, by: str, act: str, subject: str, note: str) -> None:
    """Append a record to the audit log in the caller's transaction. `at` is in microseconds since 1970-01-01
    UTC.
    """
    record(connection, audit_log, at, by, act, subject, note)


def write_access(connection: Connection, at: int, by: str, act: str, subject: str, reason: str) -> None:
    """Append a record of a reading in the caller's transaction, before anything is shown."""
    record(connection, accesses, at, by, act, subject, reason)


def prepare(store: Store, archive: str, at: int, by: str) -> None:
    """Make the catalogue's tables, if they are missing, for the archive of this name.

    Raises InvariantBroken for a database of another schema, and ActRefused for that of another archive.
    """
    with store.transaction() as connection:
        make_missing(connection, CATALOGUE)
        known = {row.name: row.value for row in connection.execute(select(facts))}
        if not known:
            rows = [{"name": _SCHEMA, "value": SCHEMA_VERSION}, {"name": _ARCHIVE, "value": archive}]
            connection.execute(insert(facts), rows)
            write_record(connection, at, by, "create", archive, SCHEMA_VERSION)
        else:
            _check(known.get(_SCHEMA, ""), known.get(_ARCHIVE, ""), archive)


def _check(schema: str, name: str, archive: str) -> None:
    if schema != SCHEMA_VERSION:
        raise InvariantBroken(
            Sentence(
                "the catalogue is of schema {schema}, this program of {version}",
                schema=schema,
                version=SCHEMA_VERSION,
            )
        )
    if name != archive:
        raise ActRefused(
            Sentence(
                "the catalogue is that of {name}, the settings say {archive}", name=name, archive=archive
            )
        )


def no_such(what: str, name: str) -> NoSuchItem:
    """The error of a name that the catalogue does not have."""
    return NoSuchItem(Sentence("the catalogue has no {what} {name}", what=what, name=name))
