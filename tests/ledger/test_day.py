"""The life of a business day as a table: every state against every event; and dates without a year."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.day import TRANSITIONS, DayEvent, DayState, full_date


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


@given(current=st.dates(date(2001, 1, 1), date(2099, 12, 31)), back=st.integers(0, 360))
def test_a_date_without_a_year_is_the_latest_that_is_not_to_come(current: date, back: int) -> None:
    meant = current - timedelta(back)
    assert full_date(f"{meant:%m%d}", f"{current:%Y%m%d}") == f"{meant:%Y%m%d}"
