"""A bank's record: what it may come to believe, how it counts, and the day file that it leaves."""

from __future__ import annotations

import pytest

from ledger.request import Totals
from simulators.beliefs import TRANSITIONS, Belief, ContradictionError, Record, State, Told
from simulators.dayfile import write


def belief(stan: str = "000001", code: str = "500000", amount: int = 100, **given: str) -> Belief:
    return Belief("0200", code, "T1", "B1", "1124101112", stan, "R1", "P1", "D1", amount, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("told", Told)
def test_every_pair_either_has_its_next_state_or_is_a_contradiction(state: State, told: Told) -> None:
    before = belief(state=state)
    if (state, told) in TRANSITIONS:
        assert before.told(told).state is TRANSITIONS[state, told]
    else:
        with pytest.raises(ContradictionError, match=f"is {state}, and now is said to be {told}"):
            before.told(told)


def test_totals_count_what_took_effect_and_what_was_undone() -> None:
    record = Record("01020000")
    for stan, code, state in (
        ("1", "500000", State.DONE),
        ("2", "500000", State.REVERSED),
        ("3", "500000", State.REFUSED),
        ("4", "500000", State.NEVER_WAS),
        ("5", "260000", State.DONE),
        ("6", "020000", State.DONE),
        ("7", "500000", State.UNKNOWN),
    ):
        record.keep(belief(stan, code, state=state))
    assert record.totals() == Totals(2, 200, 1, 100, 1, 100, 0, 0)
    assert [one.stan for one in record.undecided()] == ["7"]


def test_the_day_file_has_a_line_for_what_took_effect_and_sums_net_of_reversals() -> None:
    record = Record("01020000")
    record.keep(belief("000001", state=State.DONE, receipt="N1"))
    record.keep(belief("000002", state=State.REVERSED))
    record.keep(belief("000003", state=State.REFUSED))
    record.keep(belief("000004", "260000", 7, state=State.DONE))
    assert b"".join(write(record, "20261124")).decode() == (
        "H|01020000|20261124|1\n"
        "D|T1|B1|1124101112|000001|R1|500000|P1|D1|100|N1|S\n"
        "D|T1|B1|1124101112|000002|R1|500000|P1|D1|100||R\n"
        "D|T1|B1|1124101112|000004|R1|260000|P1|D1|7||S\n"
        "T|3|100|7\n"
    )
