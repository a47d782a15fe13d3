"""The notes of audit records that prove what was written: figures for people, and a digest over the rows.

With the digest the audit can check the tables against the audit log. The digest is SHA-256 over the rows;
each row is one JSON array (RFC 8259) without blanks, its text unescaped, in UTF-8, followed by a line feed.
The moment of writing is in the audit record itself and under no digest. This module makes notes and digests
only; the modules that write the rows decide which these are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, Table, and_, select

from office.database.bulk import values_in_order
from office.database.schema import breaks, legs, postings, products, reconciliations

_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_OPENED: Final = (
    *("break", "class", "key", "line", "direction", "code", "policy", "due"),
    *("ours_effect", "theirs_effect", "withheld", "difference", "bank_code", "bank_policy", "bank_due"),
    *("reason", "hint", "owner"),
)


class RowsDigest:
    """SHA-256 over rows of a table while they pass by, each in the order of the table's columns."""

    def __init__(self, table: Table) -> None:
        self._values = values_in_order(table.c.keys())
        self._hash = hashlib.sha256()

    def through(self, rows: Iterable[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
        """Yield each row unchanged and add it to the digest. Raises KeyError for a row without one of the
        table's columns.
        """
        for row in rows:
            self._hash.update(_line_of(self._values(row)))
            yield row

    @property
    def hex(self) -> str:
        """The digest of the rows so far, in hex."""
        return self._hash.hexdigest()


def digest_of(rows: Iterable[Sequence[object]]) -> str:
    """The digest of these rows, in hex; each row is its values in the order of its columns."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(_line_of(row))
    return digest.hexdigest()


def _line_of(row: Sequence[object]) -> bytes:
    return f"{_encoded(row)}\n".encode()


def chart_note(lines: Mapping[str, str]) -> str:
    """The note of the record `chart`: how many lines the installed chart has, and their digest."""
    return f"{len(lines)} lines; rows {digest_of(sorted(lines.items()))}"


def reconciled_note(connection: Connection, bank: str, date: str) -> str:
    """The note of the record `reconcile` for a bank's date, read right after it was reconciled.

    It gives figures, and the digest of the result, its products, the breaks that it opened, and the earlier
    breaks that its lines closed.
    """
    made, product = reconciliations.c, products.c
    figures = [column for column in made if column.name != "made_at"]
    result = connection.execute(select(*figures).where(made.bank == bank, made.date == date)).one()
    of_code = select(products).where(product.bank == bank, product.date == date)
    opened = select(*(breaks.c[name] for name in _OPENED)).where(breaks.c.bank == bank, breaks.c.date == date)
    closed = select(*(breaks.c[name] for name in ("break", "class", "reason"))).where(
        and_(breaks.c.bank == bank, breaks.c.settled_on == date, breaks.c.resolution == "")
    )
    listed = [sorted(map(tuple, connection.execute(query))) for query in (of_code, opened, closed)]
    words = f"{result.ours} ours, {result.theirs} theirs, {result.matched} agree, {len(listed[1])} breaks"
    words += f", {len(listed[2])} earlier ones closed" if listed[2] else ""
    return f"{words}; rows {digest_of([tuple(result), *(row for rows in listed for row in rows)])}"


def held_note(row: Mapping[str, object]) -> str:
    """The note of the record `hold`: the file and its layout, and the digest of the row of `held_files`."""
    values = [value for name, value in row.items() if name != "held_at"]
    return (
        f"file {row['digest']} by layout {row['layout']}, {row['breaks']} breaks; row {digest_of([values])}"
    )


def arrival_note(connection: Connection, name: str) -> str:
    """The note of the record `settle` for a break: its difference, and the digest of what it is about."""
    columns = (breaks.c[column] for column in _OPENED)
    row = connection.execute(select(*columns).where(breaks.c["break"] == name)).one()
    return f"{row.difference} fen; rows {digest_of([tuple(row)])}"


def posted_note(connection: Connection, bank: str, date: str, posted_at: int, words: str) -> str:
    """The note of a record `post`: `words`, the number of postings, and the digest of them and their legs.

    The postings are those of the bank and `date` made at `posted_at`, microseconds since 1970-01-01 UTC.
    """
    then = and_(postings.c.bank == bank, postings.c.date == date, postings.c.posted_at == posted_at)
    columns = [column for column in postings.c if column.name != "posted_at"]
    heads = sorted(map(tuple, connection.execute(select(*columns).where(then))))
    of_then = select(legs).join(postings, postings.c.posting == legs.c.posting).where(then)
    sides = sorted(map(tuple, connection.execute(of_then)))
    return f"{words}; {len(heads)} postings; rows {digest_of([*heads, *sides])}"
