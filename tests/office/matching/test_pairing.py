"""Pairing: which lines of the two sides are one transaction, what is left over, and what repeats another."""

from __future__ import annotations

from itertools import islice

import pytest

from ledger.errors import InvariantBroken
from ledger.rules.break_classes import BreakClass
from office.accounting.finding import Finding
from office.matching.lines import Ours, Paired, Theirs, finding_of, pair_differs
from office.matching.pairing import keys_to_look_up, pair
from tests.support.match_lines import KEY, RENUMBERED, ours, theirs, undone

ELSEWHERE = "00001020000/T2/1124235959/000002"
"""A key of another terminal."""
NOTHING = Paired(0, 0, 0, 0, 0, (), (), (), ())


def line(key: str = KEY, number: int = 1, **given: object) -> Theirs:
    return theirs(key, number)._replace(**given)  # type: ignore[arg-type]


def differs(our_line: Ours, other: Theirs) -> Finding:
    return pair_differs(our_line, other, other.effect)


def by_key(other: Theirs) -> Finding:
    """The bank's line, told as another of a key that is paired or further up in the file."""
    reason = "the bank's file has this transaction on another line too"
    return finding_of(BreakClass.DUPLICATE, other, other.line, 0, other.effect, reason)


def by_rrn(other: Theirs) -> Finding:
    """The bank's line, told as another of the RRN of a pair or of a line further up in the file."""
    reason = "the bank's file has another line of the same RRN, terminal, policy and amount"
    return finding_of(BreakClass.DUPLICATE, other, other.line, 0, other.effect, reason)


BY_KEY: dict[str, tuple[list[Ours], list[Theirs], Paired]] = {
    "nothing": ([], [], NOTHING),
    "what agrees is matched, and what the bank has reversed waits": (
        [ours("a"), ours("b", "R"), ours("c", direction="P", amount=30), ours("d")],
        [theirs("a"), theirs("b", 2, "R"), theirs("c", 3, direction="P", amount=30), theirs("d", 4, "R")],
        Paired(
            *(4, 4, 2, 170, 70, ()),
            ((ours("b", "R"), theirs("b", 2, "R")), (ours("d"), theirs("d", 4, "R"))),
            *((), ()),
        ),
    ),
    "an amount, a state or a detail that differs is a finding": (
        [ours("a"), ours("b", "R"), ours("c")],
        [theirs("a", amount=90), theirs("b", 2), line("c", 3, due="D9")],
        Paired(
            *(3, 3, 0, 200, 290),
            (
                differs(ours("a"), theirs("a", amount=90)),
                differs(ours("b", "R"), theirs("b", 2)),
                differs(ours("c"), line("c", 3, due="D9")),
            ),
            *((), (), ()),
        ),
    ),
    "what one side alone has is left, wherever it stands": (
        [ours("b", rrn=""), ours("d", rrn=""), ours("f", rrn="")],
        [theirs("a", 1, rrn=""), theirs("c", 2, rrn=""), theirs("d", 3, rrn=""), theirs("e", 4, rrn="")],
        Paired(
            *(3, 4, 1, 300, 400, (), ()),
            (ours("b", rrn=""), ours("f", rrn="")),
            (theirs("a", 1, rrn=""), theirs("c", 2, rrn=""), theirs("e", 4, rrn="")),
        ),
    ),
    "several of the bank's before ours and after": (
        [ours("c", rrn="")],
        [theirs("a", 1, rrn=""), theirs("b", 2, rrn=""), theirs("d", 4, rrn=""), theirs("e", 3, rrn="")],
        Paired(
            *(1, 4, 0, 100, 400, (), ()),
            (ours("c", rrn=""),),
            (
                theirs("a", 1, rrn=""),
                theirs("b", 2, rrn=""),
                theirs("d", 4, rrn=""),
                theirs("e", 3, rrn=""),
            ),
        ),
    ),
    "the other direction is another transaction": (
        [ours()],
        [theirs(direction="P")],
        Paired(1, 1, 0, 100, -100, (), (), (ours(),), (theirs(direction="P"),)),
    ),
    "a late undoing pairs with nothing yet": (
        [undone()],
        [theirs(state="R")],
        Paired(1, 1, 0, -100, 0, (), (), (undone(),), (theirs(state="R"),)),
    ),
    "a line of the other direction repeats the pair of its key": (
        [ours()],
        [theirs(direction="P"), theirs(line=2)],
        NOTHING._replace(
            ours=1, theirs=2, matched=1, ours_effect=100, findings=(by_key(theirs(direction="P")),)
        ),
    ),
}


