"""What a load puts into the book before it can be seen, and how that is taken out if it never can be.

Each function has the statements of one small transaction, so that no bank waits for a load, and can be run
again if it is not known whether it was committed. What can be seen is in `ledger.book.visible`, the order of
the steps in `ledger.book.load`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, text, update

from ledger.book.schema import dues, loading, policies
from ledger.book.visible import CHANGING
from ledger.errors import LoadOvertaken
from ledger.files.bookline import DueLine
from ledger.rules.dues import ENDED, Policy
from qianzhi_errors.sentence import Sentence

_INSERT_DUE: Final = text(
    "INSERT INTO dues (due, policy, code, kind, due_date, amount, beneficiary, state, settled_by, sequence,"
    " withdrawn, load, leaves, leaves_as, payee, grace_until) VALUES (:due, :policy, :code, :kind, :due_date,"
    " :amount, :beneficiary, 'open', '', 0, 0, :load, 0, '', :payee, :grace_until) ON CONFLICT DO NOTHING"
)
_CHANGE: Final = (
    update(policies)
    .where(policies.c.policy == bindparam("given"))
    .values(
        changes=bindparam("number"),
        **{f"next_{name}": bindparam(f"given_{name}") for name in CHANGING},
    )
)


def count_rows(connection: Connection, number: int, rows: int) -> None:
    """Add to the count of rows of load `number`. Raises LoadOvertaken if another load has begun since."""
    ours = update(loading).where(loading.c.number == number).values(rows=loading.c.rows + rows)
    if connection.execute(ours).rowcount != 1:
        raise LoadOvertaken(Sentence("another load has begun since; nothing was loaded"))


def put_policies(connection: Connection, number: int, given: Sequence[Policy]) -> int:
    """Insert policies that are new, and mark those in the book with their changes; returns how many stay the
    same.

    The open premiums of a policy that ends are marked to lapse. A policy that is terminated already is marked
    too, so that it is not swept as one that no file names any more.
    """
    count_rows(connection, number, len(given))
    query = select(*(policies.c[name] for name in Policy._fields), policies.c.load).where(
        policies.c.policy.in_([policy.policy for policy in given])
    )
    stored = {row.policy: row for row in connection.execute(query)}
    fresh = [policy for policy in given if policy.policy not in stored]
    if fresh:
        connection.execute(insert(policies), [{**policy._asdict(), "load": number} for policy in fresh])
    earlier = [policy for policy in given if policy.policy in stored and stored[policy.policy].load != number]
    changed = [
        policy
        for policy in earlier
        if policy != tuple(stored[policy.policy][:-1]) or policy.state == "terminated"
    ]
    if changed:
        connection.execute(
            _CHANGE,
            [
                {"number": number, "given": policy.policy}
                | {f"given_{name}": getattr(policy, name) for name in CHANGING}
                for policy in changed
            ],
        )
    _lapse(connection, number, [policy.policy for policy in earlier if policy.state in ENDED])
    return len(earlier) - len(changed)


def _lapse(connection: Connection, number: int, ended: Sequence[str]) -> None:
    """Mark the premiums of these policies to lapse, except those that leave or come by this load anyway."""
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
    """Insert dues that are new, whose beneficiaries are digests; returns the names of those that were not
    inserted, since the book has them already.
    """
    count_rows(connection, number, len(given))
    inserted = connection.execute(_INSERT_DUE, [_row(due, number) for due in given])
    if inserted.rowcount == len(given):
        return frozenset()
    names = [due.due for due in given]
    query = select(dues.c.due).where(dues.c.due.in_(names), dues.c.load != number)
    return frozenset(connection.execute(query).scalars())


def _row(due: DueLine, number: int) -> dict[str, Any]:
    row = due._asdict()
    del row["document"]
    return {**row, "load": number}


def withdraw(connection: Connection, number: int, given: Sequence[DueLine]) -> None:
    """Mark dues to be withdrawn."""
    count_rows(connection, number, len(given))
    names = [due.due for due in given]
    connection.execute(update(dues).values(leaves=number, leaves_as="withdrawn").where(dues.c.due.in_(names)))


def take_out_dues(connection: Connection, number: int, names: Sequence[str]) -> None:
    """Delete dues that came with loads after `number`, and unmark those that were to leave by such loads."""
    named = dues.c.due.in_(names)
    connection.execute(delete(dues).where(named, dues.c.load > number))
    connection.execute(update(dues).values(leaves=0, leaves_as="").where(named, dues.c.leaves > number))


def take_out_policies(connection: Connection, number: int, names: Sequence[str]) -> None:
    """Delete policies that came with loads after `number`, and unmark those that were to change by them."""
    named = policies.c.policy.in_(names)
    connection.execute(delete(policies).where(named, policies.c.load > number))
    unmark = update(policies).values(changes=0, **{f"next_{name}": "" for name in CHANGING})
    connection.execute(unmark.where(named, policies.c.changes > number))


unseen_dues = (
    select(dues.c.due)
    .where(
        dues.c.due > bindparam("after"),
        or_(dues.c.load > bindparam("number"), dues.c.leaves > bindparam("number")),
    )
    .order_by(dues.c.due)
)
"""Names of dues that a load which cannot be seen has inserted or marked."""
unseen_policies = (
    select(policies.c.policy)
    .where(
        policies.c.policy > bindparam("after"),
        or_(policies.c.load > bindparam("number"), policies.c.changes > bindparam("number")),
    )
    .order_by(policies.c.policy)
)
"""Names of policies that a load which cannot be seen has inserted or marked."""
