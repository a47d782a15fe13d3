"""The tables of states: no clock ends an unknown line, and nothing that was sent is cancelled."""

from __future__ import annotations

from collection.rules.states import (
    BATCH,
    HOLDING_LINES,
    LINE,
    MANDATE,
    MONEY_MOVED,
    OPEN_LINES,
    BatchEvent,
    BatchState,
    LineEvent,
    LineState,
    MandateState,
)


def after(state: LineState) -> dict[LineEvent, LineState]:
    return {event: following for (before, event), following in LINE.items() if before is state}


def test_only_an_outcome_or_two_people_end_an_unknown_line() -> None:
    assert after(LineState.UNKNOWN) == {
        LineEvent.DONE: LineState.DONE,
        LineEvent.FAILED: LineState.FAILED,
        LineEvent.FORCED: LineState.RELEASED,
    }


def test_a_line_that_has_ended_is_never_tried_again() -> None:
    ended = set(LineState) - {state for state, _event in LINE}
    assert ended == {LineState.FAILED, LineState.RETURNED, LineState.DROPPED}
    assert not ended & set(OPEN_LINES)


def test_a_line_whose_money_may_have_moved_is_not_dropped_but_by_a_refused_file() -> None:
    drops = {(state, event) for (state, event), to in LINE.items() if to is LineState.DROPPED}
    assert {state for state, event in drops if event is not LineEvent.REFUSED_WHOLE} == {
        LineState.PLANNED,
        LineState.HELD,
    }


def test_what_holds_a_due_is_open_and_what_moved_money_is_not() -> None:
    assert set(HOLDING_LINES) < set(OPEN_LINES)
    assert not set(MONEY_MOVED) & set(OPEN_LINES)


def test_a_batch_is_cancelled_only_before_it_is_sent() -> None:
    cancelled = {state for state, event in BATCH if event is BatchEvent.CANCEL}
    assert cancelled == {BatchState.PLANNED, BatchState.HELD, BatchState.APPROVED, BatchState.WRITTEN}


def test_a_batch_is_approved_before_it_is_written_and_held_before_that() -> None:
    ways = {to: {state for (state, _event), end in BATCH.items() if end is to} for to in BatchState}
    assert ways[BatchState.APPROVED] == {BatchState.HELD, BatchState.WRITTEN}
    assert ways[BatchState.WRITTEN] == {BatchState.APPROVED}
    assert ways[BatchState.SENT] == {BatchState.WRITTEN, BatchState.SENT}


def test_nothing_follows_a_mandate_that_ended() -> None:
    left = {state for state, _event in MANDATE}
    assert set(MandateState) - left == {MandateState.CANCELLED, MandateState.EXPIRED, MandateState.REFUSED}
