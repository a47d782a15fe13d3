"""Authorization codes and receipt numbers: what an entry's place in the journal makes of itself."""

from __future__ import annotations

import pytest

from ledger.rules.numbering import authorization_code, receipt_number
from protocol.card_number import luhn_digit


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
