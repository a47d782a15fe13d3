"""Adds up the breaks that are not closed, for the status page of the front-end machine: one SELECT.

This module writes nothing; the caller decides where the figures go.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from ledger.files.open_breaks_file import Figures, Outstanding
from office.accounting.break_states import BreakState
from office.database.schema import breaks


def outstanding(connection: Connection, at: int) -> Figures:
    """Return the number and the sum in fen of the open breaks by bank, class and date. `at` dates the
    figures, in microseconds since 1970-01-01 UTC.
    """
    group = breaks.c.bank, breaks.c["class"], breaks.c.date
    query = (
        select(*group, func.count(), func.sum(func.abs(breaks.c.difference)))
        .where(breaks.c.state != BreakState.CLOSED.value)
        .group_by(*group)
        .order_by(*group)
    )
    return Figures(at, tuple(_row(*row) for row in connection.execute(query)))


def _row(bank: str, cls: str, date: str, count: int, amount: Any) -> Outstanding:  # noqa: ANN401 - see below
    # PostgreSQL's sum of bigint is numeric: whole, but not an int.
    return Outstanding(bank, cls, date, count, int(amount))
