"""What pyiso8583 has no words for: a message in such a dialect is written, and read again as it was."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.analyzer.message_trial import tried
from protocol.codec import Codec
from protocol.dialect import parse
from protocol.errors import DecodeError, EncodeError
from protocol.message import Message

SOURCE = """base = "bcd87"
[wire]
version = "1993"
secondary = "always"
bitmap = "hex-cp500"
[interface]
groups = 57
receipt = 58
[elements]
2 = { format = "n..20", counts = "bytes" }
28 = { encoding = "bcd" }
35 = { encoding = "bcd", length = "binary" }
48 = { format = "n...322", text = false }
55 = { format = "b......999999", encoding = "hex-cp500", length = "ascii" }
57 = { text = true }
58 = { text = true, lines = true }
62 = { format = "b...512", text = false, lines = false }
"""
CODEC = Codec(parse(SOURCE, "bank"))
DIGITS = st.text("0123456789")
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        2: DIGITS.filter(lambda text: len(text) <= 19),
        28: st.builds(str.__add__, st.sampled_from("CD"), st.text("0123456789", min_size=8, max_size=8)),
        35: st.text("0123456789D", max_size=37),
        48: st.text("ABC 保单", max_size=20),
        55: st.text("0123456789ABCDEF", max_size=40),
        57: st.text("0123456789", max_size=20),
        70: st.just("301"),
    },
)


@settings(max_examples=30)
@given(fields=FIELDS)
def test_a_message_is_read_as_it_was_written(fields: dict[int, str]) -> None:
    message = Message("0200", dict(sorted(fields.items())))
    raw = CODEC.encode(message)
    assert CODEC.decode(raw) == message
    assert CODEC.encode(CODEC.decode(raw)) == raw


@settings(max_examples=30)
@given(damage=st.binary(max_size=12), at=st.integers(0, 60))
def test_damaged_bytes_raise_decode_error_alone(damage: bytes, at: int) -> None:
    whole = CODEC.encode(Message("0200", {2: "123", 28: "C00000001", 35: "1D2", 48: "PN", 55: "AB"}))
    raw = whole[:at] + damage + whole[at + len(damage) :]
    try:
        again = CODEC.encode(CODEC.decode(raw))
    except DecodeError:
        return
    assert again.hex().upper() == raw.hex().upper() or CODEC.decode(again) == CODEC.decode(raw)


def test_each_is_written_as_the_file_says() -> None:
    raw = CODEC.encode(Message("0200", {2: "123", 28: "C00000001", 48: "PN", 57: "12"}))
    bitmaps = "4000001000010080" + "0" * 16
    assert raw == (
        b"\x12\x00"
        + bitmaps.encode("cp500")
        + b"\x02\x12\x3f"
        + b"C\x00\x00\x00\x01"
        + b"\0\2\x12"
        + b"\0\2PN"
    )


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b"\x02\x00" + ("0" * 32).encode("cp500"), "t"),
        (b"\x12\x00" + ("8" + "0" * 31).encode("cp500"), "p"),
        (b"\x12\x00" + ("0000001" + "0" * 25).encode("cp500") + b"\xc1\x23\x45\x00\x00", "28"),
    ],
)
def test_another_edition_a_bit_1_and_no_sign_are_refused(raw: bytes, field: str) -> None:
    with pytest.raises(DecodeError) as caught:
        CODEC.decode(raw)
    assert caught.value.field == field


BOTH = """base = "{base}"
[wire]
secondary = "always announced"
"""


@pytest.mark.parametrize(
    ("base", "bits", "empty"), [("hex87", b"A0", b"0" * 16), ("ascii87", b"\xa0", bytes(8))]
)
def test_a_second_bitmap_that_is_always_announced_is_written_though_it_says_nothing(
    base: str, bits: bytes, empty: bytes
) -> None:
    made = Codec(parse(BOTH.format(base=base), "bank"))
    first = bits + empty[len(bits) :]
    raw = b"0800" + first + empty + b"123456"
    assert made.encode(Message("0800", {3: "123456"})) == raw
    assert made.decode(raw) == Message("0800", {3: "123456"})
    beyond = Message("0800", {3: "123456", 70: "301"})
    assert made.decode(made.encode(beyond)) == beyond
    one = b"0800" + first.replace(b"A", b"2").replace(b"\xa0", b"\x20") + b"123456"
    with pytest.raises(DecodeError, match="bit 1 is not set, and the second bitmap is always there"):
        made.decode(one)
    assert tried(made, one)[2:] == (4, "bit 1 of the bitmap set")


def test_a_bit_1_where_none_is_set_is_the_first_wrong_byte() -> None:
    raw = b"\x12\x00" + ("8" + "0" * 31).encode("cp500")
    assert tried(CODEC, raw)[2:] == (2, "bit 1 of the bitmap not set")


def test_what_cannot_be_written_is_named_by_the_interfaces_number() -> None:
    with pytest.raises(EncodeError) as caught:
        CODEC.encode(Message("0200", {48: "PN" * 500}))
    assert caught.value.field == "48"
    with pytest.raises(EncodeError):
        CODEC.encode(Message("1200", {}))
