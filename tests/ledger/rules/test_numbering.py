"""Authorization codes and receipt numbers: what an entry's place in the journal makes of itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.rules.numbering import authorization_code, luhn_digit, receipt_number


@pytest.mark.parametrize(
    ("position", "code"),
    [
        (0, "000000"),
        (1, "000001"),
        (17, "00000H"),
        (18, "00000J"),
        (22, "00000N"),
        (23, "00000P"),
        (33, "00000Z"),
        (34, "000010"),
        (34**5, "100000"),
        (34**6 - 1, "ZZZZZZ"),
        (34**6, "000000"),
    ],
)
def test_an_authorization_code_is_the_position_in_base_34_without_i_and_o(position: int, code: str) -> None:
    assert authorization_code(position) == code


def test_every_digit_of_base_34_is_used_once() -> None:
    digits = [authorization_code(position)[-1] for position in range(34)]
    assert "".join(digits) == "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


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


@pytest.mark.parametrize(
    ("date", "chain", "position", "number"),
    [
        ("20261124", 1, 1, "20261124010000000001"),
        ("20261124", 99, 9_999_999_999, "20261124999999999999"),
        ("20270101", 7, 42, "20270101070000000042"),
    ],
)
def test_a_receipt_number_is_date_chain_position_and_a_check_digit(
    date: str, chain: int, position: int, number: str
) -> None:
    assert receipt_number(date, chain, position) == number + luhn_digit(number)
    assert len(number) == 20
