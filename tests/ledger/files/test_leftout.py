"""Rows that are left out: named by line, and what they may count for in a file's control totals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import LinesRefused
from ledger.files.leftout import (
    ANY_ROW,
    LINES_MAX,
    ControlTotals,
    LeftOut,
    Span,
    differences,
    lines_of,
    span_of_due,
    text_of,
)
from tests.support.canary import CARD


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
    printed = str(LeftOut(3, "11010519491231002X", "D1", "holder: not a name"))
    assert printed == "line 3: policy **************002X, due D1: holder: not a name"
    assert str(LeftOut(4, "", "", "not UTF-8")) == "line 4: no policy that can be read: not UTF-8"
    card = "line 5: policy P1, due 622202*********0987: the book has it otherwise"
    assert str(LeftOut(5, "P1", CARD, "")) == card


# What rows that are left out count for.

MOST = 999_999_999_999


@pytest.mark.parametrize(
    ("kind", "amount", "least", "most"),
    [
        ("premium", 5, ControlTotals(dues=1, premium=5), ControlTotals(dues=1, premium=5)),
        ("benefit", 5, ControlTotals(dues=1, benefit=5), ControlTotals(dues=1, benefit=5)),
        ("premium", None, ControlTotals(dues=1, premium=1), ControlTotals(dues=1, premium=MOST)),
        ("benefit", None, ControlTotals(dues=1, benefit=1), ControlTotals(dues=1, benefit=MOST)),
        (None, 5, ControlTotals(dues=1), ControlTotals(dues=1, premium=5, benefit=5)),
        (None, None, ControlTotals(dues=1), ControlTotals(dues=1, premium=MOST, benefit=MOST)),
    ],
)
def test_a_due_counts_for_what_it_says_or_for_anything_that_it_could_say(
    kind: str | None, amount: int | None, least: ControlTotals, most: ControlTotals
) -> None:
    assert span_of_due(kind, amount) == Span(least, most)


def test_a_row_whose_columns_cannot_be_told_counts_for_one_of_anything_or_nothing() -> None:
    assert Span(ControlTotals(0, 0, 0, 0, 0), ControlTotals(1, 1, MOST, MOST, 1)) == ANY_ROW


def test_spans_add_figure_by_figure_and_to_nothing_else() -> None:
    span = Span(ControlTotals(1, 2, 3, 4, 5), ControlTotals(6, 7, 8, 9, 10))
    other = Span(ControlTotals(10, 20, 30, 40, 50), ControlTotals(60, 70, 80, 90, 100))
    assert span + other == Span(ControlTotals(11, 22, 33, 44, 55), ControlTotals(66, 77, 88, 99, 110))
    assert span + Span() == span
    with pytest.raises(TypeError):
        span + ControlTotals()


SAID = ControlTotals(5, 6, 700, 800, 9)


@pytest.mark.parametrize(
    ("counted", "left_out", "wordings"),
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
        (SAID._replace(benefit=0, withdrawn=0), Span(ControlTotals(benefit=1), ControlTotals(benefit=799)), [
            ("benefit", "the TOTAL line says 800, the rows make 0, those left out 1 to 799"),
            ("withdrawn", "the TOTAL line says 9, the rows make 0"),
        ]),
        (SAID._replace(benefit=0), Span(ControlTotals(benefit=1), ControlTotals(benefit=800)), []),
        (SAID._replace(benefit=799), Span(ControlTotals(benefit=1), ControlTotals(benefit=800)), []),
        (SAID._replace(benefit=800), Span(ControlTotals(benefit=1), ControlTotals(benefit=800)), [
            ("benefit", "the TOTAL line says 800, the rows make 800, those left out 1 to 800"),
        ]),
        (SAID._replace(premium=10**15), Span(), [
            ("premium", "the TOTAL line says 700, the rows make a number of 16 digits"),
        ]),
    ],
)  # fmt: skip
def test_each_figure_is_what_the_rows_make_with_those_left_out_or_is_told(
    counted: ControlTotals, left_out: Span, wordings: list[tuple[str, str]]
) -> None:
    assert list(differences(SAID, counted, left_out)) == wordings


def test_a_figure_as_long_as_a_card_number_is_not_repeated() -> None:
    [(_, reason)] = differences(SAID._replace(premium=10**12), SAID, Span())
    assert reason == "the TOTAL line says a number of 13 digits, the rows make 700"


@given(lines=st.frozensets(st.integers(2, 60), max_size=30))
def test_lines_are_read_as_they_are_written(lines: frozenset[int]) -> None:
    assert lines_of(text_of(lines)) == lines
