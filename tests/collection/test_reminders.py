"""What customers are told of a due, with the date of the next attempt and the account's last digits."""

from __future__ import annotations

import pytest

from collection import answers
from collection.forms.lines import ReturnLine
from collection.reminders import Chore, Ends, Reminder, ends, wanted_on
from simulators.channel import files as channel_files
from tests.support.collection_desk import CHANNEL, CODES, FORM, Room
from tests.support.customers_desk import POLICY


def wanted(room: Room, day: str) -> list[Reminder]:
    with room.store.reading() as connection:
        return list(wanted_on(connection, room.settings, day).notices)


def chores(room: Room, day: str) -> list[tuple[str, str, str]]:
    with room.store.reading() as connection:
        found: tuple[Chore, ...] = wanted_on(connection, room.settings, day).chores
    return [(chore.kind, chore.due_on, chore.note) for chore in found]


def failed(room: Room, code: str) -> Reminder:
    """What the customer is told of an attempt of 1 December that ended so."""
    room.mandate()
    room.dues(("D1", POLICY, 1))
    room.answer(room.sent(), D1=code)
    [told] = wanted(room, "20261202")
    return told


@pytest.fixture
def due(room: Room) -> Room:
    """A due of 1 December that came a month before, and a mandate."""
    room.go_to(1_793_000_000_000_000)  # 26 October 2026
    room.mandate(valid_from="20261001")
    room.dues(("D1", POLICY, 123_456), date="20261026")
    return room


def test_a_debit_is_announced_with_its_date_its_amount_and_the_accounts_tail(due: Room) -> None:
    [announced] = wanted(due, "20261101")
    assert (announced.about, announced.template) == ("D1/notice-30", "debit_announced")
    assert announced.values == {
        "amount": "123456", "date": "20261201", "policy": POLICY[-4:], "account": "3445",
    }  # fmt: skip
    assert [row.about for row in wanted(due, "20261104")] == ["D1/notice-30"]  # nobody ran it for days
    assert wanted(due, "20261105") == []
    assert [row.template for row in wanted(due, "20261126")] == ["debit_reminded"]


def test_who_has_no_mandate_gets_no_notice_of_a_debit_but_is_reminded(room: Room) -> None:
    room.dues(("D1", POLICY, 1))
    assert wanted(room, "20261101") == []
    assert [(row.template, row.values["date"]) for row in wanted(room, "20261216")] == [("grace", "20270130")]
    assert [row.about for row in wanted(room, "20270125")] == ["D1/reminder55"]
    assert chores(room, "20270124") == []
    assert (
        chores(room, "20270125")
        == chores(room, "20270129")
        == [
            ("lapsing", "20270130", "due of 20261201"),
            ("no_mandate", "20270130", "due of 20261201"),
        ]
    )
    assert chores(room, "20270130") == []  # the policy has lapsed


def test_a_failure_says_why_and_when_the_next_attempt_is(room: Room) -> None:
    room.mandate()
    room.dues(("D1", POLICY, 1))
    name = room.sent()
    assert wanted(room, "20261216") == []  # in collection: nobody is dunned
    room.answer(name, D1="AM04")
    [told] = wanted(room, "20261202")
    assert (told.about, told.template, told.values["date"]) == ("D1/failed1", "debit_short", "20261207")
    assert chores(room, "20261202") == []
    assert wanted(room, "20261209") == [told]  # the answer may come days later
    room.plan("20261207")
    assert wanted(room, "20261208") == []  # it is collected again


def test_an_account_that_the_bank_refuses_is_a_task_and_the_customer_hears_of_no_further_attempt(
    room: Room,
) -> None:
    told = failed(room, "AC04")
    assert (told.template, told.values["date"]) == ("debit_stopped", "20270130")
    assert chores(room, "20261202") == [("hard_failure", "20270130", "due of 20261201, attempt 1")]


def test_what_was_collected_has_the_notice_of_its_receipt_until_the_bank_takes_it_back(room: Room) -> None:
    room.mandate()
    room.dues(("D1", POLICY, 1))
    name = room.sent()
    room.answer(name, D1="ACSC")
    assert wanted(room, "20261202") == []  # the front has made no receipt yet
    room.apply(name)
    [told] = wanted(room, "20261202")
    assert (told.about, told.template, told.dedupe) == (
        "26120101000001",
        "debit_done",
        "receipt:26120101000001",
    )
    assert told.values == {"amount": "1", "date": "20261201", "policy": POLICY[-4:], "receipt": "000001"}
    back = channel_files.returned(
        FORM, CHANNEL, "", "20261203", (ReturnLine(name, 1, "REF1", "MS03", "20261203", 1),)
    )
    assert back is not None
    answers.take_returns(room.desk(), CHANNEL, back.name, back.content, FORM, CODES)
    [told] = wanted(room, "20261220")
    assert (told.template, told.about) == ("debit_returned", "D1/failed1")
    assert chores(room, "20261220") == [("return", "20270130", "due of 20261201, attempt 1")]


def test_a_payment_ends_the_tasks_of_a_policy_that_owes_nothing_more_and_a_mandate_others(room: Room) -> None:
    room.mandate()
    room.dues(("D1", POLICY, 1), ("D2", POLICY, 1))
    with room.store.reading() as connection:
        assert ends(connection, "20261202") == Ends(frozenset(), frozenset({POLICY}))
    name = room.sent()
    room.answer(name, D1="ACSC", D2="AC04")
    with room.store.reading() as connection:
        assert ends(connection, "20261202") == Ends(frozenset(), frozenset())  # D2 is owed
        assert ends(connection, "20261130").paid == {POLICY}  # not due yet
