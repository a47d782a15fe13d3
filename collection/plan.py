"""Plans batches: which dues are asked for on a date, by which mandate, through which channel.

A due is asked for on the date that was written down for its next attempt, or on the first later date that can
still be; within what its mandate allows. The batch waits for another person's approval, and for the front's
answer to its hold file: only what the front holds is ever sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import Connection, func, insert, select

from collection.config import Channel
from collection.database.history import Event, write_events
from collection.database.schema import Direction, attempts, batches, dues, lines
from collection.desk import Desk, act, note
from collection.dues import Candidate, candidates, chunks, histories, next_dates, tell_dates, told_dates
from collection.errors import ActRefused
from collection.kept_files import keep
from collection.mandates import expire
from collection.rules.attempts import last_date
from collection.rules.mandate import is_over, period_allows
from collection.rules.states import MONEY_MOVED, OPEN_LINES, BatchState, LineState
from ledger.files.hold_file import HoldFile, HoldLine, write_hold
from ledger.rules.beijing import beijing
from qianzhi_errors.sentence import Sentence

LINES_MOST: Final = 100_000
"""A batch has no more lines, whatever its channel's form allows: one file of the front is so long at most."""


class PlannedLine(NamedTuple):
    """A due that is asked for, and which attempt of it this is."""

    candidate: Candidate
    attempt: int


class LeftOut(StrEnum):
    """Why a candidate is not asked for. NO_ATTEMPT: it was tried as often as it may be, or no day is left."""

    NO_ATTEMPT = "no further attempt"
    LATER = "later date"
    GRACE = "grace ends"
    LIMIT = "above the mandate's limit"
    CHANNEL_LIMIT = "above the channel's limit"
    TERM = "outside the mandate's term"
    PERIOD = "within the mandate's period"


class Chosen(NamedTuple):
    """What a channel is to be asked for, and why other candidates are not, and how often each."""

    channel: str
    lines: tuple[PlannedLine, ...]
    left_out: Mapping[LeftOut, int]

    @property
    def amount(self) -> int:
        """The sum in fen."""
        return sum(line.candidate.amount for line in self.lines)


class PlannedBatch(NamedTuple):
    """A batch that was planned, and its hold file for the front."""

    batch: str
    channel: str
    date: str
    lines: int
    amount: int
    file_name: str
    hold_file: bytes


def choose(desk: Desk, connection: Connection, channel: Channel, date: str) -> Chosen:
    """What the channel would be asked for on a date; nothing is written. Raises ActRefused where the date is
    no working day, and CalendarUnknown.
    """
    calendar, pace = desk.settings.calendar.calendar(), desk.settings.dunning.pace
    if not calendar.is_business_date(date):
        raise ActRefused(Sentence("{date} is no working day: no bank collects on it", date=date))
    found = candidates(connection, channel.code)
    dates = {**told_dates(connection), **next_dates(desk, connection, found, date)}
    tried, collected = histories(connection), _collected(connection)
    chosen, left_out = [], Counter[LeftOut]()
    for row in found:
        attempt = len(tried.get(row.due, ())) + 1
        day = dates.get((row.due, attempt), "")
        if (day or row.due_date) > date:
            left_out[LeftOut.LATER] += 1
        elif not day:
            left_out[LeftOut.NO_ATTEMPT] += 1
        elif date > last_date(row.due_date, calendar, pace):
            left_out[LeftOut.GRACE] += 1
        elif reason := _not_allowed(row, channel, date, collected.get(row.mandate, "")):
            left_out[reason] += 1
        else:
            collected[row.mandate] = max(row.due_date, collected.get(row.mandate, ""))
            chosen.append(PlannedLine(row, attempt))
    return Chosen(channel.code, tuple(chosen), dict(sorted(left_out.items())))


def plan(desk: Desk, channel: Channel, date: str, lines_most: int) -> tuple[PlannedBatch, ...]:
    """Plan the batches of a channel for a date, of so many lines at most, and return them with their hold
    files. Mandates that are over expire first. Raises CollectionError and CalendarUnknown.
    """
    with act(desk, "plan", "plan", channel.code) as connection:
        if date < desk.today:
            raise ActRefused(Sentence("{date} is past", date=date))
        expire(desk, connection, desk.today)
        chosen = choose(desk, connection, channel, date)
        tell_dates(desk, connection, date)
        made = []
        most = min(lines_most, LINES_MOST)
        for start in range(0, len(chosen.lines), most):
            made.append(_make(desk, connection, chosen.channel, date, chosen.lines[start : start + most]))
        note(
            desk, connection, "plan", channel.code, f"{date}: {len(chosen.lines)} lines, {chosen.amount} fen"
        )
        return tuple(made)


