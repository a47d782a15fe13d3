"""Invariant 5, of people: the trails of acts are whole, each act carrying the hash of the one before it.

The bytes under the hash: number, moment, person, act, subject, note and `previous`, as one JSON array (RFC
8259) without blanks, text as itself, in UTF-8; SHA-256, lower-case hex. The first act's `previous` is 64
zeros.
"""

from __future__ import annotations

import hashlib
import json

from sqlalchemy import Connection, Table, select

from ledger import schema as front_schema
from office import schema as office_schema
from office.audit.evidence import Checked, Evidence, Failing, Outcome, stream

_COLUMNS = ("number", "at", "by", "act", "subject", "note", "previous")


def trails(evidence: Evidence) -> Outcome:
    """Invariant 5: no act was changed, left out or put in, at the office or at the front."""
    yield from _trail("office", evidence.office, office_schema.acts)
    if evidence.front is not None:
        yield from _trail("front", evidence.front, front_schema.acts)


def _trail(where: str, connection: Connection, table: Table) -> Outcome:
    number, tip = 0, "0" * 64
    query = select(*(table.c[name] for name in _COLUMNS)).order_by(table.c.number)
    for row in stream(connection, query):
        if row[0] != number + 1:
            yield Failing(5, f"{where}, act {row[0]}", f"follows act {number}")
        if row[-1] != tip:
            yield Failing(5, f"{where}, act {row[0]}", "does not carry the hash of the act before it")
        number = row[0]
        text = json.dumps(list(row), ensure_ascii=False, separators=(",", ":"))
        tip = hashlib.sha256(text.encode()).hexdigest()
    yield Checked(5, f"acts of the {where}", number)
