"""Holds notices, deliveries and tasks against each other, for `customers.audit`: what was sent once was sent
once, each state follows from what is written below it, and nobody's phone or address stands there in clear.

Nothing that sends is used here, nor the tables of steps. Reads only. A finding names a notice or a task, and
repeats no text of it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, select

from customers.database.contact_tables import contacts
from customers.database.notice_tables import deliveries, notices, task_history, tasks
from qianzhi_errors.sentence import Sentence

Finding = tuple[str, str]
"""What it is about, and what does not hold."""
_DAY_US: Final = 24 * 3600 * 1_000_000
_A_DAY: Final = 3
_POST: Final = "post"
_PHONE: Final = re.compile(r"(?<![0-9A-Za-z])(?:\+?86)?1[3-9][0-9]{9}(?![0-9A-Za-z])")
"""A mobile number of mainland China. A policy or a sum may look like one, and is not searched."""
_NOTES: Final = ((tasks, ("note",)), (task_history, ("note",)))


def notice_findings(connection: Connection) -> Iterator[Finding]:
    """Yield what does not hold of notices, deliveries and tasks."""
    sent = defaultdict[int, list[Row[Any]]](list)
    for row in _rows(connection, deliveries):
        sent[row.notice].append(row)
    yield from _notices(connection, sent)
    yield from _days(connection)
    yield from _tasks(connection)
    yield from _clear(connection)


def _notices(connection: Connection, sent: dict[int, list[Row[Any]]]) -> Iterator[Finding]:
    """Each notice is there once, was sent once, and is what its deliveries say; each delivery has its notice
    and a contact of its person.
    """
    known: dict[int, str] = {}
    owners = {row.number: row.person for row in _rows(connection, contacts)}
    dedupes = Counter(row.dedupe for row in _rows(connection, notices))
    for row in _rows(connection, notices):
        name = f"notice {row.notice}"
        known[row.notice] = row.person
        attempts = sent.get(row.notice, [])
        if dedupes[row.dedupe] > 1:
            yield name, Sentence("another notice has its dedupe")
        if not _is_consistent(row.state, [one.state for one in attempts]):
            yield name, Sentence("its state does not follow from its deliveries")
        if not _is_sent_once(attempts):
            yield name, Sentence("it was sent again though it may have arrived")
    for number, attempts in sent.items():
        for one in attempts:
            if known.get(number) != one.person:
                yield f"notice {number}", Sentence("a delivery has no notice to this person")
            elif owners.get(one.contact) != one.person:
                yield f"notice {number}", Sentence("a delivery went to a contact of somebody else")


def _is_consistent(state: str, attempts: Sequence[str]) -> bool:
    """Whether a notice may be in this state after attempts that ended so."""
    last = attempts[-1] if attempts else ""
    if state == "delivered":
        return "delivered" in attempts
    if state in ("accepted", "unknown"):
        return last == state
    return last in ("", "failed", "unknown") and "delivered" not in attempts


def _is_sent_once(attempts: Sequence[Row[Any]]) -> bool:
    """Whether each attempt began after the one before had failed, or a day after it had no answer."""
    for before, after in pairwise(attempts):
        waited = after.sent_at - before.sent_at >= _DAY_US
        if before.state == "failed" or waited:
            continue
        return False
    return [one.attempt for one in attempts] == list(range(1, len(attempts) + 1))


def _days(connection: Connection) -> Iterator[Finding]:
    """Nobody got more than three on a day."""
    counts = Counter(
        (row.person, row.day)
        for row in _rows(connection, deliveries)
        if row.channel != _POST and row.state != "failed"
    )
    for (person, day), count in counts.items():
        if count > _A_DAY:
            yield person, Sentence("{count} notices went out on {day}", count=count, day=day)


def _tasks(connection: Connection) -> Iterator[Finding]:
    """Each task is what its history says."""
    last = {row.task: row for row in _rows(connection, task_history)}
    for row in _rows(connection, tasks):
        told = last.get(row.task)
        if told is None or (told.state, told.owner) != (row.state, row.owner):
            yield f"task {row.task}", Sentence("it is not what its history says")


def _clear(connection: Connection) -> Iterator[Finding]:
    """No text that somebody or a gateway wrote has a phone number in it, nor any a mail address."""
    for table, written in ((notices, ()), (deliveries, ("ref", "reason")), *_NOTES):
        for row in _rows(connection, table):
            texts = {name: value for name, value in row._mapping.items() if isinstance(value, str)}
            has_phone = any(_PHONE.search(texts[name]) for name in written)
            if has_phone or any("@" in text for text in texts.values()):
                yield f"{table.name} {row[0]}", Sentence("a phone number or an address is in clear")


def _rows(connection: Connection, table: Table) -> Iterator[Row[Any]]:
    query = select(table).order_by(*table.primary_key.columns)
    yield from connection.execute(query)
