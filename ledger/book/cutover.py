"""The cut-over: one short transaction that closes a business day, seals it and opens the next.

It takes the day's row for itself. Every batch holds that row shared from before its first entry gets a date
until its commit, on every node; so when the row is ours no entry is on its way, and whatever comes after
reads the new day. On PostgreSQL it asks for the table first: batches that begin while it waits queue behind
it, where the row alone would be shared past it for as long as two nodes are busy. Nothing is counted here:
what the day adds up to is read at leisure, from entries that can no longer change. Statements of the
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


class CutoverRefused(LedgerError):
    """The day cannot be closed now; nothing was changed."""


class Cutover(NamedTuple):
    """A day that was closed: dates YYYYMMDD, `closed_at` microseconds since 1970-01-01 UTC; `done_before`
    tells that an earlier call closed it.
    """

    date: str
    next_date: str
    closed_at: int
    root: str
    done_before: bool = False


class Standing(NamedTuple):
    """What the book says before a cut-over by the clock: whether the dues of the date are loaded, and when a
    day was closed last (microseconds since 1970-01-01 UTC), None where none was.
    """

    is_loaded: bool
    last_closed_at: int | None


def read_standing(store: Store, date: str) -> Standing:
    """How the book stands with the business day `date`. Raises what Store.reading does."""
    with store.reading() as connection:
        is_loaded = connection.execute(select(loads.c.date).where(loads.c.date == date)).first() is not None
        return Standing(is_loaded, connection.execute(select(func.max(days.c.closed_at))).scalar() or None)


def cut_over(
    store: Store,
    date: str,
    next_business_date: Callable[[str], str],
    sealer: Sealer,
    now_us: int,
    by: str = MACHINE,
    objection: str = "",
) -> Cutover:
    """Close the business day `date` and open the next, for `by`. Closing a closed day again changes nothing.
    It is closed at `now_us`, or where a clock was set back, when its last entry was written.
    `objection` says why a day that is still open may not be closed now; nothing where it may.

    Raises CutoverRefused, Conflict where a load or another node is in the way, and what Store.transaction and
    `next_business_date` raise.
    """
    with store.transaction() as connection:
        if not store.is_sqlite:
            # Whoever comes behind waits as long as this does: rather be asked again than keep every bank
            # waiting for a load that is being taken.
            connection.execute(text("SET LOCAL lock_timeout = '1s'"))
            connection.execute(text("LOCK TABLE days IN EXCLUSIVE MODE"))
        row = connection.execute(select(days).where(days.c.date == date).with_for_update()).first()
        if row is None:
            raise CutoverRefused(f"there is no business day {date}: nothing was done")
        state = DayState(row.state)
        if state is DayState.CLOSED:
            return Cutover(date, row.next_date, row.closed_at, row.root, done_before=True)
        if objection:
            raise CutoverRefused(f"{objection}: nothing was done; --early closes it all the same")
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
    """Insert a business day that takes transactions from now on."""
    row = {"next_date": "", "closed_at": 0, "chains": "", "root": "", "signature": ""}
    connection.execute(insert(days).values(date=date, state=DayState.OPEN.value, **row))


def _chain_ends(connection: Connection) -> list[ChainEnd]:
    """Where every chain stands. No lock: nobody moves a chain without the day's row, which is ours."""
    rows = connection.execute(
        select(chains.c.chain, chains.c.position, chains.c.tip).order_by(chains.c.chain)
    )
    return [ChainEnd(*row) for row in rows]
