"""Books that are loaded and days that are cut over: what the tests of the load share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from ledger.bookfile import Book
from ledger.cutover import cut_over
from ledger.load import Loaded, load_book
from ledger.seal import Sealer
from ledger.store import Store
from tests.builders import DATE
from tests.machine import SEAL_KEY


def conceal(number: str) -> str:
    return f"digest {number}"


def close(store: Store, today: str = DATE) -> str:
    """Cut over; the date that is open afterwards. Every date is a business date here."""
    return cut_over(store, today, _tomorrow, Sealer(SEAL_KEY), 1).next_date


def _tomorrow(today: str) -> str:
    return f"{date.fromisoformat(today) + timedelta(1):%Y%m%d}"


def load(store: Store, given: Book) -> Loaded:
    return load_book(store, given, conceal, 2)


def rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    with store.reading() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def due_states(store: Store) -> dict[str, str]:
    return {row[0]: row[1] for row in rows(store, "SELECT due, state FROM dues ORDER BY due")}


TABLES = ("days", "loads", "policies", "dues", "journal", "bank_days")
STAGED = ("incoming_policies", "incoming_dues")


def taken(store: Store, tables: Sequence[str] = TABLES) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the book, but for what is staged."""
    return {table: sorted(rows(store, f"SELECT * FROM {table}")) for table in tables}  # noqa: S608 - constant names
