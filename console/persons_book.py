"""The customers' book as another program inside opens it: for reading, with the keys of its own settings.

What is asked of it, `customers.book` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.inside_keys import PERSON, PERSONS, inside_secret
from customers.book import Book
from customers.config import load_settings
from customers.keys import check, keys_of
from fep.keys.keys import KeyKind
from ledger.book.store import Store


@contextmanager
def persons_book(config: Path) -> Iterator[Book]:
    """Context manager: the customers' book of these settings, opened for reading."""
    customers = load_settings(config)
    keys = keys_of(
        inside_secret(customers.keystore, PERSON, KeyKind.BLAKE2B).reveal(),
        inside_secret(customers.keystore, PERSONS, KeyKind.AES).reveal(),
    )
    store = Store(customers.customers.database, lock=False, by_index=False)
    try:
        check(store, keys)
        yield Book(store, keys)
    finally:
        store.close()
