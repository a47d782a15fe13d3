"""Matching, rule by rule, and what it refuses to hand on. All rules at once: test_matching_oracle."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import InvariantBroken
from ledger.rules.break_classes import BreakClass
from office.matching.lines import BroughtForward, Closing, Result
from office.matching.match import resolve
from office.matching.pairing import pair
from tests.support.match_lines import KEY, brought_forward, closed, findings_of, matched, ours, theirs, undone


def test_lines_that_agree_are_matched_whatever_their_state() -> None:
    result = matched(
        [ours("a"), ours("b", "R"), ours("c", direction="P", amount=30)],
        [theirs("a"), theirs("b", 2, "R"), theirs("c", 3, direction="P", amount=30)],
    )
    assert result == Result(3, 3, 3, 70, 70, (), ())


def test_one_side_alone_is_bank_only_or_ours_only() -> None:
    result = matched([ours("a", rrn="1")], [theirs("b", rrn="2")])
    assert findings_of(result) == [("ours_only", "a", 0, 100, 0), ("bank_only", "b", 1, 0, 100)]
    assert [finding.difference for finding in result.findings] == [-100, 100]


@pytest.mark.parametrize(("lists_reversed", "expected"), [(True, ["ours_only"]), (False, [])])
def test_what_we_reversed_is_missed_only_in_a_file_that_lists_reversed(
    lists_reversed: bool, expected: list[str]
) -> None:
    result = matched([ours(state="R")], lists_reversed=lists_reversed)
    assert [finding.cls for finding in result.findings] == expected
    assert result.matched == 1 - len(expected)


TIMING_OF_OURS = [
    ({"near": True}, {}, True),
    ({"late": True}, {"adjacent": False}, True),
    ({}, {}, False),
    ({"near": True}, {"adjacent": False}, False),
    ({"near": True}, {"direction": "P"}, False),
    ({"near": True}, {"theirs_effect": 90}, False),
]


@pytest.mark.parametrize(("of_line", "of_break", "ends"), TIMING_OF_OURS)
def test_what_the_bank_dated_a_day_before_ends_its_break_if_near_the_cutover_or_an_advice(
    of_line: dict[str, Any], of_break: dict[str, Any], ends: bool
) -> None:
    waiting = brought_forward(BreakClass.BANK_ONLY, **{"theirs_effect": 100, **of_break})
    result = matched([ours(**of_line)], breaks=[waiting])
    expected = ([("B1", "timing", 100, 0)], []) if ends else ([], [("ours_only", KEY, 0, 100, 0)])
    assert (closed(result), findings_of(result)) == expected


@pytest.mark.parametrize(
    ("of_break", "ends"),
    [
        ({}, True),
        ({"near": False}, False),
        ({"adjacent": False}, False),
        ({"direction": "P"}, False),
        ({"ours_effect": 90}, False),
    ],
)
def test_what_the_bank_dated_a_day_later_ends_its_break_if_near_the_cutover(
    of_break: dict[str, Any], ends: bool
) -> None:
    waiting = brought_forward(BreakClass.OURS_ONLY, **{"ours_effect": 100, **of_break})
    result = matched(their_lines=[theirs()], breaks=[waiting])
    expected = ([("B1", "timing", 0, 100)], []) if ends else ([], [("bank_only", KEY, 1, 0, 100)])
    assert (closed(result), findings_of(result)) == expected


def test_a_reversed_line_too_may_be_dated_a_day_later() -> None:
    result = matched(their_lines=[theirs(state="R")], breaks=[brought_forward(BreakClass.OURS_ONLY)])
    assert (closed(result), findings_of(result)) == ([("B1", "timing", 0, 0)], [])


def test_what_fits_but_for_the_window_is_offered_and_not_taken() -> None:
    waiting = brought_forward(BreakClass.BANK_ONLY, theirs_effect=100)
    (finding,) = matched([ours()], breaks=[waiting]).findings
    note = "same key in break B1 of 20261123: offered, not taken"
    assert finding.reason == f"we have it, the bank's file does not; {note}"
    waiting = brought_forward(BreakClass.OURS_ONLY, ours_effect=100, near=False)
    (finding,) = matched(their_lines=[theirs()], breaks=[waiting]).findings
    assert finding.reason == f"the bank's file has it, we do not; {note}"


def test_another_break_with_the_key_is_named() -> None:
    (finding,) = matched([ours()], breaks=[brought_forward(BreakClass.BANK_ONLY, theirs_effect=7)]).findings
    assert finding.reason == "we have it, the bank's file does not; see also break B1 of 20261123"


@pytest.mark.parametrize("cls", [BreakClass.OURS_ONLY, BreakClass.STATE_DIFFERS])
def test_a_late_undoing_ends_the_break_of_what_only_we_had_in_effect(cls: BreakClass) -> None:
    result = matched([undone()], breaks=[brought_forward(cls, ours_effect=100)])
    assert (closed(result), findings_of(result)) == ([("B1", cls, -100, 0)], [])


def test_a_late_undoing_and_the_banks_reversed_line_of_what_it_never_had_done_go_together() -> None:
    result = matched(
        [undone()], [theirs(state="R")], [brought_forward(BreakClass.OURS_ONLY, ours_effect=100)]
    )
    assert (closed(result), findings_of(result)) == ([("B1", "ours_only", -100, 0)], [])


def test_both_sides_late_undoing_of_amounts_that_differed_ends_the_break() -> None:
    waiting = brought_forward(BreakClass.AMOUNT_DIFFERS, ours_effect=100, theirs_effect=90)
    result = matched([undone()], [theirs(state="R", amount=90)], [waiting], {KEY: 90})
    assert (closed(result), findings_of(result)) == ([("B1", "amount_differs", -100, -90)], [])


def test_what_both_sides_reversed_late_is_matched_with_the_end_of_what_the_bank_had() -> None:
    result = matched([undone()], [theirs(state="R")], earlier={KEY: 100})
    assert result == Result(1, 1, 1, -100, -100, (), ())


def test_what_both_sides_put_back_in_effect_is_matched() -> None:
    assert matched([undone(effect=100)], [theirs()]) == Result(1, 1, 1, 100, 100, (), ())


def test_a_late_undoing_that_the_bank_does_not_have_is_a_difference_of_state() -> None:
    assert findings_of(matched([undone()])) == [("state_differs", KEY, 0, -100, 0)]
    assert findings_of(matched([undone()], [theirs()], earlier={KEY: 100})) == [
        ("state_differs", KEY, 0, -100, 0),
        ("duplicate", KEY, 1, 0, 100),
    ]


@pytest.mark.parametrize("cls", [BreakClass.BANK_ONLY, BreakClass.STATE_DIFFERS])
def test_what_the_bank_takes_back_ends_the_break_of_what_only_it_had_in_effect(cls: BreakClass) -> None:
    result = matched((), [theirs(state="R")], [brought_forward(cls, theirs_effect=100)], {KEY: 100})
    assert (closed(result), findings_of(result)) == ([("B1", cls, 0, -100)], [])
    assert (result.ours_effect, result.theirs_effect) == (0, -100)


@pytest.mark.parametrize(
    ("state", "before", "expected"),
    [
        ("R", 100, ("state_differs", KEY, 1, 0, -100)),
        ("R", 0, ("bank_only", KEY, 1, 0, 0)),
        ("S", 100, ("duplicate", KEY, 1, 0, 100)),
        ("S", 0, ("bank_only", KEY, 1, 0, 100)),
    ],
)
def test_a_bank_line_that_we_do_not_have_is_judged_by_what_its_earlier_files_hold(
    state: str, before: int, expected: tuple[str, str, int, int, int]
) -> None:
    assert findings_of(matched((), [theirs(state=state)], earlier={KEY: before})) == [expected]


def test_a_pair_that_the_bank_had_done_in_an_earlier_file_also_takes_that_back() -> None:
    both = [ours(state="R")], [theirs(state="R")]
    waiting = brought_forward(BreakClass.BANK_ONLY, theirs_effect=100)
    result = matched(*both, [waiting], {KEY: 100})
    assert (result.matched, closed(result), findings_of(result)) == (1, [("B1", "bank_only", 0, -100)], [])
    assert findings_of(matched(*both, earlier={KEY: 100})) == [("state_differs", KEY, 1, 0, -100)]
    result = matched([ours()], [theirs(state="R")], [waiting], {KEY: 100})
    assert closed(result) == [("B1", "bank_only", 0, -100)]
    assert findings_of(result) == [("state_differs", KEY, 1, 100, 0)]


def test_a_break_ends_once() -> None:
    waiting = brought_forward(BreakClass.BANK_ONLY, theirs_effect=100)
    result = matched([undone(effect=100)], [theirs(state="R")], [waiting], {KEY: 100})
    assert closed(result) == [("B1", "bank_only", 100, 0)]
    assert findings_of(result) == [("state_differs", KEY, 1, 0, -100)]


def test_what_earlier_files_had_of_a_key_is_taken_back_once_however_often_the_bank_repeats_the_key() -> None:
    repeated = [theirs("b", 1, "R", rrn="1"), theirs("b", 2, "R", rrn="2")]
    result = matched([ours("a", rrn="2"), ours("b", rrn="1")], repeated, earlier={"b": 100})
    assert findings_of(result) == [("state_differs", "a", 2, 100, 0), ("state_differs", "b", 1, 100, -100)]


def test_effects_that_do_not_balance_are_refused() -> None:
    with pytest.raises(InvariantBroken, match="the effects differ by 1 fen, findings explain 0"):
        matched([ours(effect=99)], [theirs()])


@pytest.mark.parametrize("lost", ["ours_left", "theirs_left", "reversed_pairs", "findings"])
def test_a_line_that_is_lost_is_seen(lost: str) -> None:
    paired = pair(
        [ours("a", "R"), ours("b", rrn="b"), ours("d", "R", rrn="d")],
        [theirs("a", 1, "R"), theirs("c", 2, "R", rrn="c"), theirs("d", 3, amount=9, rrn="d")],
    )
    assert resolve(paired, (), {}, True).matched == 1
    with pytest.raises(InvariantBroken, match="were placed"):
        resolve(paired._replace(**{lost: ()}), (), {}, True)  # type: ignore[arg-type]


def test_closings_are_in_the_order_of_their_names() -> None:
    breaks = [
        BroughtForward(f"B{number}", "20261123", BreakClass.OURS_ONLY, key, "C", 100, 0, True, True)
        for number, key in ((2, "a"), (1, "b"))
    ]
    result = matched([undone("a"), undone("b")], breaks=breaks)
    assert result.closings == tuple(
        Closing(name, BreakClass.OURS_ONLY, -100, 0, "its state changed on our side since")
        for name in ("B1", "B2")
    )
