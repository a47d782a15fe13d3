"""Conditions of the customers' data open tasks for staff and end them."""

from __future__ import annotations

from sqlalchemy import insert, update

from customers.database.contact_tables import agents, serving
from customers.notices import tasks
from customers.notices.conditions import Looked, look
from customers.notices.tasks import TaskWanted, open_task
from customers.rules.contact import ContactKind
from customers.rules.notice_states import Outcome, TaskKind
from tests.support.customers_desk import AT, OTHER_POLICY, POLICY, Counter
from tests.support.outbox import Post


def test_a_policy_whose_agent_left_is_a_task_until_somebody_serves_it(loaded: Counter) -> None:
    agent = {"name": "Wu", "office": "1", "phone": "01000000", "state": "active", "left_on": "", "load": 1}
    served = {"policy": POLICY, "from_date": "20200101", "to_date": "", "load": 1, "ended_load": 0}
    with loaded.store.transaction() as connection:
        assert look(connection, AT) == Looked(0, 0)  # no agent, no orphan
        connection.execute(insert(agents), [{"agent": "A1", **agent}, {"agent": "A2", **agent}])
        connection.execute(insert(serving).values(agent="A1", **served))
        assert look(connection, AT) == Looked(0, 0)
        connection.execute(update(serving).values(to_date="20261101", ended_load=1))
        assert look(connection, AT) == Looked(1, 0)
        assert look(connection, AT) == Looked(0, 0)
        assert (tasks.find(connection, 1).kind, tasks.find(connection, 1).policy) == ("orphan", POLICY)
        connection.execute(insert(serving).values({**served, "agent": "A2", "from_date": "20261202"}))
        assert look(connection, AT) == Looked(0, 1)
        connection.execute(
            update(serving).where(serving.c.agent == "A2").values(to_date="20261203", ended_load=1)
        )
        assert look(connection, AT) == Looked(1, 0)
        tasks.assign(connection, 2, "li", "li", AT)
        tasks.finish(connection, 2, Outcome.SETTLED, "li", AT)
        assert look(connection, AT) == Looked(0, 0)  # staff have decided
        assert OTHER_POLICY not in {task.policy for task in tasks.listing(connection, everything=True)}


def test_who_has_a_good_contact_is_not_unreachable(loaded: Counter) -> None:
    post = Post(loaded)
    with loaded.store.transaction() as connection:
        open_task(connection, TaskWanted(TaskKind.UNREACHABLE, "", post.person, "20261201"), AT)
        assert look(connection, AT) == Looked(0, 0)
    post.reach(ContactKind.MOBILE)
    with loaded.store.transaction() as connection:
        assert look(connection, AT) == Looked(0, 1)
