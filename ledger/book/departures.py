"""What follows when a load can be seen: what is to leave leaves, and what left earlier is swept away.

Each function is one small transaction's statements, and may be done again. Until they are done the book says
the same by `ledger.book.visible`; so nobody waits for them, and a process that is lost between them harms
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, exists, select, update

from ledger.book.schema import dues, loads, policies

_SWEPT_DUE = (dues.c.state.in_(("lapsed", "withdrawn")), dues.c.sequence == 0, dues.c.leaves == 0)
_SWEPT_POLICY = (
    policies.c.state == "terminated",
    policies.c.changes == 0,
    policies.c.load < bindparam("number"),
    ~exists().where(dues.c.policy == policies.c.policy),
)

leaving_dues = (
    select(dues.c.due)
    .where(dues.c.leaves > 0, dues.c.leaves <= bindparam("number"), dues.c.due > bindparam("after"))
    .order_by(dues.c.due)
)
"""Names of dues that are to leave by a load which is seen."""
changing_policies = (
    select(policies.c.policy)
    .where(
        policies.c.changes > 0,
        policies.c.changes <= bindparam("number"),
        policies.c.policy > bindparam("after"),
    )
    .order_by(policies.c.policy)
)
"""Names of policies that are to change by a load which is seen."""
swept_dues = select(dues.c.due).where(*_SWEPT_DUE, dues.c.due > bindparam("after")).order_by(dues.c.due)
"""Names of dues that left earlier and of which no entry speaks."""
swept_policies = (
    select(policies.c.policy)
    .where(*_SWEPT_POLICY, policies.c.policy > bindparam("after"))
    .order_by(policies.c.policy)
)
"""Names of policies that ended earlier and have no due."""


def let_dues_leave(connection: Connection, number: int, names: Sequence[str]) -> None:
    """Let these dues leave, and count them in their load's row: a settled one stays settled, and does not
    become payable again should its settlement be undone.
    """
    mine = (dues.c.due.in_(names), dues.c.leaves > 0, dues.c.leaves <= number)
    withdrawn, settled = dues.c.leaves_as == "withdrawn", dues.c.state == "settled"
    gone = {"leaves": 0, "leaves_as": ""}
    left = update(dues).values(state="withdrawn", withdrawn=1, **gone).where(*mine, withdrawn, ~settled)
    late = update(dues).values(withdrawn=1, **gone).where(*mine, withdrawn, settled)
    lapsed = update(dues).values(state="lapsed", **gone).where(*mine, ~withdrawn, dues.c.state == "open")
    counts = [connection.execute(change).rowcount for change in (left, late, lapsed)]
    connection.execute(update(dues).values(**gone).where(*mine))
    names_of_counts = ("withdrawn", "withdrawn_late", "lapsed")
    values = {name: loads.c[name] + count for name, count in zip(names_of_counts, counts, strict=True)}
    connection.execute(update(loads).values(values).where(loads.c.number == number))


def let_policies_change(connection: Connection, number: int, names: Sequence[str]) -> None:
    """Let these policies become what they are to be."""
    connection.execute(
        update(policies)
        .values(
            state=policies.c.next_state,
            holder=policies.c.next_holder,
            changes=0,
            next_state="",
            next_holder="",
        )
        .where(policies.c.policy.in_(names), policies.c.changes > 0, policies.c.changes <= number)
    )


def sweep_dues(connection: Connection, _number: int, names: Sequence[str]) -> None:
    """Take out these dues, if they are still as `swept_dues` finds them."""
    connection.execute(delete(dues).where(dues.c.due.in_(names), *_SWEPT_DUE))


def sweep_policies(connection: Connection, number: int, names: Sequence[str]) -> None:
    """Take out these policies, if they are still as `swept_policies` finds them."""
    gone = delete(policies).where(policies.c.policy.in_(names), *_SWEPT_POLICY)
    connection.execute(gone, {"number": number})
