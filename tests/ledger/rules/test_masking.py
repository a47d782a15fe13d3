"""What is hidden where a name should stand: persons' numbers, by their check digit, and nothing else."""

from __future__ import annotations

import pytest

from ledger.rules.masking import figure, masked_name, masked_numbers
from protocol.card_number import is_card_number
from qianzhi_errors.sentence import Sentence
from tests.support.canary import CARD, IDENTITY, OTHER_IDENTITY, SHORT_CARD


@pytest.mark.parametrize(
    ("text", "masked"),
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
def test_a_persons_number_is_hidden(text: str, masked: str) -> None:
    assert masked_numbers(text) == masked


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


@pytest.mark.parametrize(("name", "masked"), [("张三", "张*"), ("John Smith", "J*"), ("王", "王*"), ("", "")])
def test_of_a_persons_name_the_first_character_is_told(name: str, masked: str) -> None:
    assert masked_name(name) == masked


def test_a_figure_is_told_unless_it_is_as_long_as_a_card_number() -> None:
    assert [figure(amount) for amount in (-5, 999_999_999_999, 10**12, -(10**15))] == [
        "-5",
        "999999999999",
        "a number of 13 digits",
        "a number of 16 digits",
    ]


def test_a_sentence_with_a_number_of_a_person_stays_one() -> None:
    sentence = Sentence("policy {policy}", policy="4111111111111111")
    masked = masked_numbers(sentence)
    assert (type(masked), masked) == (Sentence, "policy 411111******1111")
    assert masked_numbers(Sentence("policy {policy}", policy="P1")) == "policy P1"
