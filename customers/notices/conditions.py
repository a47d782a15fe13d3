"""The conditions in the customers' own data that open a task for staff, and those that end it by themselves.

A policy whose agent left, and that nobody serves since, is a task; one that never had an agent is not.
Whoever has a good contact is not unreachable. What the front and collection know opens its tasks by
`customers.notices.tasks`.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select

from customers.contacts import is_reachable
from customers.database.notice_tables import tasks
from customers.notices.tasks import TaskWanted, end_by, open_task
from customers.rules.notice_states import Event, TaskKind, TaskState
from customers.rules.sending import day_of
from customers.serving import agent_of, orphans


class Looked(NamedTuple):
    """How many tasks were opened, and how many ended by themselves."""

    opened: int
    ended: int


def look(connection: Connection, at: int) -> Looked:
    """Open and end the tasks that follow from the customers' data at `at` (microseconds since 1970-01-01
    UTC).
    """
    ended = _end(connection, at)
    known = _known(connection)
    fresh = [row.policy for row in orphans(connection) if row.agent and row.policy not in known]
    for policy in fresh:
        open_task(connection, TaskWanted(TaskKind.ORPHAN, policy, "", day_of(at)), at)
    return Looked(len(fresh), ended)


def _known(connection: Connection) -> set[str]:
    """The policies whose task is open, or was ended by staff, who so decided."""
    counts = (tasks.c.state != TaskState.DONE.value) | (tasks.c.outcome != "")
    query = select(tasks.c.policy).where(tasks.c.kind == TaskKind.ORPHAN.value, counts)
    return set(connection.execute(query).scalars())


def _end(connection: Connection, at: int) -> int:
    """End the tasks of who can be reached, and of policies that are served."""
    waiting = select(tasks).where(tasks.c.state != TaskState.DONE.value)
    ended = 0
    for row in connection.execute(waiting.where(tasks.c.kind == TaskKind.UNREACHABLE.value)).all():
        if is_reachable(connection, row.person):
            ended += len(end_by(connection, Event.REACHED, "", row.person, at))
    for row in connection.execute(waiting.where(tasks.c.kind == TaskKind.ORPHAN.value)).all():
        if agent_of(connection, row.policy) is not None:
            ended += len(end_by(connection, Event.SERVED, row.policy, "", at))
    return ended
