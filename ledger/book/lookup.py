"""Looks things up in a front book for a person: what the book is, a day's dues, a transaction by any key.

Reads only, by indexes where there are some; never used while serving. What a thing found means, others say.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select

from ledger.book import visible
from ledger.book.audit_log import AuditRecord
from ledger.book.journal import entry_of, select_entries
from ledger.book.load import Loaded
from ledger.book.schema import bank_days, dues, facts, loads
from ledger.rules.entry import Entry
from ledger.rules.request import Totals, key_of

FOUND_MAX: Final = 100
"""A key that fits more entries is none; a person is to give a longer one."""
_KEY_PARTS: Final = 4
_WITHOUT_YEAR: Final = 10
"""The length of DE 7 as a bank has it."""
_UNDOINGS_MAX: Final = 8
"""A transaction, its cancel and the cancel's reversal are three; what undoes an undone one adds one each."""
_NUMBER_DIGITS_MAX: Final = 18
"""What a 64-bit column can hold, whatever the digits."""


def read_facts(connection: Connection) -> dict[str, str]:
    """What the book says that it is: `schema`, `front_key` (a check value)."""
    return {row.name: row.value for row in connection.execute(select(facts.c.name, facts.c.value))}


def loaded_for(connection: Connection, date: str) -> Loaded | None:
    """The load of a business date's dues, or None where there was none."""
    names = (loads.c[name] for name in Loaded._fields)
    row = connection.execute(select(*names).where(loads.c.date == date)).first()
    return Loaded(*row) if row else None


def read_story(connection: Connection, table: Table, asked: str) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """The entries of every transaction that a key names, in the order in which they were recorded, and the
    keys of those that it names itself.

    `table` is the front's journal, or the office's copy of it. `asked` is a transaction's key (with or
    without the noughts before the bank's code, with or without the year of DE 7), a receipt's or an
    authorization's number, an RRN, a due, a policy, or CHAIN:POSITION. With an entry come those that undo it,
    those that it undoes, and theirs. No more than FOUND_MAX entries are named.
    """
    named = story = _read(connection, table, _named(table, asked))
    known: set[str] = set()
    for _ in range(_UNDOINGS_MAX):
        keys = {entry.key for entry in story} | {entry.original for entry in story if entry.original}
        if keys == known or not keys:
            break
        known = keys
        wanted = sorted(keys)
        story = _read(connection, table, or_(table.c.key.in_(wanted), table.c.original.in_(wanted)))
    return story, tuple(entry.key for entry in named)


def totals_on(connection: Connection, date: str) -> dict[str, Totals]:
    """What each bank's business date comes to so far, by the bank's code."""
    columns = (bank_days.c[name] for name in Totals._fields)
    query = select(bank_days.c.bank, *columns).where(bank_days.c.date == date).order_by(bank_days.c.bank)
    return {row[0]: Totals(*row[1:]) for row in connection.execute(query)}


def due_state(connection: Connection, due: str) -> str:
    """A due's state in the front book; empty where there is no such due."""
    query = select(visible.due_state(visible.newest)).where(
        dues.c.due == due, visible.is_there(dues, visible.newest)
    )
    return str(connection.execute(query).scalar() or "")


def records_on(connection: Connection, table: Table, subjects: Iterable[str]) -> tuple[AuditRecord, ...]:
    """The acts on any of these subjects (a business date, a break), in order."""
    columns = (table.c[name] for name in AuditRecord._fields)
    query = select(*columns).where(table.c.subject.in_(sorted(subjects))).order_by(table.c.number)
    return tuple(AuditRecord(*row) for row in connection.execute(query))


def _named(table: Table, asked: str) -> ColumnElement[bool]:
    chain, colon, position = asked.partition(":")
    if colon and _is_number(chain) and _is_number(position):
        return and_(table.c.chain == int(chain), table.c.position == int(position))
    parts = asked.split("/")
    if len(parts) == _KEY_PARTS:
        bank, terminal, sent_at, stan = parts
        if len(sent_at) == _WITHOUT_YEAR:
            same = table.c.terminal == terminal, table.c.stan == stan, table.c.sent_at.endswith(sent_at)
            return and_(*same, table.c.key.startswith(f"{bank.zfill(11)}/", autoescape=True))
        return table.c.key == key_of(bank, terminal, sent_at, stan)
    columns = ("receipt", "rrn", "authorization", "due", "policy")
    return or_(*(table.c[name] == asked for name in columns))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _NUMBER_DIGITS_MAX


def _read(connection: Connection, table: Table, condition: ColumnElement[bool]) -> tuple[Entry, ...]:
    query = (
        select_entries(table)
        .where(condition)
        .order_by(table.c.recorded_at, table.c.chain, table.c.position)
        .limit(FOUND_MAX)
    )
    return tuple(map(entry_of, connection.execute(query)))
