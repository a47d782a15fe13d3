"""The cut-over: one short transaction that closes a business day, seals it and opens the next.

It locks the day's row alone. Every batch on every node holds that row shared, from before its first entry
gets a date until its commit. So once the cut-over has the row, no entry is on its way, and every later batch
reads the new day. On PostgreSQL the cut-over locks the table first: batches that begin while it waits then
queue behind it. With the row's lock alone, two busy nodes could share the row past it without end. Nothing is
counted here: the day's sums are read later, from entries that can no longer change. Statements of the
cut-over only.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, text, update

from ledger.book.audit_log import MACHINE, record
from ledger.book.journal import last_stamp
from ledger.book.schema import audit_log, chains, days, loads
from ledger.book.store import Store
from ledger.errors import LedgerError
from ledger.rules.day import TRANSITIONS, DayEvent, DayState
from ledger.rules.seal import ChainEnd, Sealer, day_root
from qianzhi_errors.sentence import Sentence


class CutoverRefused(LedgerError):
    """The day cannot be closed now; nothing was changed."""


class Cutover(NamedTuple):
    """A closed day: dates YYYYMMDD, `closed_at` microseconds since 1970-01-01 UTC, `root` its sealed root
    (hex). `done_before`: an earlier call closed it.
    """

    date: str
    next_date: str
    closed_at: int
    root: str
    done_before: bool = False


class DayStatus(NamedTuple):
    """What the book has of a business day before a cut-over by the clock: whether the day's dues are loaded,
    and when a day was last closed (microseconds since 1970-01-01 UTC; None if none was).
    """

    is_loaded: bool
    last_closed_at: int | None


def read_day_status(store: Store, date: str) -> DayStatus:
    """The status of the business day `date` (YYYYMMDD). Raises what Store.reading does."""
    with store.reading() as connection:
        is_loaded = connection.execute(select(loads.c.date).where(loads.c.date == date)).first() is not None
        return DayStatus(is_loaded, connection.execute(select(func.max(days.c.closed_at))).scalar() or None)


def cut_over(
    store: Store,
    date: str,
    next_business_date: Callable[[str], str],
    sealer: Sealer,
    now_us: int,
    by: str = MACHINE,
    objection: str = "",
) -> Cutover:
    """Close the business day `date` (YYYYMMDD) and open the next, on behalf of `by`. Closing a closed day
    again changes nothing.

    The day is closed at `now_us` (microseconds since 1970-01-01 UTC), or at the book's newest time stamp if
    that is later, since a clock was set back. `objection` is why an open day may not be closed now; empty if
    it may. Raises CutoverRefused, Conflict if a load or another node is in the way, and what
    Store.transaction and `next_business_date` raise.
    """
    with store.transaction() as connection:
        if not store.is_sqlite:
            # Every batch behind this lock waits as long as this transaction does. So it gives up, and is
            # asked for again, before banks wait long for a load that is in its way.
            connection.execute(text("SET LOCAL lock_timeout = '1s'"))
            connection.execute(text("LOCK TABLE days IN EXCLUSIVE MODE"))
        row = connection.execute(select(days).where(days.c.date == date).with_for_update()).first()
        if row is None:
            raise CutoverRefused(Sentence("there is no business day {date}: nothing was done", date=date))
        state = DayState(row.state)
        if state is DayState.CLOSED:
            return Cutover(date, row.next_date, row.closed_at, row.root, done_before=True)
        if objection:
            raise CutoverRefused(
                Sentence("{objection}: nothing was done; --early closes it all the same", objection=objection)
            )
        next_date = next_business_date(date)
        closed_at = max(now_us, last_stamp(connection))
        ends = _chain_ends(connection)
        root = day_root(date, next_date, closed_at, ends)
        connection.execute(
            update(days)
            .where(days.c.date == date)
            .values(
                state=TRANSITIONS[state, DayEvent.CUT_OVER].value,
                next_date=next_date,
                closed_at=closed_at,
                chains=json.dumps(ends),
                root=root,
                signature=sealer.sign(root),
            )
        )
        open_day(connection, next_date)
        record(connection, audit_log, closed_at, by, "cutover", date, f"{next_date} is open; root {root}")
    return Cutover(date, next_date, closed_at, root)


def open_day(connection: Connection, date: str) -> None:
    """Insert an open business day, which takes transactions from this transaction's commit on."""
    row = {"next_date": "", "closed_at": 0, "chains": "", "root": "", "signature": ""}
    connection.execute(insert(days).values(date=date, state=DayState.OPEN.value, **row))


def _chain_ends(connection: Connection) -> list[ChainEnd]:
    """Every chain's end. Needs no lock: nothing moves a chain without the day's row, which is locked."""
    rows = connection.execute(
        select(chains.c.chain, chains.c.position, chains.c.tip).order_by(chains.c.chain)
    )
    return [ChainEnd(*row) for row in rows]
