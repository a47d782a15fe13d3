"""Messages: what an MTI says, what a card number may show, and that a message never shows its values."""

from __future__ import annotations

import pytest

from protocol.errors import (
    REASON_LENGTH_MAX,
    DecodeError,
    DialectError,
    EncodeError,
    FormatError,
    FrameError,
    KeyBlockError,
    OwnError,
    PeerError,
    ProtocolError,
)
from protocol.message import ECHOED, NAMES, Message, answer_mti, is_advice, is_repeat, masked_card
from protocol.responses import FINAL, Response


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


def test_an_answer_has_no_answer() -> None:
    with pytest.raises(EncodeError):
        answer_mti("0210")


def test_repeats_and_advices_show_in_the_mti() -> None:
    mtis = ["0200", "0201", "0220", "0221", "0400", "0401", "0420", "0421"]
    assert [mti for mti in mtis if is_repeat(mti)] == ["0201", "0221", "0401", "0421"]
    assert [mti for mti in mtis if is_advice(mti)] == ["0220", "0221", "0420", "0421"]


def test_every_data_element_has_a_name() -> None:
    assert sorted(NAMES) == list(range(1, 129))
    assert len(set(NAMES.values())) == 128
    assert set(ECHOED) < set(NAMES)


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


def test_a_message_shows_its_mti_and_fields_but_no_value() -> None:
    message = Message(
        "0200", {2: "6222021234567890123", 48: "IN01811010119900101123X", 52: "0123456789ABCDEF"}
    )
    assert repr(message) == str(message) == f"{message}" == "Message(0200 DE 2 48 52)"


def test_the_family_says_who_is_at_fault() -> None:
    assert all(issubclass(e, PeerError) for e in (FrameError, DecodeError, FormatError, KeyBlockError))
    assert all(issubclass(e, OwnError) for e in (DialectError, EncodeError))
    with pytest.raises(TypeError):
        ProtocolError("of no one")


def test_a_format_error_fits_de_44() -> None:
    assert str(FormatError("4")) == "DE 4 missing"
    assert str(FormatError("48.PN")) == "DE 48.PN missing"
    assert len(str(FormatError("48.PN", "a reason in too many words 张"))) <= REASON_LENGTH_MAX


def test_response_codes_are_those_of_the_interface() -> None:
    codes = "00 12 13 21 25 30 40 57 58 61 63 76 90 91 94 95 96"
    assert " ".join(Response) == codes
    assert " ".join(sorted(FINAL)) == "12 13 21 25 30 40 57 58 61 76"
