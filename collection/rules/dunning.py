"""The timetable of a due: on which date its customer gets which notice, and staff a task.

Pure; dates are YYYYMMDD, days are days of the calendar. The core system alone lapses a policy; what stands
here is what a customer is told, and when. Texts, hours and roads of a notice belong to `customers.notices`.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple


class StepKind(StrEnum):
    """What is done on a date. FAILED: why an attempt failed, when the next one is, and other ways to pay."""

    NOTICE = "notice"
    FAILED = "failed"
    REMINDER = "reminder"
    TASK = "task"
    LAPSED = "lapsed"
    REINSTATE = "reinstate"


class Timetable(NamedTuple):
    """When customers are told, in days (the settings' section [dunning])."""

    notice: tuple[int, ...] = (30, 5)
    remind: tuple[int, ...] = (15, 30, 45, 55)
    task: int = 55
    grace_days: int = 60
    reinstate: tuple[int, ...] = (7, 30, 180, 600)


class DueNow(NamedTuple):
    """What is known of a due today: `failed_on` are the dates of its attempts that failed; `in_collection`:
    it is in a line whose outcome can still come.
    """

    due_date: str
    is_open: bool
    failed_on: tuple[str, ...] = ()
    in_collection: bool = False


class Step(NamedTuple):
    """One thing to do on a date. `days` are those from the due date, negative before it, or from the lapse
    for a reinstatement: with the due they name the notice, so that it is given once.
    """

    date: str
    kind: StepKind
    days: int


def steps_of(due: DueNow, timetable: Timetable) -> tuple[Step, ...]:
    """Every step of a due that is open, in the order of dates; none of one that is settled or withdrawn.

    A due in collection gets no reminder and no task, since nobody may be asked to pay what is being
    collected; its notices beforehand stand, and so does what its policy's end brings.
    """
    if not due.is_open:
        return ()
    lapse = _after(due.due_date, timetable.grace_days)
    steps = [Step(_after(due.due_date, -days), StepKind.NOTICE, -days) for days in timetable.notice]
    steps += [
        Step(_after(tried, 1), StepKind.FAILED, _between(due.due_date, tried) + 1) for tried in due.failed_on
    ]
    if not due.in_collection:
        steps += [Step(_after(due.due_date, days), StepKind.REMINDER, days) for days in timetable.remind]
        steps.append(Step(_after(due.due_date, timetable.task), StepKind.TASK, timetable.task))
    steps.append(Step(lapse, StepKind.LAPSED, timetable.grace_days))
    steps += [Step(_after(lapse, days), StepKind.REINSTATE, days) for days in timetable.reinstate]
    return tuple(sorted(steps))


def steps_on(due: DueNow, day: str, timetable: Timetable) -> tuple[Step, ...]:
    """The steps of a due on one date."""
    return tuple(step for step in steps_of(due, timetable) if step.date == day)


def grace_end(due_date: str, timetable: Timetable) -> str:
    """The last date on which a due can be paid before its policy lapses."""
    return _after(due_date, timetable.grace_days)


def _after(day: str, days: int) -> str:
    return f"{date.fromisoformat(day) + timedelta(days):%Y%m%d}"


def _between(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days
