"""What customers are to be told of their dues, and staff to do, on a date; and with which values.

Read from the tables by the timetable of `collection.rules.dunning`. The notices themselves, their texts,
hours and roads are the customers' (`customers.notices`): the command hands over what is wanted, and a name by
which each is known, so that it is told once however often it is wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from collection.config import Settings
from collection.database.schema import DueState, batches, dues, lines, mandates
from collection.dues import histories, told_dates
from collection.rules.attempts import HARD, Tried
from collection.rules.dunning import DueNow, Step, StepKind, Timetable, grace_end, steps_of
from collection.rules.states import OPEN_LINES, LineState, MandateState
from customers.rules.notice_states import TaskKind

MISSED_DAYS: Final = 3
"""A step of so many days ago is still taken where nobody ran the command on its date."""
DUNNING: Final = "dunning:"
RECEIPT: Final = "receipt:"
"""How the dedupe of a notice about a due, and of one about a receipt, begins."""
_TAIL: Final = 4
_RECEIPT_TAIL: Final = 6


class Template(StrEnum):
    """The notices that collection asks for, as `customers/notices/templates.toml` calls them."""

    ANNOUNCED = "debit_announced"
    REMINDED = "debit_reminded"
    DONE = "debit_done"
    FAILED = "debit_failed"
    SHORT = "debit_short"
    ABOVE_LIMIT = "debit_above_limit"
    STOPPED = "debit_stopped"
    RETURNED = "debit_returned"
    GRACE = "grace"
    LAPSED = "lapsed"


class Reminder(NamedTuple):
    """A notice that is wanted: `about` is the due with its step, or a receipt; `dedupe` the name by which it
    is known. `values` are as `customers.rules.template` takes them.
    """

    policy: str
    about: str
    template: Template
    values: Mapping[str, str]
    dedupe: str


class Chore(NamedTuple):
    """A task for staff that is wanted; `due_on` is YYYYMMDD, when the grace ends. Kind, policy and note are
    the name by which it is known.
    """

    policy: str
    kind: TaskKind
    due_on: str
    note: str


class Wanted(NamedTuple):
    """What is wanted on a date."""

    notices: tuple[Reminder, ...]
    chores: tuple[Chore, ...]


class Ends(NamedTuple):
    """What ends tasks: policies of which dues were settled and none is overdue, and those with a mandate."""

    paid: frozenset[str]
    mandated: frozenset[str]


class _Row(NamedTuple):
    due: str
    policy: str
    due_date: str
    amount: int


class _Known(NamedTuple):
    """What was done for a due, and by which account it is collected (its last digits; empty: by none)."""

    history: tuple[Tried, ...]
    returned: frozenset[str]
    next_date: str
    tail: str
    in_collection: bool


_TOLD_WHY: Final[Mapping[str, Template]] = MappingProxyType(
    {"funds": Template.SHORT, "limit": Template.ABOVE_LIMIT}
)
"""What a customer is told after a failure of these classes, where another attempt follows."""


def wanted_on(connection: Connection, settings: Settings, day: str) -> Wanted:
    """What is wanted on a date, and on the MISSED_DAYS before it, by due date and due; then the receipts.

    Why the last attempt failed, what staff do about it, and receipts are wanted from then on: a bank's answer
    may come days after the attempt.
    """
    timetable = settings.dunning.timetable
    found, chores = list[Reminder](), list[Chore]()
    for row, known in _open_dues(connection):
        found += _notices_of(row, known, timetable, day)
        chores += _chores_of(row, known, timetable, day)
    return Wanted((*found, *receipts_wanted(connection)), tuple(chores))


def receipts_wanted(connection: Connection) -> Iterator[Reminder]:
    """The notice of each line that was done and has its receipt, whether or not it was queued before."""
    joined = lines.join(batches, batches.c.batch == lines.c.batch)
    columns = (lines.c.policy, lines.c.amount, lines.c.receipt, lines.c.value_date, batches.c.date)
    query = select(*columns).select_from(joined).order_by(lines.c.batch, lines.c.line)
    query = query.where(lines.c.state == LineState.DONE.value, lines.c.receipt != "")
    for row in connection.execute(query):
        values = {"amount": str(row.amount), "date": row.value_date or row.date}
        values |= {"policy": row.policy[-_TAIL:], "receipt": row.receipt[-_RECEIPT_TAIL:]}
        yield Reminder(row.policy, row.receipt, Template.DONE, values, f"{RECEIPT}{row.receipt}")


def ends(connection: Connection, day: str) -> Ends:
    """What ends tasks on a date."""
    by_state = select(dues.c.policy).distinct()
    settled = set(connection.execute(by_state.where(dues.c.state == DueState.SETTLED.value)).scalars())
    late = by_state.where(dues.c.state == DueState.OPEN.value, dues.c.due_date <= day)
    owing = set(connection.execute(late).scalars())
    return Ends(frozenset(settled - owing), frozenset(_tails(connection)))


def _open_dues(connection: Connection) -> Iterator[tuple[_Row, _Known]]:
    tried, told, tails = histories(connection), told_dates(connection), _tails(connection)
    returned, busy = _returned(connection), _in_collection(connection)
    columns = (dues.c.due, dues.c.policy, dues.c.due_date, dues.c.amount)
    query = select(*columns).where(dues.c.state == DueState.OPEN.value)
    for row in map(_Row._make, connection.execute(query.order_by(dues.c.due_date, dues.c.due))):
        history = tried.get(row.due, ())
        next_date = told.get((row.due, len(history) + 1), "")
        back = frozenset(returned.get(row.due, ()))
        yield row, _Known(history, back, next_date, tails.get(row.policy, ""), row.due in busy)


def _notices_of(row: _Row, known: _Known, timetable: Timetable, day: str) -> Iterator[Reminder]:
    first = f"{date.fromisoformat(day) - timedelta(MISSED_DAYS):%Y%m%d}"
    for step in _steps(row, known, timetable):
        if step.date <= day and (first <= step.date or step.kind is StepKind.FAILED):
            yield from _reminder(row, known, step, timetable)


def _steps(row: _Row, known: _Known, timetable: Timetable) -> tuple[Step, ...]:
    """The steps of a due; of its failures the last alone, unless it is being collected again."""
    failed = () if known.in_collection else tuple(past.date for past in known.history[-1:])
    return steps_of(DueNow(row.due_date, True, failed, known.in_collection), timetable)


def _reminder(row: _Row, known: _Known, step: Step, timetable: Timetable) -> Iterator[Reminder]:
    """The notice of a step, if it has one; of a debit to come only where there are a mandate and a date."""
    template, when = Template.GRACE, grace_end(row.due_date, timetable)
    values = {"policy": row.policy[-_TAIL:]}
    if step.kind is StepKind.TASK:
        return
    if step.kind is StepKind.NOTICE:
        if not known.tail or not known.next_date:
            return
        is_first = -step.days == max(timetable.notice)
        template, when = (Template.ANNOUNCED if is_first else Template.REMINDED), known.next_date
    elif step.kind is StepKind.FAILED:
        template = _why(known)
        if template not in (Template.RETURNED, Template.STOPPED, Template.GRACE):
            when = known.next_date
    elif step.kind in (StepKind.LAPSED, StepKind.REINSTATE):
        template = Template.LAPSED
    if template is not Template.LAPSED:
        values |= {"amount": str(row.amount), "date": when}
    if template is Template.ANNOUNCED:
        values["account"] = known.tail
    about = f"{row.due}/{step.kind}{step.days}"
    yield Reminder(row.policy, about, template, values, f"{DUNNING}{about}")


def _why(known: _Known) -> Template:
    """What a customer is told of the last attempt."""
    last = known.history[-1]
    if last.date in known.returned:
        return Template.RETURNED
    if last.klass in HARD:
        return Template.STOPPED
    return _TOLD_WHY.get(last.klass, Template.FAILED) if known.next_date else Template.GRACE


def _chores_of(row: _Row, known: _Known, timetable: Timetable, day: str) -> Iterator[Chore]:
    """The tasks of a due. No name of a due is in a note, since it might look like a phone's number."""
    end, note = grace_end(row.due_date, timetable), f"due of {row.due_date}"
    for number, past in enumerate(known.history, 1):
        attempt = f"{note}, attempt {number}"
        if past.date in known.returned:
            yield Chore(row.policy, TaskKind.RETURN, end, attempt)
        elif past.klass in HARD:
            yield Chore(row.policy, TaskKind.HARD_FAILURE, end, attempt)
    steps = _steps(row, known, timetable)
    if day < end and any(step.kind is StepKind.TASK and step.date <= day for step in steps):
        yield Chore(row.policy, TaskKind.LAPSING, end, note)
        if not known.tail:
            yield Chore(row.policy, TaskKind.NO_MANDATE, end, note)


def _tails(connection: Connection) -> dict[str, str]:
    """The last digits of the account of each policy with an active mandate."""
    query = select(mandates.c.policy, mandates.c.tail).where(mandates.c.state == MandateState.ACTIVE.value)
    return {row.policy: row.tail for row in connection.execute(query)}


def _returned(connection: Connection) -> dict[str, set[str]]:
    """The dates of the attempts whose money the bank took back, by due."""
    joined = lines.join(batches, batches.c.batch == lines.c.batch)
    query = select(lines.c.due, batches.c.date).select_from(joined)
    found: dict[str, set[str]] = {}
    for row in connection.execute(query.where(lines.c.state == LineState.RETURNED.value)):
        found.setdefault(row.due, set()).add(row.date)
    return found


def _in_collection(connection: Connection) -> set[str]:
    """The dues that are in a line whose outcome can still come."""
    states = [state.value for state in OPEN_LINES]
    return set(connection.execute(select(lines.c.due).where(lines.c.state.in_(states))).scalars())
