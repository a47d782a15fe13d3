"""Resident identity numbers: any wrong character is found, and none is ever shown whole."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.identity import check_character, is_valid, masked

# The example of GB 11643-1999, annex A.
EXAMPLE = "11010519491231002X"
DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2099, 12, 31))


@st.composite
def numbers(draw: st.DrawFn) -> str:
    region = draw(st.integers(0, 999_999))
    first17 = f"{region:06d}{draw(DAYS):%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return first17 + check_character(first17)


def test_the_standards_example_is_valid() -> None:
    assert check_character(EXAMPLE[:17]) == "X"
    assert is_valid(EXAMPLE)


@given(number=numbers())
def test_a_number_with_its_check_character_is_valid(number: str) -> None:
    assert is_valid(number)
    # ISO 7064: the weighted sum of all characters, X as 10, is 1 modulo 11.
    values = [10 if character == "X" else int(character) for character in number]
    assert sum(value * 2 ** (17 - place) for place, value in enumerate(values)) % 11 == 1


@given(number=numbers(), place=st.integers(0, 17), other=st.sampled_from("0123456789X"))
def test_one_altered_character_is_always_found(number: str, place: int, other: str) -> None:
    altered = number[:place] + other + number[place + 1 :]
    assert is_valid(altered) == (altered == number)


@given(number=numbers(), place=st.integers(0, 16))
def test_two_neighbours_exchanged_are_always_found(number: str, place: int) -> None:
    exchanged = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert is_valid(exchanged) == (exchanged == number)


@pytest.mark.parametrize("birth", ["18991231", "21000101", "20230229", "19491301", "19490100"])
def test_a_birth_date_that_is_none_is_refused(birth: str) -> None:
    first17 = f"110105{birth}002"
    assert not is_valid(first17 + check_character(first17))


@pytest.mark.parametrize(
    "number", ["", EXAMPLE[:17], EXAMPLE + "0", EXAMPLE.lower(), " " + EXAMPLE[1:], EXAMPLE + "\n"]
)
def test_any_other_shape_is_refused(number: str) -> None:
    assert not is_valid(number)


def is_a_number(text: str) -> bool:
    """The same said apart: a shape, a date of two centuries, and ISO 7064's weighted sum."""
    shape = re.fullmatch("[0-9]{6}((?:19|20)[0-9]{6})[0-9]{3}[0-9X]", text, re.ASCII)
    if shape is None:
        return False
    try:
        datetime.strptime(shape[1], "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return False
    values = [10 if character == "X" else int(character) for character in text]
    return sum(value * 2 ** (17 - place) for place, value in enumerate(values)) % 11 == 1


@example("000000198501030010")
@given(text=st.text(max_size=20))
def test_any_text_is_a_number_or_not_and_raises_nothing(text: str) -> None:
    assert is_valid(text) == is_a_number(text)


@pytest.mark.parametrize("digits", ["", "1" * 16, "1" * 18, "1" * 16 + "X", "１" * 17])
def test_check_character_takes_17_ascii_digits_and_repeats_none(digits: str) -> None:
    with pytest.raises(ValueError, match=r"^the check character is over exactly 17 digits$"):
        check_character(digits)


def test_masked_shows_the_last_four_only_and_nothing_of_what_is_no_number() -> None:
    assert masked(EXAMPLE) == "*" * 14 + "002X"
    assert masked(EXAMPLE[:17]) == masked("") == masked(EXAMPLE + "1") == "*" * 18
