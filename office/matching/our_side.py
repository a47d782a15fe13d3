"""What stands on our side: the transactions of a business date and their state at its end, read from the
journal.

Statements that read `entries`, and nothing else of the office. What is made of them, `office.matching.match`
decides.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, func, select

from ledger.rules.entry import Kind
from ledger.rules.reversal import TOO_LATE
from office.database.bulk import in_chunks, stream
from office.database.schema import entries
from office.matching.lines import LateReversal, Ours, effect_of

_REVERSING_KINDS = (Kind.CANCEL.value, Kind.REVERSAL.value)
_SETTLEMENTS = (Kind.COLLECTION.value, Kind.PAYOUT.value)
_DIRECTIONS = {Kind.COLLECTION.value: "C", Kind.PAYOUT.value: "P"}


class Window(NamedTuple):
    """The two cut-overs of a date (microseconds since 1970-01-01 UTC), and how near to one is near."""

    begins: int
    ends: int
    near_us: int

    def is_near(self, recorded_at: int) -> bool:
        """Whether something recorded then may be of the neighbouring date on the other side."""
        return min(abs(recorded_at - self.begins), abs(recorded_at - self.ends)) <= self.near_us


def our_side(connection: Connection, bank: str, date: str, window: Window) -> Iterator[Ours]:
    """The lines on our side of a bank's date, by key: its transactions, and what it undid late."""
    of_date = _of_date(connection, bank, date, window)
    return heapq.merge(of_date, late_undoings(connection, bank, date), key=lambda one: one.key)


def _is_reversing(reversing: Any) -> ColumnElement[bool]:  # noqa: ANN401 - an alias of entries
    """An entry that took something out of effect. Said so that the index on such entries serves."""
    return and_(
        reversing.c.original != "", reversing.c.sequence.is_not(None), reversing.c.kind.in_(_REVERSING_KINDS)
    )


def _undone(date: str, *, at_end: bool) -> ColumnElement[bool]:
    """Whether a transaction is undone, by something that is not undone itself, when a date ends or begins."""
    reversing, again = entries.alias("undoing"), entries.alias("again")
    by_then = [
        one.c.business_date <= date if at_end else one.c.business_date < date for one in (reversing, again)
    ]
    reinstated = exists().where(again.c.original == reversing.c.key, _is_reversing(again), by_then[1])
    return exists().where(
        reversing.c.original == entries.c.key, _is_reversing(reversing), by_then[0], ~reinstated
    )


def _transactions(bank: str, date: str) -> Select[Any]:
    names = ("key", "kind", "amount", "rrn", "recorded_at", "mti", "code", "policy", "due", "exception_code")
    return select(*(entries.c[name] for name in names), _undone(date, at_end=True)).where(
        entries.c.bank == bank, entries.c.response == "00", entries.c.kind.in_(_SETTLEMENTS)
    )


def _of_date(connection: Connection, bank: str, date: str, window: Window) -> Iterator[Ours]:
    """The order of the keys is that of their bytes, whatever the database's own is."""
    query = _transactions(bank, date).where(entries.c.business_date == date)
    ordered = query.order_by(by_bytes(connection, entries.c.key))
    for row in stream(connection, ordered):
        key, kind, amount, rrn, recorded_at, mti, code, policy, due, exception_code, undone = row
        direction, state = _DIRECTIONS[kind], "R" if undone else "S"
        effect = effect_of(direction, state, amount)
        near, late = window.is_near(recorded_at), mti[1:3] == "22"
        about = code, policy, due, bool(exception_code)
        yield Ours(key, direction, amount, state, rrn, effect, near, late, *about)


def by_bytes(connection: Connection, column: ColumnElement[str]) -> ColumnElement[str]:
    """A column to order by so that texts come as Python orders them."""
    return column if connection.dialect.name == "sqlite" else column.collate("C")


def late_undoings(connection: Connection, bank: str, date: str) -> list[Ours]:
    """The transactions of earlier dates that this date's entries took out of effect, or put back, by key."""
    keys = _touched_late(connection, bank, date)
    found = []
    for chunk in in_chunks(sorted(keys)):
        query = _transactions(bank, date).where(entries.c.key.in_(chunk), entries.c.business_date < date)
        before = _undone_before(connection, chunk, date)
        for key, kind, amount, rrn, _, _, code, policy, due, exception_code, undone in connection.execute(
            query
        ):
            direction, about = _DIRECTIONS[kind], (code, policy, due, bool(exception_code))
            change = effect_of(direction, "S", amount) * (int(before[key]) - int(bool(undone)))
            if change:
                found.append(Ours(key, direction, amount, "U", rrn, change, False, True, *about))
    return sorted(found)


