"""Whole descriptions, node by node, against the texts in tests/vectors/described."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.analyzer.describe import Reading, read
from protocol.analyzer.field_tree import Node, field_nodes
from protocol.codec import Codec
from protocol.dialect import load
from protocol.framing import Framing, wrap
from protocol.message import Message
from protocol.tlv import build
from tests.support.messages import CODECS

TEXTS = Path(__file__).parents[2] / "vectors" / "described"
TPDU = bytes.fromhex("6000010002")
DUE = build(
    [("DU", "D1"), ("PC", "500000"), ("DK", "premium"), ("DD", "20261201"), ("AM", "120000"), ("ST", "open")],
    "utf-8",
)
KNOWN = build(
    [("PN", "P20260000000001"), ("IN", "11010119900307001X"), ("NM", "张三"), ("DL", DUE), ("DL", "no")],
    "utf-8",
)
HEAD = {
    3: "500000",
    4: "000000120000",
    7: "1124101112",
    11: "000123",
    12: "101112",
    13: "1124",
    32: "01020000",
    35: "6222=30",
    37: "RRN000000001",
    41: "T0000001",
    42: "BRANCH000000001",
}
TAIL = {49: "156", 60: "ABC", 64: "0123456789ABCDEF"}
ORIGINAL = "0200" + "000042" + "1124101112" + "00001020000" + "0" * 11
COLLECTION = Message("0200", {2: "6222021234567890123", **HEAD, 48: f"{KNOWN}PG001172", **TAIL})
WHOLE = Message("0200", {2: "6222021234567890123", **HEAD, 48: f"{KNOWN}PG0011", **TAIL})
UNKNOWN = Message("0200", {**HEAD, 48: f"{KNOWN}ZZ006secret", **TAIL})
REVERSAL = Message(
    "0421",
    {
        3: "500000",
        11: "000124",
        44: "WHY",
        59: "12",
        90: ORIGINAL,
        97: "D0000000000012000",
        128: "0123456789ABCDEF",
    },
)
NOT_ORIGINAL = Message("0421", {3: "500000", 11: "000124", 90: "1" * 42})
EMPTY = Message("0900", {})


def encoded(name: str, message: Message) -> bytes:
    return CODECS[name].encode(message)


CASES = {
    "whole, 2be-tpdu": ("ascii87", Framing.BE2_TPDU, wrap(Framing.BE2_TPDU, encoded("ascii87", WHOLE), TPDU)),
    "no group at the end": ("ascii87", None, encoded("ascii87", COLLECTION)),
    "unknown group": ("hex87", Framing.BE2, wrap(Framing.BE2, encoded("hex87", UNKNOWN))),
    "packed": ("bcd87", Framing.ASCII4, wrap(Framing.ASCII4, encoded("bcd87", REVERSAL))),
    "hex": ("hex87", None, encoded("hex87", REVERSAL)),
    "no original": ("bcd87", Framing.BCD2, wrap(Framing.BCD2, encoded("bcd87", NOT_ORIGINAL)) * 2),
    "no field, no class": ("ascii87", None, encoded("ascii87", EMPTY)),
    "cut in a field": ("ascii87", None, encoded("ascii87", WHOLE)[:110]),
    "cut in the card number": ("ascii87", None, encoded("ascii87", WHOLE)[:20]),
    "cut after the amount": ("ascii87", None, encoded("ascii87", WHOLE)[:55]),
    "wrong date": ("ascii87", None, encoded("ascii87", WHOLE).replace(b"1124101112", b"9924101112")),
    "too long a length": ("bcd87", Framing.ASCII4, b"0090" + encoded("bcd87", REVERSAL)),
    "no length": ("bcd87", Framing.ASCII4, b"00x0" + encoded("bcd87", REVERSAL)),
    "a frame that is cut": ("bcd87", Framing.ASCII4, wrap(Framing.ASCII4, encoded("bcd87", REVERSAL))[:40]),
    "nothing": ("bcd87", None, b""),
}


def test_groups_are_shown_where_the_network_has_them() -> None:
    codec = Codec(load("unionpay-pos"))
    asked = Message("0200", {**HEAD, 35: "6222D30", 48: "PN002P1PG0011", 62: "A RECEIPT", 64: TAIL[64]})
    parts, fault = codec.dissect(codec.encode(asked))
    nodes = {node.field: node for node in field_nodes(parts, codec, 0, whole=fault is None)}
    assert fault is None
    assert [group.field for group in nodes["DE 57"].nodes] == ["48.PN", "48.PG"]
    assert nodes["DE 58"].hidden.endswith("they name the policyholder")
    assert not nodes.keys() & {"DE 48", "DE 62"}


def lines(nodes: tuple[Node, ...], depth: int = 0) -> Iterator[str]:
    for node in nodes:
        place = f"{'  ' * depth}{node.at}+{node.size} {'-' if node.field == '' else node.field}"
        yield " | ".join((place, node.name, node.raw, node.value, node.meaning, node.hidden)).rstrip()
        yield from lines(node.nodes, depth + 1)


def tree(reading: Reading) -> str:
    """A reading, a node a line: offset and size, field, name, bytes, value, meaning, why it is hidden."""
    written = [f"{reading.framing} in {reading.dialect}, whole: {reading.whole}", f"wrong: {reading.wrong}"]
    for frame in reading.frames:
        written += [f"frame {frame.at}+{frame.size}, wrong: {frame.wrong}", *lines(frame.nodes)]
    return "\n".join([*written, f"all that is wrong: {reading.wrongs}", ""])


@pytest.mark.parametrize("case", CASES)
def test_a_description_is_node_by_node_what_it_should_be(case: str) -> None:
    name, framing, data = CASES[case]
    text = (TEXTS / f"{case}.txt").read_text("utf-8")
    assert tree(read(data, framing, CODECS[name])) == text


DOUBTED = "what is around it is not in order"
MTI, BITMAP = ("MTI", "0800", ""), ("bitmap", "", "")
DOUBTED_BITMAP = ("bitmap", "", DOUBTED)
CARD = ("DE 2", "622202*************", "masked")
UNKNOWN_DATE, UNFIT = "9924101112", "10 digits; not what this field may hold"
WRONG_DATE = {2: "6222021234567890123", 7: UNKNOWN_DATE, 11: "000123", 32: "01020000"}
WRONG_CODE = {4: "000000120000", 7: "1124101112", 11: "000123", 70: "999", 128: "0" * 16}


@pytest.mark.parametrize(
    ("fields", "cut", "shown"),
    [
        (
            {7: "1124101112", 35: "1", 44: "6222021234567890123"},
            0,
            [
                MTI,
                BITMAP,
                ("DE 7", "1124101112", ""),
                ("DE 35", "", "1 digit; a magnetic track"),
                ("DE 44", "", "19 digits; it has as many digits as a card number"),
            ],
        ),
        (
            {7: "1124101112", 44: "ABCDEFG", 128: "0" * 16},
            1,
            [
                MTI,
                BITMAP,
                BITMAP,
                ("DE 7", "1124101112", ""),
                ("DE 44", "", f"7 characters; {DOUBTED}"),
            ],
        ),
        (
            WRONG_DATE,
            0,
            [
                MTI,
                BITMAP,
                CARD,
                ("DE 7", "", UNFIT),
                ("DE 11", "", f"6 digits; {DOUBTED}"),
                ("DE 32", "", f"8 digits; {DOUBTED}"),
            ],
        ),
        (
            WRONG_DATE,
            1,
            [MTI, DOUBTED_BITMAP, CARD, ("DE 7", "", UNFIT), ("DE 11", "", f"6 digits; {DOUBTED}")],
        ),
        (
            WRONG_CODE,
            0,
            [
                MTI,
                BITMAP,
                BITMAP,
                ("DE 4", "000000120000", ""),
                ("DE 7", "1124101112", ""),
                ("DE 11", "", f"6 digits; {DOUBTED}"),
                ("DE 70", "999", ""),
                ("DE 128", "", f"16 digits; {DOUBTED}"),
            ],
        ),
        (
            WRONG_CODE,
            1,
            [
                MTI,
                DOUBTED_BITMAP,
                DOUBTED_BITMAP,
                ("DE 4", "", f"12 digits; {DOUBTED}"),
                ("DE 7", "1124101112", ""),
                ("DE 11", "", f"6 digits; {DOUBTED}"),
                ("DE 70", "999", ""),
            ],
        ),
        (
            {7: "1124101112", 48: "no groups"},
            0,
            [
                MTI,
                BITMAP,
                ("DE 7", "1124101112", ""),
                ("DE 48", "", "9 characters; it is not made of groups"),
            ],
        ),
    ],
)
def test_a_field_that_may_not_be_shown_says_why(
    fields: dict[int, str], cut: int, shown: list[tuple[str, str, str]]
) -> None:
    """What is around one that does not fit is not shown, and hardly anything of a message that breaks off."""
    raw = encoded("ascii87", Message("0800", fields))
    [frame] = read(raw[: len(raw) - cut], None, CODECS["ascii87"]).frames
    assert [(node.field, node.value, node.hidden) for node in frame.nodes] == shown


UNFIT_HERE = "not what this field may hold"


@pytest.mark.parametrize(
    ("tag", "value", "described", "inside"),
    [
        ("PN", "P1", ("48.PN", "P1", "", ""), []),
        ("PN", "DU002D1", ("48.PN", "DU002D1", "", ""), []),
        ("DD", "12", ("48.DD", "12", "", ""), []),
        ("DL", "DU002D1", ("48.DL", "", "1 group", ""), ["48.DU"]),
        ("DL", "DU002D1more", ("48.DL", "", "", f"11 characters; {UNFIT_HERE}"), []),
        ("DL", "", ("48.DL", "", "", f"0 characters; {UNFIT_HERE}"), []),
    ],
)
def test_a_group_is_told_by_its_own_rule_and_a_due_group_by_group(
    tag: str, value: str, described: tuple[str, str, str, str], inside: list[str]
) -> None:
    asked = Message("0800", {7: "1124101112", 48: build([(tag, value)], "utf-8")})
    [frame] = read(encoded("ascii87", asked), None, CODECS["ascii87"]).frames
    whole = frame.nodes[-1]
    [group] = whole.nodes
    assert (whole.field, whole.meaning) == ("DE 48", "1 group")
    assert (group.field, group.value, group.meaning, group.hidden) == described
    assert [node.field for node in group.nodes] == inside
