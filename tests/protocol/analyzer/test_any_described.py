"""Any message, any cut and any changed byte described, by search: rightly, or pointed at, and never a secret.

The same rules by examples are in test_describe_readings.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.analyzer.describe import FRAMINGS, Reading, describe, read
from protocol.analyzer.error_locator import first_wrong
from protocol.framing import Framing
from protocol.message import Message
from tests.protocol.analyzer.test_describe_readings import SIGN_ON, fields, flat, framed
from tests.support.builders import message
from tests.support.canary import CARD, IDENTITY, PIN_BLOCK, Mark, key_mark, text_mark
from tests.support.element_bytes import WIRES
from tests.support.messages import CODECS, messages

pytestmark = pytest.mark.slow

EVERY = pytest.mark.parametrize("name", WIRES)
EVERY_FRAMING = pytest.mark.parametrize("framing", FRAMINGS, ids=str)


@EVERY
@EVERY_FRAMING
@settings(max_examples=10)
@given(data=st.data())
def test_any_message_is_described_in_its_dialect_and_framing_or_as_one_that_reads_the_same(
    name: str, framing: Framing | None, data: st.DataObject
) -> None:
    codec = CODECS[name]
    raw = framed(framing, codec.encode(data.draw(messages(name))))
    best = describe(raw, CODECS)
    assert best.whole
    if (best.framing, best.dialect) != (framing, name):
        fixed = describe(raw, {name: codec}, framing, bare=framing is None)
        assert [fields(frame) for frame in best.frames] == [fields(frame) for frame in fixed.frames]


@EVERY
@EVERY_FRAMING
@settings(max_examples=10)
@given(data=st.data())
def test_what_is_shown_adds_up_to_the_message(
    name: str, framing: Framing | None, data: st.DataObject
) -> None:
    """Every byte is in exactly one field, and what a field shows is what lies there."""
    codec = CODECS[name]
    asked = data.draw(messages(name))
    raw = framed(framing, codec.encode(asked))
    [frame] = describe(raw, {name: codec}, framing, bare=framing is None).frames
    at = 0
    for node in frame.nodes:
        assert node.at == at
        if node.raw and not node.nodes:
            assert bytes.fromhex(node.raw) == raw[at : at + node.size]
        if node.value and node.field.startswith("DE ") and node.field != "DE 2":
            assert node.value == asked.fields[int(node.field[3:])]
        at += node.size
    assert at == frame.size == len(raw)
    numbers = [int(node.field[3:]) for node in frame.nodes if node.field.startswith("DE ")]
    assert numbers == sorted(asked.fields)


@EVERY
@settings(max_examples=15)
@given(data=st.data())
def test_the_first_wrong_byte_of_a_message_cut_short_is_its_end(name: str, data: st.DataObject) -> None:
    codec = CODECS[name]
    raw = codec.encode(data.draw(messages(name)))
    short = raw[: data.draw(st.integers(0, len(raw) - 1))]
    parts, error = codec.dissect(short)
    assert error is not None
    assert first_wrong(codec.dialect, short, parts, error).at == len(short)


@EVERY
@settings(max_examples=15)
@given(data=st.data())
def test_the_parts_of_a_message_are_all_of_it_and_those_before_a_fault_end_there(
    name: str, data: st.DataObject
) -> None:
    codec = CODECS[name]
    asked = data.draw(messages(name))
    raw = codec.encode(asked)
    parts, error = codec.dissect(raw)
    assert error is None
    assert b"".join(part.prefix + part.data for part in parts) == raw
    assert {int(part.key): part.text for part in parts if part.key not in "tp1"} == asked.fields
    spoilt = bytearray(raw)
    spoilt[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    parts, error = codec.dissect(bytes(spoilt))
    assert b"".join(part.prefix + part.data for part in parts) == spoilt[: parts[-1].end if parts else 0]
    if error is not None:
        wrong = first_wrong(codec.dialect, bytes(spoilt), parts, error)
        assert (parts[-1].end if parts else 0) <= wrong.at <= len(raw)
        assert re.search(r"(?<![0-9])-?0 byte", wrong.expected) is None


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_any_bytes_are_described_or_pointed_at(data: bytes) -> None:
    best = describe(data, CODECS)
    assert best.whole or best.wrong is not None or any(frame.wrong for frame in best.frames)
    for wrong in (best.wrong, *(frame.wrong for frame in best.frames)):
        assert wrong is None or 0 <= wrong.at <= len(data)


KEY_BLOCK = "D0112M3TC00E0000" + "5EC2A7D914B36F80" * 6
NAME = "ZHAOXIAOQIAN"
MARKS: tuple[Mark, ...] = (
    text_mark("card number", CARD),
    text_mark("identity number", IDENTITY),
    text_mark("name", NAME),
    key_mark("PIN block", PIN_BLOCK),
    text_mark("key block", KEY_BLOCK[16:32]),
)
SECRET = message(
    groups=(("PN", "P1"), ("IN", IDENTITY), ("NM", NAME), ("KA", KEY_BLOCK)),
    de2=CARD,
    de35=f"{CARD}=2912",
    de52=PIN_BLOCK.hex().upper(),
    de62=f"HOLDER: {NAME}",
    de102=CARD,
)


def all_shown(reading: Reading) -> Iterator[str]:
    """Each value that a description has in it."""
    yield str(reading.wrong)
    for frame in reading.frames:
        yield str(frame.wrong)
        for node in flat(frame.nodes):
            yield from (node.raw, node.value, node.meaning, node.hidden, node.name)
            yield bytes.fromhex(node.raw).decode("latin-1")


@cache
def marks_in(shown: str) -> tuple[str, ...]:
    """The kinds of the secrets in a value. Most values stand in thousands of descriptions."""
    return tuple(mark.kind for mark in MARKS if mark.is_in(shown.encode()))


def leaks(reading: Reading) -> list[str]:
    return [kind for shown in all_shown(reading) for kind in marks_in(shown)]


@EVERY
def test_no_secret_is_in_a_description_of_any_cut(name: str) -> None:
    raw = framed(Framing.BE2, CODECS[name].encode(SECRET))
    assert all(mark.is_in(raw) for mark in MARKS)
    for end in range(len(raw) + 1):
        assert leaks(describe(raw[:end], CODECS, Framing.BE2)) == [], end
    for start in range(len(raw)):
        assert leaks(describe(raw[start:], CODECS, bare=True)) == [], start


def changed_bytes(name: str, raw: bytes) -> Iterator[tuple[int, int]]:
    """Places in a message and other bytes for each: with one bit flipped, and in the bitmaps and lengths each
    byte that can be read there.
    """
    wire = WIRES[name]
    for part in CODECS[name].dissect(raw)[0]:
        bitmap = part.key in ("p", "1")
        places = range(part.at, part.end if bitmap else part.at + len(part.prefix))
        packed = (wire.bitmap if bitmap else wire.length) in ("binary", "bcd")
        readable = range(256) if packed else "0123456789ABCDEFabcdef".encode(wire.other)
        yield from product(places, readable)
    for at in range(len(raw)):
        yield from ((at, raw[at] ^ (1 << bit)) for bit in range(8))


@EVERY
def test_no_secret_is_in_a_description_with_any_byte_changed(name: str) -> None:
    raw = CODECS[name].encode(SECRET)
    for at, byte in changed_bytes(name, raw):
        changed = raw[:at] + bytes([byte]) + raw[at + 1 :]
        assert leaks(read(changed, None, CODECS[name])) == [], (at, byte)


@EVERY
@settings(max_examples=40)
@given(data=st.data())
def test_no_secret_is_in_a_description_in_any_dialect_and_framing_however_it_was_damaged(
    name: str, data: st.DataObject
) -> None:
    raw = bytearray(framed(data.draw(st.sampled_from(FRAMINGS)), CODECS[name].encode(SECRET)))
    for _ in range(data.draw(st.integers(0, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    framing = data.draw(st.sampled_from(FRAMINGS))
    assert leaks(describe(bytes(raw), CODECS, framing, bare=framing is None)) == []


@EVERY
def test_a_secret_is_masked_in_whatever_field_it_stands(name: str) -> None:
    """No field of the interface shows a card number that a bank put into it."""
    for number, element in CODECS[name].dialect.elements.items():
        if number in (1, 65) or element.length < len(CARD) or element.kind in ("x+n", "b"):
            continue
        digits = CARD if element.prefix else CARD.ljust(element.length, "0" if element.kind == "n" else " ")
        fields = {3: "500000", 7: "1124101112", 49: "156", number: digits}
        raw = CODECS[name].encode(Message("0200", dict(sorted(fields.items()))))
        assert leaks(read(raw, None, CODECS[name])) == [], number


@EVERY
@EVERY_FRAMING
def test_one_changed_byte_changes_neither_framing_nor_dialect_and_nothing_before_it_is_called_wrong(
    name: str, framing: Framing | None
) -> None:
    """Behind the bitmap, in a message whose length would fit other framings too."""
    codec = CODECS[name]
    body = codec.encode(SIGN_ON)
    raw = framed(framing, body)
    bitmaps = codec.dissect(body)[0][2].end
    for at in range(len(raw) - len(body) + bitmaps, len(raw)):
        for bits in (0x01, 0x10, 0x80):
            reading = describe(raw[:at] + bytes([raw[at] ^ bits]) + raw[at + 1 :], CODECS)
            assert (reading.framing, reading.dialect) == (framing, name)
            assert [wrong.at for wrong in reading.wrongs if wrong.at < at] == []
