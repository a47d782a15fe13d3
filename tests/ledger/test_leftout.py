"""Rows that are left out: named by line, and bounded by what the file's control totals count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.bookfile import LINE_BYTES_MAX, Book, parse
from ledger.errors import BookFileError, LinesRefused
from ledger.leftout import (
    ANY_ROW,
    LINES_MAX,
    Figures,
    LeftOut,
    Span,
    differences,
    lines_of,
    span_of_due,
    text_of,
)
from tests.canary import CARD
from tests.dues_file import DATE, file, leaving, row


@given(lines=st.frozensets(st.integers(2, 60), max_size=30))
def test_lines_are_read_as_they_are_written(lines: frozenset[int]) -> None:
    assert lines_of(text_of(lines)) == lines


@pytest.mark.parametrize(
    ("text", "lines", "written"),
    [
        ("", set(), ""),
        ("2", {2}, "2"),
        ("17,203-205", {17, 203, 204, 205}, "17,203-205"),
        (" 17 , 203-205", {17, 203, 204, 205}, "17,203-205"),
        ("3,2", {2, 3}, "2-3"),
        ("2-4,3-5,9-9", {2, 3, 4, 5, 9}, "2-5,9"),
        ("2,4,5,7", {2, 4, 5, 7}, "2,4-5,7"),
        ("999999999", {999_999_999}, "999999999"),
        (f"2-{LINES_MAX + 1}", set(range(2, LINES_MAX + 2)), f"2-{LINES_MAX + 1}"),
    ],
)
def test_lines_are_written_in_order_and_neighbours_are_a_range(
    text: str, lines: set[int], written: str
) -> None:
    assert lines_of(text) == lines
    assert text_of(sorted(lines, reverse=True)) == written


@pytest.mark.parametrize(
    "text", [",", "17,", "x", "0", "-3", "１", "1 2", "1-2-3", "17;18", "1000000000", "1-1000000000", "01"]
)
def test_what_names_no_lines_is_refused_with_how_they_are_written(text: str) -> None:
    with pytest.raises(LinesRefused, match=r"^lines are written as 17,203-205$"):
        lines_of(text)


@pytest.mark.parametrize("text", ["5-4", f"1-{LINES_MAX + 1}", "2,5-4"])
def test_a_range_goes_upwards_and_is_no_longer_than_can_be_left_out(text: str) -> None:
    with pytest.raises(LinesRefused, match=r"^a range goes upwards and has at most 1000 lines$"):
        lines_of(text)


def test_more_lines_than_can_be_left_out_are_refused() -> None:
    assert len(lines_of("1-600,701-1100,500-600")) == LINES_MAX == 1000
    with pytest.raises(LinesRefused, match=r"^at most 1000 lines can be left out$"):
        lines_of("1-600,701-1101")


def test_what_is_told_of_a_row_hides_a_person_behind_a_policys_name() -> None:
    told = str(LeftOut(3, "11010519491231002X", "D1", "holder: not a name"))
    assert told == "line 3: policy **************002X, due D1: holder: not a name"
    assert str(LeftOut(4, "", "", "not UTF-8")) == "line 4: no policy that can be read: not UTF-8"
    card = "line 5: policy P1, due 622202*********0987: the book has it otherwise"
    assert str(LeftOut(5, "P1", CARD, "")) == card


# What rows that are left out count for.

MOST = 999_999_999_999


@pytest.mark.parametrize(
    ("kind", "amount", "least", "most"),
    [
        ("premium", 5, Figures(dues=1, premium=5), Figures(dues=1, premium=5)),
        ("benefit", 5, Figures(dues=1, benefit=5), Figures(dues=1, benefit=5)),
        ("premium", None, Figures(dues=1, premium=1), Figures(dues=1, premium=MOST)),
        ("benefit", None, Figures(dues=1, benefit=1), Figures(dues=1, benefit=MOST)),
        ("", 5, Figures(dues=1), Figures(dues=1, premium=5, benefit=5)),
        ("", None, Figures(dues=1), Figures(dues=1, premium=MOST, benefit=MOST)),
    ],
)
def test_a_due_counts_for_what_it_says_or_for_anything_that_it_could_say(
    kind: str, amount: int | None, least: Figures, most: Figures
) -> None:
    assert span_of_due(kind, amount) == Span(least, most)


def test_a_row_whose_columns_cannot_be_told_counts_for_one_of_anything_or_nothing() -> None:
    assert Span(Figures(0, 0, 0, 0, 0), Figures(1, 1, MOST, MOST, 1)) == ANY_ROW


def test_spans_add_figure_by_figure_and_to_nothing_else() -> None:
    one = Span(Figures(1, 2, 3, 4, 5), Figures(6, 7, 8, 9, 10))
    other = Span(Figures(10, 20, 30, 40, 50), Figures(60, 70, 80, 90, 100))
    assert one + other == Span(Figures(11, 22, 33, 44, 55), Figures(66, 77, 88, 99, 110))
    assert one + Span() == one
    with pytest.raises(TypeError):
        one + Figures()


SAID = Figures(5, 6, 700, 800, 9)


@pytest.mark.parametrize(
    ("counted", "left_out", "told"),
    [
        (SAID, Span(), []),
        (SAID._replace(policies=4), Span(), [("policies", "the TOTAL line says 5, the rows make 4")]),
        (SAID._replace(dues=7), Span(), [("dues", "the TOTAL line says 6, the rows make 7")]),
        (SAID._replace(premium=699), span_of_due("premium", 1), [
            ("dues", "the TOTAL line says 6, the rows make 6, those left out 1"),
        ]),
        (SAID._replace(dues=5, premium=699), span_of_due("premium", 1), []),
        (SAID._replace(dues=5, premium=698), span_of_due("premium", 1), [
            ("premium", "the TOTAL line says 700, the rows make 698, those left out 1"),
        ]),
        (SAID._replace(benefit=0, withdrawn=0), Span(Figures(benefit=1), Figures(benefit=799)), [
            ("benefit", "the TOTAL line says 800, the rows make 0, those left out 1 to 799"),
            ("withdrawn", "the TOTAL line says 9, the rows make 0"),
        ]),
        (SAID._replace(benefit=0), Span(Figures(benefit=1), Figures(benefit=800)), []),
        (SAID._replace(benefit=799), Span(Figures(benefit=1), Figures(benefit=800)), []),
        (SAID._replace(benefit=800), Span(Figures(benefit=1), Figures(benefit=800)), [
            ("benefit", "the TOTAL line says 800, the rows make 800, those left out 1 to 800"),
        ]),
        (SAID._replace(premium=10**15), Span(), [
            ("premium", "the TOTAL line says 700, the rows make a number of 16 digits"),
        ]),
    ],
)  # fmt: skip
def test_each_figure_is_what_the_rows_make_with_those_left_out_or_is_told(
    counted: Figures, left_out: Span, told: list[tuple[str, str]]
) -> None:
    assert list(differences(SAID, counted, left_out)) == told


def test_a_figure_as_long_as_a_card_number_is_not_repeated() -> None:
    [(_, reason)] = differences(SAID._replace(premium=10**12), SAID, Span())
    assert reason == "the TOTAL line says a number of 13 digits, the rows make 700"


# Rows that are left out.


def named(data: bytes, *lines: int) -> Book:
    return parse(data, frozenset(lines))


def refusals(data: bytes, *lines: int) -> list[str]:
    with pytest.raises(BookFileError) as caught:
        named(data, *lines)
    return [str(problem) for problem in caught.value.problems]


GOOD_AND_BAD = (row(), row("P2", due="D2", code="260000", beneficiary="x"), row("P3", due="D3", amount="y"))
BOTH = f"TOTAL,{DATE},3,3,30700,30000,,"


def test_rows_with_a_fault_can_be_left_out_and_are_named() -> None:
    read = named(file(*GOOD_AND_BAD, total=BOTH), 3, 4)
    assert [due.due for due in read.dues] == ["D1"]
    assert [one.policy for one in read.policies] == ["P1"]
    assert (read.premium, read.benefit) == (30_000, 0)
    assert [(one.line, one.policy, one.due) for one in read.left_out] == [(3, "P2", "D2"), (4, "P3", "D3")]
    assert read.claims == ()


def test_every_row_with_a_fault_must_be_named() -> None:
    data = file(*GOOD_AND_BAD, total=BOTH)
    assert refusals(data, 3) == ["line 4, amount_fen: not a whole number of fen, 1 to 999999999999"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (1, "line 1: no row: it cannot be left out"),
        (3, "line 3: in order: it cannot be left out"),
        (5, "line 5: no row: it cannot be left out"),
        (9, "line 9: no row: it cannot be left out"),
    ],
)
def test_what_is_no_row_or_in_order_cannot_be_left_out(line: int, reason: str) -> None:
    data = file(row(), "P2,active,王伟,,,,,", row("P3", due="D3"), total=f"TOTAL,{DATE},3,2,60000,0,,")
    assert reason in refusals(data, line)


@pytest.mark.parametrize(
    ("total", "refused"),
    [
        (f"TOTAL,{DATE},3,3,30700,30000,,", ""),
        (f"TOTAL,{DATE},3,3,30001,30000,,", ""),
        (f"TOTAL,{DATE},3,3,30000,30000,,", "premium"),
        (f"TOTAL,{DATE},3,3,30700,30001,,", "benefit"),
        (f"TOTAL,{DATE},3,3,30700,29999,,", "benefit"),
        (f"TOTAL,{DATE},3,2,30700,30000,,", "dues"),
        (f"TOTAL,{DATE},3,4,30700,30000,,", "dues"),
        (f"TOTAL,{DATE},2,3,30700,30000,,", "policies"),
        (f"TOTAL,{DATE},3,3,30700,30000,1,", "withdrawn"),
        (f"TOTAL,{DATE},3,3,1000000030000,30000,,", "premium"),
    ],
)
def test_the_control_totals_bind_what_is_there_and_what_is_left_out_says(total: str, refused: str) -> None:
    """D2's amount can be read, though its beneficiary is none; D3's cannot, and counts for a fen or more."""
    data = file(*GOOD_AND_BAD, total=total)
    if not refused:
        assert len(named(data, 3, 4).left_out) == 2
    else:
        [said] = refusals(data, 3, 4)
        assert said.startswith(f"line 5, {refused}: the TOTAL line says ")


def test_a_row_whose_columns_cannot_be_told_counts_for_one_row_at_the_most() -> None:
    rows = row(), "not a row"
    assert named(file(*rows, total=f"TOTAL,{DATE},2,2,30000,99,,"), 3).left_out[0].policy == ""
    assert named(file(*rows, total=f"TOTAL,{DATE},1,1,30000,0,1,"), 3).left_out
    assert refusals(file(*rows, total=f"TOTAL,{DATE},2,3,30000,99,,"), 3)
    assert refusals(file(*rows, total=f"TOTAL,{DATE},1,1,29999,0,,"), 3)


def test_of_two_rows_with_one_due_either_can_be_left_out_or_both() -> None:
    total = f"TOTAL,{DATE},3,3,90000,0,,"
    data = file(row(), row("P2"), row("P3", due="D3"), total=total)
    assert [due.policy for due in named(data, 2).dues] == ["P2", "P3"]
    assert [due.policy for due in named(data, 3).dues] == ["P1", "P3"]
    assert [due.policy for due in named(data, 2, 3).dues] == ["P3"]
    assert [one.reason for one in named(data, 2).left_out] == ["due: not unique: an earlier row has the same"]
    assert "line 4: in order: it cannot be left out" not in refusals(data, 4), "the book may find a fault yet"


def test_of_two_rows_that_say_two_things_of_a_policy_either_can_be_left_out() -> None:
    data = file(row(), row(due="D2", state="lapsed"), total=f"TOTAL,{DATE},1,2,60000,0,,")
    assert [one.state for one in named(data, 2).policies] == ["lapsed"]
    assert [one.state for one in named(data, 3).policies] == ["active"]
    assert named(data, 2, 3).policies == ()


@pytest.mark.parametrize(
    ("second", "figures"), [("P2,active,王伟,,,,,", "2,1,30000"), (row("P2", due="D2"), "2,2,60000")]
)
def test_all_rows_of_a_policy_that_has_one_without_a_due_beside_others_can_be_left_out(
    second: str, figures: str
) -> None:
    data = file("P2,active,王伟,,,,,", second, row("P3", due="D3"), total=f"TOTAL,{DATE},{figures},0,,")
    reason = "policy: a policy without a due has one row and no other"
    assert [(one.line, one.reason) for one in named(data, 2, 3).left_out] == [(2, reason), (3, reason)]


def test_a_row_in_order_by_itself_is_left_to_the_book_to_judge() -> None:
    data = file(row(), leaving(), total=f"TOTAL,{DATE},1,1,30000,0,1,")
    read = named(data, 2, 3)
    assert [(claim.line, claim.due.due, claim.leaves) for claim in read.claims] == [
        (2, "D1", False),
        (3, "D9", True),
    ]
    assert (read.dues, read.withdrawn, read.policies) == ((), (), ())


def test_a_row_that_is_too_long_is_a_row_with_a_fault() -> None:
    data = file(row(), row("P2", due="D2", holder="x" * 5_000), total=f"TOTAL,{DATE},2,2,60000,0,,")
    assert refusals(data) == [f"line 3: longer than {LINE_BYTES_MAX} bytes"]
    assert named(data, 3).left_out[0].line == 3
