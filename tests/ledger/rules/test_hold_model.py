"""Every order in which one due can be collected at two counters and by two lines of batches, walked through
with the rules themselves: its money is never taken twice.

Counters pay, cancel, reverse, and reverse their cancels. Lines are held, recalled, sent; their bank takes the
money or does not; results come late or never; what was taken is returned. Two people may force a release. A
model without one of the rules finds the way to a second charge.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import pytest

from ledger.rules.batch_line import BatchLine, collected, returned
from ledger.rules.decide import fold
from ledger.rules.entry import Entry, Kind
from ledger.rules.holding import let_go, why_not_held
from ledger.rules.request import Act, Request
from ledger.rules.view import Due, View
from protocol.responses import Response
from tests.support.builders import due, policy, request, view

COUNTERS = (1, 2)
LINES = tuple(
    BatchLine("91020000", f"B000000{number}", "20261124203000", 7, "D1", "P1", "500000", 120_000)
    for number in (1, 2)
)


class LineState(NamedTuple):
    """How far a line is: `stage` new, held, sent or ended; what its bank did with the request (`took`, None
    while it has done nothing); whether its result came, the money was returned, two people forced it.
    """

    stage: str = "new"
    took: bool | None = None
    told: bool = False
    returned: bool = False
    forced: bool = False


class State(NamedTuple):
    """The due, the journal by what its entries do, and the two lines."""

    due: Due
    entries: frozenset[Entry]
    lines: tuple[LineState, LineState]


class Step(NamedTuple):
    name: str
    state: State


class Without(NamedTuple):
    """The rules that a model does without: whose requests do not see that a due is held."""

    acts: frozenset[Act] = frozenset()
    forced: bool = False
    """Whether two people may force a release."""


def book_of(state: State) -> View:
    return view(state.due, entries=sorted(state.entries, key=lambda entry: entry.sequence or 0))


def journal_of(book: View) -> frozenset[Entry]:
    """The entries without what depends on their place: two orders with one outcome are one state."""
    return frozenset(
        entry._replace(position=0, authorization="", receipt=None if entry.receipt is None else "")
        for entry in book.entries.values()
    )


def asked(state: State, made: Request, without: Without) -> State | None:
    """The state after a request that is approved; None for one that is refused, which can come again."""
    held_by = state.due.held_by
    is_blind = not made.hold and made.act in without.acts
    seen = state._replace(due=state.due._replace(held_by="")) if is_blind else state
    book = book_of(seen)
    [answer] = fold([made], book)
    if answer.response is not Response.APPROVED:
        return None
    after = book.dues["D1"]
    if is_blind and after == seen.due:
        after = after._replace(held_by=held_by)
    return state._replace(due=after, entries=journal_of(book))


@cache
def pay(counter: int) -> Request:
    return request(stan=f"{counter:06d}")


@cache
def cancel(counter: int) -> Request:
    number = counter + 10
    return request(Act.CANCEL, stan=f"{number:06d}", code="020000", original=pay(counter).key)


@cache
def reverse(target: Request) -> Request:
    number = int(target.stan) + 100
    return request(
        Act.REVERSE,
        stan=f"{number:06d}",
        mti="0400",
        code=target.code,
        original=target.key,
    )


def keys(state: State) -> set[str]:
    return {entry.key for entry in state.entries}


def at_counters(state: State, without: Without) -> Iterator[Step]:
    known = keys(state)
    for counter in COUNTERS:
        paid, cancelled = {pay(counter).key}, {cancel(counter).key}
        first = {pay(1).key} if counter == 2 else set()  # two counters are alike: one way round is enough
        for name, made, needs in (
            ("pays", pay(counter), first),
            ("cancels", cancel(counter), paid),
            ("reverses", reverse(pay(counter)), paid),
            ("reverses the cancel", reverse(cancel(counter)), cancelled),
        ):
            if made.key not in known and needs <= known:
                after = asked(state, made, without)
                if after is not None:
                    yield Step(f"counter {counter} {name}", after)


def by_batches(state: State, without: Without) -> Iterator[Step]:
    for place, line in enumerate(LINES):
        mine = state.lines[place]

        name = f"line {place + 1}"
        is_next = mine.stage == "new" and (place == 0 or state.lines[0].stage != "new")
        if is_next and why_not_held(state.due, policy(), line.amount, line.hold) is None:
            held = state._replace(due=state.due._replace(held_by=line.hold))
            yield Step(f"{name} is held", with_line(held, place, mine._replace(stage="held")))
        if mine.stage == "held":
            yield Step(
                f"{name} is recalled", with_line(released(state, line), place, mine._replace(stage="ended"))
            )
            yield Step(f"{name} is sent", with_line(state, place, mine._replace(stage="sent")))
        if mine.stage == "sent" and mine.took is None:
            yield Step(f"the bank takes {name}", with_line(state, place, mine._replace(took=True)))
            yield Step(
                f"the bank takes nothing for {name}", with_line(state, place, mine._replace(took=False))
            )
        if mine.stage == "sent" and not mine.forced and without.forced:
            yield Step(
                f"{name} is forced", with_line(released(state, line), place, mine._replace(forced=True))
            )
        if mine.took is False and not mine.told:
            yield Step(
                f"{name} has failed",
                with_line(released(state, line), place, mine._replace(told=True, stage="ended")),
            )
        if mine.took and not mine.told:
            after = asked(state, collected(line, "20261124", "REF", "took"), without)
            assert after is not None, "the money has moved, so the advice is recorded"
            yield Step(f"{name} is done", with_line(after, place, mine._replace(told=True)))
        if mine.told and mine.took and not mine.returned:
            after = asked(state, returned(line, "20261124", "REF", "back", reversal_days=30), without)
            assert after is not None, "the money has moved, so the return is recorded"
            yield Step(f"{name} is returned", with_line(after, place, mine._replace(returned=True)))


def with_line(state: State, place: int, line: LineState) -> State:
    first, second = state.lines
    return state._replace(lines=(first, line) if place else (line, second))


def released(state: State, line: BatchLine) -> State:
    return state._replace(due=let_go(state.due)) if state.due.held_by == line.hold else state


def money_taken(state: State) -> int:
    """How often the customer's money is with us or on its way, by what the banks did."""
    known = keys(state)
    taken = 0
    for counter in COUNTERS:
        is_cancelled = cancel(counter).key in known and reverse(cancel(counter)).key not in known
        is_reversed = reverse(pay(counter)).key in known
        taken += pay(counter).key in known and not is_cancelled and not is_reversed
    return taken + sum(line.took is True and not line.returned for line in state.lines)


