"""What is hidden where a name should stand: persons' numbers, by their check digit, and nothing else."""

from __future__ import annotations

import pytest

from ledger.rules.masking import figure, is_card_number, masked_name, masked_numbers
from tests.support.canary import CARD, IDENTITY, OTHER_IDENTITY, SHORT_CARD


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CARD, "622202*********0987"),
        (SHORT_CARD, "376543******5434"),
        ("4222222222222", "422222***2222"),
        (IDENTITY, "**************007X"),
        (IDENTITY.lower(), "**************007x"),
        (OTHER_IDENTITY, "**************0009"),
        (f"0102/{CARD}/1124", "0102/622202*********0987/1124"),
        ("20261324100001", "202613****0001"),
        (f"{IDENTITY},{CARD}", "**************007X,622202*********0987"),
    ],
)
def test_a_persons_number_is_hidden(text: str, told: str) -> None:
    assert masked_numbers(text) == told


MOMENT = "20261124100003"
"""A second of which the digits end in a card number's check digit."""


@pytest.mark.parametrize(
    "name",
    [
        *("", "P1", "PN2026000000001", "6222029876543210980", "110101197702130071", f"A{CARD}", CARD * 2),
        *(MOMENT, f"00001020000/T0000001/{MOMENT}/000001"),
    ],
)
def test_any_other_name_stays(name: str) -> None:
    assert masked_numbers(name) == name


def test_the_moment_of_a_key_would_be_a_cards_number_by_its_check_digit() -> None:
    assert is_card_number(MOMENT)


# The check digit of a number that is nought but for the digit before it, as that one is 0 to 9.
CHECK_DIGITS = "0864297531"


@pytest.mark.parametrize("length", range(13, 20))
def test_a_digit_beside_the_check_digit_counts_twice_by_its_sum_of_digits(length: int) -> None:
    numbers = [f"{'0' * (length - 2)}{digit}{check}" for digit, check in enumerate(CHECK_DIGITS)]
    assert all(map(is_card_number, numbers))
    assert not any(is_card_number(number[:-1] + str((int(number[-1]) + 1) % 10)) for number in numbers)


@pytest.mark.parametrize(
    ("digits", "is_one"),
    [
        ("4222222222222", True),
        ("378282246310005", True),
        ("4111111111111111", True),
        ("4111111111111112", False),
        ("6222029876543210987", True),
        ("6222029876543210980", False),
        ("79927398713", False),
        ("0" * 12, False),
        ("0" * 20, False),
        ("٠" * 16, False),
        ("٤" * 16, False),
        ("411111111111111x", False),
        ("4111 1111 1111 11", False),
        ("", False),
    ],
)
def test_card_numbers_are_told_by_length_and_check_digit(digits: str, is_one: bool) -> None:
    assert is_card_number(digits) is is_one


@pytest.mark.parametrize(("name", "told"), [("张三", "张*"), ("John Smith", "J*"), ("王", "王*"), ("", "")])
def test_of_a_persons_name_the_first_character_is_told(name: str, told: str) -> None:
    assert masked_name(name) == told


def test_a_figure_is_told_unless_it_is_as_long_as_a_card_number() -> None:
    assert [figure(one) for one in (-5, 999_999_999_999, 10**12, -(10**15))] == [
        "-5",
        "999999999999",
        "a number of 13 digits",
        "a number of 16 digits",
    ]
