"""What is planned: the dues of the date, by mandates in force, within limit, term and period."""

from __future__ import annotations

import pytest

from collection import mandate_end, plan
from collection.errors import ActRefused, FileRefused, NotAllowed
from collection.plan import Chosen, LeftOut
from collection.rules.mandate import Period
from collection.rules.states import BatchState
from ledger.files.hold_file import read_hold
from tests.support.collection_desk import CHANNEL, Room
from tests.support.customers_desk import OTHER_POLICY, POLICY


def chosen(room: Room, date: str = "20261201") -> Chosen:
    desk = room.desk()
    with room.store.reading() as connection:
        return plan.choose(desk, connection, room.settings.channel_of(CHANNEL), date)


def due_names(found: Chosen) -> list[str]:
    return [line.candidate.due for line in found.lines]


def test_a_due_is_asked_for_by_the_mandate_of_its_policy(room: Room) -> None:
    mandate = room.mandate()
    room.dues(("D1", POLICY, 50_000), ("D2", OTHER_POLICY, 70_000))
    planned = room.plan()
    file = read_hold(planned.hold_file)
    assert (file.batch, file.channel, file.date) == ("B0000001", CHANNEL, "20261201")
    assert [(line.line, line.due, line.policy, line.amount) for line in file.lines] == [
        (1, "D1", POLICY, 50_000)
    ]
    assert room.batch("B0000001").state is BatchState.PLANNED
    assert room.rows("SELECT mandate, attempt FROM lines") == [(mandate.mandate, 1)]


def test_what_the_mandate_does_not_allow_is_left_out_with_its_reason(room: Room) -> None:
    room.mandate(limit_fen=50_000)
    room.mandate(OTHER_POLICY, period=Period.YEAR)
    room.dues(("D1", POLICY, 50_001), ("D2", OTHER_POLICY, 1), ("D3", OTHER_POLICY, 2))
    found = chosen(room)
    assert due_names(found) == ["D2"]
    assert found.left_out == {LeftOut.LIMIT: 1, LeftOut.PERIOD: 1}


def test_a_mandate_counts_within_its_term_only(room: Room) -> None:
    room.mandate(valid_from="20261202", valid_to="20261203")
    room.dues(("D1", POLICY, 1))
    assert chosen(room).left_out == {LeftOut.TERM: 1}
    assert due_names(chosen(room, "20261202")) == ["D1"]
    assert chosen(room, "20261204").left_out == {LeftOut.TERM: 1}


def test_a_planned_due_is_not_planned_again(room: Room) -> None:
    room.mandate()
    room.dues(("D1", POLICY, 1))
    room.plan()
    assert chosen(room) == Chosen(CHANNEL, (), {})


def test_a_date_is_told_beforehand_and_kept(room: Room) -> None:
    room.mandate()
    room.dues(("D1", POLICY, 1), date="20261120")
    with room.store.reading() as connection:
        told = list(plan.calendar_of(connection, "20261101", "20261231"))
    assert [(one.date, one.due, one.attempt) for one in told] == [("20261201", "D1", 1)]
    assert chosen(room, "20261201").left_out == {}
    assert due_names(chosen(room, "20261203")) == ["D1"]  # a day was missed: it is asked for on the next


def test_nothing_is_planned_for_a_free_day_or_a_past_one(room: Room) -> None:
    with pytest.raises(ActRefused, match="no working day"):
        chosen(room, "20261205")
    with pytest.raises(ActRefused, match="is past"):
        room.plan("20261130")


def test_a_batch_has_no_more_lines_than_its_form_allows(room: Room) -> None:
    room.mandate()
    room.dues(("D1", POLICY, 1), ("D2", POLICY, 2), ("D3", POLICY, 3))
    made = plan.plan(room.desk(), room.settings.channel_of(CHANNEL), "20261201", 2)
    assert [(batch.batch, batch.lines, batch.amount) for batch in made] == [
        ("B0000001", 2, 3),
        ("B0000002", 1, 3),
    ]


def test_a_mandate_that_was_ended_collects_nothing(room: Room) -> None:
    name = room.mandate().mandate
    room.dues(("D1", POLICY, 1))
    mandate_end.cancel(room.desk(), name, "asked for")
    assert chosen(room) == Chosen(CHANNEL, (), {})


def test_a_file_of_dues_is_taken_once_and_only_forwards(room: Room) -> None:
    assert room.dues(("D1", POLICY, 1))[1:] == (1, 0)
    for date, due in (("20261130", "D2"), ("20261129", "D2"), ("20261201", "D1")):
        with pytest.raises(FileRefused):
            room.dues((due, POLICY, 1), date=date)
    assert room.dues(("D2", POLICY, 1), date="20261201", gone=["D1"])[1:] == (1, 1)
    assert room.rows("SELECT due, state FROM dues ORDER BY due") == [("D1", "withdrawn"), ("D2", "open")]


def test_who_may_not_plan_does_not(room: Room) -> None:
    with pytest.raises(NotAllowed):
        room.plan(by="guest")
