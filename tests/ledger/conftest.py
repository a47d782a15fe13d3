"""A book that was loaded once, and the front-end machine's hold on it."""

from __future__ import annotations

from collections.abc import Iterator
from os import urandom

import pytest

from ledger.book.front import FrontBook
from ledger.book.store import Store
from tests.support.book_loads import first_store


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    store = first_store(database)
    yield store
    store.close()


@pytest.fixture
def front(store: Store) -> FrontBook:
    front = FrontBook(store, "check", urandom)
    front.claim("fep1")
    return front
