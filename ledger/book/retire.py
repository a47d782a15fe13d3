"""Retires business days: the journal forgets the entries of days that nobody can ask it for again.

A day may go when the office has archived it and holds just as many entries under the same sealed root, when
it is the oldest that is left, and when no key of it lies in the window in which keys are known, as far as the
machine's own dates allow such a key. It is marked
first, and then its entries leave in small transactions, so that no batch waits for a long one; one that was
interrupted goes on the next time. The day itself stays, with its seal and its chains' ends: from the last of
these on, the journal proves itself. Dues stay settled, totals and the operators' acts stay. Statements of the
retirement only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import Connection, case, delete, func, insert, select

from ledger.book.audit_log import MACHINE, record
from ledger.book.journal import RETIRED, DayRow, last_stamp, read_days, sealed_ends
from ledger.book.schema import audit_log, journal, retired
from ledger.book.store import Store
from ledger.errors import LedgerError
from ledger.files.archived import ArchivedDay
from ledger.rules.beijing import beijing
from ledger.rules.entry import GENESIS
from ledger.rules.moment import KeyWindow
from ledger.rules.seal import ChainEnd
from protocol.responses import Response

ENTRIES_A_TRANSACTION = 500
"""As long as a batch, about: every batch waits for at most one of them."""
_ENTRIES_A_LOOK = 20_000
RETIRE = "retire"
"""How the audit log names it."""

Run = Callable[[Callable[[], Any]], Any]
"""Runs one of the transactions where the book's writer lives, and returns what it returns."""


class RetireRefused(LedgerError):
    """What the office says of a day is not what the front book has of it. Nothing of it was forgotten."""


class Retired(NamedTuple):
    """What was retired: the dates, how many entries left, and why the next day does not go yet."""

    dates: tuple[str, ...]
    entries: int
    waits: str


class _Sealed(NamedTuple):
    """A closed day, and where each chain stood before it and at its end."""

    day: DayRow
    before: Mapping[int, ChainEnd]
    ends: tuple[ChainEnd, ...]

    @property
    def size(self) -> int:
        """How many entries the day has by its seal."""
        return sum(end.position - self.after(end.chain) for end in self.ends)

    def after(self, chain: int) -> int:
        """The position behind which the day's entries of a chain begin."""
        return self.before.get(chain, ChainEnd(chain, 0, GENESIS)).position


def at_once(transaction: Callable[[], Any]) -> Any:  # noqa: ANN401 - gives back whatever the transaction gives
    """Run a transaction here and now."""
    return transaction()


def retire(
    store: Store,
    archived: Mapping[str, ArchivedDay],
    first_date: str,
    now_us: Callable[[], int],
    run: Run = at_once,
    by: str = MACHINE,
) -> Retired:
    """Retire what may go, the oldest day first, for `by`.

    `archived` are the days that the office tells of, by date; `first_date` (YYYYMMDD) is the oldest date of
    the window, so that keys of earlier dates only are forgotten; `now_us` is microseconds since 1970-01-01
    UTC. `run` runs each transaction. Raises RetireRefused where a day is not the office's,
    InvariantBroken where a seal does not hold, and what Store.transaction raises; asked again, it goes on
    where it was.
    """
    dates: list[str] = []
    with store.reading(snapshot=True) as connection:
        gone, left = _days(connection)
    count = _forget(store, gone[-1].ends, run) if gone else 0
    for sealed in left:
        date = sealed.day.date
        if not sealed.day.root:
            return Retired(tuple(dates), count, f"{date} is not closed")
        if waits := _waits(store, sealed, archived.get(date), first_date):
            return Retired(tuple(dates), count, waits)
        run(partial(_mark, store, sealed, now_us(), by))
        count += _forget(store, sealed.ends, run)
        dates.append(date)
    return Retired(tuple(dates), count, "no business day is left")


