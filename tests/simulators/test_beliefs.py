"""A bank's record: what it may come to believe, how it counts, and the day file that it leaves."""

from __future__ import annotations

import pytest

from ledger.rules.request import Totals
from simulators.beliefs import TRANSITIONS, Belief, ContradictionError, Meaning, Record, State
from simulators.days.dayfile import lines


def belief(stan: str = "000001", code: str = "500000", amount: int = 100, **given: str) -> Belief:
    return Belief("0200", code, "T1", "B1", "20261124101112", stan, "R1", "P1", "D1", amount, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("meaning", Meaning)
def test_every_pair_either_has_its_next_state_or_is_a_contradiction(state: State, meaning: Meaning) -> None:
    before = belief(state=state)
    if (state, meaning) in TRANSITIONS:
        assert before.after(meaning).state is TRANSITIONS[state, meaning]
    else:
        with pytest.raises(ContradictionError, match=f"is {state}, and now is said to be {meaning}"):
            before.after(meaning)


def test_totals_count_what_took_effect_and_what_was_undone_on_a_date() -> None:
    record = Record("01020000")
    done, undone = {"date": "1124"}, {"date": "1124", "undone_on": "1124"}
    for stan, code, state, dates in (
        ("1", "500000", State.DONE, done),
        ("2", "500000", State.REVERSED, undone),
        ("3", "500000", State.REFUSED, {}),
        ("4", "500000", State.NEVER_WAS, {}),
        ("5", "260000", State.DONE, done),
        ("6", "020000", State.DONE, done),
        ("7", "500000", State.UNKNOWN, {}),
        ("8", "500000", State.REVERSED, {"undone_on": "1124"}),
        ("9", "500000", State.REVERSED, {"date": "1124", "undone_on": "1125"}),
    ):
        record.keep(belief(stan, code, state=state, **dates))
    assert record.totals("1124") == Totals(4, 400, 2, 200, 1, 100, 0, 0)
    assert record.totals("1125") == Totals(0, 0, 1, 100)
    assert [belief_left.stan for belief_left in record.undecided()] == ["7"]


def test_an_answer_gives_a_transaction_its_business_date_once() -> None:
    done = belief().after(Meaning.APPROVED, "1124").after(Meaning.APPROVED, "1125")
    assert (done.date, done.undone_on) == ("1124", "")
    undone = done.after(Meaning.UNDONE, "1125").after(Meaning.UNDONE, "1126").after(Meaning.APPROVED, "1124")
    assert (undone.date, undone.undone_on, undone.state) == ("1124", "1125", State.REVERSED)


def test_the_day_file_has_what_took_effect_and_what_was_taken_back_late() -> None:
    record = Record("01020000")
    record.keep(belief("000001", state=State.DONE, receipt="N1", date="1124"))
    record.keep(belief("000002", state=State.REVERSED, date="1124", undone_on="1124"))
    record.keep(belief("000003", state=State.REFUSED))
    record.keep(belief("000004", "260000", 7, state=State.REVERSED, date="1124", undone_on="1125"))
    record.keep(belief("000005", state=State.REVERSED, undone_on="1125"))
    assert [(line.line, line.stan, line.state) for line in lines(record, "1124")] == [
        (1, "000001", "S"),
        (2, "000002", "R"),
        (3, "000004", "S"),
    ]
    assert [(line.line, line.stan, line.state) for line in lines(record, "1125")] == [
        (1, "000005", "R"),
        (2, "000004", "R"),
    ]
    assert next(lines(record, "1124")).receipt == "N1"
