"""Looks things up in a front book for a person: what the book is, a day's load, a transaction by any key.

Reads only, by an index where there is one; never used while banks wait.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, inspect, or_, select

from ledger.book import visible
from ledger.book.audit_log import AuditRecord
from ledger.book.journal import entry_of, select_entries
from ledger.book.load import Loaded
from ledger.book.schema import bank_days, days, dues, facts, loads
from ledger.rules.entry import Entry
from ledger.rules.request import Totals, key_of

ENTRIES_MAX: Final = 100
"""At most so many entries are read for a key; a person who needs others gives a longer key."""
_KEY_PARTS: Final = 4
_WITHOUT_YEAR: Final = 10
"""The length of DE 7, MMDDhhmmss."""
_STEPS_MAX: Final = 8
"""How many steps from entry to entry are followed. A transaction, its cancel and the cancel's reversal are
three entries, two steps apart."""
_NUMBER_DIGITS_MAX: Final = 18
"""The most digits of which every number fits into a 64-bit column."""


def read_facts(connection: Connection) -> dict[str, str]:
    """The book's facts by name: `schema`, the version of its tables, and `front_key`, a check value."""
    return {row.name: row.value for row in connection.execute(select(facts.c.name, facts.c.value))}


class KeyUse(NamedTuple):
    """The node's own keys that a book uses: the check value of its front key, empty where it has none, and
    whether it has business days, which are sealed.
    """

    front_key: str
    has_days: bool


def read_key_use(connection: Connection) -> KeyUse:
    """Which of the node's own keys this book uses; none where its tables are not made yet."""
    tables = inspect(connection)
    front_key = read_facts(connection).get("front_key", "") if tables.has_table(facts.name) else ""
    has_days = tables.has_table(days.name) and connection.execute(select(days.c.date).limit(1)).first()
    return KeyUse(front_key, bool(has_days))


def loaded_for(connection: Connection, date: str) -> Loaded | None:
    """The load of a business date's dues; None if there was none."""
    names = (loads.c[name] for name in Loaded._fields)
    row = connection.execute(select(*names).where(loads.c.date == date)).first()
    return Loaded(*row) if row else None


def read_related(connection: Connection, table: Table, key: str) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """The entries that a key names with all that are related to them, in the order in which they were
    recorded; and the keys of those that it names itself.

    `table` is the front's journal, or the office's copy of it. `key` is a transaction's key (with or without
    the zeros before the bank's code, with or without the year of DE 7), the number of a receipt or an
    authorization, an RRN, a due, a policy, or CHAIN:POSITION. Related to an entry are those that cancel or
    reverse it, the one that it cancels or reverses, and their own. At most ENTRIES_MAX entries are named.
    """
    named = entries = _read(connection, table, _named(table, key))
    previous: set[str] = set()
    for _ in range(_STEPS_MAX):
        keys = {entry.key for entry in entries} | {entry.original for entry in entries if entry.original}
        if keys == previous or not keys:
            break
        previous = keys
        wanted = sorted(keys)
        entries = _read(connection, table, or_(table.c.key.in_(wanted), table.c.original.in_(wanted)))
    return entries, tuple(entry.key for entry in named)


def totals_on(connection: Connection, date: str) -> dict[str, Totals]:
    """Each bank's totals of a business date so far, by the bank's code."""
    columns = (bank_days.c[name] for name in Totals._fields)
    query = select(bank_days.c.bank, *columns).where(bank_days.c.date == date).order_by(bank_days.c.bank)
    return {row[0]: Totals(*row[1:]) for row in connection.execute(query)}


def due_state(connection: Connection, due: str) -> str:
    """A due's state in the front book; empty if there is no such due."""
    query = select(visible.due_state(visible.newest)).where(
        dues.c.due == due, visible.is_there(dues, visible.newest)
    )
    return str(connection.execute(query).scalar() or "")


def records_on(connection: Connection, table: Table, subjects: Iterable[str]) -> tuple[AuditRecord, ...]:
    """The audit records about any of these subjects (a business date, a break), in order."""
    columns = (table.c[name] for name in AuditRecord._fields)
    query = select(*columns).where(table.c.subject.in_(sorted(subjects))).order_by(table.c.number)
    return tuple(AuditRecord(*row) for row in connection.execute(query))


def _named(table: Table, key: str) -> ColumnElement[bool]:
    chain, colon, position = key.partition(":")
    if colon and _is_number(chain) and _is_number(position):
        return and_(table.c.chain == int(chain), table.c.position == int(position))
    parts = key.split("/")
    if len(parts) == _KEY_PARTS:
        bank, terminal, sent_at, stan = parts
        if len(sent_at) == _WITHOUT_YEAR:
            same = table.c.terminal == terminal, table.c.stan == stan, table.c.sent_at.endswith(sent_at)
            return and_(*same, table.c.key.startswith(f"{bank.zfill(11)}/", autoescape=True))
        return table.c.key == key_of(bank, terminal, sent_at, stan)
    columns = ("receipt", "rrn", "authorization", "due", "policy")
    return or_(*(table.c[name] == key for name in columns))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _NUMBER_DIGITS_MAX


def _read(connection: Connection, table: Table, condition: ColumnElement[bool]) -> tuple[Entry, ...]:
    query = (
        select_entries(table)
        .where(condition)
        .order_by(table.c.recorded_at, table.c.chain, table.c.position)
        .limit(ENTRIES_MAX)
    )
    return tuple(map(entry_of, connection.execute(query)))
