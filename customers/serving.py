"""Who serves which policy: the agent of a policy, and the policies that nobody serves any more.

Reads only. A policy whose agent left is an orphan until the core system names another; tasks for staff are
made of that list. Servings begin and end by the core system's file (`customers.load_service`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, select

from customers.database.contact_tables import agents, serving
from customers.database.schema import holdings, persons
from customers.rules.person import Role
from customers.rules.states import PersonState


class Agent(NamedTuple):
    """An agent, as customers are told of one."""

    agent: str
    name: str
    office: str
    phone: str


class Orphan(NamedTuple):
    """A policy that nobody serves: its holder, and since which last day (YYYYMMDD) by which agent it was
    served; both empty if it never was.
    """

    policy: str
    person: str
    agent: str
    since: str


def agent_of(connection: Connection, policy: str) -> Agent | None:
    """The agent who serves a policy now; None for an orphan."""
    query = (
        select(*(agents.c[name] for name in Agent._fields))
        .join(serving, serving.c.agent == agents.c.agent)
        .where(serving.c.policy == policy, serving.c.to_date == "")
    )
    row = connection.execute(query).first()
    return Agent._make(row) if row else None


def orphans(connection: Connection) -> Iterator[Orphan]:
    """The policies with a holder and without a serving that goes on, in their order. A shredded person's are
    not among them: nobody can be written to about them.
    """
    last = (
        select(serving.c.policy, func.max(serving.c.to_date).label("to_date"))
        .group_by(serving.c.policy)
        .having(func.min(serving.c.to_date) != "")
        .subquery()
    )
    ended = serving.alias()
    now = select(serving.c.policy).where(serving.c.policy == holdings.c.policy, serving.c.to_date == "")
    query = (
        select(
            holdings.c.policy,
            holdings.c.person,
            func.coalesce(func.max(ended.c.agent), ""),
            func.coalesce(func.max(last.c.to_date), ""),
        )
        .join(persons, persons.c.person == holdings.c.person)
        .outerjoin(last, last.c.policy == holdings.c.policy)
        .outerjoin(ended, and_(ended.c.policy == last.c.policy, ended.c.to_date == last.c.to_date))
        .where(
            holdings.c.role == Role.HOLDER.value,
            holdings.c.to_date == "",
            persons.c.state != PersonState.SHREDDED.value,
            ~now.exists(),
        )
        .group_by(holdings.c.policy, holdings.c.person)
        .order_by(holdings.c.policy)
    )
    yield from map(Orphan._make, connection.execute(query))
