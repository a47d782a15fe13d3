"""What a customer wants to be reached by is asked of the core system, and is so once that has said yes."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from customers.change_file import Answer, parse_answers, write_answers
from customers.changes import Asked, Taken, mark_by_clerk, request_change, take_answers, write_file
from customers.contacts import contacts_of, every_contact, value_of
from customers.database.contact_tables import changes
from customers.database.schema import audit_log
from customers.errors import AnswersError, ChangeRefused, NotAllowed, Restricted
from customers.load_rows import ContactRow
from customers.rules.contact import ContactKind, Source
from customers.rules.contact_states import ChangeState, Outcome
from customers.rules.states import Act
from ledger.rules.beijing import day_of, midnight
from tests.support.customers_desk import AT, POLICY, ZHANG, Counter

MOBILE, EMAIL = ContactKind.MOBILE, ContactKind.EMAIL
FIRST, SECOND = "13800138001", "13800138002"
TODAY = day_of(AT)
DONE, DECLINED = ChangeState.DONE, ChangeState.DECLINED


@pytest.fixture
def reached(loaded: Counter) -> Counter:
    """The holder has a good mobile number by the core system's file."""
    loaded.load(loaded.file_of("20261125", ContactRow(0, ZHANG, MOBILE, FIRST, "20261101")))
    return loaded


def asked(counter: Counter, value: str = SECOND, kind: ContactKind = MOBILE, by: str = "li") -> int:
    return request_change(counter.loader(by), Asked(counter.person(), kind, value, Source.COUNTER))


def answered(counter: Counter, *answers: tuple[int, ChangeState, str]) -> Taken:
    data = write_answers(TODAY, [Answer(0, *answer) for answer in answers])
    return take_answers(counter.loader(), parse_answers(data))


def shown(counter: Counter, person: str) -> list[str]:
    with counter.store.reading() as connection:
        return [f"{row.tail} {row.state} {row.source}" for row in every_contact(connection, person)]


def states(counter: Counter) -> list[str]:
    with counter.store.reading() as connection:
        return list(connection.execute(select(changes.c.state).order_by(changes.c.number)).scalars())


def test_a_change_is_a_request_until_the_core_system_has_done_it(reached: Counter) -> None:
    assert asked(reached, "+86 13800138002") == 1
    assert shown(reached, reached.person()) == ["*8001 good core"]
    file = write_file(reached.loader())
    assert file.data.decode().splitlines()[1] == (
        f"1,resident:11010119900307803X,mobile,{SECOND},counter,{TODAY}"
    )
    assert answered(reached, (1, DONE, "")) == Taken(1, 0, 0, 0)
    assert shown(reached, reached.person()) == ["*8002 good counter", "*8001 replaced core"]
    with reached.store.reading() as connection:
        (contact,) = contacts_of(connection, reached.person())
        assert value_of(connection, reached.keys, contact) == SECOND
        assert contact.verified_at == contact.added_at


def test_a_declined_change_changes_nothing_and_keeps_the_reason_without_numbers(reached: Counter) -> None:
    asked(reached)
    write_file(reached.loader())
    reason = "not of 11010119900307803X"
    assert answered(reached, (1, DECLINED, reason)) == Taken(0, 1, 0, 0)
    assert shown(reached, reached.person()) == ["*8001 good core"]
    with reached.store.reading() as connection:
        row = connection.execute(select(changes)).one()
    assert (row.state, row.reason) == ("declined", "not of **************803X")


def test_what_has_no_answer_is_in_each_file_and_what_has_one_in_none(reached: Counter) -> None:
    asked(reached)
    first = write_file(reached.loader())
    assert write_file(reached.loader()) == first
    asked(reached, "li@example.com", EMAIL)
    assert write_file(reached.loader()).changes == 2
    answered(reached, (1, DONE, ""), (2, DECLINED, "no"))
    assert write_file(reached.loader()).changes == 0
    with reached.store.reading() as connection:
        sent = connection.execute(select(changes.c.sent_at).order_by(changes.c.number)).scalars().all()
    assert sent[0] < sent[1]


