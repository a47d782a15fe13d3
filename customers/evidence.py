"""What the audit of the customers' database works on: its evidence, its findings, how rows are read.

Reads only. The checks are in `customers.audit` and `customers.audit_service`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Table, select

from customers.database.schema import audit_log
from customers.keys import Keys
from ledger.book.audit_log import AuditRecord, read_audit_log


class Evidence(NamedTuple):
    """What is audited: a connection on one moment of the database, the opened keys, and the folder of
    certificates.
    """

    connection: Connection
    keys: Keys
    certificates: Path


class Failing(NamedTuple):
    """One thing that does not hold: of which person, proposal, load or record, and what."""

    subject: str
    reason: str


def rows_of(connection: Connection, table: Table) -> Iterator[Row[Any]]:
    """The rows of a table, in the order of its key."""
    query = select(table).order_by(*table.primary_key.columns)
    yield from connection.execution_options(yield_per=1000).execute(query)


def records_of(connection: Connection) -> Iterator[AuditRecord]:
    """The records of the audit log, in order."""
    return read_audit_log(connection, audit_log)


def acts_of(connection: Connection, act: str) -> list[AuditRecord]:
    """The records of an act."""
    return [record for record in records_of(connection) if record.act == act]
