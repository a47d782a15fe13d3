"""What witnesses have signed of the log, by the size of the tree.

Statements on `cosignatures` alone; the caller owns the transaction. Whether a signature holds, and who is a
witness, `archive.witnessing` says.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from archive.catalogue.schema import cosignatures


class Cosigned(NamedTuple):
    """One line of a witness under the checkpoint of the tree of `size` leaves: who signed, when by the
    witness's own clock (seconds since 1970-01-01 UTC), the line as it came, and who took it in and when
    (microseconds since 1970-01-01 UTC).
    """

    size: int
    witness: str
    at: int
    line: str
    by: str
    taken_at: int


def add_cosignature(connection: Connection, given: Cosigned) -> None:
    """Write down what a witness has signed."""
    connection.execute(insert(cosignatures).values(given._asdict()))


def read_cosignatures(connection: Connection, size: int | None = None) -> tuple[Cosigned, ...]:
    """What witnesses have signed: all of it, or of the tree of one size; by size, witness and moment."""
    columns = [cosignatures.c[name] for name in Cosigned._fields]
    query = select(*columns).order_by(*columns[:3])
    rows = connection.execute(query if size is None else query.where(cosignatures.c.size == size))
    return tuple(Cosigned._make(row) for row in rows)
