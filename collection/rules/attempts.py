"""On which date a due is tried next, and when it is not tried again.

Pure; dates are YYYYMMDD. A date depends only on what happened to the due before and on the settings, so that
a customer, a branch and staff can be told it beforehand, and anybody comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import Final, NamedTuple

from ledger.rules.calendar import Calendar

RETRIED: Final = frozenset({"funds", "temporary", "limit", "technical"})
"""The classes of a failure after which the same account may have the money on another day. After `account` or
`mandate` it never does; of `unknown` nobody knows whether the money was taken.
"""


class Pace(NamedTuple):
    """How often and when a due is tried (the settings' section [dunning]). `paydays` are days of the month on
    which wages are there; the result of an attempt comes `result_days` working days after it, and the last
    one `result_margin_days` working days before the grace ends.
    """

    attempts_max: int = 6
    gap_days: int = 2
    paydays: tuple[int, ...] = (6, 11, 16, 21, 26)
    grace_days: int = 60
    result_margin_days: int = 2
    result_days: int = 1


HARD: Final = frozenset({"account", "mandate"})
"""The classes of a failure after which nothing is collected by this mandate until its payer says so anew."""


class Tried(NamedTuple):
    """An attempt of a due that failed: its date, the class of the failure, and whether the bank's code lets
    it be tried again.
    """

    date: str
    klass: str
    retry: bool = True

    @property
    def ends(self) -> bool:
        """Whether no attempt may follow it."""
        return not self.retry or self.klass not in RETRIED


class Waiting(NamedTuple):
    """A due that waits: `paid_on` are the days of the month on which its mandate paid before, `not_before` is
    the first date that can still be planned.
    """

    due_date: str
    not_before: str
    paid_on: frozenset[int] = frozenset()


def next_attempt(history: Sequence[Tried], due: Waiting, calendar: Calendar, pace: Pace) -> str | None:
    """The date of a due's next attempt: a working day; None if it is not tried again.

    The first is the due date, or the first working day after it. Each later one is the first working day on
    or after a payday, or a day on which the mandate paid before, that is `gap_days` after the last attempt;
    if none comes in time, it is the last day that is still in time. Raises CalendarUnknown where the first
    day that comes into question is in a year whose holidays are not known.
    """
    if len(history) >= pace.attempts_max or any(tried.ends for tried in history):
        return None
    last = last_date(due.due_date, calendar, pace)
    if not history:
        first = _working_day(max(due.due_date, due.not_before), calendar)
        return first if first <= last else None
    gap = max(1, pace.gap_days)
    earliest = max(_after(max(tried.date for tried in history), gap), due.not_before, due.due_date)
    days = {*pace.paydays, *due.paid_on}
    for day in _days(earliest, last):
        if int(day[6:]) in days:
            working = _working_day(day, calendar)
            if working <= last:
                return working
    return last if last >= earliest else None


def last_date(due_date: str, calendar: Calendar, pace: Pace) -> str:
    """The last date on which a due may be tried: its result comes in time before the grace ends.

    Where the grace ends in a year whose holidays are not known yet, it is counted back from the last day that
    is known: earlier than need be, and never later.
    """
    end = date.fromisoformat(_after(due_date, pace.grace_days))
    while not calendar.knows(end.year) and end.year > int(due_date[:4]):
        end = date(end.year - 1, 12, 31)
    backwards = _working_days_before(end, calendar)
    return next(islice(backwards, pace.result_margin_days + pace.result_days, None))


def _working_days_before(end: date, calendar: Calendar) -> Iterator[str]:
    """The working days up to a date, the latest first."""
    day = end
    while True:
        if calendar.is_business_date(f"{day:%Y%m%d}"):
            yield f"{day:%Y%m%d}"
        day -= timedelta(1)


def _working_day(day: str, calendar: Calendar) -> str:
    """The day itself, or the first working day after it."""
    return day if calendar.is_business_date(day) else calendar.next_business_date(day)


def _days(first: str, last: str) -> Iterator[str]:
    """The days from one date to another, both among them."""
    day = first
    while day <= last:
        yield day
        day = _after(day, 1)


def _after(day: str, days: int) -> str:
    return f"{date.fromisoformat(day) + timedelta(days):%Y%m%d}"