def _days(connection: Connection) -> tuple[list[_Sealed], list[_Sealed]]:
    """The days that are retired, and those that are not, each with its ends; in order. Raises
    InvariantBroken.
    """
    gone, left = list[_Sealed](), list[_Sealed]()
    before: Mapping[int, ChainEnd] = {}
    for day in read_days(connection):
        ends = sealed_ends(day) if day.root else ()
        (gone if day.state == RETIRED else left).append(_Sealed(day, before, ends))
        before = {end.chain: end for end in ends}
    return gone, left


def _waits(store: Store, sealed: _Sealed, told: ArchivedDay | None, first_date: str) -> str:
    """Why a day does not go yet; empty if it may. Raises RetireRefused."""
    date = sealed.day.date
    if told is None:
        return f"the office has not archived {date} yet"
    if told.root != sealed.day.root:
        raise RetireRefused(f"business day {date}: the office has it under another root; nothing was retired")
    if told.entries != sealed.size:
        raise RetireRefused(
            f"business day {date} has {sealed.size} entries, and the office tells of {told.entries};"
            " nothing was retired"
        )
    latest = _latest_key(sealed.day)
    moments = ((moment, min(doubtful[:8], latest)) for moment, doubtful in _newest_moments(store, sealed))
    newest = max([date, *chain.from_iterable(moments)])
    if newest[:8] >= first_date:
        return f"a key of {date} is of {newest[:8]}, and keys are known from {first_date} on"
    return ""


def _latest_key(day: DayRow) -> str:
    """The newest date YYYYMMDD on which a key of the day's entries may have been made, by the machine's own
    dates: a day ahead of the cut-over, in Beijing, or of the business date.
    """
    closed_on = beijing(day.closed_at).date()
    return KeyWindow(max(closed_on, date.fromisoformat(day.date))).last


def _newest_moments(store: Store, sealed: _Sealed) -> Iterator[tuple[str, str]]:
    """The newest moment of any key of the day's entries, a part of them at a time, and beside it that of the
    advices which are recorded though a request like them were malformed: a key of theirs may be of any date,
    one that only a bank has written, and that nobody may ask for again.
    """
    malformed, sent_at = journal.c.exception_code == Response.FORMAT, journal.c.sent_at
    for end in sealed.ends:
        after = sealed.after(end.chain)
        while after < end.position:
            until = min(after + _ENTRIES_A_LOOK, end.position)
            query = select(
                func.max(case((malformed, ""), else_=sent_at)), func.max(case((malformed, sent_at), else_=""))
            ).where(journal.c.chain == end.chain, journal.c.position.between(after + 1, until))
            with store.reading() as connection:
                moment, doubtful = connection.execute(query).one()
            yield moment or "", doubtful or ""
            after = until


def _mark(store: Store, sealed: _Sealed, now_us: int, by: str) -> None:
    """From now on the day's entries may be deleted, and nothing else may."""
    day = sealed.day
    with store.transaction() as connection:
        at = max(now_us, last_stamp(connection))
        row = {"date": day.date, "root": day.root, "entries": sealed.size, "retired_at": at}
        connection.execute(insert(retired).values(row))
        record(connection, audit_log, at, by, RETIRE, day.date, f"{sealed.size} entries; root {day.root}")


def _forget(store: Store, ends: tuple[ChainEnd, ...], run: Run) -> int:
    """Delete every entry up to these ends; how many there were."""
    count = 0
    for end in ends:
        while deleted := run(partial(_delete_some, store, end)):
            count += deleted
    return count


def _delete_some(store: Store, end: ChainEnd) -> int:
    """Delete the oldest entries of a chain, up to its end at most; how many."""
    of_chain = journal.c.chain == end.chain
    with store.transaction() as connection:
        first: int | None = connection.execute(select(func.min(journal.c.position)).where(of_chain)).scalar()
        if first is None or first > end.position:
            return 0
        until = min(first + ENTRIES_A_TRANSACTION - 1, end.position)
        if store.is_sqlite:
            return connection.execute(
                delete(journal).where(of_chain, journal.c.position.between(first, until))
            ).rowcount
        forgotten: int = connection.execute(select(func.forget_entries(end.chain, first, until))).scalar_one()
        return forgotten
