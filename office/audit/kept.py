"""One digest over everything, to keep elsewhere: what no row of the books can prove about the last of them.

SHA-256 over every table of a side in the order of their names: the table's name and a line feed, then each
row, by its primary key in the order of bytes, as one JSON array (RFC 8259) without blanks, text as itself,
in UTF-8, and a line feed. The digest of everything is SHA-256 over the sides' digests in hex, the office's
first. Whoever kept it, or an act's hash, compares by it; nothing in the books vouches for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, MetaData, Table, Text, select

from ledger.book.schema import FRONT
from office.audit.audit_records import NOTHING, tips
from office.audit.evidence import Checked, Evidence, Failing, Outcome, stream
from office.database.schema import OFFICE

_SHOWN = 12


class Side(NamedTuple):
    """One database: its digest, and the number and the hash of its last act; 0 and zeros if it has none."""

    name: str
    digest: str
    act: int
    record_hash: str


class Kept(NamedTuple):
    """What to keep elsewhere."""

    digest: str
    sides: tuple[Side, ...]


def keep(evidence: Evidence) -> Kept:
    """The digests of the books as they are, and the last acts' hashes."""
    databases: list[tuple[str, Connection, MetaData]] = [("office", evidence.office, OFFICE)]
    if evidence.front is not None:
        databases.append(("front", evidence.front, FRONT))
    acts = tips(evidence)
    sides = []
    for name, connection, metadata in databases:
        tip, number = list(acts[name].items())[-1] if acts[name] else (NOTHING, 0)
        sides.append(Side(name, digest_of(connection, metadata), number, tip))
    together = "".join(side.digest for side in sides)
    return Kept(hashlib.sha256(together.encode()).hexdigest(), tuple(sides))


def expected(evidence: Evidence, kept: Kept, values: Sequence[str]) -> Outcome:
    """Invariant 5: what was kept elsewhere is still so: each value is the digest of everything or of a side,
    or the hash of an act that is in its audit log.
    """
    digests = {kept.digest, *(side.digest for side in kept.sides)}
    hashes = {tip for side in tips(evidence).values() for tip in side}
    for value in values:
        if value.lower() not in digests | hashes:
            what = "is no digest of the books as they are, and no act of the audit logs has it as its hash"
            yield Failing(5, f"what was kept, {value[:_SHOWN]}", what)
    yield Checked(5, "digests and hashes that were kept elsewhere", len(values))


def digest_of(connection: Connection, metadata: MetaData) -> str:
    """The digest of all tables of a database."""
    found = hashlib.sha256()
    for name in sorted(metadata.tables):
        found.update(f"{name}\n".encode())
        for row in _rows(connection, metadata.tables[name]):
            found.update(json.dumps(list(row), ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return found.hexdigest()


def _rows(connection: Connection, table: Table) -> Iterator[Sequence[object]]:
    by_bytes = connection.dialect.name == "sqlite"
    keys = [
        column if by_bytes or not isinstance(column.type, Text) else column.collate("C")
        for column in table.primary_key.columns
    ]
    return stream(connection, select(table).order_by(*keys))
