"""Pulls the front book's journal and its closed days into the office's database, believing nothing unproved.

Reads the front book, never writes to it. Every entry is held against the hash of the one before it and every
chain against the end that the front shows; a closed day against its seal and against the entries. Each
transaction leaves the office consistent, so a pull that is killed goes on where it was. Statements of the pull
only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, insert, select, text, update

from ledger.day import DayState
from ledger.entry import GENESIS, Entry, entry_hash
from ledger.errors import Conflict
from ledger.schema import chains as front_chains
from ledger.schema import days as front_days
from ledger.schema import journal
from ledger.seal import ChainEnd, day_root, is_signed
from ledger.store import Store
from office.bulk import insert_rows, stream
from office.errors import ChainBroken, DayRefused
from office.schema import acts, chains, days, entries

ENTRIES_A_TRANSACTION = 50_000


class FrontDay(NamedTuple):
    """A business day that the front has closed, as it shows it: dates YYYYMMDD, `closed_at` microseconds since
    1970-01-01 UTC, where every chain stood, and the seal (hex).
    """

    date: str
    next_date: str
    closed_at: int
    ends: tuple[ChainEnd, ...]
    root: str
    signature: str


class Pulled(NamedTuple):
    """What a pull brought: how many entries, and the dates of the days."""

    entries: int
    days: tuple[str, ...]


class _Front(NamedTuple):
    """What the front shows at one moment: where its chains end, and the days that it has closed."""

    ends: tuple[ChainEnd, ...]
    days: tuple[FrontDay, ...]


def pull(
    front: Store,
    office: Store,
    check_seal: Callable[[FrontDay], str],
    now_us: int,
    by: str,
    progress: Callable[[int], None] = lambda _: None,
) -> Pulled:
    """Bring what the front book has and the office has not: entries, those of the open day too, then the days.

    `check_seal` says what is wrong with a day's seal, nothing if it is good (`sealed_by`). `now_us` is
    microseconds since 1970-01-01 UTC and `by` who had it done, for the record. `progress` is told how many
    entries came since it was told last. Raises ChainBroken or DayRefused where the front cannot be believed,
    Conflict where another pull is at work, and what Store.transaction raises; what earlier transactions
    brought is kept, of the failed one nothing.
    """
    seen = _look(front)
    held = _held(office)
    _check_not_behind(held, seen.ends)
    count = 0
    for end in seen.ends:
        at = held.get(end.chain, ChainEnd(end.chain, 0, GENESIS))
        while at.position < end.position:
            last = at.position
            at = _pull_some(front, office, at, end, (now_us, by), progress)
            count += at.position - last
    known = _known_days(office)
    _check_days_unchanged(known, seen.days)
    fresh = tuple(day for day in seen.days if day.date not in known)
    for day in fresh:
        if fault := check_seal(day):
            raise DayRefused(day.date, fault)
        _take_day(office, day, now_us, by)
    return Pulled(count, tuple(day.date for day in fresh))


def sealed_by(public: str) -> Callable[[FrontDay], str]:
    """The check of a day's seal by the sealing key's public half (hex), for `pull`."""

    def check(day: FrontDay) -> str:
        if day.root != day_root(day.date, day.next_date, day.closed_at, day.ends):
            return "its root is not the root of what it says"
        return "" if is_signed(day.root, day.signature, public) else "its root is not signed by the sealing key"

    return check


@contextmanager
def _reading(front: Store) -> Iterator[Connection]:
    """One moment of the front book; the database refuses any write."""
    with front.reading() as connection:
        if not front.is_sqlite:  # SQLite's readers are made so
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        yield connection


def _look(front: Store) -> _Front:
    """What there is to pull. What is committed now stays: the journal is append-only, so all that is read later
    is bounded by what was seen here, and the front never waits for a long transaction of ours.
    """
    with _reading(front) as connection:
        query = select(front_chains.c.chain, front_chains.c.position, front_chains.c.tip)
        ends = tuple(ChainEnd(*row) for row in connection.execute(query.order_by(front_chains.c.chain)))
        _check_ends(connection, ends)
        closed = select(front_days).where(front_days.c.state == DayState.CLOSED.value)
        found = tuple(_front_day(row) for row in connection.execute(closed.order_by(front_days.c.date)))
    return _Front(ends, found)


def _front_day(row: Any) -> FrontDay:  # noqa: ANN401 - a row has no type of its own
    try:
        ends = tuple(ChainEnd(int(chain), int(position), str(tip)) for chain, position, tip in json.loads(row.chains))
    except (ValueError, TypeError) as error:
        raise DayRefused(row.date, "where its chains ended cannot be read") from error
    return FrontDay(row.date, row.next_date, row.closed_at, ends, row.root, row.signature)


def _check_ends(connection: Connection, ends: Iterable[ChainEnd]) -> None:
    """Refuse entries that no chain's end vouches for; a seek in the index for each chain."""
    said = {end.chain: end.position for end in ends}
    chain = connection.execute(select(func.min(journal.c.chain))).scalar()
    while chain is not None:
        last = connection.execute(
            select(func.max(journal.c.position)).where(journal.c.chain == chain)
        ).scalar_one()
        if last > said.get(chain, 0):
            raise ChainBroken(chain, last, "lies beyond the end of its chain")
        chain = connection.execute(select(func.min(journal.c.chain)).where(journal.c.chain > chain)).scalar()


