"""Tasks for staff, as rows: opened once, taken and finished by a person, closed by an event, escalated where
their time passed. Each step has its record in the task's history, in the caller's transaction.

Who may do it is asked by whoever calls. No name, phone or address may be put into a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from customers.database.notice_tables import task_history, tasks
from customers.errors import NoteRefused, TaskRefused
from customers.rules.notice_states import (
    ENDS,
    TASK_TRANSITIONS,
    Event,
    Outcome,
    TaskKind,
    TaskState,
    TaskStep,
)
from customers.rules.task import is_overdue
from ledger.rules.masking import masked_numbers
from qianzhi_errors.sentence import Sentence

BY_ITSELF: Final = ""
"""Who took a step that nobody took: an event, or the time that passed."""
NOTE_LENGTH_MAX: Final = 200
_REACHES_SOMEBODY: Final = re.compile(r"@|(?<![0-9])(?:\+?86[ -]?)?1[3-9][0-9](?:[ -]?[0-9]{4}){2}(?![0-9])")
"""An e-mail address, or a mobile number of mainland China, in a text."""


class Task(NamedTuple):
    """A task: `due_on` YYYYMMDD; moments are microseconds since 1970-01-01 UTC; `moved_at` is when it was
    last opened or taken.
    """

    task: int
    kind: TaskKind
    policy: str
    person: str
    owner: str
    due_on: str
    state: TaskState
    outcome: str
    note: str
    escalated: int
    opened_at: int
    moved_at: int


class TaskWanted(NamedTuple):
    """A task that is to be there: about a policy, a person, or both; `due_on` YYYYMMDD."""

    kind: TaskKind
    policy: str
    person: str
    due_on: str
    note: str = ""


_TASKS: Final = select(*(tasks.c[name] for name in Task._fields)).order_by(tasks.c.due_on, tasks.c.task)
_NOT_DONE: Final = tasks.c.state != TaskState.DONE.value


def open_task(connection: Connection, wanted: TaskWanted, at: int) -> int:
    """Open a task, and return its number; that of the one which is open already, if there is. Raises
    NoteRefused.
    """
    note = checked_note(wanted.note)
    same = (
        tasks.c.kind == wanted.kind.value,
        tasks.c.policy == wanted.policy,
        tasks.c.person == wanted.person,
    )
    if (row := connection.execute(_TASKS.where(*same, _NOT_DONE)).first()) is not None:
        return int(row.task)
    number = 1 + int(connection.execute(select(func.count()).select_from(tasks)).scalar_one())
    opened = Task(
        number,
        wanted.kind,
        wanted.policy,
        wanted.person,
        "",
        wanted.due_on,
        TaskState.OPEN,
        "",
        note,
        0,
        at,
        at,
    )
    connection.execute(insert(tasks).values(opened._asdict()))
    _record(connection, opened, TaskStep.OPEN, BY_ITSELF, at, note)
    return number


def was_opened(connection: Connection, wanted: TaskWanted) -> bool:
    """Whether a task of this kind, policy and note was opened before, whatever became of it. Raises
    NoteRefused.
    """
    same = (
        tasks.c.kind == wanted.kind.value,
        tasks.c.policy == wanted.policy,
        tasks.c.note == checked_note(wanted.note),
    )
    return connection.execute(_TASKS.where(*same)).first() is not None


def assign(connection: Connection, number: int, owner: str, by: str, at: int) -> Task:
    """Give a task to a person, and return it. Raises TaskRefused."""
    return _step(connection, find(connection, number), TaskStep.TAKE, by, at, owner=owner, moved_at=at)


def finish(connection: Connection, number: int, outcome: Outcome, by: str, at: int, note: str = "") -> Task:
    """Write what came of a task, by who has it, and return it. Raises TaskRefused and NoteRefused."""
    task, words = find(connection, number), checked_note(note)
    if task.owner.lower() != by.lower():
        raise TaskRefused(
            Sentence("task {number} is not yours: take it with qianzhi customers assign", number=number)
        )
    return _step(connection, task, TaskStep.FINISH, by, at, words, outcome=outcome.value)


def end_by(connection: Connection, event: Event, policy: str, person: str, at: int) -> tuple[int, ...]:
    """Close the tasks that an event ends, and return their numbers: of the policy or of the person, where
    they are given.
    """
    about = [tasks.c[name] == value for name, value in (("policy", policy), ("person", person)) if value]
    if not about:
        return ()
    kinds = tasks.c.kind.in_([kind.value for kind in ENDS[event]])
    found = [_task(row) for row in connection.execute(_TASKS.where(kinds, _NOT_DONE, *about))]
    for task in found:
        _step(connection, task, TaskStep.CLOSE, BY_ITSELF, at, event.value)
    return tuple(task.task for task in found)


def escalate(connection: Connection, at: int) -> tuple[int, ...]:
    """Take tasks away from who let their time pass, open again and escalated; return their numbers."""
    assigned = connection.execute(_TASKS.where(tasks.c.state == TaskState.ASSIGNED.value))
    late = [task for task in map(_task, assigned) if is_overdue(task.state, task.moved_at, at)]
    for task in late:
        _step(
            *(connection, task, TaskStep.ESCALATE, BY_ITSELF, at, task.owner),
            owner="",
            escalated=task.escalated + 1,
            moved_at=at,
        )
    return tuple(task.task for task in late)


def find(connection: Connection, number: int) -> Task:
    """The task of this number. Raises TaskRefused."""
    row = connection.execute(_TASKS.where(tasks.c.task == number)).first()
    if row is None:
        raise TaskRefused(Sentence("there is no task {number}", number=number))
    return _task(row)


def listing(connection: Connection, *, owner: str = "", everything: bool = False) -> Iterator[Task]:
    """The tasks that are not done, or all, or those of one person; the most pressing first."""
    query = _TASKS if everything else _TASKS.where(_NOT_DONE)
    yield from map(_task, connection.execute(query.where(tasks.c.owner == owner) if owner else query))


def checked_note(note: str) -> str:
    """The note, its identity and card numbers masked. Raises NoteRefused for one that has more than a line,
    or a phone number or an address in it, without repeating it.
    """
    words = masked_numbers(note.strip())
    if len(words) > NOTE_LENGTH_MAX or not words.isprintable():
        raise NoteRefused(Sentence("a note is one line of at most {most} characters", most=NOTE_LENGTH_MAX))
    if _REACHES_SOMEBODY.search(words):
        raise NoteRefused(Sentence("a note has a phone number or an address in it: contacts are kept sealed"))
    return words


def _step(
    connection: Connection, task: Task, step: TaskStep, by: str, at: int, note: str = "", **changes: str | int
) -> Task:
    following = TASK_TRANSITIONS.get((task.state, step))
    same = (tasks.c.task == task.task) & (tasks.c.state == task.state.value)
    values = {"state": following.value, **changes} if following else {}
    if not values or connection.execute(update(tasks).where(same).values(values)).rowcount != 1:
        raise TaskRefused(
            Sentence("task {number} is {state}: that does not fit", number=task.task, state=task.state)
        )
    moved = find(connection, task.task)
    _record(connection, moved, step, by, at, note)
    return moved


def _record(connection: Connection, task: Task, step: TaskStep, by: str, at: int, note: str) -> None:
    before = select(func.count()).select_from(task_history).where(task_history.c.task == task.task)
    values = {"task": task.task, "step": 1 + int(connection.execute(before).scalar_one()), "at": at, "by": by}
    values |= {"what": step.value, "owner": task.owner, "state": task.state.value, "note": note}
    connection.execute(insert(task_history).values(values))


def _task(row: Sequence[Any]) -> Task:
    task = Task._make(row)
    return task._replace(kind=TaskKind(task.kind), state=TaskState(task.state))
