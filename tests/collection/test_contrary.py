"""Files that contradict, clocks that go back, mandates that end late: no line is lost or freed."""

from __future__ import annotations

import pytest

from collection import approval, results, sending
from collection.approval import take_hold_answer
from collection.errors import ActRefused, FileRefused, FormFault
from collection.rules.states import BatchState, LineState
from customers.book import Book
from ledger.files.apply_file import ApplyAnswer, LineReceipt, read_apply, write_apply_answer
from ledger.files.hold_file import read_release
from tests.support.collection_desk import ACCOUNT, AT, FORM, Room
from tests.support.customers_desk import OTHER_POLICY, POLICY

HOUR = 3_600_000_000


@pytest.fixture
def ready(room: Room) -> Room:
    """Three dues of two policies, each with a mandate."""
    room.mandate()
    room.mandate(OTHER_POLICY)
    room.dues(("D1", POLICY, 100), ("D2", POLICY, 200), ("D3", OTHER_POLICY, 400))
    return room


@pytest.mark.parametrize("answer", [b"HELD|B0000001|0|0\nT|0\n", b"HELD|B0000001|2|300\nT|0\n"])
def test_a_second_answer_to_a_hold_changes_nothing(ready: Room, answer: bytes) -> None:
    planned = ready.plan()
    ready.hold(planned)
    approval.approve(ready.desk("wang"), planned.batch, FORM)
    with pytest.raises(ActRefused, match="is approved"):
        take_hold_answer(ready.desk(), "other", answer)
    assert ready.batch(planned.batch).state is BatchState.APPROVED
    assert set(ready.lines(planned.batch).values()) == {LineState.HELD}


def test_the_last_part_is_given_again_though_the_clock_went_back(ready: Room) -> None:
    name = ready.sent()
    ready.answer(name, D1="ACSC", D2="ZZ99", D3="ZZ99")
    ready.apply(name)
    ready.take(name, ready.bank_says(name, D1="ACSC", D2="ACSC", D3="ZZ99"))
    ready.go_to(AT - HOUR)
    first = results.write_results(ready.desk(), name)[1]
    again = results.write_results(ready.desk(), name)[1]
    assert read_apply(first.content).part == read_apply(again.content).part == 2


def test_a_mandate_that_the_bank_refused_in_one_batch_is_not_used_by_another(ready: Room) -> None:
    first, second = _two_batches(ready)
    ready.answer(first, D1="MD01", D2="ACSC")
    assert ready.mandates(POLICY)[0].state.value == "suspended"
    with pytest.raises(ActRefused, match="mandate M0000001 is not in force"):
        sending.mark_sent(ready.desk(), second)
    assert ready.lines(second)["D4"] is LineState.HELD


def _two_batches(room: Room) -> tuple[str, str]:
    first = room.sent()
    room.dues(("D4", POLICY, 500), date="20261201")
    planned = room.plan()
    room.hold(planned)
    approval.approve(room.desk("wang"), planned.batch, FORM)
    sending.write_request(room.desk(), planned.batch, FORM)
    return first, planned.batch


def test_a_receipt_is_of_a_line_that_was_done_and_is_written_once(ready: Room) -> None:
    name = ready.sent()
    ready.answer(name, D1="ACSC", D2="AM04", D3="ACSC")
    _batch, written = results.write_results(ready.desk(), name)

    def said(*numbers: int, day: str = "261201") -> bytes:
        receipts = tuple(LineReceipt(n, f"{day}010000{n:02d}", f"{name}/{n}", "20261201") for n in numbers)
        return write_apply_answer(ApplyAnswer(name, 1, len(numbers), 0, 1, 0, (), receipts, ()))

    with pytest.raises(FileRefused):
        results.take_results_answer(ready.desk(), "a", said(1, 2, 3))
    results.take_results_answer(ready.desk(), "b", ready.front_says(written.content))
    with pytest.raises(FileRefused):
        results.take_results_answer(ready.desk(), "c", said(1, 3, day="261202"))


def test_money_of_a_misfit_can_come_back(ready: Room) -> None:
    from tests.collection.test_returns import line, returned

    name = ready.sent()
    ready.answer(name, D1="ACSC", D2="ACSC", D3="ACSC")
    ready.apply(name, 1)
    assert ready.lines(name)["D1"] is LineState.MISFIT
    returned(ready, line())
    assert ready.lines(name)["D1"] is LineState.RETURNED
    ready.apply(name)


def test_a_line_that_the_form_cannot_say_is_left_out_at_the_approval_and_says_why(room: Room) -> None:
    room.mandate(account=ACCOUNT._replace(name="张\U00020bb7"))
    room.mandate(OTHER_POLICY)
    room.dues(("D1", POLICY, 100), ("D2", OTHER_POLICY, 200))
    planned = room.plan()
    room.hold(planned)
    narrow = FORM.model_copy(update={"encoding": "gbk"})
    approved, release = approval.approve(room.desk("wang"), planned.batch, narrow)
    assert release is not None
    assert (approved.state, read_release(release.content).lines) == (BatchState.APPROVED, (1,))
    assert room.rows("SELECT state, text FROM lines ORDER BY line") == [
        ("dropped", "name: has a character that gbk lacks"),
        ("held", ""),
    ]
    assert len(sending.write_request(room.desk(), planned.batch, narrow)[1]) == 1


def test_a_payee_that_the_form_cannot_say_drops_no_line(ready: Room) -> None:
    planned = ready.plan()
    ready.hold(planned)
    named = [one.model_copy(update={"payee": "a|b"}) for one in ready.settings.channel]
    ready.settings = ready.settings.model_copy(update={"channel": tuple(named)})
    with pytest.raises(FormFault, match="payee"):
        approval.approve(ready.desk("wang"), planned.batch, FORM)
    assert set(ready.lines(planned.batch).values()) == {LineState.HELD}


def test_more_files_than_the_form_allows_drop_no_line(ready: Room) -> None:
    planned = ready.plan()
    ready.hold(planned)
    small = FORM.model_copy(update={"lines_max": 1, "files_max": 2})
    with pytest.raises(FormFault, match="would be 3 files"):
        approval.approve(ready.desk("wang"), planned.batch, small)
    assert set(ready.lines(planned.batch).values()) == {LineState.HELD}


def test_a_plan_for_a_later_date_ends_no_mandate_today(room: Room) -> None:
    room.mandate(valid_to="20261201")
    room.mandate(OTHER_POLICY)
    room.dues(("D1", POLICY, 100), ("D2", OTHER_POLICY, 200))
    room.plan("20261202")
    assert [one.state.value for one in room.mandates()] == ["active", "active"]
    assert room.plan("20261201").lines == 1


def test_a_payer_who_was_forgotten_stops_neither_an_approval_nor_an_answer(
    ready: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = ready.sent()
    ready.dues(("D4", POLICY, 500), ("D5", OTHER_POLICY, 600), date="20261201")
    planned = ready.plan()
    ready.hold(planned)
    says = ready.bank_says(name, D1="ACSC", D2="ACSC", D3="ACSC")
    gone, key_of = ready.mandates(POLICY)[0].payer, Book.key_of
    monkeypatch.setattr(Book, "key_of", lambda book, person: None if person == gone else key_of(book, person))
    approval.approve(ready.desk("wang"), planned.batch, FORM)
    assert ready.lines(planned.batch) == {"D4": LineState.DROPPED, "D5": LineState.HELD}
    assert ready.take(name, says).done == 3
