"""Matching, rule by rule: what the lines are about, what is withheld, and reversals that came too late."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ledger.break_classes import BreakClass
from office.match import Carried, LateReversal, Theirs, pair, resolve
from tests.matched import KEY, RENUMBERED, carried, closed, found, matched, ours, theirs, undone

# What the lines are about.


def detailed(**given: object) -> list[Theirs]:
    return [theirs()._replace(**given)]  # type: ignore[arg-type]


@pytest.mark.parametrize("direction", ["C", "P"])
@pytest.mark.parametrize("name", ["policy", "due", "code"])
def test_a_pair_that_agrees_but_for_a_detail_withholds_the_whole_amount(name: str, direction: str) -> None:
    line = theirs(direction=direction)._replace(**{name: "X"})  # type: ignore[arg-type]
    result = matched([ours(direction=direction)], [line])
    effect = 100 if direction == "C" else -100
    assert found(result) == [("details_differ", KEY, 1, effect, effect)]
    (finding,) = result.findings
    assert (finding.withheld, finding.difference, result.matched) == (effect, effect, 0)
    assert {one: getattr(finding, f"bank_{one}") for one in ("policy", "due", "code")} == {
        "policy": "",
        "due": "",
        "code": "",
        name: "X",
    }


@pytest.mark.parametrize(
    ("line", "cls", "difference"),
    [
        ({"amount": 90}, "amount_differs", -10),
        ({"state": "R"}, "state_differs", -100),
    ],
)
def test_an_amount_or_a_state_that_differs_comes_first_and_the_reason_names_the_detail(
    line: dict[str, object], cls: str, difference: int
) -> None:
    (finding,) = matched([ours()], detailed(policy="P9", **line)).findings
    assert (finding.cls, finding.difference, finding.withheld) == (cls, difference, 0)
    assert finding.reason.endswith("; the bank names another policy")
    assert finding.bank_policy == "P9"


def test_of_what_both_have_reversed_nothing_is_withheld_whatever_it_is_about() -> None:
    (finding,) = matched([ours(state="R")], detailed(policy="P9", state="R")).findings
    assert (finding.cls, finding.difference) == ("details_differ", 0)


def test_of_a_misfit_the_details_withhold_nothing_since_its_own_break_does() -> None:
    (finding,) = matched([ours(misfit=True)], detailed(policy="P9")).findings
    assert (finding.cls, finding.difference) == ("details_differ", 0)


def test_of_lines_with_one_key_the_one_about_the_same_is_taken() -> None:
    result = matched([ours()], [*detailed(policy="P9"), theirs(line=2)])
    assert (result.matched, found(result)) == (1, [("duplicate", KEY, 1, 0, 100)])


OF_ONE_RRN = {"key": RENUMBERED}


@pytest.mark.parametrize(
    ("line", "has_policy", "paired"),
    [
        ({}, True, True),
        ({"policy": "p1 "}, True, True),
        ({"policy": "P9"}, True, False),
        ({"policy": ""}, True, False),
        ({"policy": ""}, False, True),
        ({"key": "00001020000/T2/1124235959/000002"}, True, False),
        ({"key": "00001020000/T2/1124235959/000002", "policy": ""}, False, False),
    ],
)
def test_an_rrn_pairs_lines_of_one_terminal_and_policy_only(
    line: dict[str, str], has_policy: bool, paired: bool
) -> None:
    lines = detailed(**{**OF_ONE_RRN, **line})
    result = resolve(pair([ours()], lines, has_policy=has_policy), (), {}, True)
    assert result.matched == paired
    assert sorted(one.cls for one in result.findings) == ([] if paired else ["bank_only", "ours_only"])


def test_an_rrn_pairs_lines_whose_dues_differ_and_that_is_told() -> None:
    (finding,) = matched([ours()], detailed(due="D9", **OF_ONE_RRN)).findings
    assert (finding.cls, finding.withheld) == ("details_differ", 100)
    told = f"the bank names another due; found by its RRN, the bank's key is {RENUMBERED}"
    assert finding.reason == told


@pytest.mark.parametrize("other", [{"key": "00001020000/T2/1124235959/000002"}, {"policy": "P9"}])
def test_a_line_of_another_terminal_or_policy_repeats_none_of_the_same_rrn(other: dict[str, str]) -> None:
    second = theirs(RENUMBERED, 2)._replace(**other)  # type: ignore[arg-type]
    assert [one.cls for one in matched([ours()], [theirs(), second]).findings] == ["bank_only"]
    assert [one.cls for one in matched([ours()], [theirs(), theirs(RENUMBERED, 2)]).findings] == ["duplicate"]


@pytest.mark.parametrize("name", ["policy", "due", "code"])
def test_what_is_about_something_else_is_no_timing(name: str) -> None:
    near = {"near": True}
    waiting = carried(BreakClass.BANK_ONLY, theirs_effect=100)._replace(**{name: "X"})  # type: ignore[arg-type]
    assert [one.cls for one in matched([ours(**near)], breaks=[waiting]).findings] == ["ours_only"]
    waiting = carried(BreakClass.OURS_ONLY, ours_effect=100)._replace(**{name: "X"})  # type: ignore[arg-type]
    assert [one.cls for one in matched((), [theirs()], [waiting]).findings] == ["bank_only"]


# What is withheld, on later dates.


def withheld(
    amount: int = 100, cls: BreakClass = BreakClass.DETAILS_DIFFER, is_decided: bool = False
) -> Carried:
    effects = (amount, amount) if cls is BreakClass.DETAILS_DIFFER else (0, 0)
    return carried(cls, *effects)._replace(withheld=amount, is_decided=is_decided)


@pytest.mark.parametrize("cls", [BreakClass.DETAILS_DIFFER, BreakClass.MISFIT])
def test_what_was_withheld_ends_with_its_reversal_on_our_side(cls: BreakClass) -> None:
    one = undone(misfit=cls is BreakClass.MISFIT)
    result = matched([one], detailed(policy="P9", state="R"), [withheld(cls=cls)], {KEY: 100})
    assert (result.matched, closed(result), found(result)) == (1, [("B1", cls, -100, -100)], [])
    result = matched([one], (), [withheld(cls=cls)], {KEY: 100})
    assert (closed(result), found(result)) == (
        [("B1", cls, -100, -100)],
        [("state_differs", KEY, 0, -100, 0)],
    )


@pytest.mark.parametrize("cls", [BreakClass.DETAILS_DIFFER, BreakClass.MISFIT])
def test_what_two_people_have_decided_is_withheld_anew_when_it_is_reversed(cls: BreakClass) -> None:
    one = undone(misfit=cls is BreakClass.MISFIT)
    result = matched([one], [theirs(state="R")], [withheld(cls=cls, is_decided=True)], {KEY: 100})
    (finding,) = result.findings
    assert (finding.cls, finding.line, finding.withheld) == (cls, 0, -100)
    assert finding.reason.endswith("since with us; see also break B1 of 20261123")
    assert (result.matched, result.closings) == (1, ())


def test_a_misfit_put_back_into_effect_later_is_withheld_then() -> None:
    (finding,) = matched([undone(effect=100, misfit=True)], [theirs()]).findings
    assert (finding.cls, finding.withheld) == ("misfit", 100)


def test_what_both_sides_reversed_for_something_else_is_withheld() -> None:
    (finding,) = matched([undone()], detailed(state="R", policy="P9"), earlier={KEY: 100}).findings
    assert (finding.cls, finding.line, finding.withheld) == ("details_differ", 1, -100)


def test_a_withholding_break_is_no_other_half_of_a_line() -> None:
    waiting = withheld(cls=BreakClass.MISFIT)
    (finding,) = matched((), [theirs(state="R")], [waiting], {KEY: 100}).findings
    assert (finding.cls, finding.difference) == ("state_differs", -100)
    assert finding.reason.endswith("; see also break B1 of 20261123")


# Reversals that came too late.


def late(effect: int = 100, **given: object) -> LateReversal:
    made = LateReversal(RENUMBERED, KEY, "C", 100, effect, "500000", "P1", "D1")
    return made._replace(**given)  # type: ignore[arg-type]


def refused(
    lines: Iterable[Theirs] = (), *refusals: LateReversal, breaks: Iterable[Carried] = (), before: int = 100
) -> list[tuple[str, str, int, int, int]]:
    result = resolve(pair((), lines), breaks, {KEY: before}, True, refusals or (late(),))
    return [(one.cls, one.key, one.line, one.theirs_effect, one.withheld) for one in result.findings]


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


@pytest.mark.parametrize("waiting", [withheld(), carried(BreakClass.OURS_ONLY, ours_effect=100)])
def test_what_another_break_has_in_suspense_is_not_withheld_again(waiting: Carried) -> None:
    assert refused(breaks=[waiting], before=0) == [("late_reversal", KEY, 0, 0, 0)]


def test_what_two_people_have_decided_is_withheld_when_its_reversal_comes_too_late() -> None:
    decided = withheld(cls=BreakClass.MISFIT, is_decided=True)
    assert refused(breaks=[decided]) == [("late_reversal", KEY, 0, 0, 100)]


def test_one_original_is_one_break_however_often_it_is_asked_for() -> None:
    again = late(key="00001020000/T1/1124235959/000003")
    assert refused((), late(), again) == [("late_reversal", KEY, 0, 0, 100)]
