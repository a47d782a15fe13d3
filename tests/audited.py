"""A front book and an office that have seen some days, and ways to change them behind the books' back.

For the tests of the audit: whatever is changed is undone at the end, so that one pair serves many tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from fep.keys import FrontKey
from ledger.front import FrontBook
from ledger.request import Act, Request, key_of
from office import breaks
from office.audit import Accounts
from office.audit.evidence import Evidence
from simulators import days
from simulators.discrepancies import Counts
from tests import world
from tests.world import BANKS, CHART, SEALER, World

ACCOUNTS = Accounts(CHART.clearing, CHART.long, CHART.short, CHART.products)
COUNTS = Counts(1, 1, 1, 1, 1, 1, 1)
_TABLE = re.compile(r"^(?:UPDATE|DELETE FROM|INSERT INTO) (\w+)")


class Books(NamedTuple):
    """The two databases' URLs."""

    front: str
    office: str


def conceal_truly(monkeypatch_world: object) -> None:
    """The days of `tests.world` keep identity numbers in the clear; an audit must not find any."""
    del monkeypatch_world


class ConcealingDays(days.Days):
    """Days whose book keeps keyed digests of identity numbers, as a front-end machine's does."""

    def __init__(self, store, front, sealer, _conceal, *rest) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002
        super().__init__(store, front, sealer, FrontKey(bytes(32)).identity, *rest)
