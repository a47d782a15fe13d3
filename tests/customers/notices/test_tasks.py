"""Tasks for staff: opened once, taken, finished by who has them, closed by events, escalated by time."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select

from customers.database.notice_tables import task_history
from customers.errors import NoteRefused, TaskRefused
from customers.notices import tasks
from customers.notices.tasks import TaskWanted, open_task
from customers.rules.notice_states import Event, Outcome, TaskKind, TaskState
from customers.rules.task import DAY_US, is_overdue
from tests.support.customers_desk import AT, POLICY, Counter

WANTED = TaskWanted(TaskKind.LAPSING, POLICY, "", "20261215", "grace ends")


def history(connection: Connection, number: int) -> list[tuple[str, str, str]]:
    query = select(task_history).where(task_history.c.task == number).order_by(task_history.c.step)
    return [(row.what, row.by, row.state) for row in connection.execute(query)]


def test_a_task_is_opened_once_taken_and_finished_by_who_has_it(loaded: Counter) -> None:
    with loaded.store.transaction() as connection:
        assert open_task(connection, WANTED, AT) == open_task(connection, WANTED, AT + 1) == 1
        with pytest.raises(TaskRefused, match="not yours"):
            tasks.finish(connection, 1, Outcome.PAID, "li", AT)
        assert tasks.assign(connection, 1, "li", "wang", AT + 2).owner == "li"
        with pytest.raises(TaskRefused, match="not yours"):
            tasks.finish(connection, 1, Outcome.PAID, "wang", AT)
        done = tasks.finish(connection, 1, Outcome.WISHES_TO_LAPSE, "li", AT + 3, "called")
        assert (done.state, done.outcome) == (TaskState.DONE, "wishes_to_lapse")
        with pytest.raises(TaskRefused, match="task 1 is done"):
            tasks.assign(connection, 1, "li", "li", AT + 4)
        assert history(connection, 1) == [
            ("open", "", "open"),
            ("take", "wang", "assigned"),
            ("finish", "li", "done"),
        ]
        assert open_task(connection, WANTED, AT + 5) == 2
        assert [task.task for task in tasks.listing(connection)] == [2]


def test_an_event_closes_what_it_ends_and_nothing_else(loaded: Counter) -> None:
    person = loaded.person()
    with loaded.store.transaction() as connection:
        for kind in (TaskKind.LAPSING, TaskKind.UNREACHABLE, TaskKind.NO_MANDATE):
            open_task(connection, TaskWanted(kind, POLICY, person, "20261215"), AT)
        open_task(connection, TaskWanted(TaskKind.LAPSING, "P9", person, "20261215"), AT)
        tasks.assign(connection, 1, "li", "li", AT)
        assert tasks.end_by(connection, Event.PAID, POLICY, "", AT) == (1,)
        assert tasks.end_by(connection, Event.REACHED, "", person, AT) == (2,)
        assert tasks.end_by(connection, Event.MANDATE, POLICY, "", AT) == (3,)
        assert tasks.end_by(connection, Event.PAID, POLICY, "", AT) == ()
        assert tasks.end_by(connection, Event.PAID, "", "", AT) == ()
        assert history(connection, 1)[-1] == ("close", "", "done")


def test_a_task_whose_time_passed_is_open_again_and_escalated(loaded: Counter) -> None:
    with loaded.store.transaction() as connection:
        open_task(connection, WANTED, AT)
        assert tasks.escalate(connection, AT + 99 * DAY_US) == ()  # nobody has it
        tasks.assign(connection, 1, "li", "li", AT)
        assert tasks.escalate(connection, AT + 14 * DAY_US - 1) == ()
        assert tasks.escalate(connection, AT + 14 * DAY_US) == (1,)
        task = tasks.find(connection, 1)
        assert (task.state, task.owner, task.escalated) == (TaskState.OPEN, "", 1)


def test_a_note_with_a_phone_or_an_address_is_refused_and_not_repeated(loaded: Counter) -> None:
    for note in ("call 13912345678", "+86 139 1234 5678", "li@example.cn", "two\nlines", "x" * 201):
        with loaded.store.transaction() as connection, pytest.raises(NoteRefused) as caught:
            open_task(connection, WANTED._replace(note=note), AT)
        assert "1391" not in str(caught.value)
        assert "li@" not in str(caught.value)
    assert tasks.checked_note("card 6222021234567890128") == "card 622202*********0128"
    assert tasks.checked_note("due 20261201, B0000123/17") == "due 20261201, B0000123/17"


def test_only_a_taken_task_is_overdue() -> None:
    at = AT + 14 * DAY_US
    assert [is_overdue(state, AT, at) for state in TaskState] == [False, True, False]
