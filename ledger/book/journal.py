"""Reads the journal back and proves its hash chain; for checks and reports, never for serving.

Reads only. What is written, `ledger.book.front` writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, case, func, select

from ledger.book.schema import audit_log, chains, days, journal, retired
from ledger.errors import InvariantBroken
from ledger.rules.entry import GENESIS, Entry, Kind, entry_hash
from ledger.rules.seal import ChainEnd, day_root
from ledger.rules.view import Chain
from protocol.responses import Response

_ROWS_AT_ONCE = 2000


class BrokenLink(NamedTuple):
    """A place where a chain does not hold: the entry at `position` is not what its neighbour vouches for."""

    chain: int
    position: int
    reason: str


RETIRED = "retired"
"""The state of a closed day whose entries have left the journal, or are leaving it."""


class DayRow(NamedTuple):
    """A business day of the front book; see ledger.book.schema.days. `state` may be RETIRED as well."""

    date: str
    state: str
    next_date: str
    closed_at: int
    chains: str
    root: str
    signature: str


_CHAINS = select(chains.c.chain, chains.c.epoch, chains.c.position, chains.c.tip).order_by(chains.c.chain)
_STATE = case((retired.c.date.is_not(None), RETIRED), else_=days.c.state).label("state")
_DAYS = (
    select(*(_STATE if name == "state" else days.c[name] for name in DayRow._fields))
    .select_from(days.outerjoin(retired, retired.c.date == days.c.date))
    .order_by(days.c.date)
)
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
LAST_RECORD = select(audit_log.c.at).order_by(audit_log.c.number.desc()).limit(1)
"""When the last act was stamped; no row where there is none."""


def last_stamp(connection: Connection) -> int:
    """When the book was last written to by the clock of whoever wrote, in microseconds since 1970-01-01 UTC:
    by the chains' last entries and the last act, which a cut-over and a load are too; 0 for an empty book.

    What is written next is stamped no earlier.
    """
    return max(connection.execute(moment).scalar() or 0 for moment in (_LAST_TIP, LAST_RECORD))


def read_chains(connection: Connection) -> tuple[Chain, ...]:
    """Every node's chain with the position and hash of its last entry."""
    return tuple(Chain(*row) for row in connection.execute(_CHAINS))


def read_days(connection: Connection) -> tuple[DayRow, ...]:
    """Every business day, the oldest first."""
    return tuple(DayRow(*row) for row in connection.execute(_DAYS))


def sealed_ends(day: DayRow) -> tuple[ChainEnd, ...]:
    """The chains' ends of a closed day, none where no node had a chain yet. Raises InvariantBroken where the
    day's seal is not over what stands beside it.
    """
    try:
        ends = tuple(ChainEnd(*end) for end in json.loads(day.chains))
    except (ValueError, TypeError):
        ends = None
    if ends is None or day_root(day.date, day.next_date, day.closed_at, ends) != day.root:
        raise InvariantBroken(f"business day {day.date}: its seal is not over what stands beside it")
    return ends


def retired_until(connection: Connection) -> tuple[str, tuple[ChainEnd, ...]]:
    """The last retired date, and where each chain stood at its end: the journal proves itself from there on.
    Empty where no day is retired. Raises InvariantBroken where the day's seal does not hold.
    """
    gone = [day for day in read_days(connection) if day.state == RETIRED]
    if not gone:
        return "", ()
    return gone[-1].date, sealed_ends(gone[-1])


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
    """Every place where a chain's entries, from `start` or its beginning, and its recorded tip disagree, or
    where their stamps go back; nothing for a sound journal.
    """
    _, position, tip = start or ChainEnd(chain.chain, 0, GENESIS)
    stamped = 0
    for entry in entries:
        if entry.position != position + 1:
            yield BrokenLink(chain.chain, position + 1, f"missing; the next entry is {entry.position}")
        if entry.previous != tip:
            yield BrokenLink(chain.chain, entry.position, "does not carry the hash of the entry before it")
        if entry.recorded_at < stamped:
            yield BrokenLink(chain.chain, entry.position, "is stamped before the entry before it")
        tip, position, stamped = entry_hash(entry), entry.position, entry.recorded_at
    if (position, tip) != (chain.position, chain.tip):
        yield BrokenLink(chain.chain, position, "is not the last entry that the chain's tip vouches for")


class ProvedChain(NamedTuple):
    """A chain of the journal: how many entries it has had, from which one on it is proved (the end of what is
    retired comes before it), and where it does not hold.
    """

    chain: int
    entries: int
    proved_from: int
    broken: tuple[BrokenLink, ...]


def prove(connection: Connection) -> Iterator[ProvedChain]:
    """Each chain from the last retired day's end, or its beginning, to its tip. Raises InvariantBroken."""
    starts = {end.chain: end for end in retired_until(connection)[1]}
    for chain in read_chains(connection):
        start = starts.get(chain.chain, ChainEnd(chain.chain, 0, GENESIS))
        entries = read_entries(connection, chain.chain, after=start.position)
        broken = tuple(broken_links(entries, chain, start))
        yield ProvedChain(chain.chain, chain.position, start.position + 1, broken)
