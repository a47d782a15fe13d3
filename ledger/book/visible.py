"""What of the book's policies and dues is there when loads up to a number can be seen.

A load puts its rows into the book long before they may be seen, and says of those that are there what is to
become of them; one row of `loads` makes all of it so. Expressions only: whoever reads policies or dues while
a load may be under way reads them by these, and no other module says what a pending change means.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, and_, case, func, or_, select

from ledger.book.schema import dues, loads, policies

Number = ColumnElement[int] | int
"""The number of the newest load that can be seen; 0 before the first."""

newest = select(func.coalesce(func.max(loads.c.number), 0)).scalar_subquery()
"""The newest load's number as the database has it."""


def is_there(table: Table, number: Number) -> ColumnElement[bool]:
    """Whether a row of policies or dues has come."""
    return table.c.load <= number


def policy_state(number: Number) -> ColumnElement[str]:
    """A policy's state."""
    return case((_has_changed(number), policies.c.next_state), else_=policies.c.state)


def policy_holder(number: Number) -> ColumnElement[str]:
    """A policy's holder."""
    return case((_has_changed(number), policies.c.next_holder), else_=policies.c.holder)


def due_state(number: Number) -> ColumnElement[str]:
    """A due's state: one that leaves while it is settled stays so, one that lapses was open."""
    withdrawn = and_(dues.c.leaves_as == "withdrawn", dues.c.state != "settled")
    lapsed = and_(dues.c.leaves_as == "lapsed", dues.c.state == "open")
    return case(
        (and_(_has_left(number), or_(withdrawn, lapsed)), dues.c.leaves_as),
        else_=dues.c.state,
    )


def due_withdrawn(number: Number) -> ColumnElement[int]:
    """Whether a due is not to be settled (any more), 1 or 0."""
    return case((and_(_has_left(number), dues.c.leaves_as == "withdrawn"), 1), else_=dues.c.withdrawn)


def _has_changed(number: Number) -> ColumnElement[bool]:
    return and_(policies.c.changes > 0, policies.c.changes <= number)


def _has_left(number: Number) -> ColumnElement[bool]:
    return and_(dues.c.leaves > 0, dues.c.leaves <= number)
