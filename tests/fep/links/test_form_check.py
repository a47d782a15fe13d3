"""What the machine refuses in a message's form, said of bytes without a bank."""

from __future__ import annotations

from datetime import date

import pytest

from fep.links.form_check import refused
from protocol.codec import Codec
from protocol.dialect import load
from protocol.message import Message
from tests.support.builders import inquiry, message, reversal, totals

CODEC = Codec(load("ascii87"))
TODAY = date(2026, 11, 30)
SIGN_ON = Message("0800", {7: "1124101112", 11: "000123", 32: "01020000", 70: "001"})


def words(asked: Message) -> str:
    refusal = refused(CODEC, CODEC.encode(asked), TODAY)
    return "" if refusal is None else f"{refusal.response} {refusal}"


def without(asked: Message, number: int) -> Message:
    return asked._replace(fields={key: text for key, text in asked.fields.items() if key != number})


@pytest.mark.parametrize("asked", [message(), inquiry(), reversal(message()), totals(), SIGN_ON])
def test_a_message_of_the_interface_is_not_refused(asked: Message) -> None:
    assert words(asked) == ""


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        (message()._replace(mti="0300"), "40 MTI 0300 NOT SUPPORTED"),
        (message()._replace(mti="1200"), "40 MTI 1200 NOT SUPPORTED"),
        (SIGN_ON._replace(mti="0820"), "40 MTI 0820 NOT SUPPORTED"),
        (message(de52="0123456789ABCDEF"), "40 PIN DATA IS NOT ACCEPTED"),
        (message(de35="6222=2912"), "40 TRACK DATA NOT ACCEPTED"),
        (without(message(), 41), "30 DE 41 missing"),
        (without(message(), 49), "30 DE 49 missing"),
        (message(de3="999999"), "40 DE 3 999999 NOT SUPPORTED"),
        (message(de7="1332101112"), "30 DE 7 malformed"),
        (message(de12="250000"), "30 DE 12 malformed"),
        (message(de13="1332"), "30 DE 13 malformed"),
        (message(de49="840"), "30 DE 49 malformed"),
        (message(groups=(("XX", "1"),)), "30 DE 48.PN missing"),
        (message(de48="PN9"), "30 DE 48 tag cut short"),
        (without(totals(), 97), "30 DE 97 missing"),
        (without(SIGN_ON, 70), "30 DE 70 missing"),
    ],
)
def test_a_refusal_is_in_the_machines_words(asked: Message, refusal: str) -> None:
    assert words(asked) == refusal


def test_a_message_is_judged_as_on_the_day_on_which_it_was_sent() -> None:
    asked = message()
    assert [refused(CODEC, CODEC.encode(asked), day) for day in (TODAY, date(2027, 3, 1))] == [None, None]
    assert refused(CODEC, CODEC.encode(reversal(asked)), date(2027, 3, 1)) is None


def test_bytes_that_do_not_decode_are_refused_by_the_field_that_does_not() -> None:
    raw = CODEC.encode(message())
    refusal = refused(CODEC, raw[:-1], TODAY)
    assert str(refusal).endswith("malformed")


@pytest.mark.parametrize("raw", [b"", b"02x0", CODEC.encode(Message("0210", {39: "00"})), b"0210"])
def test_what_is_not_answered_is_not_refused(raw: bytes) -> None:
    assert refused(CODEC, raw, TODAY) is None
