"""The life of a business day as a table: every state against every event."""

from __future__ import annotations

from itertools import product

import pytest

from ledger.rules.day import TRANSITIONS, DayEvent, DayState, hyphenated, is_date


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


def test_a_state_and_an_event_are_written_down_as_their_names() -> None:
    assert [str(state) for state in DayState] == [state.name.lower() for state in DayState]
    assert [str(event) for event in DayEvent] == [event.name.lower().replace("_", " ") for event in DayEvent]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("20261124", True),
        ("20280229", True),
        ("20270229", False),
        ("20261301", False),
        ("20260230", False),
        ("2026112", False),
        ("202611240", False),
        ("2026W481", False),
        ("2026-1-1", False),
        ("٢٠٢٦١١٢٤", False),
        ("", False),
        (None, False),
        (20261124, False),
    ],
)
def test_a_date_is_eight_digits_of_a_real_day(text: object, is_one: bool) -> None:
    assert is_date(text) is is_one


def test_date_is_written_with_dashes() -> None:
    assert hyphenated("20261124") == "2026-11-24"
    assert hyphenated("") == ""
