"""Loads a file of dues into the front book: whole, verified inside the same transaction, or not at all.

Statements of the load only. What a good file is, `ledger.bookfile` says; what is loaded here is served as
it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, text

from ledger.bookfile import Book
from ledger.errors import InvariantBroken, LedgerError
from ledger.schema import days, dues, loads, policies
from ledger.store import Store
from ledger.view import DayState, DueState

_ROWS_A_STATEMENT = 5000


class LoadRefused(LedgerError):
    """The file is sound but cannot be loaded now; nothing was changed."""


class Loaded(NamedTuple):
    """What a load put into the book: counts, and amounts in fen."""

    date: str
    policies: int
    dues: int
    premium: int
    benefit: int


def load_book(
    store: Store,
    book: Book,
    conceal: Callable[[str], str],
    loaded_at: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Loaded:
    """Load the day's dues and open its business day.

    `conceal` turns an identity number into its keyed digest: the number itself never reaches the database.
    `loaded_at` is microseconds since 1970-01-01 UTC. `progress` is told the rows of each statement. Raises
    LoadRefused.
    """
    with store.transaction() as connection:
        _check_may_load(connection, book)
        for chunk in _chunks(book.policies):
            connection.execute(insert(policies), [policy._asdict() for policy in chunk])
            progress(len(chunk))
        for chunk in _chunks(book.dues):
            connection.execute(insert(dues), [_due_row(due, conceal) for due in chunk])
            progress(len(chunk))
        if not store.is_sqlite:  # without figures on the new rows PostgreSQL reads whole tables for a batch
            connection.execute(text("ANALYZE policies, dues"))
        loaded = _count(connection, book.business_date)
        expected = Loaded(book.business_date, len(book.policies), len(book.dues), book.premium, book.benefit)
        if loaded != expected:
            raise InvariantBroken(f"the book holds {loaded} after a load of {expected}")
        connection.execute(insert(days).values(date=book.business_date, state=DayState.OPEN.value))
        connection.execute(insert(loads).values(digest=book.digest, loaded_at=loaded_at, **loaded._asdict()))
    return loaded


def _check_may_load(connection: Connection, book: Book) -> None:
    taken = connection.execute(select(loads.c.date).where(loads.c.digest == book.digest)).scalar()
    if taken is not None:
        raise LoadRefused(f"this file was loaded already, for {taken}")
    day = connection.execute(select(days.c.date).where(days.c.state != DayState.CLOSED.value)).scalar()
    if day is not None:
        raise LoadRefused(f"business day {day} is not closed: the next day's dues are loaded after its close")
    if connection.execute(select(policies.c.policy).limit(1)).first() is not None:
        raise LoadRefused("the book holds an earlier day's dues: they leave it at that day's close")


def _due_row(due: Any, conceal: Callable[[str], str]) -> dict[str, Any]:  # noqa: ANN401 - a row for the driver
    row = due._asdict()
    row["beneficiary"] = conceal(due.beneficiary) if due.beneficiary else ""
    row.update(state=DueState.OPEN.value, settled_by="", turn=0)
    return dict(row)


def _count(connection: Connection, date: str) -> Loaded:
    sums: dict[str, int] = {
        kind: int(total)
        for kind, total in connection.execute(
            select(dues.c.kind, func.sum(dues.c.amount)).group_by(dues.c.kind)
        )
    }
    policy_count = connection.execute(select(func.count()).select_from(policies)).scalar_one()
    due_count = connection.execute(select(func.count()).select_from(dues)).scalar_one()
    return Loaded(date, policy_count, due_count, sums.get("premium", 0), sums.get("benefit", 0))


def _chunks(rows: Iterable[Any]) -> Iterator[Sequence[Any]]:
    source = iter(rows)
    while chunk := list(islice(source, _ROWS_A_STATEMENT)):
        yield chunk
