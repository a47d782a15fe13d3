"""What a load puts into the book before any of it can be seen, and how it is taken out if it never is.

Each function is one small transaction's statements, and may be done again if it is not known whether it was:
so no bank waits for a load. What is seen, `ledger.book.visible` says; the order of the steps,
`ledger.book.load`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, text, update

from ledger.book.schema import dues, loading, policies
from ledger.errors import LoadOvertaken
from ledger.files.bookfile import DueLine
from ledger.rules.dues import ENDED, Policy

_INSERT_DUE: Final = text(
    "INSERT INTO dues (due, policy, code, kind, due_date, amount, beneficiary, state, settled_by, sequence,"
    " withdrawn, load, leaves, leaves_as) VALUES (:due, :policy, :code, :kind, :due_date, :amount,"
    " :beneficiary, 'open', '', 0, 0, :load, 0, '') ON CONFLICT DO NOTHING"
)
_CHANGE: Final = (
    update(policies)
    .where(policies.c.policy == bindparam("given"))
    .values(
        changes=bindparam("number"),
        next_state=bindparam("given_state"),
        next_holder=bindparam("given_holder"),
    )
)


def take_turn(connection: Connection, number: int, rows: int) -> None:
    """Count what this transaction of load `number` puts in. Raises LoadOvertaken where another has begun."""
    ours = update(loading).where(loading.c.number == number).values(rows=loading.c.rows + rows)
    if connection.execute(ours).rowcount != 1:
        raise LoadOvertaken("another load has begun since; nothing was loaded")


def put_policies(connection: Connection, number: int, given: Sequence[Policy]) -> int:
    """Put in policies that are new, and note what others are to become; how many stay as they are.

    The open premiums of those that end are to lapse with them. One that has ended already is noted too, so
    that it is not swept away as one of which no file speaks.
    """
    take_turn(connection, number, len(given))
    query = select(policies.c.policy, policies.c.state, policies.c.holder, policies.c.load).where(
        policies.c.policy.in_([one.policy for one in given])
    )
    known = {row.policy: row for row in connection.execute(query)}
    fresh = [one for one in given if one.policy not in known]
    if fresh:
        connection.execute(insert(policies), [{**one._asdict(), "load": number} for one in fresh])
    there = [one for one in given if one.policy in known and known[one.policy].load != number]
    changed = [one for one in there if one != tuple(known[one.policy][:3]) or one.state == "terminated"]
    if changed:
        connection.execute(
            _CHANGE,
            [
                {"given": one.policy, "number": number, "given_state": one.state, "given_holder": one.holder}
                for one in changed
            ],
        )
    _lapse(connection, number, [one.policy for one in there if one.state in ENDED])
    return len(there) - len(changed)


def _lapse(connection: Connection, number: int, ended: Sequence[str]) -> None:
    """Note that the premiums of these policies lapse, but for those that leave or come by this very file."""
    if ended:
        connection.execute(
            update(dues)
            .values(leaves=number, leaves_as="lapsed")
            .where(
                dues.c.policy.in_(ended),
                dues.c.kind == "premium",
                dues.c.state.in_(("open", "settled")),
                dues.c.withdrawn == 0,
                dues.c.leaves == 0,
                dues.c.load != number,
            )
        )


def put_dues(connection: Connection, number: int, given: Sequence[DueLine]) -> frozenset[str]:
    """Put in dues that are new; those that the book has already, which are not put in. Their beneficiaries
    are concealed.
    """
    take_turn(connection, number, len(given))
    done = connection.execute(_INSERT_DUE, [_row(one, number) for one in given])
    if done.rowcount == len(given):
        return frozenset()
    names = [one.due for one in given]
    query = select(dues.c.due).where(dues.c.due.in_(names), dues.c.load != number)
    return frozenset(connection.execute(query).scalars())


def _row(one: DueLine, number: int) -> dict[str, Any]:
    row = one._asdict()
    del row["document"]
    return {**row, "load": number}


def withdraw(connection: Connection, number: int, given: Sequence[DueLine]) -> None:
    """Note that dues leave."""
    take_turn(connection, number, len(given))
    names = [one.due for one in given]
    connection.execute(update(dues).values(leaves=number, leaves_as="withdrawn").where(dues.c.due.in_(names)))


def take_out_dues(connection: Connection, number: int, names: Sequence[str]) -> None:
    """Take out dues that came after load `number`, and call off what was to become of others."""
    named = dues.c.due.in_(names)
    connection.execute(delete(dues).where(named, dues.c.load > number))
    connection.execute(update(dues).values(leaves=0, leaves_as="").where(named, dues.c.leaves > number))


def take_out_policies(connection: Connection, number: int, names: Sequence[str]) -> None:
    """Take out policies that came after load `number`, and call off what was to become of others."""
    named = policies.c.policy.in_(names)
    connection.execute(delete(policies).where(named, policies.c.load > number))
    called_off = update(policies).values(changes=0, next_state="", next_holder="")
    connection.execute(called_off.where(named, policies.c.changes > number))


unseen_dues = (
    select(dues.c.due)
    .where(
        dues.c.due > bindparam("after"),
        or_(dues.c.load > bindparam("number"), dues.c.leaves > bindparam("number")),
    )
    .order_by(dues.c.due)
)
"""Names of dues that a load which is not seen has put in or spoken of."""
unseen_policies = (
    select(policies.c.policy)
    .where(
        policies.c.policy > bindparam("after"),
        or_(policies.c.load > bindparam("number"), policies.c.changes > bindparam("number")),
    )
    .order_by(policies.c.policy)
)
"""Names of policies that a load which is not seen has put in or spoken of."""
