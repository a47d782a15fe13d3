"""The dues that may be collected, and on which dates each will be tried.

They are read from the core system's file of the day, the same that the front loads (`ledger.files.bookfile`):
premiums only, and nobody's name. They are candidates and no more: whether a due is still to be paid, the
front's answer to the hold says. Dates of attempts are written down before they come, and never changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, TypeVar

from sqlalchemy import Connection, func, insert, select, update

from collection.database.schema import DueState, attempts, batches, dues, dues_files, lines, mandates
from collection.desk import Desk, act, note
from collection.errors import FileRefused
from collection.rules.attempts import Tried, Waiting, next_attempt
from collection.rules.mandate import LOAN_CODE, Period, Purpose
from collection.rules.states import MONEY_MOVED, OPEN_LINES, LineState, MandateState
from ledger.files.bookfile import Book
from ledger.files.bookline import DueLine
from ledger.rules.calendar import CalendarUnknown
from qianzhi_errors.sentence import Sentence

AT_ONCE: Final = 500
"""So many names one statement has: far below the number of parameters that a database takes."""
_PREMIUM: Final = "premium"
_T = TypeVar("_T")


class Taken(NamedTuple):
    """What a file of dues has brought: its business date, and how many dues came and left."""

    date: str
    dues: int
    withdrawn: int


class Candidate(NamedTuple):
    """An open due that no line has, with what its active mandate allows; dates are YYYYMMDD, amounts fen."""

    due: str
    policy: str
    code: str
    due_date: str
    amount: int
    mandate: str
    channel: str
    limit_fen: int
    period: Period
    valid_from: str
    valid_to: str
    last_use: str


def take(desk: Desk, book: Book) -> Taken:
    """Take in the premiums of a day's file, whole, and each file once. Raises FileRefused for one that is not
    newer than the last, or that brings a due which is here already.
    """
    with act(desk, "plan", "dues take", book.business_date) as connection:
        newest = connection.execute(select(func.max(dues_files.c.date))).scalar() or ""
        if book.business_date <= newest:
            raise FileRefused(
                Sentence(
                    "the file is of {date}, and one of {newest} was taken: nothing was changed",
                    date=book.business_date,
                    newest=newest,
                )
            )
        premiums = [due for due in book.dues if due.kind == _PREMIUM]
        _check_new(connection, [due.due for due in premiums])
        for chunk in chunks(premiums):
            connection.execute(insert(dues), [_row(due, book.business_date) for due in chunk])
        left = [due.due for due in book.withdrawn if due.kind == _PREMIUM]
        set_state(connection, left, DueState.WITHDRAWN)
        taken = Taken(book.business_date, len(premiums), len(left))
        values = {**taken._asdict(), "digest": book.digest, "taken_at": desk.at}
        connection.execute(insert(dues_files).values(values))
        tell_dates(desk, connection, desk.today)
        note(desk, connection, "dues take", taken.date, f"{taken.dues} dues, {taken.withdrawn} withdrawn")
        return taken


def tell_dates(desk: Desk, connection: Connection, not_before: str) -> int:
    """Write down the date of the next attempt of each candidate that has none yet; return how many. In the
    caller's transaction. Customers are told these dates beforehand.
    """
    found = candidates(connection)
    rows = [
        {"due": due, "attempt": attempt, "date": date, "made_at": desk.at}
        for (due, attempt), date in next_dates(desk, connection, found, not_before).items()
    ]
    for chunk in chunks(rows):
        connection.execute(insert(attempts), chunk)
    return len(rows)


def next_dates(
    desk: Desk, connection: Connection, found: Sequence[Candidate], not_before: str
) -> dict[tuple[str, int], str]:
    """The dates that are not written down yet, by due and number of the attempt. A due of a year whose
    holidays are not known has none yet.
    """
    calendar, pace = desk.settings.calendar.calendar(), desk.settings.dunning.pace
    told, tried, paid = told_dates(connection), histories(connection), _days_paid(connection)
    dates: dict[tuple[str, int], str] = {}
    for row in found:
        history = tried.get(row.due, ())
        key = (row.due, len(history) + 1)
        waiting = Waiting(row.due_date, not_before, paid.get(row.mandate, frozenset()))
        with suppress(CalendarUnknown):
            if key not in told and (day := next_attempt(history, waiting, calendar, pace)):
                dates[key] = day
    return dates


def candidates(connection: Connection, channel: str = "") -> list[Candidate]:
    """The open dues that are in no line which is open or has moved money, of a policy with an active mandate
    for their purpose, of one channel or all; by due date.
    """
    busy = [state.value for state in (*OPEN_LINES, *MONEY_MOVED)]
    fits = (dues.c.code == LOAN_CODE) == (mandates.c.purpose == Purpose.LOAN.value)
    joined = dues.join(mandates, (mandates.c.policy == dues.c.policy) & fits)
    names = Candidate._fields
    columns = [dues.c[name] for name in names[:5]] + [mandates.c[name] for name in names[5:]]
    query = select(*columns).select_from(joined).order_by(dues.c.due_date, dues.c.due)
    query = query.where(
        dues.c.state == DueState.OPEN.value,
        mandates.c.state == MandateState.ACTIVE.value,
        dues.c.due.not_in(select(lines.c.due).where(lines.c.state.in_(busy))),
    )
    if channel:
        query = query.where(mandates.c.channel == channel)
    return [Candidate._make(row)._replace(period=Period(row.period)) for row in connection.execute(query)]


def histories(connection: Connection) -> dict[str, tuple[Tried, ...]]:
    """What happened to open dues that were tried, by due, in the order of their attempts: failed, or returned
    after a success.
    """
    ended = (LineState.FAILED.value, LineState.RETURNED.value)
    joined = lines.join(batches, batches.c.batch == lines.c.batch).join(dues, dues.c.due == lines.c.due)
    columns = (lines.c.due, batches.c.date, lines.c["class"].label("klass"), lines.c.retry)
    query = select(*columns).select_from(joined).where(lines.c.state.in_(ended))
    found: dict[str, list[Tried]] = {}
    for row in connection.execute(query.where(dues.c.state == DueState.OPEN.value).order_by(lines.c.attempt)):
        found.setdefault(row.due, []).append(Tried(row.date, row.klass, row.retry == 1))
    return {due: tuple(history) for due, history in found.items()}


def told_dates(connection: Connection) -> dict[tuple[str, int], str]:
    """The dates that were written down for open dues, by due and number of the attempt."""
    columns = (attempts.c.due, attempts.c.attempt, attempts.c.date)
    joined = attempts.join(dues, dues.c.due == attempts.c.due)
    query = select(*columns).select_from(joined).where(dues.c.state == DueState.OPEN.value)
    return {(row.due, row.attempt): row.date for row in connection.execute(query)}


def set_state(connection: Connection, names: Sequence[str], state: DueState) -> None:
    """Note that dues are settled or withdrawn, or open again after a return."""
    for chunk in chunks(names):
        connection.execute(update(dues).where(dues.c.due.in_(chunk)).values(state=state.value))


def chunks(rows: Sequence[_T]) -> Iterator[Sequence[_T]]:
    """The rows, AT_ONCE at a time."""
    for start in range(0, len(rows), AT_ONCE):
        yield rows[start : start + AT_ONCE]


def _check_new(connection: Connection, names: Sequence[str]) -> None:
    for chunk in chunks(names):
        if known := connection.execute(select(dues.c.due).where(dues.c.due.in_(chunk))).scalars().first():
            raise FileRefused(Sentence("due {due} is here already: nothing was changed", due=known))


def _days_paid(connection: Connection) -> Mapping[str, frozenset[int]]:
    """The days of the month on which each mandate paid, by mandate."""
    paid: dict[str, set[int]] = {}
    query = select(lines.c.mandate, lines.c.value_date).where(lines.c.state == LineState.DONE.value)
    for row in connection.execute(query.distinct()):
        paid.setdefault(row.mandate, set()).add(int(row.value_date[6:8] or 0))
    return {mandate: frozenset(days) for mandate, days in paid.items()}


def _row(due: DueLine, date: str) -> dict[str, str | int]:
    return {
        **{"due": due.due, "policy": due.policy, "code": due.code, "due_date": due.due_date},
        **{"amount": due.amount, "state": DueState.OPEN.value, "file_date": date},
    }
