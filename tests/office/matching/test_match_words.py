"""Matching, to the letter: every class that `resolve` gives, with all that it tells of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import pytest

from ledger.errors import InvariantBroken
from ledger.rules.break_classes import BreakClass
from office.matching.lines import BroughtForward, LateReversal, Ours, Theirs
from office.matching.match import resolve
from office.matching.pairing import pair
from tests.support.match_lines import KEY, RENUMBERED, brought_forward, ours, theirs, undone

NOT_SAID = "its state changed with us after its date, and the bank's file does not say so"
REVERSED_SINCE = "the bank has reversed it since"
WITHHELD_CHANGED = "what was withheld of it has changed since with us"
OURS_CHANGED = "its state changed on our side since"
NO_MORE = "it was reversed on our side since, and nothing is withheld any more"
REFUSED = "the bank asked to reverse it, and we refused as too late"
LISTED = "the bank asked to reverse it, we refused as too late, and its file has it all the same"
ALONE, BANK_ALONE = "we have it, the bank's file does not", "the bank's file has it, we do not"
SEE = "; see also break B1 of 20261123"
SAME = "; same key in break B1 of 20261123: offered, not taken"

FindingText = tuple[str, int, int, int, str]
"""Of a finding: its class, the number of the bank's line, both effects and the reason."""


class Case(NamedTuple):
    """Lines left on a date, what earlier dates say of them, and what is made of it all."""

    ours: list[Ours]
    theirs: list[Theirs]
    findings: list[FindingText]
    closings: Sequence[tuple[str, str, int, int, str]] = ()
    matched: int = 0
    breaks: Sequence[BroughtForward] = ()
    earlier: Mapping[str, int] = MappingProxyType({})
    late: Sequence[LateReversal] = ()
    lists_reversed: bool = True


def waiting(cls: BreakClass, ours_effect: int = 0, theirs_effect: int = 0, **given: object) -> BroughtForward:
    made = brought_forward(cls, ours_effect, theirs_effect, adjacent=False, near=False)
    return made._replace(**given)  # type: ignore[arg-type]


def withheld(amount: int = 100, is_decided: bool = False) -> BroughtForward:
    return waiting(BreakClass.DETAILS_DIFFER, amount, amount, withheld=amount, is_decided=is_decided)


def line(key: str = KEY, number: int = 1, **given: object) -> Theirs:
    return theirs(key, number)._replace(**given)  # type: ignore[arg-type]


LATE = LateReversal(RENUMBERED, KEY, "C", 100, 100, "500000", "P1", "D1")
OURS_100, BANKS_100 = waiting(BreakClass.OURS_ONLY, 100), waiting(BreakClass.BANK_ONLY, 0, 100)
NEAR = {"adjacent": True, "near": True}