@pytest.mark.parametrize(("our_lines", "their_lines", "expected"), BY_KEY.values(), ids=BY_KEY)
def test_lines_of_one_key_and_direction_are_a_pair(
    our_lines: list[Ours], their_lines: list[Theirs], expected: Paired
) -> None:
    assert pair(iter(our_lines), iter(their_lines)) == expected


OTHER_AMOUNT, REVERSED, OTHER_POLICY = {"amount": 90}, {"state": "R"}, {"policy": "P9"}
LIKE_OURS: tuple[tuple[list[dict[str, object]], int], ...] = (
    ([OTHER_AMOUNT, {}], 2),
    ([{}, {}], 1),
    ([OTHER_AMOUNT, OTHER_AMOUNT | REVERSED], 1),
    ([OTHER_AMOUNT | REVERSED, OTHER_AMOUNT], 2),
    ([OTHER_AMOUNT, REVERSED | OTHER_POLICY], 2),
    ([REVERSED, OTHER_POLICY], 2),
    ([OTHER_POLICY, {}], 2),
    ([OTHER_POLICY | REVERSED, REVERSED], 2),
    ([{"direction": "P"}, OTHER_AMOUNT | REVERSED | OTHER_POLICY], 2),
    ([OTHER_AMOUNT, REVERSED, OTHER_POLICY, {}, {}], 4),
)


@pytest.mark.parametrize(("lines", "taken"), LIKE_OURS)
def test_of_several_lines_of_a_key_the_one_most_like_ours_is_taken_and_the_others_repeat_it(
    lines: list[dict[str, object]], taken: int
) -> None:
    their_lines = [line(KEY, number, **given) for number, given in enumerate(lines, 1)]
    paired = pair([ours()], their_lines)
    repeats = tuple(by_key(other) for other in their_lines if other.line != taken)
    assert tuple(finding for finding in paired.findings if finding.cls is BreakClass.DUPLICATE) == repeats
    best = their_lines[taken - 1]
    assert paired.reversed_pairs == (((ours(), best),) if best.state == "R" else ())
    assert (paired.theirs, paired.ours_left, paired.theirs_left) == (len(lines), (), ())


def test_among_lines_of_one_rrn_under_another_key_the_most_like_ours_is_taken_too() -> None:
    their_lines = [line(RENUMBERED, 1, amount=90), line(RENUMBERED, 2)]
    assert pair([ours()], their_lines) == Paired(1, 2, 1, 100, 190, (by_key(their_lines[0]),), (), (), ())


def apart(our_lines: list[Ours], their_lines: list[Theirs]) -> Paired:
    """Nothing paired."""
    effects = sum(line.effect for line in our_lines), sum(line.effect for line in their_lines)
    left = tuple(our_lines), tuple(their_lines)
    return Paired(len(our_lines), len(their_lines), 0, *effects, (), (), *left)


