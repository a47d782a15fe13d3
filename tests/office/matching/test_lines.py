"""Lines and findings as matching has them: effects, keys, and what is told of two lines that differ."""

from __future__ import annotations

import pytest

from ledger.rules.break_classes import BreakClass
from office.accounting.finding import Finding
from office.matching.lines import (
    BroughtForward,
    Ours,
    Theirs,
    effect_of,
    finding_of,
    pair_differs,
    terminal_of,
)
from tests.support.match_lines import KEY, RENUMBERED, ours, theirs, undone


@pytest.mark.parametrize(
    ("direction", "state", "effect"),
    [("C", "S", 100), ("P", "S", -100), ("C", "R", 0), ("P", "R", 0), ("C", "U", 0), ("P", "U", 0)],
)
def test_a_collection_in_effect_adds_a_payout_takes_off_and_a_reversed_one_does_nothing(
    direction: str, state: str, effect: int
) -> None:
    assert effect_of(direction, state, 100) == effect
    assert theirs(direction=direction, state=state).effect == effect


@pytest.mark.parametrize(
    ("key", "terminal"),
    [(KEY, "00001020000/T1"), ("B/T/1/1124235959/000001", "B/T/1"), ("a/b", ""), ("a", "")],
)
def test_the_bank_and_the_terminal_are_all_of_a_key_but_its_last_two_parts(key: str, terminal: str) -> None:
    assert terminal_of(key) == terminal


def test_a_difference_is_what_the_bank_has_more_than_we_and_what_is_withheld() -> None:
    finding = Finding(BreakClass.EXCEPTION_ADVICE, KEY, 0, "C", "500000", "P1", "D1", 100, 7, "reason", 30)
    assert finding.difference == -63


def test_what_is_not_said_is_nothing() -> None:
    about = KEY, "C", 100, "S", "R1", 100, False, False, "500000", "P1", "D1"
    assert Ours(*about) == Ours(*about, False)
    finding = BreakClass.EXCEPTION_ADVICE, KEY, 0, "C", "500000", "P1", "D1", 100, 7, "reason"
    assert Finding(*finding) == (*finding, 0, "", "", "", "", "")
    waiting = "B1", "20261123", BreakClass.EXCEPTION_ADVICE, KEY, "C", 100, 0, True, True
    assert BroughtForward(*waiting) == (*waiting, "", "", "", 0, False)


@pytest.mark.parametrize("line", [ours(), theirs(line=9)])
def test_a_finding_on_a_line_is_about_what_the_line_names(line: Ours | Theirs) -> None:
    finding = finding_of(BreakClass.DUPLICATE, line, 4, 7, 8, "reason")
    assert finding == Finding(BreakClass.DUPLICATE, KEY, 4, "C", "500000", "P1", "D1", 7, 8, "reason")


BY_RRN = f"; found by its RRN, the bank's key is {RENUMBERED}"
ALL_THREE = "the bank names another policy and another due and another processing code"
# Ours, the bank's with number 3, the effect that the bank's line has, and of the finding: its class, its
# reason, what is withheld, and the code, policy and due that the bank names.
DIFFERS: tuple[tuple[Ours, Theirs, int, tuple[BreakClass, str, int, str, str, str]], ...] = (
    (
        ours(),
        theirs(line=3, amount=90),
        90,
        (BreakClass.AMOUNT_DIFFERS, "our amount is 1.00, the bank's 0.90", 0, "", "", ""),
    ),
    (
        ours(direction="P"),
        theirs(RENUMBERED, line=3, direction="P", amount=123_456),
        -123_456,
        (BreakClass.AMOUNT_DIFFERS, "our amount is 1.00, the bank's 1,234.56" + BY_RRN, 0, "", "", ""),
    ),
    (
        ours(),
        theirs(line=3, state="R", amount=90)._replace(policy="P9"),
        0,
        (
            BreakClass.AMOUNT_DIFFERS,
            "our amount is 1.00, the bank's 0.90; the bank names another policy",
            *(0, "", "P9", ""),
        ),
    ),
    (
        ours(),
        theirs(line=3, state="R"),
        0,
        (BreakClass.STATE_DIFFERS, "we have it done, the bank has it reversed", 0, "", "", ""),
    ),
    (
        ours(),
        theirs(RENUMBERED, line=3, state="R")._replace(due="D9"),
        0,
        (
            BreakClass.STATE_DIFFERS,
            "we have it done, the bank has it reversed; the bank names another due" + BY_RRN,
            *(0, "", "", "D9"),
        ),
    ),
    (
        ours(state="R"),
        theirs(line=3),
        100,
        (BreakClass.STATE_DIFFERS, "we have it reversed, the bank has it done", 0, "", "", ""),
    ),
    (
        ours(state="R"),
        theirs(line=3, state="R"),
        -100,
        (
            BreakClass.STATE_DIFFERS,
            "reversed on both sides, but an earlier file of the bank had it done",
            *(0, "", "", ""),
        ),
    ),
    (
        ours(),
        theirs(line=3)._replace(code="502000"),
        100,
        (BreakClass.DETAILS_DIFFER, "the bank names another processing code", 100, "502000", "", ""),
    ),
    (
        ours(direction="P"),
        theirs(RENUMBERED, line=3, direction="P")._replace(code="262000", policy="P9", due="D9"),
        -100,
        (BreakClass.DETAILS_DIFFER, ALL_THREE + BY_RRN, -100, "262000", "P9", "D9"),
    ),
    (
        ours(state="R"),
        theirs(line=3, state="R")._replace(policy="P9"),
        0,
        (BreakClass.DETAILS_DIFFER, "the bank names another policy", 0, "", "P9", ""),
    ),
    (
        ours(is_exception=True),
        theirs(line=3)._replace(policy="P9"),
        100,
        (BreakClass.DETAILS_DIFFER, "the bank names another policy", 0, "", "P9", ""),
    ),
    (
        undone(),
        theirs(line=3, state="R")._replace(policy="P9"),
        -100,
        (BreakClass.DETAILS_DIFFER, "the bank names another policy", -100, "", "P9", ""),
    ),
    (
        undone(),
        theirs(line=3, state="R")._replace(policy="P9"),
        0,
        (
            BreakClass.STATE_DIFFERS,
            "reversed on both sides, but an earlier file of the bank had it done"
            "; the bank names another policy",
            *(0, "", "P9", ""),
        ),
    ),
    (
        ours(state="R", effect=100),
        theirs(line=3)._replace(policy="P9"),
        100,
        (
            BreakClass.STATE_DIFFERS,
            "we have it reversed, the bank has it done; the bank names another policy",
            *(0, "", "P9", ""),
        ),
    ),
)


@pytest.mark.parametrize(("our_line", "line", "effect", "expected"), DIFFERS)
def test_of_two_lines_of_one_transaction_the_first_that_differs_is_the_class_and_all_is_told(
    our_line: Ours, line: Theirs, effect: int, expected: tuple[BreakClass, str, int, str, str, str]
) -> None:
    cls, reason, withheld, code, policy, due = expected
    about = KEY, 3, our_line.direction, "500000", "P1", "D1", our_line.effect, effect
    assert pair_differs(our_line, line, effect) == Finding(cls, *about, reason, withheld, code, policy, due)
