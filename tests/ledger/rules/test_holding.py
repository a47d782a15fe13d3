"""Who may hold a due, and what it is once it is let go, as tables."""

from __future__ import annotations

import pytest

from ledger.rules.dues import STATES, Policy
from ledger.rules.holding import NotHeld, let_go, why_not_held
from ledger.rules.view import Due, DueState
from tests.support.builders import benefit, due, policy

HOLD = "B0000123/17"
REFUSED = {
    "no such due": (None, policy(), 120_000, NotHeld.NO_DUE),
    "no such policy": (due(), None, 120_000, NotHeld.OTHER_POLICY),
    "another policy": (due(), policy("P2"), 120_000, NotHeld.OTHER_POLICY),
    "a benefit": (due(benefit()), policy("P2"), 500_000, NotHeld.NO_PREMIUM),
    "a paid due": (due(state=DueState.SETTLED), policy(), 120_000, NotHeld.PAID),
    "a lapsed due": (due(state=DueState.LAPSED), policy(), 120_000, NotHeld.LAPSED),
    "a withdrawn due": (due(state=DueState.WITHDRAWN), policy(), 120_000, NotHeld.WITHDRAWN),
    "another amount": (due(), policy(), 119_999, NotHeld.AMOUNT),
    "another amount of a due that it holds": (due(held_by=HOLD), policy(), 1, NotHeld.AMOUNT),
    "a due of another line": (due(held_by="B0000123/18"), policy(), 120_000, NotHeld.HELD),
    "a lapsed policy": (due(), policy(state="lapsed"), 120_000, NotHeld.POLICY_ENDED),
    "a terminated policy": (due(), policy(state="terminated"), 120_000, NotHeld.POLICY_ENDED),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_line_may_not_hold_is_refused(case: str) -> None:
    given, of, amount, why = REFUSED[case]
    assert why_not_held(given, of, amount, HOLD) == why


def test_every_reason_is_in_the_table() -> None:
    assert {why for *_, why in REFUSED.values()} == set(NotHeld)


def test_the_words_are_those_of_the_files() -> None:
    assert [why.value for why in NotHeld] == [
        "no such due",
        "of another policy",
        "no premium",
        "paid",
        "lapsed",
        "withdrawn",
        "policy ended",
        "held by another line",
        "amount differs",
    ]


@pytest.mark.parametrize("of", [policy(state=state) for state in sorted(STATES - {"lapsed", "terminated"})])
def test_an_open_premium_of_the_stated_amount_may_be_held(of: Policy) -> None:
    assert why_not_held(due(), of, 120_000, HOLD) is None


def test_a_due_that_the_line_holds_stays_held_even_when_its_policy_has_ended() -> None:
    assert why_not_held(due(held_by=HOLD, withdrawn=1), policy(state="lapsed"), 120_000, HOLD) is None


@pytest.mark.parametrize(
    ("held", "after"),
    [
        (due(held_by=HOLD), due()),
        (due(held_by=HOLD, withdrawn=1), due(state=DueState.WITHDRAWN, withdrawn=1)),
    ],
)
def test_a_due_that_is_let_go_is_open_or_has_left(held: Due, after: Due) -> None:
    assert let_go(held) == after
