"""What follows once a load can be seen: marked rows get their new state, and rows that left earlier are
swept.

Each function has the statements of one small transaction and can be run again. Until they have run,
`ledger.book.visible` shows the same state that they will leave. So nobody waits for them, and a process that
is lost between them does no harm.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, exists, select, update

from ledger.book.schema import dues, loads, policies
from ledger.book.visible import CHANGING

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
"""Names of dues that are marked to leave by a load which can be seen."""
changing_policies = (
    select(policies.c.policy)
    .where(
        policies.c.changes > 0,
        policies.c.changes <= bindparam("number"),
        policies.c.policy > bindparam("after"),
    )
    .order_by(policies.c.policy)
)
"""Names of policies that are marked to change by a load which can be seen."""
swept_dues = select(dues.c.due).where(*_SWEPT_DUE, dues.c.due > bindparam("after")).order_by(dues.c.due)
"""Names of dues that left earlier and that no entry names."""
swept_policies = (
    select(policies.c.policy)
    .where(*_SWEPT_POLICY, policies.c.policy > bindparam("after"))
    .order_by(policies.c.policy)
)
"""Names of policies that were terminated by an earlier load and have no due."""


def let_dues_leave(connection: Connection, number: int, names: Sequence[str]) -> None:
    """Make these dues withdrawn or lapsed as they are marked, and count them in their load's row. A settled
    due that is withdrawn stays settled, but is withdrawn if its settlement is taken back. One that a batch
    holds stays open, and is withdrawn when it is let go.
    """
    mine = (dues.c.due.in_(names), dues.c.leaves > 0, dues.c.leaves <= number)
    withdrawn, settled = dues.c.leaves_as == "withdrawn", dues.c.state == "settled"
    held = dues.c.held_by != ""
    unmarked = {"leaves": 0, "leaves_as": ""}
    withdraw = update(dues).values(state="withdrawn", withdrawn=1, **unmarked)
    late = update(dues).values(withdrawn=1, **unmarked).where(*mine, withdrawn, settled)
    later = update(dues).values(withdrawn=1, **unmarked).where(*mine, held)
    lapse = update(dues).values(state="lapsed", **unmarked)
    changes = {
        "withdrawn_held": later.where(withdrawn),
        "lapsed_held": later.where(~withdrawn),
        "withdrawn": withdraw.where(*mine, withdrawn, ~settled),
        "withdrawn_late": late,
        "lapsed": lapse.where(*mine, ~withdrawn, dues.c.state == "open"),
    }
    counts = {name: connection.execute(change).rowcount for name, change in changes.items()}
    connection.execute(update(dues).values(**unmarked).where(*mine))
    values = {name: loads.c[name] + count for name, count in counts.items()}
    connection.execute(update(loads).values(values).where(loads.c.number == number))


def let_policies_change(connection: Connection, number: int, names: Sequence[str]) -> None:
    """Give these policies the values with which they are marked."""
    connection.execute(
        update(policies)
        .values(
            changes=0,
            **{name: policies.c[f"next_{name}"] for name in CHANGING},
            **{f"next_{name}": "" for name in CHANGING},
        )
        .where(policies.c.policy.in_(names), policies.c.changes > 0, policies.c.changes <= number)
    )


def sweep_dues(connection: Connection, _number: int, names: Sequence[str]) -> None:
    """Delete these dues, if they still meet the condition of `swept_dues`."""
    connection.execute(delete(dues).where(dues.c.due.in_(names), *_SWEPT_DUE))


def sweep_policies(connection: Connection, number: int, names: Sequence[str]) -> None:
    """Delete these policies, if they still meet the condition of `swept_policies`."""
    deletion = delete(policies).where(policies.c.policy.in_(names), *_SWEPT_POLICY)
    connection.execute(deletion, {"number": number})
