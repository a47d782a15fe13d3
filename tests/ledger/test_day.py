"""The life of a business day as a table: every state against every event."""

from __future__ import annotations

from itertools import product

import pytest

from ledger.day import TRANSITIONS, DayEvent, DayState


@pytest.mark.parametrize(("state", "event"), list(product(DayState, DayEvent)))
def test_each_event_moves_a_day_from_one_state_only_and_to_the_next(state: DayState, event: DayEvent) -> None:
    order, place = list(DayState), list(DayEvent).index(event)
    expected = order[place + 1] if state is order[place] else None
    assert TRANSITIONS.get((state, event)) == expected


def test_a_day_goes_through_every_state_once_and_ends() -> None:
    state, seen = DayState.OPEN, [DayState.OPEN]
    while moves := [to for (start, _), to in TRANSITIONS.items() if start is state]:
        [state] = moves
        seen.append(state)
    assert seen == list(DayState)
