"""Card numbers: the check digit of published numbers, which digits are recognised, and what is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.card_number import is_card_number, luhn_digit, masked_card


# ISO/IEC 7812-1's own and card numbers that makers publish for tests: the last digit is the check digit.
@pytest.mark.parametrize(
    "number", ["79927398713", "4111111111111111", "5555555555554444", "378282246310005", "00", "18"]
)
def test_the_luhn_digit_is_that_of_published_numbers(number: str) -> None:
    assert luhn_digit(number[:-1]) == number[-1]


@given(digits=st.text("0123456789", max_size=25))
def test_a_number_with_its_luhn_digit_sums_to_a_multiple_of_ten(digits: str) -> None:
    number = digits + luhn_digit(digits)
    doubled = [sum(map(int, str(2 * int(digit)))) for digit in number[-2::-2]]
    assert (sum(map(int, number[::-2])) + sum(doubled)) % 10 == 0


# The check digit of a number that is nought but for the digit before it, as that one is 0 to 9.
CHECK_DIGITS = "0864297531"


@pytest.mark.parametrize("length", range(13, 20))
def test_a_digit_beside_the_check_digit_counts_twice_by_its_sum_of_digits(length: int) -> None:
    numbers = [f"{'0' * (length - 2)}{digit}{check}" for digit, check in enumerate(CHECK_DIGITS)]
    assert all(map(is_card_number, numbers))
    assert not any(is_card_number(number[:-1] + str((int(number[-1]) + 1) % 10)) for number in numbers)


@pytest.mark.parametrize(
    ("digits", "is_card"),
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
def test_card_numbers_are_told_by_length_and_check_digit(digits: str, is_card: bool) -> None:
    assert is_card_number(digits) is is_card


@pytest.mark.parametrize("body", ["41111111111a", "4111-1111-111", "\uff14" + "1" * 11])
def test_a_check_digit_makes_no_card_number_of_other_characters(body: str) -> None:
    assert not is_card_number(body + luhn_digit(body))


@pytest.mark.parametrize(
    ("pan", "masked"),
    [
        ("6222021234567890123", "622202*********0123"),
        ("4111111111111", "411111***1111"),
        ("411111111111", "************"),
        ("", ""),
    ],
)
def test_a_card_number_shows_first_six_and_last_four(pan: str, masked: str) -> None:
    assert masked_card(pan) == masked