class ToldDate(NamedTuple):
    """An attempt of an open due that was told beforehand."""

    date: str
    due: str
    policy: str
    attempt: int
    amount: int


def calendar_of(connection: Connection, first: str, last: str) -> Iterator[ToldDate]:
    """The attempts that were told for the dates from the first to the last, by date and due."""
    joined = attempts.join(dues, dues.c.due == attempts.c.due)
    columns = (attempts.c.date, dues.c.due, dues.c.policy, attempts.c.attempt, dues.c.amount)
    query = select(*columns).select_from(joined).where(attempts.c.date.between(first, last))
    query = query.where(dues.c.state == "open").order_by(attempts.c.date, dues.c.due)
    yield from map(ToldDate._make, connection.execute(query))


def _not_allowed(row: Candidate, channel: Channel, date: str, collected: str) -> LeftOut | None:
    """Why the mandate or the channel does not let this due be collected on a date; None if they do."""
    if row.limit_fen and row.amount > row.limit_fen:
        return LeftOut.LIMIT
    if channel.limit_fen and row.amount > channel.limit_fen:
        return LeftOut.CHANNEL_LIMIT
    if date < row.valid_from or is_over(row.valid_to, date):
        return LeftOut.TERM
    if not period_allows(row.period, collected, row.due_date):
        return LeftOut.PERIOD
    return None


def _collected(connection: Connection) -> dict[str, str]:
    """The latest due date that was or may yet be collected by each mandate."""
    states = [state.value for state in (*OPEN_LINES, *MONEY_MOVED)]
    joined = lines.join(dues, dues.c.due == lines.c.due)
    latest = select(lines.c.mandate, func.max(dues.c.due_date)).select_from(joined)
    rows = connection.execute(latest.where(lines.c.state.in_(states)).group_by(lines.c.mandate))
    return {row[0]: row[1] for row in rows}


def _make(
    desk: Desk, connection: Connection, channel: str, date: str, planned: Sequence[PlannedLine]
) -> PlannedBatch:
    number = 1 + int(connection.execute(select(func.count()).select_from(batches)).scalar_one())
    name = f"B{number:07d}"
    amount = sum(line.candidate.amount for line in planned)
    row = {
        **{"batch": name, "channel": channel, "date": date, "kind": "debit", "lines": len(planned)},
        **{"state": BatchState.PLANNED.value, "amount": amount, "made_by": desk.by, "made_at": desk.at},
        **dict.fromkeys(("file_sha256", "approved_by", "answer_sha256"), ""),
        **dict.fromkeys(("approved_at", "sent_at", "answered_at", "parts", "settled_fen", "fee_fen"), 0),
    }
    connection.execute(insert(batches).values(row))
    for chunk in chunks(list(enumerate(planned, 1))):
        connection.execute(insert(lines), [_row(name, at, line) for at, line in chunk])
    held = tuple(
        HoldLine(at, line.candidate.due, line.candidate.policy, line.candidate.amount)
        for at, line in enumerate(planned, 1)
    )
    data = write_hold(HoldFile(name, channel, date, moment_of(desk.at), held))
    file_name = f"{name}-hold.txt"
    keep(desk, connection, Direction.HOLD, file_name, data, batch=name, channel=channel)
    write_events(connection, desk.at, desk.by, [Event("plan", BatchState.PLANNED, batch=name)])
    note(desk, connection, "batch plan", name, f"{date}: {len(planned)} lines, {amount} fen")
    return PlannedBatch(name, channel, date, len(planned), amount, file_name, data)


def moment_of(at: int) -> str:
    """The moment of a batch's creation as its files have it: YYYYMMDDhhmmss in Beijing."""
    return f"{beijing(at):%Y%m%d%H%M%S}"


def _row(batch: str, number: int, line: PlannedLine) -> dict[str, str | int]:
    due = line.candidate
    return {
        **{"batch": batch, "line": number, "due": due.due, "policy": due.policy, "mandate": due.mandate},
        **{"amount": due.amount, "attempt": line.attempt, "state": LineState.PLANNED.value},
        **dict.fromkeys(("code", "class", "text", "value_date", "reference", "receipt", "entry_key"), ""),
        "business_date": "",
        **dict.fromkeys(("retry", "request_part", "part"), 0),
    }