def _held(office: Store) -> dict[int, ChainEnd]:
    with office.reading() as connection:
        rows = connection.execute(select(chains.c.chain, chains.c.position, chains.c.tip))
        return {row.chain: ChainEnd(*row) for row in rows}


def _check_not_behind(held: Mapping[int, ChainEnd], ends: Iterable[ChainEnd]) -> None:
    """What was pulled once must still be the front's: one put back to an earlier state is not taken for it."""
    shown = {end.chain: end for end in ends}
    for ours in held.values():
        theirs = shown.get(ours.chain, ChainEnd(ours.chain, 0, GENESIS))
        if theirs.position < ours.position:
            raise ChainBroken(ours.chain, ours.position, f"was pulled, and now the chain ends at {theirs.position}")
        if theirs.position == ours.position and theirs.tip != ours.tip:
            raise ChainBroken(ours.chain, ours.position, "is not the entry that was pulled")


class _Walk:
    """A chain's entries on their way in; `position` and `tip` are the last one's that held."""

    def __init__(self, at: ChainEnd) -> None:
        self.chain, self.position, self.tip = at

    def through(self, rows: Iterable[Sequence[Any]]) -> Iterator[Entry]:
        """Hand on each entry that follows the one before it. Raises ChainBroken at the first that does not."""
        position, tip = self.position, self.tip
        for row in rows:
            entry = Entry._make(row)
            if entry.position != position + 1:
                raise ChainBroken(self.chain, position + 1, f"is missing; the next entry is {entry.position}")
            if entry.previous != tip:
                raise ChainBroken(self.chain, entry.position, "does not carry the hash of the entry before it")
            position, tip = entry.position, entry_hash(entry)
            yield entry
        self.position, self.tip = position, tip


def _pull_some(
    front: Store,
    office: Store,
    at: ChainEnd,
    end: ChainEnd,
    record: tuple[int, str],
    progress: Callable[[int], None],
) -> ChainEnd:
    """Bring the chain's next entries in one transaction; where it stands then."""
    until = min(at.position + ENTRIES_A_TRANSACTION, end.position)
    walk = _Walk(at)
    with _reading(front) as theirs, office.transaction() as ours:
        rows = walk.through(stream(theirs, _between(at, until)))
        insert_rows(ours, entries, Entry._fields, rows, progress)
        if walk.position != until:
            raise ChainBroken(at.chain, walk.position + 1, f"is missing; the chain goes on to {end.position}")
        if until == end.position and walk.tip != end.tip:
            raise ChainBroken(at.chain, until, "is not the entry that the chain's end vouches for")
        there = ChainEnd(at.chain, walk.position, walk.tip)
        _move(ours, at, there)
        note = f"entries {at.position + 1} to {there.position}"
        _record(ours, record, f"chain {at.chain}", note)
    return there


def _between(at: ChainEnd, until: int) -> Select[Any]:
    wanted = journal.c.position.between(at.position + 1, until)
    return select(journal).where(journal.c.chain == at.chain, wanted).order_by(journal.c.position)


def _move(connection: Connection, at: ChainEnd, to: ChainEnd) -> None:
    """Note where the chain stands now, unless somebody moved it since it was read."""
    if at.position == 0:
        connection.execute(insert(chains).values(to._asdict()))
        return
    moved = connection.execute(
        update(chains)
        .where(chains.c.chain == at.chain, chains.c.position == at.position, chains.c.tip == at.tip)
        .values(position=to.position, tip=to.tip)
    )
    if moved.rowcount != 1:
        raise Conflict("another pull is at work on this chain")


def _record(connection: Connection, record: tuple[int, str], subject: str, note: str) -> None:
    now_us, by = record
    connection.execute(insert(acts).values(at=now_us, by=by, act="pull", subject=subject, note=note))
