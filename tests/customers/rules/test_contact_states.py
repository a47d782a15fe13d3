"""The tables of what can happen to a contact and to a change."""

from __future__ import annotations

from customers.rules.contact_states import (
    CHANGE_TRANSITIONS,
    CONTACT_TRANSITIONS,
    SENDABLE,
    WAITING,
    ChangeState,
    ContactEvent,
    ContactState,
)


def test_a_replaced_contact_stays_so_whatever_arrives() -> None:
    assert {
        following for (state, _), following in CONTACT_TRANSITIONS.items() if state is ContactState.REPLACED
    } == {ContactState.REPLACED}


def test_only_a_second_failure_kills_and_only_a_confirmation_revives() -> None:
    steps = [(state, event, following) for (state, event), following in CONTACT_TRANSITIONS.items()]
    dead = ContactState.DEAD
    assert [step for step in steps if step[2] is dead and step[0] is not dead] == [
        (ContactState.BOUNCING, ContactEvent.FAILED_AGAIN, dead)
    ]
    revived = [event for state, event, following in steps if state is dead and following in SENDABLE]
    assert revived == [ContactEvent.CONFIRMED]


def test_every_contact_can_be_replaced_and_told_of() -> None:
    for state in ContactState:
        assert (state, ContactEvent.DELIVERED) in CONTACT_TRANSITIONS
        assert (state, ContactEvent.FAILED) in CONTACT_TRANSITIONS
        assert ((state, ContactEvent.REPLACED) in CONTACT_TRANSITIONS) is (state is not ContactState.REPLACED)


def test_a_change_that_is_answered_or_dropped_stays_so() -> None:
    left = {state for state, _step in CHANGE_TRANSITIONS}
    assert left == set(WAITING)
    assert set(ChangeState) - left == {ChangeState.DONE, ChangeState.DECLINED, ChangeState.DROPPED}
