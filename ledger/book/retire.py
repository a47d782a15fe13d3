"""Retires business days: deletes from the journal the entries of days that nobody can ask about again.

A day can be retired if it is the oldest one left, if the office has archived it with the same number of
entries under the same sealed root, and if none of its keys is in the window of dates on which keys are known
(as far as the machine's own dates allow such a key). It is marked first. Then its entries are deleted in
small transactions, so that no batch waits long; a retirement that was interrupted goes on the next time. The
day's row stays, with its seal and the chains' ends, and from the last of these on the journal proves itself.
Settled dues, totals and the audit log stay too. Statements of the retirement only.
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
from qianzhi_errors.sentence import Sentence

ENTRIES_A_TRANSACTION = 500
"""So many take about as long as a batch, and every batch waits for at most one such transaction."""
_ENTRIES_A_LOOK = 20_000
RETIRE = "retire"
"""The act's name in the audit log."""

Run = Callable[[Callable[[], Any]], Any]
"""Runs one of the transactions on the thread of the book's writer, and returns what it returns."""


class RetireRefused(LedgerError):
    """The office has a day otherwise than the front book. Nothing of that day was deleted."""


class Retired(NamedTuple):
    """The outcome: the dates that were retired, how many entries were deleted, and why the next day is not
    retired yet.
    """

    dates: tuple[str, ...]
    entries: int
    waits: str


class _Sealed(NamedTuple):
    """A day with each chain's end before it and at its end; no ends while it is not closed."""

    day: DayRow
    before: Mapping[int, ChainEnd]
    ends: tuple[ChainEnd, ...]

    @property
    def size(self) -> int:
        """The number of the day's entries, by its seal."""
        return sum(end.position - self.after(end.chain) for end in self.ends)

    def after(self, chain: int) -> int:
        """The position behind which the day's entries of a chain begin."""
        return self.before.get(chain, ChainEnd(chain, 0, GENESIS)).position


def at_once(transaction: Callable[[], Any]) -> Any:  # noqa: ANN401 - gives back whatever the transaction gives
    """Run a transaction on this thread."""
    return transaction()


def retire(
    store: Store,
    archived: Mapping[str, ArchivedDay],
    first_date: str,
    now_us: Callable[[], int],
    run: Run = at_once,
    by: str = MACHINE,
) -> Retired:
    """Retire every day that can be retired, the oldest first, on behalf of `by`.

    `archived` are the days in the office's file, by date. `first_date` (YYYYMMDD) is the first date of the
    window of keys: only keys of earlier dates are deleted. `now_us` gives microseconds since 1970-01-01 UTC.
    `run` runs each transaction. Raises RetireRefused if the office has a day otherwise, InvariantBroken if a
    day's root does not hold, and what Store.transaction raises; called again, it goes on where it was.
    """
    dates: list[str] = []
    with store.reading(snapshot=True) as connection:
        retired_days, left = _days(connection)
    count = _forget(store, retired_days[-1].ends, run) if retired_days else 0
    for sealed in left:
        date = sealed.day.date
        if not sealed.day.root:
            return Retired(tuple(dates), count, Sentence("{date} is not closed", date=date))
        if waits := _waits(store, sealed, archived.get(date), first_date):
            return Retired(tuple(dates), count, waits)
        run(partial(_mark, store, sealed, now_us(), by))
        count += _forget(store, sealed.ends, run)
        dates.append(date)
    return Retired(tuple(dates), count, Sentence("no business day is left"))


def _days(connection: Connection) -> tuple[list[_Sealed], list[_Sealed]]:
    """The days that are retired and those that are not, in order. Raises InvariantBroken if a closed day's
    root does not hold.
    """
    retired_days, left = list[_Sealed](), list[_Sealed]()
    before: Mapping[int, ChainEnd] = {}
    for day in read_days(connection):
        ends = sealed_ends(day) if day.root else ()
        (retired_days if day.state == RETIRED else left).append(_Sealed(day, before, ends))
        before = {end.chain: end for end in ends}
    return retired_days, left


def _waits(store: Store, sealed: _Sealed, archived: ArchivedDay | None, first_date: str) -> str:
    """Why a day cannot be retired yet; empty if it can. Raises RetireRefused."""
    date = sealed.day.date
    if archived is None:
        return Sentence("the office has not archived {date} yet", date=date)
    if archived.root != sealed.day.root:
        raise RetireRefused(
            Sentence(
                "business day {date}: the office has it under another root; nothing was retired", date=date
            )
        )
    if archived.entries != sealed.size:
        raise RetireRefused(
            Sentence(
                "business day {date} has {entries} entries, and the office tells of "
                "{archived_entries}; nothing was retired",
                date=date,
                entries=sealed.size,
                archived_entries=archived.entries,
            )
        )
    latest = _latest_key(sealed.day)
    moments = ((moment, min(doubtful[:8], latest)) for moment, doubtful in _newest_moments(store, sealed))
    newest = max([date, *chain.from_iterable(moments)])
    if newest[:8] >= first_date:
        return Sentence(
            "a key of {date} is of {key_date}, and keys are known from {first_date} on",
            date=date,
            key_date=newest[:8],
            first_date=first_date,
        )
    return ""


def _latest_key(day: DayRow) -> str:
    """The newest date YYYYMMDD that a key of the day can have by the machine's own dates: the last of the
    window, seen from the later of the cut-over's date in Beijing and the business date.
    """
    closed_on = beijing(day.closed_at).date()
    return KeyWindow(max(closed_on, date.fromisoformat(day.date))).last


def _newest_moments(store: Store, sealed: _Sealed) -> Iterator[tuple[str, str]]:
    """The newest moment YYYYMMDDhhmmss in the keys of the day's entries, for _ENTRIES_A_LOOK entries at a
    time; beside it the newest one of the advices that were recorded although their form was wrong. The key of
    such an advice can have any date that a bank wrote, and nobody can ask for it again.
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
    """Mark the day as retired. From then on the database allows its entries to be deleted, and no others."""
    day = sealed.day
    with store.transaction() as connection:
        at = max(now_us, last_stamp(connection))
        row = {"date": day.date, "root": day.root, "entries": sealed.size, "retired_at": at}
        connection.execute(insert(retired).values(row))
        record(connection, audit_log, at, by, RETIRE, day.date, f"{sealed.size} entries; root {day.root}")


def _forget(store: Store, ends: tuple[ChainEnd, ...], run: Run) -> int:
    """Delete every entry up to these ends; how many."""
    count = 0
    for end in ends:
        while deleted := run(partial(_delete_some, store, end)):
            count += deleted
    return count


def _delete_some(store: Store, end: ChainEnd) -> int:
    """Delete the oldest entries of a chain, ENTRIES_A_TRANSACTION at most and none behind `end`; how many."""
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
