"""Invariant 5, a digest over everything, to keep outside the books: it proves also the last rows, which no
other row of the books can prove.

The digest of a database is the SHA-256 over its tables in the order of their names: the name of the table and
a line feed, then each row as by `office.audit.row_digests`, ordered by primary key in the order of bytes, and
a line feed. The digest of everything is the SHA-256 over the digests of the databases in hex, the office's
first. A person who kept it, or the hash of an audit record, gives it to a later audit (`--expect`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, MetaData, Table, Text, select

from ledger.book.schema import FRONT
from office.audit.audit_records import tips
from office.audit.evidence import Checked, Evidence, Failing, Results, stream
from office.audit.row_digests import NO_HASH, json_bytes
from office.audit.subjects import FRONT_SIDE, OFFICE_SIDE
from office.database.schema import OFFICE
from qianzhi_errors.sentence import Sentence

_SHOWN = 12


class DatabaseDigest(NamedTuple):
    """One database: its digest, and the number and hash of its last audit record; 0 and zeros without a
    record. The names of the fields are the keys of `qianzhi audit --json`.
    """

    name: str
    digest: str
    act: int
    record_hash: str


class BookDigests(NamedTuple):
    """The digests to keep outside the books: that of everything, and those of the databases."""

    digest: str
    sides: tuple[DatabaseDigest, ...]


def keep(evidence: Evidence) -> BookDigests:
    """Return the digests of the books as they are, and the hashes of the last audit records."""
    databases: list[tuple[str, Connection, MetaData]] = [(OFFICE_SIDE, evidence.office, OFFICE)]
    if evidence.front is not None:
        databases.append((FRONT_SIDE, evidence.front, FRONT))
    records = tips(evidence)
    sides = []
    for name, connection, metadata in databases:
        tip, number = list(records[name].items())[-1] if records[name] else (NO_HASH, 0)
        sides.append(DatabaseDigest(name, digest_of(connection, metadata), number, tip))
    together = "".join(side.digest for side in sides)
    return BookDigests(hashlib.sha256(together.encode()).hexdigest(), tuple(sides))


def expected(evidence: Evidence, kept: BookDigests, values: Sequence[str]) -> Results:
    """Invariant 5: each value that was kept outside the books is the digest of everything or of a
    database, or the hash of a record of an audit log.
    """
    digests = {kept.digest, *(side.digest for side in kept.sides)}
    hashes = {tip for side in tips(evidence).values() for tip in side}
    for value in values:
        if value.lower() not in digests | hashes:
            what = Sentence(
                "is no digest of the books as they are, and no act of the audit logs has it as its hash"
            )
            yield Failing(5, Sentence("what was kept, {value}", value=value[:_SHOWN]), what)
    yield Checked(5, "digests and hashes that were kept elsewhere", len(values))


def digest_of(connection: Connection, metadata: MetaData) -> str:
    """The digest of all tables of a database, in hex."""
    digest = hashlib.sha256()
    for name in sorted(metadata.tables):
        digest.update(f"{name}\n".encode())
        for row in _rows(connection, metadata.tables[name]):
            digest.update(json_bytes(row) + b"\n")
    return digest.hexdigest()


def _rows(connection: Connection, table: Table) -> Iterator[Sequence[object]]:
    """The rows of a table by primary key; texts in the order of their bytes, also on PostgreSQL."""
    by_bytes = connection.dialect.name == "sqlite"
    keys = [
        column if by_bytes or not isinstance(column.type, Text) else column.collate("C")
        for column in table.primary_key.columns
    ]
    return stream(connection, select(table).order_by(*keys))
