"""A closed business day of the front: reading it, checking it, and inserting it into the office's days.

The office takes a day only if its seal is good, if it follows the last day taken, and if on each chain the
day's entries end at the position that the seal names. `office.intake.pull` refuses an entry dated before the
one ahead of it, so it is enough to look at the two entries around each end. No other statements belong here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select

from ledger.book.journal import select_entries
from ledger.book.schema import days as front_days
from ledger.rules.day import DayState
from ledger.rules.entry import GENESIS, Entry, entry_hash
from ledger.rules.seal import ChainEnd, day_root, is_signed
from office.database.schema import chains, days, entries
from office.errors import DayRefused
from qianzhi_errors.sentence import Sentence


class FrontDay(NamedTuple):
    """A closed business day as the front book has it: dates YYYYMMDD, `closed_at` microseconds since
    1970-01-01 UTC, the end of every chain at the cut-over, and the seal (`root` and `signature`, hex).
    """

    date: str
    next_date: str
    closed_at: int
    ends: tuple[ChainEnd, ...]
    root: str
    signature: str


SealCheck = Callable[[FrontDay], str]
"""Returns what is wrong with a day's seal, or an empty text."""


def sealed_by(public: str) -> SealCheck:
    """Return the check of a day's seal against the public half of the sealing key (hex)."""

    def check(day: FrontDay) -> str:
        if day.root != day_root(day.date, day.next_date, day.closed_at, day.ends):
            return "the root is not that of the day's figures"
        return (
            "" if is_signed(day.root, day.signature, public) else "the root is not signed by the sealing key"
        )

    return check


def read_closed(front: Connection) -> tuple[FrontDay, ...]:
    """Every closed day of the front book, the oldest first. Raises DayRefused for one that is unreadable."""
    query = select(front_days).where(front_days.c.state == DayState.CLOSED.value).order_by(front_days.c.date)
    return tuple(_front_day(row) for row in front.execute(query))


def _front_day(row: Any) -> FrontDay:  # noqa: ANN401 - the columns of a row have no types
    try:
        given = json.loads(row.chains)
        ends = tuple(ChainEnd(int(chain), int(position), str(tip)) for chain, position, tip in given)
    except (ValueError, TypeError) as error:
        raise DayRefused(row.date, Sentence("its chains' ends cannot be read")) from error
    return FrontDay(row.date, row.next_date, row.closed_at, ends, row.root, row.signature)


def days_to_take(office: Connection, closed: tuple[FrontDay, ...]) -> tuple[FrontDay, ...]:
    """The closed days that the office does not have yet. Raises DayRefused if the front shows another seal on
    a day that the office has.
    """
    rows = office.execute(select(days.c.date, days.c.root, days.c.signature))
    held = {row.date: (row.root, row.signature) for row in rows}
    for day in closed:
        if held.get(day.date, (day.root, day.signature)) != (day.root, day.signature):
            raise DayRefused(day.date, Sentence("its seal is not the one that it was taken with"))
    return tuple(day for day in closed if day.date not in held)


def open_from(office: Connection) -> str:
    """The earliest business date of a new entry: the day after the last one taken, or empty if none was."""
    query = select(days.c.next_date).order_by(days.c.date.desc()).limit(1)
    return office.execute(query).scalar() or ""


def take_day(office: Connection, day: FrontDay, check_seal: SealCheck) -> int:
    """Check a closed day and insert it; returns its number of entries. Raises DayRefused."""
    if fault := check_seal(day):
        raise DayRefused(day.date, fault)
    expected = open_from(office)
    if expected not in ("", day.date):
        raise DayRefused(
            day.date, Sentence("{expected} is the day that follows the last one taken", expected=expected)
        )
    _check_ends(office, day)
    query = select(func.count()).select_from(entries).where(entries.c.business_date == day.date)
    count: int = office.execute(query).scalar_one()
    office.execute(
        insert(days).values(
            date=day.date,
            state=DayState.CLOSED.value,
            next_date=day.next_date,
            closed_at=day.closed_at,
            root=day.root,
            signature=day.signature,
            entries=count,
        )
    )
    return count


def _check_ends(office: Connection, day: FrontDay) -> None:
    """Raise DayRefused unless every chain has the entry that the seal names and the day ends with it."""
    ends = {end.chain: end for end in day.ends}
    held = {row.chain: row.position for row in office.execute(select(chains.c.chain, chains.c.position))}
    for chain in sorted(ends.keys() | held.keys()):
        end = ends.get(chain, ChainEnd(chain, 0, GENESIS))
        where = Sentence("at position {position} of chain {chain}", position=end.position, chain=chain)
        if held.get(chain, 0) < end.position:
            raise DayRefused(day.date, Sentence("it ends {where}, which was not pulled", where=where))
        last = entry_at(office, chain, end.position)
        if (entry_hash(last) if last else GENESIS) != end.tip:
            raise DayRefused(
                day.date, Sentence("the entry {where} is not the one that was sealed", where=where)
            )
        if last and last.business_date > day.date:
            raise DayRefused(
                day.date,
                Sentence(
                    "the entry {where} is dated {business_date}",
                    where=where,
                    business_date=last.business_date,
                ),
            )
        after = entry_at(office, chain, end.position + 1)
        if after and after.business_date < day.next_date:
            raise DayRefused(
                day.date,
                Sentence(
                    "the entry after the one {where} is dated {business_date}",
                    where=where,
                    business_date=after.business_date,
                ),
            )


def entry_at(office: Connection, chain: int, position: int) -> Entry | None:
    """The entry that was pulled at this position of a chain, or None."""
    query = select_entries(entries).where(entries.c.chain == chain, entries.c.position == position)
    row = office.execute(query).first()
    return None if row is None else Entry._make(row)
