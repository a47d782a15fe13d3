"""Messages: what an MTI says, what a card number may show, and that a message never shows its values."""

from __future__ import annotations

import pytest

from protocol.errors import EncodeError
from protocol.message import ECHOED, Message, answer_mti, is_advice, is_answer, is_repeat


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("0100", "0110"),
        ("0200", "0210"),
        ("0201", "0210"),
        ("0220", "0230"),
        ("0221", "0230"),
        ("0400", "0410"),
        ("0401", "0410"),
        ("0421", "0430"),
        ("0501", "0510"),
        ("0521", "0530"),
        ("0801", "0810"),
        ("0600", "0610"),
    ],
)
def test_the_answer_adds_one_to_the_function_and_drops_the_repeat(asked: str, answered: str) -> None:
    assert answer_mti(asked) == answered


@pytest.mark.parametrize("mti", ["0110", "0231", "0452", "0873", "0294"])
def test_an_answer_has_no_answer(mti: str) -> None:
    assert is_answer(mti) is True
    with pytest.raises(EncodeError) as caught:
        answer_mti(mti)
    assert (caught.value.field, str(caught.value)) == ("t", "field t: an answer is not answered")


def test_repeats_and_advices_show_in_the_mti() -> None:
    mtis = [f"0{kind}{function}{origin}" for kind in "24" for function in "0123" for origin in "012345"]
    assert {mti for mti in mtis if is_repeat(mti)} == {mti for mti in mtis if mti.endswith(("1", "3", "5"))}
    assert {mti for mti in mtis if is_advice(mti)} == {mti for mti in mtis if mti.startswith(("022", "042"))}


def test_an_answer_repeats_who_asked_what_when_and_for_how_much() -> None:
    assert " ".join(map(str, ECHOED)) == "2 3 4 7 11 12 13 32 37 41 42 49"


def test_a_message_shows_its_mti_and_fields_but_no_value() -> None:
    message = Message(
        "0200", {2: "6222021234567890123", 48: "IN01811010119900101123X", 52: "0123456789ABCDEF"}
    )
    assert repr(message) == str(message) == f"{message}" == "Message(0200 DE 2 48 52)"
