"""What customers are told of a due, with the date of the next attempt and the account's last digits."""

from __future__ import annotations

import pytest

from collection.reminders import Reminder, reminders_on
from tests.support.collection_desk import Room
from tests.support.customers_desk import POLICY


def wanted(room: Room, day: str) -> list[Reminder]:
    with room.store.reading() as connection:
        return list(reminders_on(connection, room.settings, day))


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
    [reminder, task] = wanted(room, "20270125")
    assert (reminder.about, task.about, task.template, task.due_on) == (
        "D1/reminder55",
        "D1/task55",
        None,
        "20270130",
    )


def test_a_failure_says_when_the_next_attempt_is(room: Room) -> None:
    room.mandate()
    room.dues(("D1", POLICY, 1))
    name = room.sent()
    assert [row.template for row in wanted(room, "20261216")] == []  # in collection: nobody is dunned
    room.answer(name, D1="AM04")
    [failed] = wanted(room, "20261202")
    assert (failed.about, failed.template, failed.values["date"]) == (
        "D1/failed1",
        "debit_failed",
        "20261207",
    )