def test_the_same_answer_again_changes_nothing_and_another_one_is_refused(reached: Counter) -> None:
    asked(reached)
    asked(reached, "li@example.com", EMAIL)
    write_file(reached.loader())
    answered(reached, (1, DONE, ""))
    assert answered(reached, (1, DONE, "")) == Taken(0, 0, 1, 0)
    for answer, reason in (
        ((1, DECLINED, "no"), "line 0, change: this change is done already"),
        ((9, DONE, ""), "line 0, change: there is no such change"),
    ):
        with pytest.raises(AnswersError) as refused:
            answered(reached, (2, DONE, ""), answer)
        assert reason.partition(": ")[2] in str(refused.value)
    assert states(reached) == ["done", "sent"]


def test_an_answer_to_what_was_not_sent_is_refused(reached: Counter) -> None:
    asked(reached)
    with pytest.raises(AnswersError, match="line 2, change: this change was not sent"):
        answered(reached, (1, DONE, ""))


def test_the_contact_that_the_core_systems_file_brought_first_is_confirmed_by_the_answer(
    reached: Counter,
) -> None:
    asked(reached)
    write_file(reached.loader())
    reached.load(reached.file_of("20261126", ContactRow(0, ZHANG, MOBILE, SECOND, "")))
    answered(reached, (1, DONE, ""))
    assert shown(reached, reached.person()) == ["*8002 good core", "*8001 replaced core"]


def test_a_file_of_the_same_day_or_before_does_not_bring_the_former_contact_back(
    reached: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reached, "now", lambda: midnight("20261201"))
    asked(reached)
    write_file(reached.loader())
    answered(reached, (1, DONE, ""))
    former = ContactRow(0, ZHANG, MOBILE, FIRST, "20261101")
    reached.load(reached.file_of("20261201", former))
    assert shown(reached, reached.person()) == ["*8002 good counter", "*8001 replaced core"]
    reached.load(reached.file_of("20261202", former))
    assert shown(reached, reached.person())[0] == "*8001 good core"


def test_a_request_that_is_none_is_refused(reached: Counter) -> None:
    for value, kind, reason in (
        (FIRST, MOBILE, "contact 1 is this one, and good: it may be marked"),
        ("12800138000", MOBILE, "what was given is no contact of the kind mobile"),
        (SECOND, EMAIL, "what was given is no contact of the kind email"),
    ):
        with pytest.raises(ChangeRefused, match=reason):
            asked(reached, value, kind)
    with pytest.raises(NotAllowed):
        asked(reached, by="guest")
    asked(reached)
    with pytest.raises(ChangeRefused, match="change 1 waits for the core system already"):
        asked(reached, "13800138003")
    with reached.store.reading() as connection:
        notes = " ".join(connection.execute(select(audit_log.c.note)).scalars())
    assert not [value for value in (FIRST, SECOND, "12800138000") if value in notes]


def test_nothing_of_a_restricted_person_is_asked_or_sent_and_it_goes_on_after_the_release(
    reached: Counter,
) -> None:
    asked(reached)
    reached.agreed(Act.RESTRICT, reached.person())
    assert write_file(reached.loader()).changes == 0
    with pytest.raises(Restricted, match="nothing is changed"):
        asked(reached, "li@example.com", EMAIL)
    with pytest.raises(Restricted, match="nothing is changed"):
        mark_by_clerk(reached.loader(), 1, Outcome.FAILED, reached.person())
    reached.agreed(Act.RELEASE, reached.person())
    assert write_file(reached.loader()).changes == 1


def test_a_shredding_drops_what_waits_and_a_later_answer_is_left_out(reached: Counter) -> None:
    person = reached.person()
    asked(reached)
    write_file(reached.loader())
    reached.agreed(Act.SHRED, person)
    assert states(reached) == ["dropped"]
    assert answered(reached, (1, DONE, "")) == Taken(0, 0, 0, 1)
    assert shown(reached, person) == [" good core"]
    with pytest.raises(ChangeRefused, match="was shredded"):
        request_change(reached.loader(), Asked(person, MOBILE, SECOND, Source.STAFF))


def test_a_clerk_marks_a_contact_of_the_person_and_of_no_other(reached: Counter) -> None:
    person, other = reached.person(), reached.person(POLICY, "insured")
    assert mark_by_clerk(reached.loader(), 1, Outcome.FAILED, person) == "bouncing"
    with pytest.raises(ChangeRefused, match="this person has no contact 1"):
        mark_by_clerk(reached.loader(), 1, Outcome.CONFIRMED, other)
    assert mark_by_clerk(reached.loader(), 1, Outcome.CONFIRMED, person) == "good"
