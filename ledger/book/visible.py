"""Policies and dues as they are seen when the loads up to a number can be seen.

A load inserts its rows long before they may be seen, and marks existing rows with the changes that it will
make; one row of `loads` makes all of it seen at once. SQL expressions only: whatever reads policies or dues
while a load may be under way reads them through these, and only here stands what a pending change means.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, Table, and_, case, func, or_, select

from ledger.book.schema import dues, loads, policies
from ledger.rules.dues import Policy

Number = ColumnElement[int] | int
"""The number of the newest load that is to be seen; 0 for none."""

CHANGING: Final = Policy._fields[1:]
"""The columns of a policy that a load may change; the pending value of each is in `next_` and its name."""

newest = select(func.coalesce(func.max(loads.c.number), 0)).scalar_subquery()
"""The number of the newest load that can be seen now; 0 before the first."""


def is_there(table: Table, number: Number) -> ColumnElement[bool]:
    """Whether a row of policies or dues can be seen."""
    return table.c.load <= number


def policy_columns(number: Number) -> list[ColumnElement[str]]:
    """The columns of a policy in the order of Policy's fields, with any pending change that can be seen."""
    changing = (
        case((_has_changed(number), policies.c[f"next_{name}"]), else_=policies.c[name]) for name in CHANGING
    )
    return [policies.c.policy, *changing]


def due_state(number: Number) -> ColumnElement[str]:
    """A due's state, with any pending change that can be seen: a settled due stays settled, only an open one
    lapses, and one that a batch holds stays open.
    """
    withdrawn = and_(dues.c.leaves_as == "withdrawn", dues.c.state != "settled")
    lapsed = and_(dues.c.leaves_as == "lapsed", dues.c.state == "open")
    return case(
        (and_(_has_left(number), dues.c.held_by == "", or_(withdrawn, lapsed)), dues.c.leaves_as),
        else_=dues.c.state,
    )


def due_withdrawn(number: Number) -> ColumnElement[int]:
    """1 for a due that may not be settled, or not again, or that leaves once its batch lets it go; else 0."""
    leaves = or_(dues.c.leaves_as == "withdrawn", dues.c.held_by != "")
    return case((and_(_has_left(number), leaves), 1), else_=dues.c.withdrawn)


def _has_changed(number: Number) -> ColumnElement[bool]:
    return and_(policies.c.changes > 0, policies.c.changes <= number)


def _has_left(number: Number) -> ColumnElement[bool]:
    return and_(dues.c.leaves > 0, dues.c.leaves <= number)
