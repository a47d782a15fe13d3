"""What a field of a message is shown as: its name, its value and its meaning, or why it is hidden."""

from __future__ import annotations

import pytest

from protocol.analyzer.describe import Reading, describe
from protocol.analyzer.field_tree import Node
from protocol.dialect import element_names
from protocol.message import Message
from protocol.responses import Response
from protocol.tlv import build
from tests.protocol.analyzer.test_describe_readings import EVERY, flat
from tests.support.builders import inquiry, message, original, reversal, totals
from tests.support.canary import CARD, IDENTITY
from tests.support.messages import CODECS


def node(reading: Reading, field: str) -> Node:
    return next(child for child in flat(reading.frames[0].nodes) if child.field == field)


@EVERY
def test_every_field_has_its_iso_name_and_is_shown_or_says_why_not(name: str) -> None:
    for number in set(CODECS[name].dialect.elements) - {1, 65}:
        element = CODECS[name].dialect.elements[number]
        text = {"x+n": "C", "a": "A", "an": "A", "ans": "A"}.get(element.kind, "1").ljust(element.length, "1")
        asked = Message("0200", {number: text[: element.length if not element.prefix else 6]})
        child = describe(CODECS[name].encode(asked), {name: CODECS[name]}, bare=True).frames[0].nodes[-1]
        assert (child.field, child.name) == (f"DE {number}", element_names()[number])
        assert bool(child.value) != bool(child.hidden) or number == 2


@pytest.mark.parametrize(
    ("asked", "field", "value", "meaning"),
    [
        (message(), "MTI", "0200", "financial request, acquirer"),
        (message("0421"), "MTI", "0421", "reversal advice, acquirer, repeat"),
        (message(), "DE 3", "500000", "collection: renewal premium"),
        (message(), "DE 4", "000000120000", "1,200.00 yuan"),
        (message(), "DE 7", "1124101112", "11-24 10:11:12"),
        (message(), "DE 12", "101112", "10:11:12"),
        (message(), "DE 13", "1124", "11-24"),
        (message(), "DE 49", "156", "CNY"),
        (message(), "48.PN", "P1", ""),
        (totals(de88="0000000000120005"), "DE 88", "0000000000120005", "1,200.05 yuan"),
        (totals(de76="0000001234"), "DE 76", "0000001234", "1,234"),
        (totals(net=-5), "DE 97", "C0000000000000005", "the insurer owes the bank 0.05 yuan"),
        (inquiry([("PN", "P1"), ("DD", "20261201")]), "48.DD", "20261201", "2026-12-01"),
        (inquiry([("PN", "P1"), ("DL", build([("AM", "5")], "utf-8"))]), "48.AM", "5", "0.05 yuan"),
        (Message("0810", {7: "1124101112", 39: "63"}), "DE 39", "63", "MAC, key or sign-on"),
        (Message("0810", {7: "1124101112", 70: "301"}), "DE 70", "301", "echo"),
    ],
)
def test_a_field_says_what_it_means(asked: Message, field: str, value: str, meaning: str) -> None:
    described = node(describe(CODECS["ascii87"].encode(asked), CODECS), field)
    assert (described.value, described.meaning) == (value, meaning)


def test_every_response_code_has_a_meaning() -> None:
    for code in Response:
        asked = Message("0810", {7: "1124101112", 39: code.value})
        assert node(describe(CODECS["ascii87"].encode(asked), CODECS), "DE 39").meaning


def test_the_original_is_told_by_its_parts() -> None:
    of = message(de11="000042")
    described = node(describe(CODECS["bcd87"].encode(reversal(of)), CODECS), "DE 90")
    assert [(child.name, child.value, child.at - described.at) for child in described.nodes] == [
        ("original MTI", "0200", 0),
        ("original STAN", "000042", 2),
        ("original DE 7", "1124101112", 5),
        ("original DE 32", "00001020000", 10),
        ("fill", "00000000000", 15),
    ]
    assert original(of) == described.value


def test_an_amount_that_no_transaction_has_is_not_shown() -> None:
    """It could be a card number read out of step."""
    for amount, shown in (("009999999999", True), ("622202987654", False)):
        described = node(describe(CODECS["ascii87"].encode(message(de4=amount)), CODECS), "DE 4")
        assert bool(described.value) == bool(described.raw) == shown


@pytest.mark.parametrize(
    ("tag", "value", "shown"),
    [
        ("PN", "P20170080000001", True),
        ("DU", "D2026112500000001", True),
        ("RN", "202611250100000000018", True),
        ("PN", CARD, False),
        ("PN", "P19970080000001", False),
        ("DU", f"D{IDENTITY[:17]}", False),
        ("RN", "209911990100000000018", False),
        ("PN", "20170080000001234", False),
        ("PN", f"20170080000001/{CARD}", False),
    ],
)
def test_our_own_long_numbers_are_shown_and_no_others(tag: str, value: str, shown: bool) -> None:
    described = node(describe(CODECS["ascii87"].encode(message(groups=((tag, value),))), CODECS), f"48.{tag}")
    assert (described.value == value, bool(described.raw)) == (shown, shown)
