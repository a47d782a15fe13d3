"""The check of a book before it is served: the journal's hash chains since the last seal, the book's newest
time stamp, and the database settings without which a commit is not durable.

Reads only. The caller decides whether to serve. Earlier days are proved when the office pulls them, and by
`qianzhi journal verify`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, text

from ledger.book.journal import broken_links, last_stamp, read_chains, read_days, read_entries
from ledger.book.store import Store
from ledger.rules.entry import GENESIS
from ledger.rules.seal import ChainEnd, day_root
from qianzhi_errors.sentence import Sentence

FAULTS_SHOWN = 10
"""One change can break every link after it, and a person reads only the first few."""
_PROMISES = ("fsync", "full_page_writes")


class StartupReport(NamedTuple):
    """The result of the check. `last_written` is the newest time stamp in the book, microseconds since
    1970-01-01 UTC, 0 for an empty book; `faults` are the first FAULTS_SHOWN faults of its journal,
    `fault_count` all.
    """

    last_written: int
    faults: tuple[str, ...]
    fault_count: int


def examine(store: Store) -> StartupReport:
    """Check a book, as of one moment since other nodes may be writing. Raises what Store.reading does."""
    shown: list[str] = []
    count = 0
    with store.reading(snapshot=True) as connection:
        for fault in _faults(connection):
            count += 1
            if count <= FAULTS_SHOWN:
                shown.append(fault)
        return StartupReport(last_stamp(connection), tuple(shown), count)


def broken_promises(store: Store) -> tuple[str, ...]:
    """The names of PostgreSQL's settings that are not on and without which a commit is not durable."""
    if store.is_sqlite:
        return ()
    with store.reading() as connection:
        values = {name: connection.execute(text(f"SHOW {name}")).scalar() for name in _PROMISES}
    return tuple(name for name, value in values.items() if value != "on")


def _faults(connection: Connection) -> Iterator[str]:
    """One text for each place where the last closed day's seal, the entries behind it and the chains' tips
    disagree.
    """
    closed = [day for day in read_days(connection) if day.root]
    ends = [ChainEnd(*end) for end in json.loads(closed[-1].chains)] if closed else []
    if closed:
        last = closed[-1]
        if day_root(last.date, last.next_date, last.closed_at, ends) != last.root:
            yield Sentence("business day {date}: its seal is not over what stands beside it", date=last.date)
    sealed = {end.chain: end for end in ends}
    for chain in read_chains(connection):
        start = sealed.get(chain.chain, ChainEnd(chain.chain, 0, GENESIS))
        entries = read_entries(connection, chain.chain, after=start.position)
        for link in broken_links(entries, chain, start):
            yield Sentence(
                "chain {chain}, entry {position}: {reason}",
                chain=link.chain,
                position=link.position,
                reason=link.reason,
            )