def _touched_late(connection: Connection, bank: str, date: str) -> set[str]:
    """The keys of transactions that an undoing of this date names, directly or through what it undid."""
    reversing, middle = entries.alias("undoing"), entries.alias("middle")
    of_date = and_(_is_reversing(reversing), reversing.c.business_date == date, reversing.c.bank == bank)
    through = select(reversing.c.original, func.coalesce(middle.c.original, "")).outerjoin(
        middle, and_(middle.c.key == reversing.c.original, middle.c.kind.in_(_REVERSING_KINDS))
    )
    return {name for row in connection.execute(through.where(of_date)) for name in row if name}


def _undone_before(connection: Connection, keys: Sequence[str], date: str) -> dict[str, bool]:
    """Whether each transaction was undone already when `date` began."""
    query = select(entries.c.key, _undone(date, at_end=False)).where(entries.c.key.in_(keys))
    return defaultdict(bool, {key: bool(undone) for key, undone in connection.execute(query)})


class Exceptional(NamedTuple):
    """An advice that did not fit the book, and the `effect` that it has when its date ends, in fen: 0 where
    it was reversed by then, and for a cancel, of which the bank's file shows what it comes to.
    `exception_code` is the response that it would have got as a request.
    """

    key: str
    kind: str
    direction: str
    code: str
    policy: str
    due: str
    exception_code: str
    effect: int


def exception_advices(connection: Connection, bank: str, date: str) -> list[Exceptional]:
    """The advices of a date that did not fit the book, by key."""
    names = ("key", "kind", "code", "policy", "due", "exception_code", "amount")
    query: Select[Any] = select(*(entries.c[name] for name in names), _undone(date, at_end=True)).where(
        entries.c.bank == bank, entries.c.business_date == date, entries.c.exception_code != ""
    )
    found = []
    for row in connection.execute(query):
        key, kind, code, policy, due, exception_code, amount, undone = row
        direction = _DIRECTIONS.get(kind, "C")
        effect = 0 if undone or kind not in _SETTLEMENTS else effect_of(direction, "S", amount)
        found.append(Exceptional(key, kind, direction, code, policy, due, exception_code, effect))
    return sorted(found)


def late_reversals(connection: Connection, bank: str, date: str) -> list[LateReversal]:
    """The reversals of a date that were refused because their originals are too old, by key: one an original.

    Where the original is a cancel, the money in question is that of what it cancelled.
    """
    asked, named, settled = entries.alias("asked"), entries.alias("named"), entries.alias("settled")
    is_refused = and_(asked.c.kind == Kind.REVERSAL.value, asked.c.reason == TOO_LATE.reason)
    target = case((named.c.kind == Kind.CANCEL.value, named.c.original), else_=named.c.key)
    query = (
        select(asked.c.key, settled.c.key)
        .join(named, named.c.key == asked.c.original)
        .join(settled, settled.c.key == target)
        .where(asked.c.bank == bank, asked.c.business_date == date, is_refused)
        .where(settled.c.kind.in_(_SETTLEMENTS), settled.c.response == "00")
        .order_by(asked.c.key)
    )
    asked_by = {row[1]: row[0] for row in connection.execute(query)}
    found = []
    for chunk in in_chunks(sorted(asked_by)):
        chosen = select(*(entries.c[name] for name in ("key", "kind", "amount", "code", "policy", "due")))
        of_keys = chosen.add_columns(_undone(date, at_end=True)).where(entries.c.key.in_(chunk))
        for key, kind, amount, code, policy, due, undone in connection.execute(of_keys):
            direction = _DIRECTIONS[kind]
            effect = effect_of(direction, "R" if undone else "S", amount)
            about = direction, amount, effect, code, policy, due
            found.append(LateReversal(asked_by[key], key, *about))
    return sorted(found)


def recorded_at(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    """When each of these transactions was recorded, where we have it; microseconds since 1970-01-01 UTC."""
    found: dict[str, int] = {}
    for chunk in in_chunks(sorted(set(keys))):
        query = select(entries.c.key, entries.c.recorded_at).where(entries.c.key.in_(chunk))
        found.update((row[0], row[1]) for row in connection.execute(query))
    return found
