"""What the tests of collection share: an empty database, and an office with persons, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from ledger.book.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.collection_desk import Room


@pytest.fixture
def store(new_database: Callable[[str], str]) -> Iterator[Store]:
    """The database of collection, with its tables and no row."""
    opened = Store(new_database("collection"))
    yield opened
    opened.close()


@pytest.fixture
def room(new_database: Callable[[str], str], tmp_path: Path) -> Iterator[Room]:
    """A collection office, with the customers' three persons on two policies."""
    from tests.support.collection_desk import Room
    from tests.support.customers_desk import Counter

    customers = Counter(new_database("customers"), tmp_path)
    customers.load(customers.file())
    opened = Room(new_database("collection"), customers, tmp_path)
    yield opened
    opened.close()
    customers.close()