BY_RRN: dict[str, tuple[list[Ours], list[Theirs], Paired]] = {
    "another key of the terminal": ([ours()], [line(RENUMBERED)], Paired(1, 1, 1, 100, 100, (), (), (), ())),
    "the policy in small letters": (
        [ours()],
        [line(RENUMBERED, policy=" p1 ")],
        Paired(1, 1, 1, 100, 100, (), (), (), ()),
    ),
    "what the bank has reversed waits": (
        [ours()],
        [line(RENUMBERED, state="R")],
        Paired(1, 1, 0, 100, 0, (), ((ours(), line(RENUMBERED, state="R")),), (), ()),
    ),
    "another due is a finding": (
        [ours()],
        [line(RENUMBERED, due="D9")],
        Paired(1, 1, 0, 100, 100, (differs(ours(), line(RENUMBERED, due="D9")),), (), (), ()),
    ),
    "two pairs": (
        [ours("a", rrn="1"), ours("b", rrn="2")],
        [line("c", rrn="1"), line("d", 2, rrn="2")],
        Paired(2, 2, 2, 200, 200, (), (), (), ()),
    ),
    "a line of another pair's key": (
        [ours("a", rrn="2"), ours("b", rrn="1")],
        [line("b", rrn="1"), line("b", 2, rrn="2")],
        Paired(2, 2, 2, 200, 200, (), (), (), ()),
    ),
    "a line of the key of what we have in the other direction": (
        [ours("a", rrn="1"), ours("b", rrn="2", direction="P")],
        [line("a", rrn="2", direction="P")],
        Paired(2, 1, 1, 0, -100, (), (), (ours("a", rrn="1"),), ()),
    ),
    "one that is not the only one, and then a pair": (
        [ours("a", rrn="1"), ours("b", rrn="1"), ours("c", rrn="2")],
        [line("d", rrn="1"), line("e", 2, rrn="2")],
        Paired(
            *(3, 2, 1, 300, 200, (), ()),
            (ours("a", rrn="1"), ours("b", rrn="1")),
            (line("d", rrn="1"),),
        ),
    ),
}
ALONE: dict[str, tuple[list[Ours], list[Theirs]]] = {
    "another RRN": ([ours()], [line(RENUMBERED, rrn="R2")]),
    "no RRN": ([ours(rrn="")], [line(RENUMBERED, rrn="")]),
    "another direction": ([ours()], [line(RENUMBERED, direction="P")]),
    "another terminal": ([ours()], [line(ELSEWHERE)]),
    "another policy": ([ours()], [line(RENUMBERED, policy="P9")]),
    "no policy": ([ours()], [line(RENUMBERED, policy="")]),
    "two of ours": ([ours("a"), ours("b")], [line("c")]),
    "two keys of the bank's": ([ours("a")], [line("b"), line("c", 2, amount=90)]),
    "a late undoing of ours": ([undone("a")], [line("b")]),
    "the bank's line of a late undoing": ([ours("a"), undone("b", rrn="R9")], [line("b")]),
}


@pytest.mark.parametrize(("our_lines", "their_lines", "expected"), BY_RRN.values(), ids=BY_RRN)
def test_what_is_left_is_a_pair_by_rrn_terminal_and_policy(
    our_lines: list[Ours], their_lines: list[Theirs], expected: Paired
) -> None:
    assert pair(our_lines, their_lines) == expected


@pytest.mark.parametrize(("our_lines", "their_lines"), ALONE.values(), ids=ALONE)
def test_an_rrn_that_may_be_anothers_pairs_nothing(our_lines: list[Ours], their_lines: list[Theirs]) -> None:
    assert pair(our_lines, their_lines) == apart(our_lines, their_lines)


@pytest.mark.parametrize(("key", "is_pair"), [(RENUMBERED, True), (ELSEWHERE, False)])
def test_where_the_file_has_no_policy_the_rrn_and_the_terminal_do(key: str, is_pair: bool) -> None:
    both = [ours()], [line(key, policy="")]
    paired = Paired(1, 1, 1, 100, 100, (), (), (), ()) if is_pair else apart(*both)
    assert pair(*both, has_policy=False) == paired


REPEATS: dict[str, tuple[list[Ours], list[Theirs], Paired]] = {
    "a pair's key": (
        [ours(rrn="1")],
        [line(rrn="1"), line(number=2, rrn="2")],
        Paired(1, 2, 1, 100, 200, (by_key(line(number=2, rrn="2")),), (), (), ()),
    ),
    "the key of a pair by RRN": (
        [ours()],
        [line(RENUMBERED), line(RENUMBERED, 2, rrn="R2")],
        Paired(1, 2, 1, 100, 200, (by_key(line(RENUMBERED, 2, rrn="R2")),), (), (), ()),
    ),
    "a pair's RRN": (
        [ours()],
        [line(), line(RENUMBERED, 2)],
        Paired(1, 2, 1, 100, 200, (by_rrn(line(RENUMBERED, 2)),), (), (), ()),
    ),
    "the RRN of a pair that differs": (
        [ours(amount=90)],
        [line(), line(RENUMBERED, 2)],
        Paired(
            *(1, 2, 0, 90, 200, (differs(ours(amount=90), line()), by_rrn(line(RENUMBERED, 2)))),
            *((), (), ()),
        ),
    ),
    "a key further up in the file": (
        [],
        [line("d", 2), line("d", 5, rrn="R2")],
        Paired(0, 2, 0, 0, 200, (by_key(line("d", 5, rrn="R2")),), (), (), (line("d", 2),)),
    ),
    "an RRN further up in the file, under a key that comes later": (
        [],
        [line("d", 5), line("e", 2)],
        Paired(0, 2, 0, 0, 200, (by_rrn(line("d", 5)),), (), (), (line("e", 2),)),
    ),
    "a repeat further up in the file": (
        [],
        [line("d"), line("d", 2, rrn="R2"), line("e", 3, rrn="R2")],
        Paired(
            *(0, 3, 0, 0, 300, (by_key(line("d", 2, rrn="R2")), by_rrn(line("e", 3, rrn="R2")))),
            *((), (), (line("d"),)),
        ),
    ),
    "what is no repeat, in the order of the keys": (
        [ours(rrn="")],
        [
            line("00001020000/T1/1124235958/000001", 9, rrn=""),
            line(rrn=""),
            line(RENUMBERED, 2, rrn=""),
            line(ELSEWHERE, 3),
        ],
        Paired(
            *(1, 4, 1, 100, 400, (), (), ()),
            (
                line("00001020000/T1/1124235958/000001", 9, rrn=""),
                line(RENUMBERED, 2, rrn=""),
                line(ELSEWHERE, 3),
            ),
        ),
    ),
}


