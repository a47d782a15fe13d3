"""Messages that banks send, each against the interface's own words for it (docs/protocol.md)."""

from __future__ import annotations

import pytest

from protocol.message import Message
from simulators import messages
from simulators.messages import Stamp, Terminal

BANK = "03080000"
STAMP = Stamp("1124101112", "000042")
COUNTER = Terminal(BANK, "B00000000000001", "T0000001")
OWN = Stamp("1124101500", "000043")
ORIGINAL = "0200" + "000042" + "1124101112" + "00003080000" + "0" * 11
PREMIUM = messages.settlement("0200", "500000", 247_700, COUNTER, STAMP, STAMP.rrn, "PN002P1")
TOTALS = messages.totals(BANK, STAMP, "1124", {76: 2, 88: 494_000, 77: 1, 89: 247_000}, 247_000)

MESSAGES = (
    (messages.network(BANK, STAMP, "001"), "0800", {7: "1124101112", 11: "000042", 32: BANK, 70: "001"}),
    (
        PREMIUM,
        "0200",
        {
            3: "500000",
            4: "000000247700",
            7: "1124101112",
            11: "000042",
            12: "101112",
            13: "1124",
            32: BANK,
            37: "112410000042",
            41: "T0000001",
            42: "B00000000000001",
            48: "PN002P1",
            49: "156",
        },
    ),
    (
        messages.inquiry("312000", COUNTER, STAMP, "PN002P1", ORIGINAL),
        "0100",
        {number: text for number, text in PREMIUM.fields.items() if number not in (4, 37, 49)}
        | {3: "312000", 90: ORIGINAL},
    ),
    (
        messages.reversal(PREMIUM, BANK, OWN),
        "0400",
        {number: text for number, text in PREMIUM.fields.items() if number != 48}
        | {7: "1124101500", 11: "000043", 12: "101500", 37: "112410000043", 90: ORIGINAL},
    ),
    (
        messages.cancel(PREMIUM, BANK, OWN, ""),
        "0200",
        dict(PREMIUM.fields)
        | {7: "1124101500", 11: "000043", 12: "101500", 37: "112410000043", 90: ORIGINAL}
        | {3: "020000", 48: ""},
    ),
    (
        TOTALS,
        "0500",
        {
            7: "1124101112",
            11: "000042",
            15: "1124",
            32: BANK,
            49: "156",
            **dict.fromkeys((74, 75), "0" * 10),
            76: "0000000002",
            77: "0000000001",
            **dict.fromkeys((86, 87), "0" * 16),
            88: "0000000000494000",
            89: "0000000000247000",
            97: "D0000000000247000",
        },
    ),
)


@pytest.mark.parametrize(("message", "mti", "fields"), MESSAGES, ids=lambda part: getattr(part, "mti", ""))
def test_a_message_is_what_the_interface_asks(message: Message, mti: str, fields: dict[int, str]) -> None:
    assert (message.mti, dict(message.fields)) == (mti, fields)


def test_what_the_insurer_owes_the_bank_is_a_credit() -> None:
    made = messages.totals(BANK, STAMP, "1124", {74: 1, 86: 500}, -500)
    assert (made.fields[86], made.fields[97]) == ("0" * 13 + "500", "C" + "0" * 13 + "500")


def test_a_repeat_is_under_the_same_key_and_its_original_is_the_first() -> None:
    again = messages.repeat(PREMIUM)
    assert (again.mti, again.fields) == ("0201", PREMIUM.fields)
    assert messages.original_of(again, BANK) == messages.original_of(PREMIUM, BANK) == ORIGINAL


def test_macs_are_taken_off_and_nothing_else() -> None:
    sealed = Message("0200", {**PREMIUM.fields, 64: "AA", 128: "BB"})
    assert messages.without_mac(sealed).fields == PREMIUM.fields
