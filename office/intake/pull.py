"""Pulls the front book's journal and its closed days into the office's database, believing nothing unproved.

Reads the front book and never writes to it. Every entry is held against the one before it, and every chain
against the end that the front shows. Each transaction leaves the office consistent, so a pull that is killed
goes on where it was. Statements of the pull only; what a closed day must be, `office.intake.frontday` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, insert, select, update

from ledger.book.schema import chains as front_chains
from ledger.book.schema import journal
from ledger.book.schema import retired as front_retired
from ledger.book.store import Store
from ledger.rules.entry import GENESIS, Entry, entry_hash
from ledger.rules.seal import ChainEnd
from office.database.audit_log import write_record
from office.database.bulk import insert_rows, stream
from office.database.schema import chains, entries
from office.errors import ChainBroken
from office.intake.frontday import (
    FrontDay,
    SealCheck,
    days_to_take,
    entry_at,
    open_from,
    read_closed,
    take_day,
)

ENTRIES_A_TRANSACTION = 50_000


class Pulled(NamedTuple):
    """What a pull brought: how many entries, and the dates of the days."""

    entries: int
    days: tuple[str, ...]


class _Front(NamedTuple):
    """What the front shows at one moment: where its chains end, the days that it has closed, and the last of
    these that it has retired, or None.
    """

    ends: tuple[ChainEnd, ...]
    closed: tuple[FrontDay, ...]
    retired: FrontDay | None


class _Actor(NamedTuple):
    """Who has the pull done, and when (microseconds since 1970-01-01 UTC): for the record."""

    now_us: int
    by: str


def pull(
    front: Store,
    office: Store,
    check_seal: SealCheck,
    now_us: int,
    by: str,
    progress: Callable[[int], None] = lambda _: None,
) -> Pulled:
    """Bring what the front book has and the office has not: entries, the open day's too, then closed days.

    `check_seal` is `office.intake.frontday.sealed_by` with the sealing key's public half. `now_us` is
    microseconds since 1970-01-01 UTC; `by` names who has it done. `progress` is told how many entries came
    since it was told last. Raises ChainBroken or DayRefused where the front cannot be believed, and what
    Store.transaction raises (Conflict or BatchRefused where another pull is at work): what earlier
    transactions brought is kept, and of the failed one nothing.
    """
    actor = _Actor(now_us, by)
    seen = _look(front)
    with office.reading() as connection:
        held = _held(connection)
    _check_not_behind(held, seen.ends)
    _check_not_retired(held, seen.retired)
    count = 0
    for end in seen.ends:
        at = held.get(end.chain, ChainEnd(end.chain, 0, GENESIS))
        while at.position < end.position:
            there = _pull_some(front, office, at, end, actor, progress)
            count += there.position - at.position
            at = there
    with office.reading() as connection:
        fresh = days_to_take(connection, seen.closed)
    for day in fresh:
        with office.transaction() as connection:
            size = take_day(connection, day, check_seal)
            write_record(connection, *actor, "pull", f"day {day.date}", f"{size} entries; root {day.root}")
    return Pulled(count, tuple(day.date for day in fresh))


def _look(front: Store) -> _Front:
    """What there is to pull.

    The journal is append-only, and forgets only what is here already: what is there now stays. So this look
    bounds whatever is read later, and the front's database never has a long transaction of ours to work
    around.
    """
    with front.reading(snapshot=True) as connection:
        query = select(front_chains.c.chain, front_chains.c.position, front_chains.c.tip)
        ends = tuple(ChainEnd(*row) for row in connection.execute(query.order_by(front_chains.c.chain)))
        _check_nothing_beyond(connection, ends)
        closed = read_closed(connection)
        last = connection.execute(select(func.max(front_retired.c.date))).scalar()
        return _Front(ends, closed, next((day for day in closed if day.date == last), None))


def _check_nothing_beyond(connection: Connection, ends: Iterable[ChainEnd]) -> None:
    """Refuse entries that no chain's end vouches for. Two seeks in the index for each chain."""
    shown = {end.chain: end.position for end in ends}
    chain = connection.execute(select(func.min(journal.c.chain))).scalar()
    while chain is not None:
        query = select(func.max(journal.c.position)).where(journal.c.chain == chain)
        last = connection.execute(query).scalar_one()
        if last > shown.get(chain, 0):
            raise ChainBroken(chain, last, "lies beyond the chain's end")
        chain = connection.execute(select(func.min(journal.c.chain)).where(journal.c.chain > chain)).scalar()


