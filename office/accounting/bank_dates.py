"""How far each bank's date has come: held, closed without the bank's file, posted.

A bank's date is posted by itself: it waits for no other bank, and only for that bank's own earlier dates. It
is named `D<date>-<bank>`. Statements on `held_files` and `posted_dates`, and what `date_decisions` comes to;
what people decide is written by `office.accounting.date_decisions`. What makes a file held, `office.matching`
says.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import Connection, and_, exists, func, insert, not_, select

from ledger.errors import InvariantBroken
from ledger.rules.day import DayState
from office.accounting.break_reasons import examples_of
from office.database.schema import date_decisions, days, held_files, posted_dates, reconciliations
from qianzhi_errors.sentence import Sentence

EXAMPLES_MAX: Final = 3
"""Reasons of so many breaks are kept of a held file: a wrong layout shows in the first."""


class DateResolution(StrEnum):
    """What two people may decide about a bank's date."""

    WITHOUT_FILE = "without_file"
    LET_THROUGH = "let_through"


class HeldFile(NamedTuple):
    """A file that would make more breaks than allowed: `digest` is its SHA-256 (hex), `layout` the edition of
    the layout that it was read by. `difference` is theirs - ours in fen, `held_at` in microseconds since
    1970-01-01 UTC.
    """

    bank: str
    date: str
    digest: str
    layout: str
    ours: int
    theirs: int
    breaks: int
    breaks_allowed: int
    difference: int
    examples: str
    held_at: int

    @property
    def text(self) -> str:
        """A sentence for people: how many breaks, the difference in yuan, and examples."""
        yuan, cents = divmod(abs(self.difference), 100)
        sign = "-" if self.difference < 0 else ""
        return Sentence(
            "held: {breaks} breaks of {ours} lines of ours and {theirs} of theirs, {allowed} allowed;"
            " difference {difference}; {examples}",
            breaks=self.breaks,
            ours=self.ours,
            theirs=self.theirs,
            allowed=self.breaks_allowed,
            difference=f"{sign}{yuan:,}.{cents:02d}",
            examples=examples_of(self.examples),
        )


class Cause(StrEnum):
    """Why a bank's date is not posted."""

    HELD = "held"
    """Its file would make too many breaks; two people decide."""
    WITHOUT_FILE = "without_file"
    """It was closed without the bank's file, which has not come yet."""
    WAITS = "waits"
    """Its day is closed, and its file is not there or was not taken."""


class Unposted(NamedTuple):
    """A bank's date that is not posted, and why."""

    bank: str
    date: str
    cause: Cause


class Decided(NamedTuple):
    """A decision of two people about a bank's date."""

    bank: str
    date: str
    proposed_by: str
    approved_by: str
    reason: str


def date_name(bank: str, date: str) -> str:
    """The name of a bank's date, as commands and the audit log have it."""
    return f"D{date}-{bank}"


def hold(connection: Connection, held: HeldFile) -> None:
    """Keep that a file is held."""
    connection.execute(insert(held_files).values(held._asdict()))


def held(connection: Connection, bank: str = "", date: str = "") -> tuple[HeldFile, ...]:
    """The files that were held, of a bank or a date or of all, the oldest first; those that were let through
    or replaced since are among them.
    """
    row = held_files.c
    conditions = [row[name] == value for name, value in (("bank", bank), ("date", date)) if value]
    query = select(*(row[name] for name in HeldFile._fields)).where(*conditions)
    return tuple(HeldFile._make(each) for each in connection.execute(query.order_by(row.held_at)))


def waiting_holds(connection: Connection) -> tuple[HeldFile, ...]:
    """The last held file of each bank's date that is not reconciled and not let through."""
    done = {tuple(row) for row in connection.execute(select(reconciliations.c.bank, reconciliations.c.date))}
    last = {(row.bank, row.date): row for row in held(connection)}
    waiting = (row for place, row in sorted(last.items()) if place not in done)
    return tuple(row for row in waiting if not is_let_through(connection, *row[:4]))


