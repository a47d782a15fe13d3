"""Contacts, agents, servings and consents come with the core system's file, and do not undo what a customer
has done since.
"""

from __future__ import annotations

import pytest
from sqlalchemy import select

from customers.contacts import contacts_of, every_contact, mark, value_of
from customers.database.contact_tables import agents, consents, serving
from customers.errors import HoldingsRefused
from customers.load_rows import AgentRow, ConsentRow, ContactRow, LeftRow, Row, ServingRow, WithdrawnRow
from customers.load_service import ServiceCounts
from customers.rules.contact import ContactKind
from customers.rules.contact_states import Outcome, Purpose
from customers.rules.states import Act
from customers.serving import Agent, Orphan, agent_of, orphans
from ledger.rules.beijing import midnight
from ledger.rules.identity import Document
from tests.support.customers_desk import LI, OTHER_POLICY, POLICY, ZHANG, Counter

MOBILE, EMAIL, _, POST = ContactKind
STRANGER = Document("passport", "E99999999")
EVIDENCE = "ab" * 32
FIRST, SECOND, THIRD = "13800138001", "13800138002", "13800138003"


def contact(
    value: str, verified: str = "", kind: ContactKind = MOBILE, whose: Document = ZHANG
) -> ContactRow:
    return ContactRow(0, whose, kind, value, verified)


def brought(counter: Counter, date: str, *rows: Row) -> ServiceCounts:
    return counter.load(counter.file_of(date, *rows)).service


def shown(counter: Counter, person: str = "") -> list[str]:
    """The contacts of the holder, with their states."""
    with counter.store.reading() as connection:
        return [f"{row.tail} {row.state}" for row in every_contact(connection, person or counter.person())]


def test_contacts_are_brought_sealed_and_good_where_they_were_verified(loaded: Counter) -> None:
    rows = (contact("+86 138-0013-8001", "20261101"), contact("li@Example.com", kind=EMAIL))
    counts = brought(loaded, "20261125", *rows, contact("上海市黄浦区示例路1号, 2楼", kind=POST, whose=LI))
    assert (counts.contacts, counts.new_contacts, counts.left_out) == (3, 3, 0)
    assert shown(loaded) == ["*8001 good", "*@example.com unverified"]
    with loaded.store.reading() as connection:
        first = contacts_of(connection, loaded.person())[0]
        assert (value_of(connection, loaded.keys, first), first.verified_at) == (FIRST, midnight("20261101"))
        (post,) = contacts_of(connection, loaded.person(POLICY, "insured"))
        assert value_of(connection, loaded.keys, post) == "上海市黄浦区示例路1号, 2楼"


def test_the_same_contact_again_stays_and_another_of_its_kind_replaces_it(loaded: Counter) -> None:
    brought(loaded, "20261125", contact(FIRST, "20261101"), contact("li@example.com", kind=EMAIL))
    again = brought(loaded, "20261126", contact("138 0013 8001"), contact("LI@example.com", kind=EMAIL))
    assert (again.new_contacts, again.replaced_contacts) == (0, 0)
    counts = brought(loaded, "20261127", contact(SECOND), contact(THIRD))
    assert (counts.new_contacts, counts.replaced_contacts) == (2, 1)
    assert shown(loaded) == [
        "*8003 unverified",
        "*8002 unverified",
        "*@example.com unverified",
        "*8001 replaced",
    ]
    assert brought(loaded, "20261128", contact(FIRST)).new_contacts == 1


def test_a_dead_contact_is_good_again_only_when_it_was_verified_since(loaded: Counter) -> None:
    brought(loaded, "20261125", contact(FIRST, "20261101"))
    with loaded.store.transaction() as connection:
        for date in ("20261201", "20261203"):
            mark(connection, 1, Outcome.FAILED, midnight(date))
    brought(loaded, "20261204", contact(FIRST, "20261203"))
    assert shown(loaded) == ["*8001 dead"]
    brought(loaded, "20261205", contact(FIRST, "20261204"))
    assert shown(loaded) == ["*8001 good"]


def test_a_contact_of_nobody_is_left_out_and_counted(loaded: Counter) -> None:
    loaded.agreed(Act.SHRED, loaded.person(POLICY, "insured"))
    rows = (contact(FIRST, whose=LI), contact(SECOND, whose=STRANGER), contact(THIRD))
    counts = brought(loaded, "20261125", *rows)
    assert (counts.contacts, counts.new_contacts, counts.left_out) == (3, 1, 2)


def test_a_restricted_persons_contacts_are_brought_up_to_date_for_storage(loaded: Counter) -> None:
    loaded.agreed(Act.RESTRICT, loaded.person())
    assert brought(loaded, "20261125", contact(FIRST)).new_contacts == 1


