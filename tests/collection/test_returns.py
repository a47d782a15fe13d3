"""What a bank takes back after a success: once, of what was done, and handed to the front."""

from __future__ import annotations

import pytest

from collection import answers, results
from collection.answers import ReturnsTaken
from collection.errors import FileRefused
from collection.forms.lines import ReturnLine
from collection.rules.states import BatchState, LineState
from ledger.files.apply_file import Returned, read_apply
from simulators.channel import files as channel_files
from tests.support.collection_desk import CHANNEL, CODES, FORM, Room
from tests.support.customers_desk import OTHER_POLICY, POLICY


@pytest.fixture
def done(room: Room) -> Room:
    """A batch of two lines that were done."""
    room.mandate()
    room.mandate(OTHER_POLICY)
    room.dues(("D1", POLICY, 100), ("D2", OTHER_POLICY, 200))
    room.answer(room.sent(), D1="ACSC", D2="ACSC")
    return room


def returned(room: Room, *lines: ReturnLine) -> ReturnsTaken:
    file = channel_files.returned(FORM, CHANNEL, "", "20261203", lines)
    assert file is not None
    return answers.take_returns(room.desk(), CHANNEL, file.name, file.content, FORM, CODES)


def line(number: int = 1, amount: int = 100, code: str = "AC04") -> ReturnLine:
    return ReturnLine("B0000001", number, f"REF{number}", code, "20261203", amount)


def test_a_return_takes_a_success_back_and_its_due_is_open_again(done: Room) -> None:
    done.apply("B0000001")
    assert returned(done, line()) == (CHANNEL, 1, 100, ("B0000001",))
    assert done.lines("B0000001") == {"D1": LineState.RETURNED, "D2": LineState.DONE}
    assert done.rows("SELECT due, state FROM dues ORDER BY due") == [("D1", "open"), ("D2", "settled")]
    assert [one.state.value for one in done.mandates()] == ["suspended", "active"]
    _batch, written = results.write_results(done.desk(), "B0000001")
    file = read_apply(written.content)
    assert (file.part, file.lines, file.returned_amount) == (
        2,
        (Returned(1, "20261203", "REF1", "AC04"),),
        100,
    )


def test_a_return_before_its_success_was_applied_goes_with_it_in_one_file(done: Room) -> None:
    returned(done, line())
    _batch, written = results.write_results(done.desk(), "B0000001")
    kinds = [(one.line, type(one).__name__) for one in read_apply(written.content).lines]
    assert kinds == [(1, "Done"), (1, "Returned"), (2, "Done")]
    assert results.take_results_answer(done.desk(), "a", done.front_says(written.content)).state is (
        BatchState.APPLIED
    )


def test_what_does_not_fit_is_refused_whole(done: Room) -> None:
    for wrong in (line(amount=99), line(3), line()._replace(batch="B0000001", line=2, amount=100)):
        with pytest.raises(FileRefused, match="is not done with this amount"):
            returned(done, line(2, 200) if wrong.line != 2 else line(), wrong)
    assert set(done.lines("B0000001").values()) == {LineState.DONE}
    returned(done, line())
    with pytest.raises(FileRefused, match="was returned before"):
        returned(done, line(code="MD01"))


def test_a_return_for_want_of_funds_is_tried_again(done: Room) -> None:
    returned(done, line(code="AM04"))
    assert done.rows("SELECT due, attempt, date FROM attempts WHERE attempt = 2") == [("D1", 2, "20261207")]