CASES: dict[str, Case] = {
    "two that we reversed, and a file without reversed lines": Case(
        [ours("a", "R"), ours("b", "R"), ours("c")],
        [],
        [("ours_only", 0, 100, 0, ALONE)],
        matched=2,
        lists_reversed=False,
    ),
    "what fits but for the window": Case(
        [ours()], [], [("ours_only", 0, 100, 0, ALONE + SAME)], breaks=[BANKS_100]
    ),
    "the bank's line that fits but for the window": Case(
        [], [theirs()], [("bank_only", 1, 0, 100, BANK_ALONE + SAME)], breaks=[OURS_100]
    ),
    "another break of the key": Case(
        [ours()], [], [("ours_only", 0, 100, 0, ALONE + SEE)], breaks=[waiting(BreakClass.BANK_ONLY, 0, 7)]
    ),
    "another break of the key of the bank's line": Case(
        [], [theirs()], [("bank_only", 1, 0, 100, BANK_ALONE + SEE)], breaks=[BANKS_100]
    ),
    "a break of the key that withholds": Case(
        [], [theirs()], [("bank_only", 1, 0, 100, BANK_ALONE + SEE)], breaks=[withheld()]
    ),
    "we date it later": Case(
        [ours(near=True)],
        [],
        [],
        [("B1", "timing", 100, 0, "the bank dated it 20261123, we a later date")],
        breaks=[BANKS_100._replace(**NEAR)],  # type: ignore[arg-type]
    ),
    "the bank dates it later": Case(
        [],
        [theirs()],
        [],
        [("B1", "timing", 0, 100, "we dated it 20261123, the bank a later date")],
        breaks=[OURS_100._replace(**NEAR)],  # type: ignore[arg-type]
    ),
    "the break of the earlier date ends first, whatever its name": Case(
        [ours(late=True)],
        [],
        [],
        [("B2", "timing", 100, 0, "the bank dated it 20261120, we a later date")],
        breaks=[BANKS_100, BANKS_100._replace(name="B2", date="20261120")],
    ),
    "of one date the first name's": Case(
        [ours(late=True)],
        [],
        [],
        [("B1", "timing", 100, 0, "the bank dated it 20261123, we a later date")],
        breaks=[BANKS_100._replace(name="B2"), BANKS_100],
    ),
    "two reversed on both sides": Case(
        [ours("a", "R"), ours("b", "R")], [line("a", state="R"), line("b", 2, state="R")], [], matched=2
    ),
    "reversed on both sides, of another amount": Case(
        [ours(state="R")],
        [line(state="R", amount=90)],
        [("amount_differs", 1, 0, 0, "our amount is 1.00, the bank's 0.90")],
    ),
    "reversed on both sides, for another policy": Case(
        [ours(state="R")],
        [line(state="R", policy="P9")],
        [("details_differ", 1, 0, 0, "the bank names another policy")],
    ),
    "reversed on both sides, and a break without a difference": Case(
        [ours(state="R")], [line(state="R")], [], matched=1, breaks=[waiting(BreakClass.OURS_ONLY)]
    ),
    "reversed on both sides, and by the bank only now": Case(
        [ours(state="R")],
        [line(state="R")],
        [],
        [("B1", "bank_only", 0, -100, REVERSED_SINCE)],
        matched=1,
        breaks=[BANKS_100],
        earlier={KEY: 100},
    ),
    "reversed by the bank since": Case(
        [],
        [line(state="R")],
        [],
        [("B1", "bank_only", 0, -100, REVERSED_SINCE)],
        breaks=[BANKS_100],
        earlier={KEY: 100},
    ),
    "reversed by the bank alone": Case(
        [],
        [line(state="R")],
        [
            (
                *("state_differs", 1, 0, -100),
                "the bank reversed what an earlier file of it has, and we did not today" + SEE,
            )
        ],
        breaks=[BANKS_100._replace(direction="P")],
        earlier={KEY: 100},
    ),
    "in an earlier file already": Case(
        [],
        [theirs()],
        [("duplicate", 1, 0, 100, "an earlier file of this bank has it already")],
        earlier={KEY: 100},
    ),
    "undone late": Case([undone()], [], [("state_differs", 0, -100, 0, NOT_SAID)]),
    "undone late, and with it the break ends": Case(
        [undone()], [], [], [("B1", "ours_only", -100, 0, OURS_CHANGED)], breaks=[OURS_100]
    ),
    "undone late, and the bank has it done": Case(
        [undone()],
        [theirs()],
        [("state_differs", 0, -100, 0, NOT_SAID), ("bank_only", 1, 0, 100, BANK_ALONE)],
    ),
    "undone late, and a payout under the key": Case(
        [undone()],
        [theirs(direction="P")],
        [("state_differs", 0, -100, 0, NOT_SAID), ("bank_only", 1, 0, -100, BANK_ALONE)],
    ),
    "undone late, and the bank's line of it done is no end of a break": Case(
        [undone()],
        [theirs()],
        [("state_differs", 0, -100, 0, NOT_SAID), ("bank_only", 1, 0, 100, BANK_ALONE + SEE)],
        breaks=[waiting(BreakClass.AMOUNT_DIFFERS, 200)],
    ),
    "undone late on both sides, of amounts that differed": Case(
        [undone()],
        [line(state="R", amount=90)],
        [],
        [("B1", "amount_differs", -100, -90, "its state changed since, and both sides agree now")],
        breaks=[waiting(BreakClass.AMOUNT_DIFFERS, 100, 90)],
        earlier={KEY: 90},
    ),
    "two undone late on both sides": Case(
        [undone("a"), undone("b")],
        [line("a", state="R", rrn="1"), line("b", 2, state="R", rrn="2")],
        [],
        matched=2,
        earlier={"a": 100, "b": 100},
    ),
    "undone late on both sides, for another policy": Case(
        [undone()],
        [line(state="R", policy="P9")],
        [("details_differ", 1, -100, -100, "the bank names another policy")],
        earlier={KEY: 100},
    ),
    "put back, and the bank repeats what it had": Case(
        [undone(effect=100)],
        [theirs()],
        [
            ("state_differs", 0, 100, 0, NOT_SAID),
            ("duplicate", 1, 0, 100, "an earlier file of this bank has it already"),
        ],
        earlier={KEY: 100},
    ),
    "put back, and with it a break ends": Case(
        [undone(effect=100)],
        [theirs()],
        [("bank_only", 1, 0, 100, BANK_ALONE)],
        [("B1", "bank_only", 100, 0, OURS_CHANGED)],
        breaks=[BANKS_100],
    ),
    "undone late, and nothing is withheld any more": Case(
        [undone()],
        [line(state="R", policy="P9")],
        [],
        [("B1", "details_differ", -100, -100, NO_MORE)],
        matched=1,
        breaks=[withheld()],
        earlier={KEY: 100},
    ),
    "undone late, and another amount is withheld": Case(
        [undone()],
        [line(state="R")],
        [("details_differ", 0, 0, 0, WITHHELD_CHANGED + SEE)],
        matched=1,
        breaks=[withheld(70)],
        earlier={KEY: 100},
    ),
    "undone late, after two people have decided for what it was": Case(
        [undone()],
        [line(state="R", policy="P9")],
        [("details_differ", 0, 0, 0, WITHHELD_CHANGED + SEE)],
        matched=1,
        breaks=[withheld(is_decided=True)],
        earlier={KEY: 100},
    ),
    "an advice that did not fit, put back": Case(
        [undone(effect=100, is_exception=True)],
        [theirs()],
        [("exception_advice", 0, 0, 0, WITHHELD_CHANGED)],
        matched=1,
    ),
    "refused as too late": Case(
        [], [], [("late_reversal", 0, 0, 0, f"{REFUSED}: 1.00")], late=[LATE._replace(policy="P1")]
    ),
    "refused as too late, and a break of the transaction": Case(
        [], [], [("late_reversal", 0, 0, 0, f"{REFUSED}: 1.00{SEE}")], breaks=[OURS_100], late=[LATE]
    ),
    "refused as too late, and listed as reversed": Case(
        [],
        [line(state="R")],
        [("late_reversal", 1, 0, -100, f"{LISTED}: 1.00")],
        earlier={KEY: 100},
        late=[LATE],
    ),
    "refused as too late, and a payout under the key": Case(
        [],
        [line(state="R", direction="P")],
        [("late_reversal", 0, 0, 0, f"{REFUSED}: 1.00"), ("bank_only", 1, 0, 0, BANK_ALONE)],
        late=[LATE],
    ),
    "refused as too late, and both the original and the reversal listed": Case(
        [],
        [line(state="R"), line(RENUMBERED, 2, state="R", rrn="R2")],
        [("late_reversal", 1, 0, -100, f"{LISTED}: 1.00"), ("bank_only", 2, 0, 0, BANK_ALONE)],
        earlier={KEY: 100},
        late=[LATE],
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_line_is_told_with_its_class_its_effects_and_why(case: Case) -> None:
    paired = pair(case.ours, case.theirs)
    result = resolve(paired, case.breaks, case.earlier, case.lists_reversed, case.late)
    findings = [
        (row.cls, row.line, row.ours_effect, row.theirs_effect, row.reason) for row in result.findings
    ]
    assert (findings, result.closings, result.matched) == (case.findings, tuple(case.closings), case.matched)


def test_how_many_lines_came_and_how_many_were_placed_is_told() -> None:
    paired = pair(
        [ours("a"), ours("b", rrn="")], [theirs("a"), theirs("c", 2, rrn=""), theirs("d", 3, rrn="")]
    )
    message = "2 lines of ours and 3 of theirs came, 2 and 2 were placed"
    with pytest.raises(InvariantBroken, match=f"^{message}$"):
        resolve(paired._replace(theirs_left=paired.theirs_left[1:]), (), {}, True)