def _held(connection: Connection) -> dict[int, ChainEnd]:
    """How far the office has each chain."""
    rows = connection.execute(select(chains.c.chain, chains.c.position, chains.c.tip))
    return {row.chain: ChainEnd(*row) for row in rows}


def _check_not_behind(held: Mapping[int, ChainEnd], ends: Iterable[ChainEnd]) -> None:
    """Refuse a front book that was put back to an earlier state, or went another way since."""
    shown = {end.chain: end for end in ends}
    for ours in held.values():
        theirs = shown.get(ours.chain, ChainEnd(ours.chain, 0, GENESIS))
        if theirs.position < ours.position:
            raise ChainBroken(
                ours.chain, ours.position, f"was pulled, but the chain ends at {theirs.position}"
            )
        if theirs.position == ours.position and theirs.tip != ours.tip:
            raise ChainBroken(ours.chain, ours.position, "is not the one that was pulled")


def _check_not_retired(held: Mapping[int, ChainEnd], retired: FrontDay | None) -> None:
    """Refuse where the front has forgotten what is not here: an office that is new, or was put back to an
    earlier state, begins with a copy of what was pulled before.
    """
    for end in retired.ends if retired else ():
        ours = held.get(end.chain, ChainEnd(end.chain, 0, GENESIS))
        if retired and ours.position < end.position:
            raise ChainBroken(
                end.chain,
                ours.position + 1,
                f"is gone: the front has retired the business days up to {retired.date}, and not all of them"
                " are here; put back this office's database as it was after their close",
            )


def _pull_some(
    front: Store,
    office: Store,
    at: ChainEnd,
    end: ChainEnd,
    actor: _Actor,
    progress: Callable[[int], None],
) -> ChainEnd:
    """Bring the next entries of a chain in one transaction; where the office has it then."""
    until = min(at.position + ENTRIES_A_TRANSACTION, end.position)
    with (
        front.reading(snapshot=True) as theirs,
        closing(stream(theirs, _between(at, until))) as rows,
        office.transaction() as ours,
    ):
        walk = _Walk(at, _earliest(ours, at))
        insert_rows(ours, entries, (entry._asdict() for entry in walk.through(rows)), progress)
        there = walk.at
        if there.position != until:
            raise ChainBroken(end.chain, there.position + 1, f"is missing; the chain ends at {end.position}")
        if until == end.position and there != end:
            raise ChainBroken(end.chain, until, "is not the one that the chain's tip vouches for")
        _move(ours, at, there)
        note = f"entries {at.position + 1} to {until}; tip {there.tip}"
        write_record(ours, *actor, "pull", f"chain {end.chain}", note)
    return there


def _earliest(office: Connection, at: ChainEnd) -> str:
    """The first date that the next entry can have: not before its neighbour's, nor in a day taken."""
    last = entry_at(office, at.chain, at.position)
    return max(last.business_date if last else "", open_from(office))


def _between(at: ChainEnd, until: int) -> Select[Any]:
    wanted = journal.c.position.between(at.position + 1, until)
    columns = (journal.c[name] for name in Entry._fields)
    return select(*columns).where(journal.c.chain == at.chain, wanted).order_by(journal.c.position)


class _Walk:
    """Goes along a chain; `at` is the last entry that held."""

    def __init__(self, at: ChainEnd, earliest: str) -> None:
        self.at = at
        self._earliest = earliest

    def through(self, rows: Iterable[Sequence[Any]]) -> Iterator[Entry]:
        """Hand on each entry that follows the one before it; ChainBroken at the first that does not."""
        chain, position, tip = self.at
        date = self._earliest
        for row in rows:
            entry = Entry._make(row)
            if entry.position != position + 1:
                raise ChainBroken(chain, position + 1, f"is missing; the next one is {entry.position}")
            position += 1
            if entry.previous != tip:
                raise ChainBroken(chain, position, "does not carry the hash of the one before it")
            if entry.business_date < date:
                raise ChainBroken(chain, position, f"is dated {entry.business_date}, before {date}")
            date = entry.business_date
            tip = entry_hash(entry)
            yield entry
        self.at = ChainEnd(chain, position, tip)


def _move(office: Connection, at: ChainEnd, there: ChainEnd) -> None:
    """Note how far the office has the chain now. Two pulls never get here: one position has one entry."""
    if at.position == 0:
        office.execute(insert(chains).values(there._asdict()))
    else:
        moved = update(chains).where(chains.c.chain == at.chain)
        office.execute(moved.values(position=there.position, tip=there.tip))
