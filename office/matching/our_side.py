"""Our side of reconciliation: the final state of each transaction of a business date, from the journal.

Only statements that read `entries` belong here. `office.matching.match` decides what follows from the lines.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, exists, func, select

from ledger.rules.entry import Kind
from ledger.rules.reversal import TOO_LATE
from office.database.bulk import in_chunks, stream
from office.database.schema import entries
from office.matching.lines import LateReversal, Ours, effect_of

_REVERSING_KINDS = (Kind.CANCEL.value, Kind.REVERSAL.value)
_SETTLEMENTS = (Kind.COLLECTION.value, Kind.PAYOUT.value)
_DIRECTIONS = {Kind.COLLECTION.value: "C", Kind.PAYOUT.value: "P"}


class Window(NamedTuple):
    """The cut-overs at which a date begins and ends (microseconds since 1970-01-01 UTC), and the number of
    microseconds within which a moment is near to one.
    """

    begins: int
    ends: int
    near_us: int

    def is_near(self, recorded_at: int) -> bool:
        """Whether the bank may date a transaction recorded at this moment one date earlier or later."""
        return min(abs(recorded_at - self.begins), abs(recorded_at - self.ends)) <= self.near_us


class _Settlement(NamedTuple):
    """A collection or payout in the journal; `undone`: it is out of effect when the date ends."""

    key: str
    kind: str
    amount: int
    rrn: str
    recorded_at: int
    mti: str
    code: str
    policy: str
    due: str
    exception_code: str
    undone: bool


def our_side(connection: Connection, bank: str, date: str, window: Window) -> Iterator[Ours]:
    """Yield our lines of a bank's date by key: its transactions, and its late changes of earlier ones."""
    of_date = _of_date(connection, bank, date, window)
    return heapq.merge(of_date, late_changes(connection, bank, date), key=lambda line: line.key)


def _is_reversing(reversing: Any) -> ColumnElement[bool]:  # noqa: ANN401 - an alias of entries
    """A condition: the entry took another one out of effect. It is written so that the index
    `entries_by_original` serves.
    """
    return and_(
        reversing.c.original != "", reversing.c.sequence.is_not(None), reversing.c.kind.in_(_REVERSING_KINDS)
    )


def _undone(date: str, *, at_end: bool) -> ColumnElement[bool]:
    """A condition: the transaction is out of effect when `date` ends (or begins).

    It is if a cancel or reversal names it that is not itself reversed by then.
    """
    reversing, again = entries.alias("reversing"), entries.alias("again")
    by_then = [
        table.c.business_date <= date if at_end else table.c.business_date < date
        for table in (reversing, again)
    ]
    reinstated = exists().where(again.c.original == reversing.c.key, _is_reversing(again), by_then[1])
    return exists().where(
        reversing.c.original == entries.c.key, _is_reversing(reversing), by_then[0], ~reinstated
    )


def _transactions(bank: str, date: str) -> Select[Any]:
    """A query of the bank's approved collections and payouts, in the order of _Settlement's fields."""
    columns = (entries.c[name] for name in _Settlement._fields[:-1])
    return select(*columns, _undone(date, at_end=True).label(_Settlement._fields[-1])).where(
        entries.c.bank == bank, entries.c.response == "00", entries.c.kind.in_(_SETTLEMENTS)
    )


def _of_date(connection: Connection, bank: str, date: str, window: Window) -> Iterator[Ours]:
    """Yield the transactions of a date in the order of their keys' bytes, in whatever database."""
    query = _transactions(bank, date).where(entries.c.business_date == date)
    ordered = query.order_by(by_bytes(connection, entries.c.key))
    for row in map(_Settlement._make, stream(connection, ordered)):
        direction, state = _DIRECTIONS[row.kind], "R" if row.undone else "S"
        yield Ours(
            key=row.key,
            direction=direction,
            amount=row.amount,
            state=state,
            rrn=row.rrn,
            effect=effect_of(direction, state, row.amount),
            near=window.is_near(row.recorded_at),
            late=row.mti[1:3] == "22",
            code=row.code,
            policy=row.policy,
            due=row.due,
            is_exception=bool(row.exception_code),
        )


def by_bytes(connection: Connection, column: ColumnElement[str]) -> ColumnElement[str]:
    """The column in an ORDER BY that sorts texts as Python does."""
    return column if connection.dialect.name == "sqlite" else column.collate("C")