def test_an_agent_who_leaves_makes_orphans_until_another_serves(loaded: Counter) -> None:
    wang, zhao = AgentRow(0, "A1", "Wang", "Shanghai", "021-1"), AgentRow(0, "A2", "Zhao", "Shanghai", "")
    served = [ServingRow(0, policy, "A1", "20200101") for policy in (POLICY, OTHER_POLICY)]
    counts = brought(loaded, "20261125", wang, *served)
    assert (counts.agents, counts.serving, counts.new_serving) == (1, 2, 2)

    def found() -> tuple[list[Orphan], Agent | None]:
        with loaded.store.reading() as connection:
            return list(orphans(connection)), agent_of(connection, POLICY)

    assert found() == ([], Agent("A1", "Wang", "Shanghai", "021-1"))
    brought(loaded, "20261126", LeftRow(0, "A1", "20261120"))
    person = loaded.person()
    assert found() == (
        [Orphan(POLICY, person, "A1", "20261120"), Orphan(OTHER_POLICY, person, "A1", "20261120")],
        None,
    )
    brought(loaded, "20261127", zhao, served[0]._replace(agent="A2", from_date="20261127"))
    assert found() == ([Orphan(OTHER_POLICY, person, "A1", "20261120")], Agent(*zhao[1:]))
    loaded.agreed(Act.SHRED, person)
    assert found()[0] == []


def test_a_policy_that_nobody_ever_served_is_an_orphan_too(loaded: Counter) -> None:
    with loaded.store.reading() as connection:
        assert [row[2:] for row in orphans(connection)] == [("", ""), ("", "")]


def test_another_agent_takes_over_from_the_day_after_the_ones_last(loaded: Counter) -> None:
    agents_there = [AgentRow(0, name, name, "Shanghai", "") for name in ("A1", "A2")]
    brought(loaded, "20261125", *agents_there, ServingRow(0, POLICY, "A1", "20200101"))
    counts = brought(loaded, "20261126", ServingRow(0, POLICY, "A2", "20261201"))
    assert counts.new_serving == 1
    with loaded.store.reading() as connection:
        rows = connection.execute(select(serving).order_by(serving.c.from_date)).all()
    assert [tuple(row)[1:4] for row in rows] == [("A1", "20200101", "20261130"), ("A2", "20261201", "")]
    assert brought(loaded, "20261127", ServingRow(0, POLICY, "A2", "20200101")).new_serving == 0
    with pytest.raises(HoldingsRefused, match="line 2, from: this serving began on this day"):
        brought(loaded, "20261128", ServingRow(0, POLICY, "A1", "20200101"))


def test_an_agent_is_brought_up_to_date_and_may_come_back(loaded: Counter) -> None:
    wang = AgentRow(0, "A1", "Wang", "Shanghai", "021-1")
    brought(loaded, "20261125", wang)
    brought(loaded, "20261126", LeftRow(0, "A1", "20261126"))
    brought(loaded, "20261127", wang._replace(office="Beijing"))
    with loaded.store.reading() as connection:
        assert connection.execute(select(agents)).all() == [
            ("A1", "Wang", "Beijing", "021-1", "active", "", 4)
        ]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (ServingRow(0, POLICY, "A9", "20261126"), "line 3, agent: no agent of this name works"),
        (ServingRow(0, POLICY, "A2", "20261126"), "line 3, agent: no agent of this name works"),
        (LeftRow(0, "A9", "20261126"), "line 3, agent: there is no agent of this name"),
    ],
    ids=["unknown", "left", "unknown leaves"],
)
def test_what_does_not_fit_is_refused_by_its_line_and_nothing_is_loaded(
    loaded: Counter, row: Row, reason: str
) -> None:
    brought(loaded, "20261125", *(AgentRow(0, name, name, "Shanghai", "") for name in ("A1", "A2")))
    brought(loaded, "20261126", LeftRow(0, "A2", "20261125"))
    with pytest.raises(HoldingsRefused, match=reason):
        brought(loaded, "20261127", contact(FIRST), row)
    assert shown(loaded) == []


def test_a_consent_goes_on_until_it_is_withdrawn_and_an_older_one_does_not_come_back(loaded: Counter) -> None:
    granted = ConsentRow(0, ZHANG, Purpose.DEBIT, "20261101", EVIDENCE)
    withdrawn = WithdrawnRow(0, ZHANG, Purpose.DEBIT, "20261126", EVIDENCE)
    counts = [
        brought(loaded, "20261125", granted, granted._replace(document=STRANGER)),
        brought(loaded, "20261126", granted),
        brought(loaded, "20261127", withdrawn),
        brought(loaded, "20261128", granted._replace(granted_on="20261126")),
        brought(loaded, "20261129", granted._replace(granted_on="20261127")),
    ]
    assert [count.new_consents for count in counts] == [1, 0, 0, 0, 1]
    assert (counts[0].consents, counts[0].left_out) == (2, 1)
    with loaded.store.reading() as connection:
        rows = connection.execute(select(consents).order_by(consents.c.number)).all()
    assert [(row.granted_at, row.withdrawn_at) for row in rows] == [
        (midnight("20261101"), midnight("20261126")),
        (midnight("20261127"), 0),
    ]
