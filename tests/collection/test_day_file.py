"""A channel's day file: what its bank charged and gave back, in the books of one business date."""

from __future__ import annotations

from io import BytesIO

import pytest

from collection import answers, day_file, results
from collection.errors import ActRefused
from collection.forms.lines import ReturnLine
from ledger.files import bankfile, layout
from simulators.channel import files as channel_files
from tests.support.collection_desk import CHANNEL, CODES, FORM, Room
from tests.support.customers_desk import OTHER_POLICY, POLICY

MONDAY, TUESDAY = "20261130", "20261201"


@pytest.fixture
def sent(room: Room) -> Room:
    """Two lines that the bank was asked for; the first was done."""
    room.mandate()
    room.mandate(OTHER_POLICY)
    room.dues(("D1", POLICY, 100), ("D2", OTHER_POLICY, 200))
    room.answer(room.sent(), D1="ACSC", D2="AM04")
    return room


def give_back(room: Room) -> None:
    line = ReturnLine("B0000001", 1, "REF1", "AC04", "20261203", 100)
    file = channel_files.returned(FORM, CHANNEL, "", "20261203", (line,))
    assert file is not None
    answers.take_returns(room.desk(), CHANNEL, file.name, file.content, FORM, CODES)
    room.apply("B0000001")


def day(room: Room, date: str) -> list[tuple[str, str, str, int, str]]:
    written = day_file.write(room.desk(), room.settings.channel_of(CHANNEL), date)
    assert written.name == f"{CHANNEL}.{date}.txt"
    file = bankfile.read(layout.load("standard"), BytesIO(written.content), CHANNEL, date)
    return [(line.terminal, line.stan, line.due, line.amount, line.state) for line in file]


def test_what_was_charged_is_in_the_day_of_its_books_and_what_failed_in_none(sent: Room) -> None:
    sent.apply("B0000001")
    assert day(sent, TUESDAY) == [("B0000001", "000001", "D1", 100, "S")]
    assert day(sent, MONDAY) == []


def test_money_that_fitted_no_due_is_in_the_day_too(sent: Room) -> None:
    sent.apply("B0000001", 1)
    assert day(sent, TUESDAY) == [("B0000001", "000001", "D1", 100, "S")]


def test_what_is_given_back_on_its_day_is_reversed_there(sent: Room) -> None:
    sent.apply("B0000001")
    give_back(sent)
    assert day(sent, TUESDAY) == [("B0000001", "000001", "D1", 100, "R")]


def test_what_is_given_back_later_is_done_on_its_day_and_reversed_on_the_later_one(sent: Room) -> None:
    sent.business_date = MONDAY
    sent.apply("B0000001")
    sent.business_date = TUESDAY
    give_back(sent)
    assert day(sent, MONDAY) == [("B0000001", "000001", "D1", 100, "S")]
    assert day(sent, TUESDAY) == [("B0000001", "000001", "D1", 100, "R")]


def test_outcomes_that_the_front_has_not_answered_hold_the_file(sent: Room) -> None:
    _batch, written = results.write_results(sent.desk(), "B0000001")
    with pytest.raises(ActRefused, match="outcomes of B0000001 went to the front: take its answer first"):
        day(sent, TUESDAY)
    results.take_results_answer(sent.desk(), "apply.ans", sent.front_says(written.content))
    assert [line[-1] for line in day(sent, TUESDAY)] == ["S"]