def late_changes(connection: Connection, bank: str, date: str) -> list[Ours]:
    """The transactions of earlier dates that this date's entries took out of effect or put back, by key."""
    keys = _touched_late(connection, bank, date)
    lines = []
    for chunk in in_chunks(sorted(keys)):
        query = _transactions(bank, date).where(entries.c.key.in_(chunk), entries.c.business_date < date)
        before = _undone_before(connection, chunk, date)
        for row in map(_Settlement._make, connection.execute(query)):
            direction = _DIRECTIONS[row.kind]
            change = effect_of(direction, "S", row.amount) * (int(before[row.key]) - int(bool(row.undone)))
            if change:
                lines.append(_late_change(row, direction, change))
    return sorted(lines)


def _late_change(row: _Settlement, direction: str, change: int) -> Ours:
    return Ours(
        key=row.key,
        direction=direction,
        amount=row.amount,
        state="U",
        rrn=row.rrn,
        effect=change,
        near=False,
        late=True,
        code=row.code,
        policy=row.policy,
        due=row.due,
        is_exception=bool(row.exception_code),
    )


def _touched_late(connection: Connection, bank: str, date: str) -> set[str]:
    """The keys that a cancel or reversal of this date names, directly or through the one that it reversed."""
    reversing, middle = entries.alias("reversing"), entries.alias("middle")
    of_date = and_(_is_reversing(reversing), reversing.c.business_date == date, reversing.c.bank == bank)
    through = select(reversing.c.original, func.coalesce(middle.c.original, "")).outerjoin(
        middle, and_(middle.c.key == reversing.c.original, middle.c.kind.in_(_REVERSING_KINDS))
    )
    return {name for row in connection.execute(through.where(of_date)) for name in row if name}


def _undone_before(connection: Connection, keys: Sequence[str], date: str) -> dict[str, bool]:
    """For each transaction, whether it was out of effect already when `date` began."""
    query = select(entries.c.key, _undone(date, at_end=False)).where(entries.c.key.in_(keys))
    return defaultdict(bool, {key: bool(undone) for key, undone in connection.execute(query)})


class ExceptionAdvice(NamedTuple):
    """An advice that did not fit the book. `exception_code` is the response it would have got as a request.

    `effect` is its effect when its date ends, in fen: 0 if it was reversed by then, and 0 for a cancel, whose
    effect the bank's file shows.
    """

    key: str
    kind: str
    direction: str
    code: str
    policy: str
    due: str
    exception_code: str
    effect: int


def exception_advices(connection: Connection, bank: str, date: str) -> list[ExceptionAdvice]:
    """The advices of a date that did not fit the book, sorted by key."""
    names = ("key", "kind", "code", "policy", "due", "exception_code", "amount")
    undone = _undone(date, at_end=True).label("undone")
    query: Select[Any] = select(*(entries.c[name] for name in names), undone).where(
        entries.c.bank == bank, entries.c.business_date == date, entries.c.exception_code != ""
    )
    return sorted(_exception_advice(row) for row in connection.execute(query))


def _exception_advice(row: Row[Any]) -> ExceptionAdvice:
    direction = _DIRECTIONS.get(row.kind, "C")
    is_in_effect = row.kind in _SETTLEMENTS and not row.undone
    return ExceptionAdvice(
        key=row.key,
        kind=row.kind,
        direction=direction,
        code=row.code,
        policy=row.policy,
        due=row.due,
        exception_code=row.exception_code,
        effect=effect_of(direction, "S", row.amount) if is_in_effect else 0,
    )


def late_reversals(connection: Connection, bank: str, date: str) -> list[LateReversal]:
    """The reversals of a date refused because their originals are too old, by key; one for each original.

    If the original is a cancel, the money in question is that of the transaction that it cancelled.
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
    reversal_of = {original: key for key, original in connection.execute(query)}
    reversals = []
    for chunk in in_chunks(sorted(reversal_of)):
        chosen = select(*(entries.c[name] for name in ("key", "kind", "amount", "code", "policy", "due")))
        undone = _undone(date, at_end=True).label("undone")
        for row in connection.execute(chosen.add_columns(undone).where(entries.c.key.in_(chunk))):
            reversals.append(_late_reversal(reversal_of[row.key], row))
    return sorted(reversals)


def _late_reversal(key: str, original: Row[Any]) -> LateReversal:
    direction = _DIRECTIONS[original.kind]
    return LateReversal(
        key=key,
        original=original.key,
        direction=direction,
        amount=original.amount,
        effect=effect_of(direction, "R" if original.undone else "S", original.amount),
        code=original.code,
        policy=original.policy,
        due=original.due,
    )


def recorded_at(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    """The moment at which each of these transactions was recorded, in microseconds since 1970-01-01 UTC, for
    the keys that the journal has.
    """
    moments: dict[str, int] = {}
    for chunk in in_chunks(sorted(set(keys))):
        query = select(entries.c.key, entries.c.recorded_at).where(entries.c.key.in_(chunk))
        moments.update((row.key, row.recorded_at) for row in connection.execute(query))
    return moments
