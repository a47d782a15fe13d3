"""What the customers' tests share: an empty database with its keys, and a load of three persons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.customers_desk import Counter


@pytest.fixture
def counter(new_database: Callable[[str], str], tmp_path: Path) -> Iterator[Counter]:
    """A customers' office with an empty database, on SQLite and on PostgreSQL."""
    from tests.support.customers_desk import Counter

    opened = Counter(new_database("customers"), tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def loaded(counter: Counter) -> Counter:
    """The same with three persons on two policies."""
    counter.load(counter.file())
    return counter
