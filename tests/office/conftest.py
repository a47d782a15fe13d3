"""What the back office's tests share: a database of its own beside the front book's."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def office_url(new_database: Callable[[str], str]) -> str:
    """The URL of an empty back office's database, of the same kind as the fixture `database`'s."""
    return new_database("office")
