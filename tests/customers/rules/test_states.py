"""The tables of states: nothing follows a shredding, and a proposal is decided once."""

from __future__ import annotations

from customers.rules.states import OPEN, PROPOSAL_TRANSITIONS, TRANSITIONS, Act, PersonState, ProposalState


def test_nothing_follows_a_shredding_and_everything_else_may_come_to_it() -> None:
    assert not [act for state, act in TRANSITIONS if state is PersonState.SHREDDED]
    shredded = {state for (state, act), following in TRANSITIONS.items() if act is Act.SHRED}
    assert shredded == {PersonState.ACTIVE, PersonState.RESTRICTED}


def test_only_a_shredding_shreds() -> None:
    assert {act for (_, act), following in TRANSITIONS.items() if following is PersonState.SHREDDED} == {
        Act.SHRED
    }


def test_what_is_rejected_withdrawn_or_done_stays_so() -> None:
    left = {state for state, _step in PROPOSAL_TRANSITIONS}
    assert left == set(OPEN)
    assert set(ProposalState) - left == {
        ProposalState.REJECTED,
        ProposalState.WITHDRAWN,
        ProposalState.DONE,
    }
