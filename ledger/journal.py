"""Reads the journal back and proves its hash chain; for checks and reports, never for serving.

Reads only. What is written, `ledger.front` writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from ledger.entry import GENESIS, Entry, Kind, entry_hash
from ledger.schema import acts, chains, days, journal
from ledger.seal import ChainEnd
from ledger.view import Chain
from protocol.responses import Response

_ROWS_AT_ONCE = 2000


class BrokenLink(NamedTuple):
    """A place where a chain does not hold: the entry at `position` is not what its neighbour vouches for."""

    chain: int
    position: int
    reason: str


class DayRow(NamedTuple):
    """A business day as the front book has it; see ledger.schema.days."""

    date: str
    state: str
    next_date: str
    closed_at: int
    chains: str
    root: str
    signature: str


_CHAINS = select(chains.c.chain, chains.c.epoch, chains.c.position, chains.c.tip).order_by(chains.c.chain)
_DAYS = select(*(days.c[name] for name in DayRow._fields)).order_by(days.c.date)
_ENTRIES = (
    select(journal)
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
_LAST_ACT = select(acts.c.at).order_by(acts.c.number.desc()).limit(1)


def last_stamp(connection: Connection) -> int:
    """When the book was last written to by the clock of whoever wrote, in microseconds since 1970-01-01 UTC:
    by the chains' last entries and the last act, which a cut-over and a load are too; 0 for an empty book.

    What is written next is stamped no earlier.
    """
    return max(connection.execute(moment).scalar() or 0 for moment in (_LAST_TIP, _LAST_ACT))


def read_chains(connection: Connection) -> tuple[Chain, ...]:
    """Every node's chain with the position and hash of its last entry."""
    return tuple(Chain(*row) for row in connection.execute(_CHAINS))


def read_days(connection: Connection) -> tuple[DayRow, ...]:
    """Every business day, the oldest first."""
    return tuple(DayRow(*row) for row in connection.execute(_DAYS))


def read_entries(connection: Connection, chain: int, after: int = 0) -> Iterator[Entry]:
    """The entries of a chain behind position `after`, in order, streamed."""
    streamed = connection.execution_options(yield_per=_ROWS_AT_ONCE)
    rows = streamed.execute(_ENTRIES, {"our_chain": chain, "after": after})
    for row in rows:
        entry = Entry._make(row)
        yield entry._replace(kind=Kind(entry.kind), response=Response(entry.response))


def broken_links(
    entries: Iterable[Entry], chain: Chain, start: ChainEnd | None = None
) -> Iterator[BrokenLink]:
    """Every place where a chain's entries, from `start` or its beginning, and its recorded tip disagree;
    nothing for a sound journal.
    """
    _, position, tip = start or ChainEnd(chain.chain, 0, GENESIS)
    for entry in entries:
        if entry.position != position + 1:
            yield BrokenLink(chain.chain, position + 1, f"missing; the next entry is {entry.position}")
        if entry.previous != tip:
            yield BrokenLink(chain.chain, entry.position, "does not carry the hash of the entry before it")
        tip, position = entry_hash(entry), entry.position
    if (position, tip) != (chain.position, chain.tip):
        yield BrokenLink(chain.chain, position, "is not the last entry that the chain's tip vouches for")
