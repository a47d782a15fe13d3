"""What customers are to be told of their dues, and staff to do, on a date; and with which values.

Read from the tables by the timetable of `collection.rules.dunning`. The notices themselves, their texts,
hours and roads are the customers' (`customers.notices`): the command hands over what is wanted, and a name by
which each is known, so that it is told once however often it is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from collection.config import Settings
from collection.database.schema import DueState, dues, lines, mandates
from collection.dues import histories, told_dates
from collection.rules.dunning import DueNow, Step, StepKind, Timetable, grace_end, steps_of
from collection.rules.states import OPEN_LINES, MandateState

MISSED_DAYS: Final = 3
"""A step of so many days ago is still taken where nobody ran the command on its date."""


_TAIL: Final = 4


class Template(StrEnum):
    """The notices that collection asks for, as `customers/notices/templates.toml` calls them."""

    ANNOUNCED = "debit_announced"
    REMINDED = "debit_reminded"
    FAILED = "debit_failed"
    GRACE = "grace"
    LAPSED = "lapsed"


class Reminder(NamedTuple):
    """A notice about a due, or a task where `template` is None; `due_on` is YYYYMMDD, for a task. `about` is
    the due with its step. `values` are as `customers.rules.template` takes them.
    """

    policy: str
    due: str
    about: str
    template: Template | None
    values: Mapping[str, str]
    due_on: str


class _Row(NamedTuple):
    due: str
    policy: str
    due_date: str
    amount: int


def reminders_on(connection: Connection, settings: Settings, day: str) -> Iterator[Reminder]:
    """What is wanted on a date, and on the MISSED_DAYS before it, by due date and due."""
    timetable = settings.dunning.timetable
    first = f"{date.fromisoformat(day) - timedelta(MISSED_DAYS):%Y%m%d}"
    tried, told, tails, busy = (
        histories(connection),
        told_dates(connection),
        _tails(connection),
        _in_collection(connection),
    )
    columns = (dues.c.due, dues.c.policy, dues.c.due_date, dues.c.amount)
    query = select(*columns).where(dues.c.state == DueState.OPEN.value)
    for row in map(_Row._make, connection.execute(query.order_by(dues.c.due_date, dues.c.due))):
        history = tried.get(row.due, ())
        now = DueNow(row.due_date, True, tuple(past.date for past in history), row.due in busy)
        next_date = told.get((row.due, len(history) + 1), "")
        for step in steps_of(now, timetable):
            if first <= step.date <= day:
                yield from _reminder(row, step, timetable, next_date, tails.get(row.policy, ""))


def _reminder(row: _Row, step: Step, timetable: Timetable, next_date: str, tail: str) -> Iterator[Reminder]:
    """The notice or the task of a step. What announces a debit is for who has a mandate and a date alone."""
    end = grace_end(row.due_date, timetable)
    about = f"{row.due}/{step.kind}{step.days}"
    values = {"policy": row.policy[-_TAIL:], "amount": str(row.amount)}
    template, when = Template.GRACE, end
    if step.kind is StepKind.TASK:
        yield Reminder(row.policy, row.due, about, None, {}, end)
        return
    if step.kind is StepKind.NOTICE:
        if not tail or not next_date:
            return
        is_first = -step.days == max(timetable.notice)
        template, when = (Template.ANNOUNCED if is_first else Template.REMINDED), next_date
    elif step.kind is StepKind.FAILED and next_date:
        template, when = Template.FAILED, next_date
    elif step.kind in (StepKind.LAPSED, StepKind.REINSTATE):
        yield Reminder(row.policy, row.due, about, Template.LAPSED, {"policy": values["policy"]}, "")
        return
    values["date"] = when
    if template is Template.ANNOUNCED:
        values["account"] = tail
    yield Reminder(row.policy, row.due, about, template, values, "")


def _tails(connection: Connection) -> dict[str, str]:
    """The last digits of the account of each policy with an active mandate."""
    query = select(mandates.c.policy, mandates.c.tail).where(mandates.c.state == MandateState.ACTIVE.value)
    return {row.policy: row.tail for row in connection.execute(query)}


def _in_collection(connection: Connection) -> set[str]:
    """The dues that are in a line whose outcome can still come."""
    states = [state.value for state in OPEN_LINES]
    return set(connection.execute(select(lines.c.due).where(lines.c.state.in_(states))).scalars())