@pytest.mark.parametrize(("our_lines", "their_lines", "expected"), REPEATS.values(), ids=REPEATS)
def test_a_line_that_repeats_a_pair_or_a_line_further_up_is_a_duplicate(
    our_lines: list[Ours], their_lines: list[Theirs], expected: Paired
) -> None:
    assert pair(our_lines, their_lines) == expected


@pytest.mark.parametrize(
    "other",
    [
        {"key": ELSEWHERE},
        {"key": RENUMBERED, "policy": "P9"},
        {"key": RENUMBERED, "amount": 7},
        {"key": RENUMBERED, "direction": "P"},
        {"key": RENUMBERED, "rrn": "R2"},
    ],
)
def test_another_terminal_policy_amount_direction_or_rrn_repeats_no_pair(other: dict[str, object]) -> None:
    second = theirs(line=2)._replace(**other)  # type: ignore[arg-type]
    paired = pair([ours()], [theirs(), second])
    assert (paired.matched, paired.findings, paired.theirs_left) == (1, (), (second,))


def test_a_repeat_of_the_last_line_is_told_from_among_many_thousands_of_pairs() -> None:
    numbers = [f"{number:05d}" for number in range(10_000)]
    their_lines = [theirs(key, int(key) + 1, rrn=key) for key in numbers]
    ends = [theirs(f"x{rrn}", 10_001 + int(rrn), rrn=rrn) for rrn in ("00000", "04095", "04096", "09999")]
    other = theirs("y", 30_000, rrn="10000")
    paired = pair((ours(key, rrn=key) for key in numbers), [*their_lines, *ends, other])
    assert (paired.findings, paired.theirs_left) == (tuple(map(by_rrn, ends)), (other,))


def test_a_stream_is_read_once_and_not_kept() -> None:
    read = iter(range(100_000))
    our_lines = (ours(f"{number:06d}", rrn="") for number in islice(read, 1000))
    paired = pair(our_lines, (theirs(f"{number:06d}", 1, rrn="") for number in range(1000)))
    assert (paired.matched, next(read)) == (1000, 1000)


def test_the_keys_to_look_up_are_those_that_the_answer_can_turn_on() -> None:
    paired = pair(
        [ours("b"), ours("c", rrn="c"), ours("e", rrn="e")],
        [theirs("a", 3, rrn="a"), theirs("b"), theirs("c", 2, "R", rrn="c"), theirs("d", 4, rrn="d")],
    )
    assert keys_to_look_up(paired) == ("a", "c", "d")


@pytest.mark.parametrize(
    ("our_lines", "their_lines", "message"),
    [
        ([ours("b"), ours("a")], [], "our line a comes after b: out of order or twice"),
        ([ours("a"), ours("a")], [], "our line a comes after a: out of order or twice"),
        ([], [theirs("b", 1), theirs("a", 2)], "the bank's line 2 is out of order or comes twice"),
        ([], [theirs("a", 2), theirs("a", 1)], "the bank's line 1 is out of order or comes twice"),
        ([], [theirs("a", 1), theirs("a", 1)], "the bank's line 1 is out of order or comes twice"),
    ],
)
def test_lines_out_of_order_are_refused(
    our_lines: list[Ours], their_lines: list[Theirs], message: str
) -> None:
    with pytest.raises(InvariantBroken) as caught:
        pair(our_lines, their_lines)
    assert str(caught.value) == message
