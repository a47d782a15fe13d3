"""Contacts of persons: newest good one first, dead after failures on two days, and nothing of who is
restricted or forgotten.
"""

from __future__ import annotations

import pytest
from sqlalchemy import select

from customers.contacts import (
    Contact,
    NewContact,
    Sealing,
    add,
    contacts_of,
    every_contact,
    find,
    is_reachable,
    mark,
    replace,
    value_of,
)
from customers.database.contact_tables import contact_events, contacts
from customers.errors import NoSuchContact, NotOpened, Restricted, Shredded
from customers.rules.contact import ContactKind, Source
from customers.rules.contact_states import Outcome
from customers.rules.states import Act
from tests.support.customers_desk import AT, OTHER_POLICY, Counter

DAY = 86_400 * 1_000_000
FIRST, SECOND = "13800138000", "13900139000"


def added(counter: Counter, value: str = FIRST, *, verified_at: int = 0, person: str = "") -> int:
    """Add a mobile number to the holder, and return its contact's number."""
    new = NewContact(person or counter.person(), ContactKind.MOBILE, value, Source.CORE, verified_at, load=1)
    with counter.store.transaction() as connection:
        add(connection, Sealing(counter.keys, counter.entropy, counter.now()), [new])
        return max(connection.execute(select(contacts.c.number)).scalars())


def told(counter: Counter, number: int, *outcomes: tuple[Outcome, int]) -> list[str]:
    """The states to which these outcomes lead, one after the other."""
    states = []
    for outcome, at in outcomes:
        with counter.store.transaction() as connection:
            states.append(mark(connection, number, outcome, at))
    return list(map(str, states))


def known(counter: Counter, person: str = "") -> tuple[Contact, ...]:
    with counter.store.reading() as connection:
        return contacts_of(connection, person or counter.person())


def test_the_newest_good_contact_comes_first_then_what_may_be_tried(loaded: Counter) -> None:
    tails = ["13800131000", "13800132000", "13800133000", "13800134000", "13800135000"]
    numbers = [added(loaded, text, verified_at=AT * (place < 4)) for place, text in enumerate(tails)]
    told(loaded, numbers[3], (Outcome.FAILED, AT))
    told(loaded, numbers[0], (Outcome.FAILED, AT), (Outcome.FAILED, AT + DAY))
    assert [contact.tail for contact in known(loaded)] == ["*3000", "*2000", "*5000", "*4000"]
    with loaded.store.reading() as connection:
        assert value_of(connection, loaded.keys, known(loaded)[0]) == "13800133000"
        everything = [contact.tail for contact in every_contact(connection, loaded.person())]
    assert everything == ["*3000", "*2000", "*5000", "*4000", "*1000"]


def test_failures_on_two_days_kill_a_contact_and_two_on_one_day_do_not(loaded: Counter) -> None:
    failed = Outcome.FAILED
    number = added(loaded, verified_at=AT)
    assert told(loaded, number, (failed, AT), (failed, AT + 1)) == ["bouncing", "bouncing"]
    assert told(loaded, number, (failed, AT + DAY), (Outcome.DELIVERED, AT + DAY)) == ["dead", "dead"]
    assert told(loaded, number, (failed, AT + 2 * DAY), (Outcome.CONFIRMED, AT + 3 * DAY)) == ["dead", "good"]
    with loaded.store.reading() as connection:
        assert find(connection, number).verified_at == AT + 3 * DAY


def test_a_delivery_between_two_failures_begins_the_count_anew(loaded: Counter) -> None:
    number = added(loaded)
    outcomes = [(Outcome.FAILED, AT), (Outcome.DELIVERED, AT + 1), (Outcome.FAILED, AT + DAY)]
    assert told(loaded, number, *outcomes) == ["bouncing", "good", "bouncing"]
    assert told(loaded, number, (Outcome.FAILED, AT + DAY + 1)) == ["bouncing"]
    assert told(loaded, number, (Outcome.FAILED, AT)) == ["dead"]


def test_the_day_of_a_failure_is_beijings(loaded: Counter) -> None:
    number, midnight = added(loaded), (AT // DAY) * DAY + 16 * 3600 * 1_000_000
    assert told(loaded, number, (Outcome.FAILED, midnight - 1), (Outcome.FAILED, midnight)) == [
        "bouncing",
        "dead",
    ]


def test_who_has_a_good_contact_is_reachable(loaded: Counter) -> None:
    def reachable() -> bool:
        with loaded.store.reading() as connection:
            return is_reachable(connection, loaded.person())

    seen = [reachable()]
    number = added(loaded)
    seen.append(reachable())
    for outcome in (Outcome.DELIVERED, Outcome.FAILED):
        told(loaded, number, (outcome, AT))
        seen.append(reachable())
    assert seen == [False, False, True, False]


def test_a_replaced_contact_is_kept_and_confirmed_no_more(loaded: Counter) -> None:
    number = added(loaded, verified_at=AT)
    with loaded.store.transaction() as connection:
        replace(connection, [find(connection, number)], AT + 1)
    assert known(loaded) == ()
    assert told(loaded, number, (Outcome.DELIVERED, AT + 2)) == ["replaced"]
    with pytest.raises(NoSuchContact, match="was replaced by another"):
        told(loaded, number, (Outcome.CONFIRMED, AT))
    with pytest.raises(NoSuchContact, match="there is no contact 9"):
        told(loaded, 9, (Outcome.FAILED, AT))
    with loaded.store.reading() as connection:
        history = connection.execute(select(contact_events.c.state).order_by(contact_events.c.number))
        assert history.scalars().all() == ["good", "replaced", "replaced"]
        assert value_of(connection, loaded.keys, find(connection, number)) == FIRST


def test_nothing_is_sent_to_a_restricted_person(loaded: Counter) -> None:
    number = added(loaded, verified_at=AT)
    loaded.agreed(Act.RESTRICT, loaded.person())
    assert known(loaded) == ()
    with loaded.store.reading() as connection:
        assert not is_reachable(connection, loaded.person())
        with pytest.raises(Restricted, match="nothing is sent"):
            value_of(connection, loaded.keys, find(connection, number))
    loaded.agreed(Act.RELEASE, loaded.person())
    assert [contact.number for contact in known(loaded)] == [number]


def test_a_value_stands_in_its_own_row_of_its_own_person(loaded: Counter) -> None:
    first, second = added(loaded), added(loaded, SECOND)
    with loaded.store.reading() as connection:
        moved = find(connection, first)._replace(number=second)
        with pytest.raises(NotOpened, match="altered, or stood elsewhere"):
            value_of(connection, loaded.keys, moved)


def test_a_shredding_deletes_the_contacts_of_its_person_and_of_no_other(loaded: Counter) -> None:
    other = loaded.person(OTHER_POLICY, "payer")
    number, kept = added(loaded, verified_at=AT), added(loaded, person=other)
    person = loaded.person()
    with loaded.store.reading() as connection:
        before = find(connection, number)
    loaded.agreed(Act.SHRED, person)
    assert known(loaded, person) == ()
    with loaded.store.reading() as connection:
        gone = find(connection, number)
        assert (gone.value_sealed, gone.value_digest, gone.tail) == ("", "", "")
        assert value_of(connection, loaded.keys, find(connection, kept)) == FIRST
        with pytest.raises(Shredded):
            value_of(connection, loaded.keys, before)
    assert told(loaded, number, (Outcome.FAILED, AT)) == ["bouncing"]
