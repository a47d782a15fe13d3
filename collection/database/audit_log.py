"""Writes the audit log of collection: who did what with which mandate, batch or file, when and why.

The table only grows. How its records are chained, `ledger.book.audit_log` says. No account's number and no
name may be put into a record.
"""

from __future__ import annotations

from sqlalchemy import Connection

from collection.database.schema import audit_log
from ledger.book.audit_log import failed, record
from ledger.book.store import Store
from ledger.rules.masking import masked_numbers


def write_record(connection: Connection, at: int, by: str, act: str, subject: str, note: str) -> None:
    """Append a record in the caller's transaction. `at` is in microseconds since 1970-01-01 UTC; `subject` is
    a mandate, a batch, a policy or a date. Identity and card numbers in `note` are masked.
    """
    record(connection, audit_log, at, by, act, subject, masked_numbers(note))


def write_refusal(store: Store, at: int, by: str, act: str, subject: str, error: BaseException) -> None:
    """Append, in a transaction of its own, the record of an act that was refused with this error."""
    with store.transaction() as connection:
        write_record(connection, at, by, act, subject, failed(error))
