"""Matching, rule by rule: what the lines are about, what is withheld, and reversals that came too late."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ledger.rules.break_classes import BreakClass
from office.matching.lines import BroughtForward, LateReversal, Theirs
from office.matching.match import resolve
from office.matching.pairing import pair
from tests.support.match_lines import (
    KEY,
    RENUMBERED,
    brought_forward,
    closed,
    findings_of,
    matched,
    ours,
    theirs,
    undone,
)

# What the lines are about.


def detailed(**given: object) -> list[Theirs]:
    return [theirs()._replace(**given)]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["policy", "due", "code"])
def test_what_is_about_something_else_is_no_timing(name: str) -> None:
    near = {"near": True}
    waiting = brought_forward(BreakClass.BANK_ONLY, theirs_effect=100)._replace(**{name: "X"})  # type: ignore[arg-type]
    assert [finding.cls for finding in matched([ours(**near)], breaks=[waiting]).findings] == ["ours_only"]
    waiting = brought_forward(BreakClass.OURS_ONLY, ours_effect=100)._replace(**{name: "X"})  # type: ignore[arg-type]
    assert [finding.cls for finding in matched((), [theirs()], [waiting]).findings] == ["bank_only"]


# What is withheld, on later dates.


def withheld(
    amount: int = 100, cls: BreakClass = BreakClass.DETAILS_DIFFER, is_decided: bool = False
) -> BroughtForward:
    effects = (amount, amount) if cls is BreakClass.DETAILS_DIFFER else (0, 0)
    return brought_forward(cls, *effects)._replace(withheld=amount, is_decided=is_decided)


@pytest.mark.parametrize("cls", [BreakClass.DETAILS_DIFFER, BreakClass.EXCEPTION_ADVICE])
def test_what_was_withheld_ends_with_its_reversal_on_our_side(cls: BreakClass) -> None:
    our_line = undone(is_exception=cls is BreakClass.EXCEPTION_ADVICE)
    result = matched([our_line], detailed(policy="P9", state="R"), [withheld(cls=cls)], {KEY: 100})
    assert (result.matched, closed(result), findings_of(result)) == (1, [("B1", cls, -100, -100)], [])
    result = matched([our_line], (), [withheld(cls=cls)], {KEY: 100})
    assert (closed(result), findings_of(result)) == (
        [("B1", cls, -100, -100)],
        [("state_differs", KEY, 0, -100, 0)],
    )


@pytest.mark.parametrize("cls", [BreakClass.DETAILS_DIFFER, BreakClass.EXCEPTION_ADVICE])
def test_what_two_people_have_decided_is_withheld_anew_when_it_is_reversed(cls: BreakClass) -> None:
    our_line = undone(is_exception=cls is BreakClass.EXCEPTION_ADVICE)
    result = matched([our_line], [theirs(state="R")], [withheld(cls=cls, is_decided=True)], {KEY: 100})
    (finding,) = result.findings
    assert (finding.cls, finding.line, finding.withheld) == (cls, 0, -100)
    assert finding.reason.endswith("since with us; see also break B1 of 20261123")
    assert (result.matched, result.closings) == (1, ())


def test_a_misfit_put_back_into_effect_later_is_withheld_then() -> None:
    (finding,) = matched([undone(effect=100, is_exception=True)], [theirs()]).findings
    assert (finding.cls, finding.withheld) == ("exception_advice", 100)


def test_what_both_sides_reversed_for_something_else_is_withheld() -> None:
    (finding,) = matched([undone()], detailed(state="R", policy="P9"), earlier={KEY: 100}).findings
    assert (finding.cls, finding.line, finding.withheld) == ("details_differ", 1, -100)


def test_a_withholding_break_is_no_other_half_of_a_line() -> None:
    waiting = withheld(cls=BreakClass.EXCEPTION_ADVICE)
    (finding,) = matched((), [theirs(state="R")], [waiting], {KEY: 100}).findings
    assert (finding.cls, finding.difference) == ("state_differs", -100)
    assert finding.reason.endswith("; see also break B1 of 20261123")


# Reversals that came too late.


def late(effect: int = 100, **given: object) -> LateReversal:
    made = LateReversal(RENUMBERED, KEY, "C", 100, effect, "500000", "P1", "D1")
    return made._replace(**given)  # type: ignore[arg-type]


def refused(
    lines: Iterable[Theirs] = (),
    *refusals: LateReversal,
    breaks: Iterable[BroughtForward] = (),
    before: int = 100,
) -> list[tuple[str, str, int, int, int]]:
    result = resolve(pair((), lines), breaks, {KEY: before}, True, refusals or (late(),))
    return [(row.cls, row.key, row.line, row.theirs_effect, row.withheld) for row in result.findings]


def test_a_late_reversal_of_which_the_file_says_nothing_withholds_the_originals_effect() -> None:
    assert refused() == [("late_reversal", KEY, 0, 0, 100)]
    assert refused((), late(-100, direction="P")) == [("late_reversal", KEY, 0, 0, -100)]


def test_a_file_that_lists_the_original_or_the_reversal_makes_one_break_with_it() -> None:
    assert refused([theirs(state="R")]) == [("late_reversal", KEY, 1, -100, 0)]
    assert refused([theirs(RENUMBERED, state="R")]) == [("late_reversal", KEY, 1, 0, 100)]
    assert refused([theirs(RENUMBERED, direction="P")]) == [("late_reversal", KEY, 1, -100, 0)]


def test_the_original_listed_as_done_again_is_a_repeat_and_not_the_late_reversal() -> None:
    assert refused([theirs()]) == [("late_reversal", KEY, 0, 0, 100), ("duplicate", KEY, 1, 100, 0)]


def test_where_a_cancel_was_to_be_reversed_the_original_listed_as_done_is_the_late_reversal() -> None:
    assert refused([theirs()], late(0), before=0) == [("late_reversal", KEY, 1, 100, 0)]
    assert refused((), late(0), before=0) == [("late_reversal", KEY, 0, 0, 0)]


@pytest.mark.parametrize("waiting", [withheld(), brought_forward(BreakClass.OURS_ONLY, ours_effect=100)])
def test_what_another_break_has_in_suspense_is_not_withheld_again(waiting: BroughtForward) -> None:
    assert refused(breaks=[waiting], before=0) == [("late_reversal", KEY, 0, 0, 0)]


def test_what_two_people_have_decided_is_withheld_when_its_reversal_comes_too_late() -> None:
    decided = withheld(cls=BreakClass.EXCEPTION_ADVICE, is_decided=True)
    assert refused(breaks=[decided]) == [("late_reversal", KEY, 0, 0, 100)]


def test_one_original_is_one_break_however_often_it_is_asked_for() -> None:
    again = late(key="00001020000/T1/1124235959/000003")
    assert refused((), late(), again) == [("late_reversal", KEY, 0, 0, 100)]