def misfits(state: State) -> int:
    """How many collections stand that fit no due: each is a break with its money at stake."""
    undone = {entry.original for entry in state.entries if entry.kind is Kind.REVERSAL and entry.sequence}
    return sum(bool(entry.exception_code) and entry.key not in undone for entry in state.entries)


def is_open(state: State) -> bool:
    """Whether a bank has taken money and its result is still to come."""
    return any(line.took is True and not line.told for line in state.lines)


def walked(without: Without) -> Iterator[tuple[State, tuple[str, ...]]]:
    """Every state that can be reached, each with the steps of a shortest way to it; near ones first."""
    first = State(due(), frozenset(), (LineState(), LineState()))
    known = {first}
    waiting: deque[tuple[State, tuple[str, ...]]] = deque([(first, ())])
    while waiting:
        state, way = waiting.popleft()
        yield state, way
        for step in (*at_counters(state, without), *by_batches(state, without)):
            if step.state not in known:
                known.add(step.state)
                waiting.append((step.state, (*way, step.name)))


def shortest(without: Without) -> tuple[str, ...]:
    """The steps of a shortest way to a second charge."""
    return next(way for state, way in walked(without) if is_charged_twice(state))


def is_charged_twice(state: State) -> bool:
    return money_taken(state) > 1


def collections_in_effect(state: State) -> int:
    """How many collections stand by the book: at most the due's one, and those that fit no due."""
    return int(bool(state.due.settled_by)) + misfits(state)


def test_no_order_of_counters_and_batches_takes_the_money_of_a_due_twice() -> None:
    states = [state for state, _ in walked(Without())]
    assert [state for state in states if is_charged_twice(state) or misfits(state)] == []
    told = [state for state in states if not is_open(state)]
    assert [state for state in told if money_taken(state) != collections_in_effect(state)] == []
    assert (len(states), len(told)) == (1934, 1755)


@pytest.mark.slow
def test_a_second_charge_by_a_forced_release_is_a_break_or_a_result_to_come() -> None:
    states = dict(walked(Without(forced=True)))
    twice = [state for state in states if is_charged_twice(state)]
    assert states[twice[0]] == (
        "line 1 is held",
        "line 1 is sent",
        "the bank takes line 1",
        "line 1 is forced",
        "counter 1 pays",
    )
    assert [state for state in twice if not misfits(state) and not is_open(state)] == [], "never unseen"
    told = [state for state in states if not is_open(state)]
    assert [state for state in told if money_taken(state) != collections_in_effect(state)] == []
    assert (len(states), len(told)) == (11_045, 9_290)


def test_without_the_look_at_a_hold_a_reversed_cancel_charges_twice_in_six_steps() -> None:
    assert sorted(shortest(Without(frozenset({Act.REVERSE})))) == [
        "counter 1 cancels",
        "counter 1 pays",
        "counter 1 reverses the cancel",
        "line 1 is held",
        "line 1 is sent",
        "the bank takes line 1",
    ]


def test_without_one_owner_a_counter_charges_twice_what_a_batch_collects() -> None:
    assert shortest(Without(frozenset({Act.COLLECT}))) == (
        "line 1 is held",
        "counter 1 pays",
        "line 1 is sent",
        "the bank takes line 1",
    )
