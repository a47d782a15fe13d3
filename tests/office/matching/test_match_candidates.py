"""Hints: which sums of one side's lines are offered for a line of the other side, and in which words."""

from __future__ import annotations

from ledger.rules.break_classes import BreakClass
from office.accounting.finding import Finding
from office.matching.match_candidates import match_candidates


def alone(cls: BreakClass, key: str, amount: int, policy: str = "P1", direction: str = "C") -> Finding:
    effects = (amount, 0) if cls is BreakClass.OURS_ONLY else (0, amount)
    return Finding(cls, key, 1, direction, "500000", policy, "D", *effects, "reason")


def test_the_sum_of_a_policys_lines_is_offered_for_one_line_of_the_other_side() -> None:
    findings = (
        alone(BreakClass.OURS_ONLY, "B/T1/1/1", 30),
        alone(BreakClass.OURS_ONLY, "B/T2/1/2", 70),
        alone(BreakClass.BANK_ONLY, "B/T3/1/3", 100, "P2"),
        alone(BreakClass.BANK_ONLY, "B/T3/1/4", 101, "P3"),
    )
    member = "the 2 lines of policy P1 (ours_only) add up to one (bank_only): B/T3/1/3"
    assert match_candidates(findings) == {
        0: member,
        1: member,
        2: "2 lines of policy P1 (ours_only) add up to this one",
    }


def test_the_sum_of_a_terminals_lines_is_offered_too_and_directions_are_not_mixed() -> None:
    findings = (
        alone(BreakClass.BANK_ONLY, "B/T/1/1/1", 30, ""),
        alone(BreakClass.BANK_ONLY, "B/T/1/1/2", 70, ""),
        alone(BreakClass.BANK_ONLY, "B/T/1/1/3", -7, "", "P"),
        alone(BreakClass.OURS_ONLY, "B/U/1/4", 100, ""),
        alone(BreakClass.OURS_ONLY, "B/U/1/5", 0, ""),
    )
    member = "the 2 lines of terminal T/1 (bank_only) add up to one (ours_only): B/U/1/4"
    assert match_candidates(findings) == {
        0: member,
        1: member,
        3: "2 lines of terminal T/1 (bank_only) add up to this one",
    }


def test_one_line_is_no_group_and_a_line_without_effect_is_in_none() -> None:
    one_each = alone(BreakClass.OURS_ONLY, "B/T/1/1", 100), alone(BreakClass.BANK_ONLY, "B/T/1/2", 100)
    assert match_candidates(one_each) == {}
    assert match_candidates((*one_each, alone(BreakClass.OURS_ONLY, "B/T/1/3", 0))) == {}


def test_payouts_add_up_like_collections_but_only_to_a_payout() -> None:
    pair_of_payouts = [alone(BreakClass.OURS_ONLY, f"B/T/1/{n}", -50, direction="P") for n in "12"]
    single = alone(BreakClass.BANK_ONLY, "B/U/1/3", -100, direction="P")
    assert sorted(match_candidates((*pair_of_payouts, single))) == [0, 1, 2]
    assert match_candidates((*pair_of_payouts, single._replace(direction="C"))) == {}


def test_every_group_and_every_line_of_one_sum_gets_its_hint() -> None:
    groups = [alone(BreakClass.OURS_ONLY, f"B/T{n}/1/{m}", 50, f"P{n}") for n in range(30) for m in range(2)]
    singles = [alone(BreakClass.BANK_ONLY, f"B/U/1/{n}", 100, "Q") for n in range(30)]
    candidates = match_candidates((*groups, *singles))
    assert sorted(candidates) == list(range(90))
    assert candidates[59] == "the 2 lines of policy P29 (ours_only) add up to one (bank_only): B/U/1/0"
    assert candidates[89] == "2 lines of policy P0 (ours_only) add up to this one"


def test_only_what_one_side_alone_has_is_added_up_and_offered() -> None:
    findings = (
        alone(BreakClass.OURS_ONLY, "B/T9/1/0", 9, "P9"),
        alone(BreakClass.OURS_ONLY, "B/T1/1/1", 30),
        alone(BreakClass.STATE_DIFFERS, "B/T1/1/2", 5),
        alone(BreakClass.OURS_ONLY, "B/T1/1/3", 70),
        alone(BreakClass.AMOUNT_DIFFERS, "B/T2/1/4", 100, "P2"),
        alone(BreakClass.BANK_ONLY, "B/T3/1/5", 100, "P3"),
    )
    member = "the 2 lines of policy P1 (ours_only) add up to one (bank_only): B/T3/1/5"
    assert match_candidates(findings) == {
        1: member,
        3: member,
        5: "2 lines of policy P1 (ours_only) add up to this one",
    }


def test_lines_that_add_up_to_nothing_are_no_hint_for_a_line_that_moves_nothing() -> None:
    undone = [alone(BreakClass.OURS_ONLY, f"B/T/1/{amount}", amount) for amount in (30, -30)]
    assert match_candidates((*undone, alone(BreakClass.BANK_ONLY, "B/U/1/3", 0))) == {}
