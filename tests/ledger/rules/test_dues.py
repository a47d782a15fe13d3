"""What each processing code settles, and the states of a policy."""

from __future__ import annotations

import pytest

from ledger.rules.dues import ENDED, KINDS, STATES, Policy
from ledger.rules.request import SETTLEMENT_CODES


def test_each_code_that_settles_a_due_settles_one_kind() -> None:
    assert KINDS.keys() == SETTLEMENT_CODES
    assert {code for code, kind in KINDS.items() if kind == "premium"} == {"500000", "501000", "502000"}
    assert {code for code, kind in KINDS.items() if kind == "benefit"} == {
        "260000",
        "261000",
        "262000",
        "263000",
    }


def test_the_table_of_kinds_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        KINDS["310000"] = "premium"  # type: ignore[index]


def test_a_policy_that_has_ended_is_lapsed_or_terminated() -> None:
    assert {"pending", "active", "lapsed", "terminated"} == STATES
    assert {"lapsed", "terminated"} == ENDED


def test_a_policy_is_its_number_its_state_its_holder_and_who_serves_it_if_anybody_is_named() -> None:
    assert Policy("P1", "active", "张三") == ("P1", "active", "张三", "", "")
