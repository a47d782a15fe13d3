"""What the tests of exports share: books of which some dates were exported."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from office.audit.evidence import Evidence
from tests.support.audit_books import Urls, evidence


@pytest.fixture
def given(urls: Urls) -> Iterator[Evidence]:
    """Books with two exported dates, a third that is not posted, and postings made since on the second."""
    with evidence(urls) as opened:
        yield opened


@pytest.fixture
def connection(given: Evidence) -> Connection:
    return given.office
