"""The pull: copies the front book's journal and its closed days into the office's database, with proof.

The pull reads the front book and never writes to it. It checks the hash of every entry against the entry
before it, and every chain against the end that the front shows. Each transaction leaves the office
consistent, so a pull that is killed continues where it stopped. Only statements of the pull belong here; what
a closed day must be, `office.intake.frontday` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, insert, select, update

from ledger.book.journal import select_entries
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
from qianzhi_errors.sentence import Sentence

ENTRIES_A_TRANSACTION = 50_000


class Pulled(NamedTuple):
    """The result of a pull: the number of entries copied, and the dates of the closed days taken."""

    entries: int
    days: tuple[str, ...]


class _Front(NamedTuple):
    """The front book at one moment: the ends of its chains, its closed days, and the last closed day that it
    has retired, or None.
    """

    ends: tuple[ChainEnd, ...]
    closed: tuple[FrontDay, ...]
    retired: FrontDay | None


class _Actor(NamedTuple):
    """The moment of the pull (microseconds since 1970-01-01 UTC) and its author, for the audit log."""

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
    """Copy the entries that the office does not have, those of the open day included, then the closed days.

    `check_seal` is made by `office.intake.frontday.sealed_by` from the public half of the sealing key.
    `now_us` is in microseconds since 1970-01-01 UTC; `by` is the author for the audit log. `progress` is
    called with the number of entries copied since its last call. Raises ChainBroken or DayRefused if the
    front book contradicts itself or what was pulled before, and what Store.transaction raises (Conflict or
    BatchRefused while another pull runs). Then the earlier transactions of the pull are kept, and nothing of
    the failed one.
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
    """Read once what there is to pull; later reads go no further than these ends.

    The journal is append-only, and the front deletes only entries that the office has. So everything up to
    these ends can still be read later, and the pull needs no long transaction in the front's database.
    """
    with front.reading(snapshot=True) as connection:
        query = select(front_chains.c.chain, front_chains.c.position, front_chains.c.tip)
        ends = tuple(ChainEnd(*row) for row in connection.execute(query.order_by(front_chains.c.chain)))
        _check_nothing_beyond(connection, ends)
        closed = read_closed(connection)
        last = connection.execute(select(func.max(front_retired.c.date))).scalar()
        return _Front(ends, closed, next((day for day in closed if day.date == last), None))


def _check_nothing_beyond(connection: Connection, ends: Iterable[ChainEnd]) -> None:
    """Raise ChainBroken for entries beyond the end of their chain. Costs two index seeks for each chain."""
    shown = {end.chain: end.position for end in ends}
    chain = connection.execute(select(func.min(journal.c.chain))).scalar()
    while chain is not None:
        query = select(func.max(journal.c.position)).where(journal.c.chain == chain)
        last = connection.execute(query).scalar_one()
        if last > shown.get(chain, 0):
            raise ChainBroken(chain, last, Sentence("lies beyond the chain's end"))
        chain = connection.execute(select(func.min(journal.c.chain)).where(journal.c.chain > chain)).scalar()


def _held(connection: Connection) -> dict[int, ChainEnd]:
    """The end of each chain at the office, by the chain's number."""
    rows = connection.execute(select(chains.c.chain, chains.c.position, chains.c.tip))
    return {row.chain: ChainEnd(*row) for row in rows}


def _check_not_behind(held: Mapping[int, ChainEnd], ends: Iterable[ChainEnd]) -> None:
    """Raise ChainBroken if the front book was restored to an earlier state, or has another tip than ours."""
    shown = {end.chain: end for end in ends}
    for ours in held.values():
        theirs = shown.get(ours.chain, ChainEnd(ours.chain, 0, GENESIS))
        if theirs.position < ours.position:
            raise ChainBroken(
                ours.chain,
                ours.position,
                Sentence("was pulled, but the chain ends at {position}", position=theirs.position),
            )
        if theirs.position == ours.position and theirs.tip != ours.tip:
            raise ChainBroken(ours.chain, ours.position, Sentence("is not the one that was pulled"))


def _check_not_retired(held: Mapping[int, ChainEnd], retired: FrontDay | None) -> None:
    """Raise ChainBroken if the front has retired entries that the office does not have.

    An office that is new, or was restored to an earlier state, must begin with a copy of a database that has
    them.
    """
    for end in retired.ends if retired else ():
        ours = held.get(end.chain, ChainEnd(end.chain, 0, GENESIS))
        if retired and ours.position < end.position:
            raise ChainBroken(
                end.chain,
                ours.position + 1,
                Sentence(
                    "is gone: the front has retired the business days up to {date}, and not all of them"
                    " are here; put back this office's database as it was after their close",
                    date=retired.date,
                ),
            )


def _pull_some(
    front: Store,
    office: Store,
    at: ChainEnd,
    end: ChainEnd,
    actor: _Actor,
    progress: Callable[[int], None],
) -> ChainEnd:
    """Copy up to 50,000 entries of a chain in one transaction; returns the chain's new end at the office."""
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
            raise ChainBroken(
                end.chain,
                there.position + 1,
                Sentence("is missing; the chain ends at {position}", position=end.position),
            )
        if until == end.position and there != end:
            raise ChainBroken(end.chain, until, Sentence("is not the one that the chain's tip vouches for"))
        _move(ours, at, there)
        note = f"entries {at.position + 1} to {until}; tip {there.tip}"
        write_record(ours, *actor, "pull", f"chain {end.chain}", note)
    return there


def _earliest(office: Connection, at: ChainEnd) -> str:
    """The earliest business date of the next entry: not before the last entry's, nor within a day taken."""
    last = entry_at(office, at.chain, at.position)
    return max(last.business_date if last else "", open_from(office))


def _between(at: ChainEnd, until: int) -> Select[Any]:
    wanted = journal.c.position.between(at.position + 1, until)
    return select_entries(journal).where(journal.c.chain == at.chain, wanted).order_by(journal.c.position)


class _Walk:
    """Checks the entries of a chain one after the other; `at` is the last entry that passed."""

    def __init__(self, at: ChainEnd, earliest: str) -> None:
        self.at = at
        self._earliest = earliest

    def through(self, rows: Iterable[Sequence[Any]]) -> Iterator[Entry]:
        """Yield each entry that follows the one before it; raises ChainBroken at the first that does not."""
        chain, position, tip = self.at
        date = self._earliest
        for row in rows:
            entry = Entry._make(row)
            if entry.position != position + 1:
                raise ChainBroken(
                    chain,
                    position + 1,
                    Sentence("is missing; the next one is {position}", position=entry.position),
                )
            position += 1
            if entry.previous != tip:
                raise ChainBroken(chain, position, Sentence("does not carry the hash of the one before it"))
            if entry.business_date < date:
                raise ChainBroken(
                    chain,
                    position,
                    Sentence(
                        "is dated {business_date}, before {date}",
                        business_date=entry.business_date,
                        date=date,
                    ),
                )
            date = entry.business_date
            tip = entry_hash(entry)
            yield entry
        self.at = ChainEnd(chain, position, tip)


def _move(office: Connection, at: ChainEnd, there: ChainEnd) -> None:
    """Store the chain's new end. Two pulls cannot both get here, since a position holds only one entry."""
    if at.position == 0:
        office.execute(insert(chains).values(there._asdict()))
    else:
        moved = update(chains).where(chains.c.chain == at.chain)
        office.execute(moved.values(position=there.position, tip=there.tip))
