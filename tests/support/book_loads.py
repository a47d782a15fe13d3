"""Books that are loaded and days that are cut over: what the tests of the load share."""

from __future__ import annotations

from datetime import date, timedelta
from os import urandom
from typing import Any

from sqlalchemy import select, text

from ledger.book.cutover import cut_over
from ledger.book.front import FrontBook
from ledger.book.load import Loaded, load_book
from ledger.book.schema import dues, policies
from ledger.book.store import Store
from ledger.book.visible import CHANGING, due_state, due_withdrawn, is_there, newest, policy_columns
from ledger.files.bookfile import Book
from ledger.rules.seal import Sealer
from tests.support.builders import DATE, benefit, book, premium
from tests.support.machine import SEAL_KEY


def digest_of(number: str) -> str:
    return f"digest {number}"


class Killed(BaseException):
    """The process ends here: nothing that follows in it runs."""


def killed(*_: object) -> None:
    """Whatever step this stands in for, it is not reached alive."""
    raise Killed


def first_store(database: str) -> Store:
    """A book of DATE: P1 to P5 owe D1 to D5, P6 is owed B6."""
    store = Store(database)
    FrontBook(store, "check", urandom).create()
    first = [premium(f"D{n}", f"P{n}") for n in range(1, 6)]
    load_book(store, book(dues=[*first, benefit("B6", "P6")]), digest_of, 1)
    return store


def close(store: Store, today: str = DATE) -> str:
    """Cut over; the date that is open afterwards. Every date is a business date here."""
    return cut_over(store, today, _tomorrow, Sealer(SEAL_KEY), 1).next_date


def _tomorrow(today: str) -> str:
    return f"{date.fromisoformat(today) + timedelta(1):%Y%m%d}"


def load(store: Store, given: Book) -> Loaded:
    return load_book(store, given, digest_of, 2)


def rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    with store.reading() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def due_states(store: Store) -> dict[str, str]:
    """The dues that can be seen, and their states."""
    query = select(dues.c.due, due_state(newest)).where(is_there(dues, newest)).order_by(dues.c.due)
    with store.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


TABLES = ("days", "loads", "journal", "bank_days")
_PENDING = ("load", "changes", *(f"next_{name}" for name in CHANGING), "leaves", "leaves_as")


def taken(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of the book that can be seen, by table."""
    seen = {
        policies: dict(zip(("policy", *CHANGING), policy_columns(newest), strict=True)),
        dues: {"state": due_state(newest), "withdrawn": due_withdrawn(newest)},
    }
    shown = {table: sorted(rows(store, f"SELECT * FROM {table}")) for table in TABLES}  # noqa: S608 - constant names
    with store.reading() as connection:
        for table, changing in seen.items():
            names = [name for name in map(str, table.columns.keys()) if name not in _PENDING]
            query = select(*(changing.get(name, table.c[name]) for name in names)).where(
                is_there(table, newest)
            )
            shown[table.name] = sorted(tuple(row) for row in connection.execute(query))
    return shown


def unseen(store: Store) -> list[tuple[Any, ...]]:
    """Return rows that a load has inserted or marked and that cannot be seen yet, and the load under way."""
    top = "(SELECT coalesce(max(number), 0) FROM loads)"
    return [
        *rows(store, f"SELECT due FROM dues WHERE load > {top} OR leaves > 0"),  # noqa: S608 - constant
        *rows(store, f"SELECT policy FROM policies WHERE load > {top} OR changes > 0"),  # noqa: S608 - constant
        *rows(store, "SELECT number FROM loading"),
    ]