def is_let_through(connection: Connection, bank: str, date: str, digest: str, layout: str) -> bool:
    """Whether two people have let this file through, read by this edition of its layout."""
    row = date_decisions.c
    return bool(
        connection.scalar(
            select(
                exists().where(
                    row.bank == bank,
                    row.date == date,
                    row.step == "approve",
                    row.resolution == DateResolution.LET_THROUGH.value,
                    row.digest == digest,
                    row.layout == layout,
                )
            )
        )
    )


def without_file(connection: Connection) -> dict[tuple[str, str], Decided]:
    """The banks' dates that two people closed without the bank's file, by bank and date; those whose file was
    posted since are among them.
    """
    row, before = date_decisions.c, date_decisions.alias("before").c
    proposal = and_(before.bank == row.bank, before.date == row.date, before.number == row.number - 1)
    query = (
        select(row.bank, row.date, before.by, row.by, before.note)
        .join(before.bank.table, proposal)
        .where(row.step == "approve", row.resolution == DateResolution.WITHOUT_FILE.value)
        .order_by(row.bank, row.date)
    )
    return {(each[0], each[1]): Decided._make(each) for each in connection.execute(query)}


def awaited(connection: Connection) -> tuple[Decided, ...]:
    """The banks' dates that were closed without a file which has not come yet, by date and bank."""
    done = {tuple(row) for row in connection.execute(select(reconciliations.c.bank, reconciliations.c.date))}
    closed = without_file(connection)
    return tuple(
        closed[place] for place in sorted(closed, key=lambda place: place[::-1]) if place not in done
    )


def posted(connection: Connection) -> dict[tuple[str, str], str]:
    """The date of the posting of each bank's date that is in the books, by bank and date."""
    row = posted_dates.c
    rows = connection.execute(select(row.bank, row.date, row.posted_on))
    return {(bank, date): posted_on for bank, date, posted_on in rows}


def unposted(connection: Connection, banks: Iterable[str]) -> tuple[Unposted, ...]:
    """Which dates of these banks are not posted, by date and bank: of closed days, and of those that were
    closed without a file.
    """
    done, of_bank = posted(connection), tuple(banks)
    closed = connection.scalars(select(days.c.date).where(days.c.state == DayState.CLOSED.value))
    causes = {(date, bank): Cause.WAITS for date in closed for bank in of_bank if (bank, date) not in done}
    causes |= {(each.date, each.bank): Cause.WITHOUT_FILE for each in awaited(connection)}
    causes |= {(each.date, each.bank): Cause.HELD for each in waiting_holds(connection)}
    return tuple(Unposted(bank, date, cause) for (date, bank), cause in sorted(causes.items()))


def earlier_date_due(connection: Connection, bank: str, date: str) -> str:
    """The first earlier date of the bank that must be posted before this one, or an empty text."""
    row = posted_dates.c
    query = select(days.c.date).where(
        days.c.date < date,
        days.c.state == DayState.CLOSED.value,
        not_(exists().where(row.bank == bank, row.date == days.c.date)),
    )
    closed = without_file(connection)
    due = (day for day in connection.scalars(query.order_by(days.c.date)) if (bank, day) not in closed)
    return next(due, "")


def posting_date(connection: Connection, date: str) -> str:
    """The date on which a bank's date is posted now: itself while the day is not posted, or else the open
    business date, since what a posted day's books say never changes. Raises InvariantBroken if the office
    does not have the day.
    """
    state = connection.scalar(select(days.c.state).where(days.c.date == date))
    if state is None:
        raise InvariantBroken(Sentence("business day {date} is not at the office", date=date))
    if state == DayState.CLOSED.value:
        return date
    return str(connection.scalar(select(func.max(days.c.next_date))))


def write_posted(connection: Connection, bank: str, date: str, posted_on: str, at: int) -> None:
    """Keep that a bank's date is posted; written before its posting, which the database explains by it."""
    row = {"bank": bank, "date": date, "posted_on": posted_on, "posted_at": at}
    connection.execute(insert(posted_dates).values(row))


def last_posting_dates(connection: Connection) -> dict[str, str]:
    """The latest date of a posting of each bank: what two people settle is posted on it."""
    row = posted_dates.c
    query = select(row.bank, func.max(row.posted_on)).group_by(row.bank).order_by(row.bank)
    return {row[0]: row[1] for row in connection.execute(query)}
