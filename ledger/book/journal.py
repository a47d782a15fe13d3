"""Reads the journal back and proves its hash chain, for checks and reports.

Reads only; `ledger.book.front` writes. Of what stands here only `entry_of`, where a row of the journal
becomes an entry, and `last_stamp` are used while banks wait.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Table, bindparam, case, func, select

from ledger.book.schema import audit_log, chains, days, journal, retired
from ledger.errors import InvariantBroken
from ledger.rules.entry import GENESIS, Entry, Kind, entry_hash
from ledger.rules.seal import ChainEnd, day_root
from ledger.rules.view import Chain
from protocol.responses import Response
from qianzhi_errors.sentence import Sentence

_ROWS_AT_ONCE = 2000


class BrokenLink(NamedTuple):
    """A place where a chain does not hold: the entry at `position` is not the one whose hash its neighbour
    has.
    """

    chain: int
    position: int
    reason: str


RETIRED = "retired"
"""The state of a closed day whose entries were deleted from the journal, or are being deleted."""


class DayRow(NamedTuple):
    """A business day of the front book, as in ledger.book.schema.days; `state` can be RETIRED too."""

    date: str
    state: str
    next_date: str
    closed_at: int
    chains: str
    root: str
    signature: str


_CHAINS = select(*(chains.c[name] for name in Chain._fields)).order_by(chains.c.chain)
_STATE = case((retired.c.date.is_not(None), RETIRED), else_=days.c.state).label("state")
_DAYS = (
    select(*(_STATE if name == "state" else days.c[name] for name in DayRow._fields))
    .select_from(days.outerjoin(retired, retired.c.date == days.c.date))
    .order_by(days.c.date)
)


def select_entries(table: Table) -> Select[Any]:
    """A query of the entries in `table`, the journal or the office's copy of it, with the columns by name in
    the order of Entry's fields.
    """
    return select(*(table.c[name] for name in Entry._fields))


def entry_of(row: Sequence[Any]) -> Entry:
    """The entry in a row whose columns are in the order of Entry's fields (`select_entries`)."""
    entry = Entry._make(row)
    return entry._replace(kind=Kind(entry.kind), response=Response(entry.response))


_ENTRIES = (
    select_entries(journal)
    .where(journal.c.chain == bindparam("our_chain"), journal.c.position > bindparam("after"))
    .order_by(journal.c.position)
)
_LAST_TIP = select(
    func.max(
        select(func.max(journal.c.recorded_at))
        .where(journal.c.chain == chains.c.chain, journal.c.position == chains.c.position)
        .scalar_subquery()
    )
).select_from(chains)
LAST_RECORD = select(audit_log.c.at).order_by(audit_log.c.number.desc()).limit(1)
"""The time stamp of the newest audit record, microseconds since 1970-01-01 UTC; no row if there is none."""


def last_stamp(connection: Connection) -> int:
    """The newest time stamp in the book, microseconds since 1970-01-01 UTC: that of the chains' last entries
    or of the newest audit record (a cut-over and a load leave one too); 0 for an empty book.

    What is written next gets no earlier stamp, even if a clock was set back.
    """
    return max(connection.execute(moment).scalar() or 0 for moment in (_LAST_TIP, LAST_RECORD))


def read_chains(connection: Connection) -> tuple[Chain, ...]:
    """Every node's chain, with the position and hash of its last entry."""
    return tuple(map(Chain._make, connection.execute(_CHAINS)))


def read_days(connection: Connection) -> tuple[DayRow, ...]:
    """Every business day, the oldest first."""
    return tuple(map(DayRow._make, connection.execute(_DAYS)))


def sealed_ends(day: DayRow) -> tuple[ChainEnd, ...]:
    """The chains' ends of a closed day; none if no node had a chain yet. Raises InvariantBroken if the day's
    root is not the root of the columns beside it.
    """
    try:
        ends = tuple(ChainEnd(*end) for end in json.loads(day.chains))
    except (ValueError, TypeError):
        ends = None
    if ends is None or day_root(day.date, day.next_date, day.closed_at, ends) != day.root:
        raise InvariantBroken(
            Sentence("business day {date}: its seal is not over what stands beside it", date=day.date)
        )
    return ends


def retired_until(connection: Connection) -> tuple[str, tuple[ChainEnd, ...]]:
    """The last retired date, and each chain's end on it, from which on the journal is proved; empty if no day
    is retired. Raises InvariantBroken if that day's root does not hold.
    """
    retired_days = [day for day in read_days(connection) if day.state == RETIRED]
    if not retired_days:
        return "", ()
    return retired_days[-1].date, sealed_ends(retired_days[-1])


def read_entries(connection: Connection, chain: int, after: int = 0) -> Iterator[Entry]:
    """The entries of a chain behind position `after`, in order, streamed from the database."""
    streamed = connection.execution_options(yield_per=_ROWS_AT_ONCE)
    yield from map(entry_of, streamed.execute(_ENTRIES, {"our_chain": chain, "after": after}))


def broken_links(
    entries: Iterable[Entry], chain: Chain, start: ChainEnd | None = None
) -> Iterator[BrokenLink]:
    """Every place where a chain does not hold; nothing for a sound one.

    `entries` are the chain's entries behind `start`, or from its beginning. Each must be the next position,
    have the hash of the one before it and no earlier time stamp, and the last must be the one that the
    chain's row names.
    """
    _, position, tip = start or ChainEnd(chain.chain, 0, GENESIS)
    stamped = 0
    for entry in entries:
        if entry.position != position + 1:
            yield BrokenLink(
                chain.chain,
                position + 1,
                Sentence("missing; the next entry is {position}", position=entry.position),
            )
        if entry.previous != tip:
            yield BrokenLink(
                chain.chain, entry.position, Sentence("does not carry the hash of the entry before it")
            )
        if entry.recorded_at < stamped:
            yield BrokenLink(chain.chain, entry.position, Sentence("is stamped before the entry before it"))
        tip, position, stamped = entry_hash(entry), entry.position, entry.recorded_at
    if (position, tip) != (chain.position, chain.tip):
        yield BrokenLink(
            chain.chain, position, Sentence("is not the last entry that the chain's tip vouches for")
        )


class ProvedChain(NamedTuple):
    """A chain of the journal after its proof: how many entries it has had, the position of the first one that
    was proved (those before it are retired), and where it does not hold.
    """

    chain: int
    entries: int
    proved_from: int
    broken: tuple[BrokenLink, ...]


def prove(connection: Connection) -> Iterator[ProvedChain]:
    """Prove each chain from the last retired day's end, or its beginning, to its tip. Raises InvariantBroken
    if the last retired day's root does not hold.
    """
    starts = {end.chain: end for end in retired_until(connection)[1]}
    for chain in read_chains(connection):
        start = starts.get(chain.chain, ChainEnd(chain.chain, 0, GENESIS))
        entries = read_entries(connection, chain.chain, after=start.position)
        broken = tuple(broken_links(entries, chain, start))
        yield ProvedChain(chain.chain, chain.position, start.position + 1, broken)
