"""What an act of the office says of what it wrote: figures for people, and a digest over the rows, so that
the audit can hold the tables against the audit log.

The bytes under a digest: each row as one JSON array (RFC 8259) without blanks, text as itself, in UTF-8, and
a line feed after it. The moment of writing is the act's own, and under no digest. Words and digests only;
which rows an act writes, the modules that write them know.
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
    """The SHA-256 of rows of a table as they go by, each in the order of the table's columns."""

    def __init__(self, table: Table) -> None:
        self._values = values_in_order(table.c.keys())
        self._hash = hashlib.sha256()

    def through(self, rows: Iterable[Mapping[str, object]]) -> Iterator[Mapping[str, object]]:
        """Hand on each row, which names all columns of the table, and take it into the digest."""
        for row in rows:
            self._hash.update(_line_of(self._values(row)))
            yield row

    @property
    def hex(self) -> str:
        """The digest of the rows that have gone by so far."""
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
    """What the act `chart` says of a chart that was installed."""
    return f"{len(lines)} lines; rows {digest_of(sorted(lines.items()))}"


def reconciled_note(connection: Connection, bank: str, date: str) -> str:
    """What the act `reconcile` says of a bank's date, right after it was reconciled: figures, and the digest
    of the result, its products, the breaks that it opened, and the earlier ones that its lines closed.
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


def posted_note(connection: Connection, date: str, posted_at: int, words: str) -> str:
    """What an act `post` says of the postings of a date that were made at one moment (microseconds since
    1970-01-01 UTC): `words`, how many they are, and the digest of them and their legs.
    """
    then = and_(postings.c.date == date, postings.c.posted_at == posted_at)
    columns = [column for column in postings.c if column.name != "posted_at"]
    heads = sorted(map(tuple, connection.execute(select(*columns).where(then))))
    of_then = select(legs).join(postings, postings.c.posting == legs.c.posting).where(then)
    sides = sorted(map(tuple, connection.execute(of_then)))
    return f"{words}; {len(heads)} postings; rows {digest_of([*heads, *sides])}"
