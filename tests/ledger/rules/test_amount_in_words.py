"""Amounts in capitals: the rules' own examples, and any amount read back independently."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.rules.amount_in_words import FEN_MAX, in_figures, in_words

AMOUNTS = st.integers(0, FEN_MAX) | st.text("0019", min_size=1, max_size=12).map(int)
DIGITS = {character: value for value, character in enumerate("零壹贰叁肆伍陆柒捌玖")}
UNITS = {"拾": 10, "佰": 100, "仟": 1000}


def read_back(text: str) -> int:
    """The fen that capitals say, read left to right as a person does."""
    total = section = digit = fen = 0
    for character in text.removeprefix("人民币").removesuffix("整"):
        if character in DIGITS:
            digit = DIGITS[character]
        elif character in UNITS:
            section, digit = section + digit * UNITS[character], 0
        elif character in "亿万元":
            size = {"亿": 100_000_000, "万": 10_000, "元": 1}[character]
            total, section, digit = total + (section + digit) * size, 0, 0
        else:
            fen, digit = fen + digit * {"角": 10, "分": 1}[character], 0
    return total * 100 + fen


# The first six are the examples of the rules, item 4, in the first of the forms that each gives.
@pytest.mark.parametrize(
    ("fen", "words"),
    [
        (140950, "壹仟肆佰零玖元伍角"),
        (600714, "陆仟零柒元壹角肆分"),
        (168032, "壹仟陆佰捌拾元零叁角贰分"),
        (10700053, "壹拾万柒仟元零伍角叁分"),
        (1640902, "壹万陆仟肆佰零玖元零贰分"),
        (32504, "叁佰贰拾伍元零肆分"),
        (0, "零元整"),
        (1, "壹分"),
        (10, "壹角"),
        (105, "壹元零伍分"),
        (1000, "壹拾元整"),
        (1010, "壹拾元零壹角"),
        (10000500000, "壹亿零伍仟元整"),
        (10005000000, "壹亿零伍万元整"),
        (100000001000, "壹拾亿零壹拾元整"),
        (1000000100, "壹仟万零壹元整"),
        (999, "玖元玖角玖分"),
        (1_100_000, "壹万壹仟元整"),
        (1_099_900, "壹万零玖佰玖拾玖元整"),
        (10_001, "壹佰元零壹分"),
        (10_010, "壹佰元零壹角"),
        (123_456_789_000, "壹拾贰亿叁仟肆佰伍拾陆万柒仟捌佰玖拾元整"),
        (100_000_000_000, "壹拾亿元整"),
        (1_000_000_000_000 - 100_000_000, "玖拾玖亿玖仟玖佰万元整"),
        (100_100_100_100, "壹拾亿零壹佰万壹仟零壹元整"),
        (110_000_000, "壹佰壹拾万元整"),
        (999_900_000_000, "玖拾玖亿玖仟玖佰万元整"),
        (FEN_MAX, "玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
    ],
)
def test_amount_in_capitals(fen: int, words: str) -> None:
    assert in_words(fen) == "人民币" + words


@pytest.mark.parametrize(
    ("fen", "figures"),
    [(0, "0.00"), (5, "0.05"), (100, "1.00"), (123456, "1,234.56"), (FEN_MAX, "9,999,999,999.99")],
)
def test_amount_in_figures(fen: int, figures: str) -> None:
    assert in_figures(fen) == figures


@pytest.mark.parametrize("write", [in_words, in_figures])
@pytest.mark.parametrize("fen", [-1, 10**12])
def test_an_amount_that_de_4_cannot_carry_is_refused(write: Callable[[int], str], fen: int) -> None:
    with pytest.raises(ValueError, match=f"^an amount is 0 to 999999999999 fen, not {fen}$"):
        write(fen)


@given(fen=AMOUNTS)
@example(fen=FEN_MAX)
def test_capitals_read_back_as_the_amount(fen: int) -> None:
    assert read_back(in_words(fen)) == fen


@given(fen=AMOUNTS.filter(bool))
def test_zeros_are_single_and_between_and_zheng_is_after_yuan_alone(fen: int) -> None:
    words = in_words(fen).removeprefix("人民币")
    assert "零零" not in words
    assert not words.startswith("零")
    assert not any("零" + unit in words for unit in "拾佰仟万亿元角分整")
    assert words.endswith("元整") == (fen % 100 == 0)
    assert words.count("整") == (fen % 100 == 0)


@given(fen=AMOUNTS)
def test_figures_have_two_decimals_and_read_back_as_the_amount(fen: int) -> None:
    figures = in_figures(fen)
    assert figures[-3] == "."
    assert int(figures.replace(",", "").replace(".", "")) == fen
