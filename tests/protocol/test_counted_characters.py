"""Text of which a length counts the characters: read, written again, and what is refused, with the place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.analyzer.message_trial import tried
from protocol.codec import Codec
from protocol.dialect import parse
from protocol.dialect_fit import unfit
from protocol.errors import DecodeError, DialectError, EncodeError
from protocol.message import Message
from tests.protocol.test_decline import KEY

SOURCE = """base = "ascii87"
[wire]
text = "{encoding}"
[elements]
43 = {{ text = true, counts = "characters" }}
44 = {{ counts = "characters", length = "{length}" }}
48 = {{ counts = "characters", length = "{length}" }}
62 = {{ counts = "characters" }}
"""
LENGTHS = {"ascii": b"02", "cp500": b"\xf0\xf2", "bcd": b"\x02", "binary": b"\x02"}
ENCODINGS = ("utf-8", "gbk", "gb18030")
NAME = "保单 Müller" + " " * 31
"""40 characters."""


def codec(encoding: str = "utf-8", length: str = "ascii") -> Codec:
    return Codec(parse(SOURCE.format(encoding=encoding, length=length), "bank"))


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_characters_are_counted_where_a_file_says_so(encoding: str, length: str) -> None:
    made = codec(encoding, length)
    name = NAME if encoding != "gbk" else NAME.replace("ü", "好")
    raw = made.encode(Message("0210", {43: name, 44: "余额", 49: "156"}))
    assert raw[12:] == name.encode(encoding) + LENGTHS[length] + "余额".encode(encoding) + b"156"
    assert made.decode(raw).fields == {43: name, 44: "余额", 49: "156"}
    assert tried(made, raw).at is None


TEXTS = st.text(st.characters(codec="gbk", exclude_categories=["Cc", "Cs"]), max_size=25)


@settings(max_examples=30)
@given(encoding=st.sampled_from(ENCODINGS), length=st.sampled_from(list(LENGTHS)), reason=TEXTS, groups=TEXTS)
def test_any_text_is_read_as_it_was_written(encoding: str, length: str, reason: str, groups: str) -> None:
    made = codec(encoding, length)
    message = Message("0210", {39: "00", 44: reason, 48: groups, 62: f"{groups}\n", 64: "0" * 16})
    raw = made.encode(message)
    assert made.decode(raw) == message
    parts, fault = made.dissect(raw)
    assert fault is None
    assert b"".join(part.prefix + part.data for part in parts) == raw
    assert [part.text for part in parts if part.key == "44"] == [reason]


@settings(max_examples=60)
@given(
    encoding=st.sampled_from(ENCODINGS),
    text=TEXTS,
    damage=st.binary(max_size=3),
    at=st.integers(0, 80),
    cut=st.integers(0, 40),
)
def test_cut_and_altered_bytes_are_a_fault_or_mean_what_they_say(
    encoding: str, text: str, damage: bytes, at: int, cut: int
) -> None:
    made = codec(encoding)
    whole = made.encode(Message("0210", {39: "00", 44: text, 48: text, 49: "156"}))
    raw = (whole[:at] + damage + whole[at + len(damage) :])[: len(whole) - cut]
    trial = tried(made, raw)
    try:
        read = made.decode(raw)
    except DecodeError as error:
        assert error.__context__ is None
        assert trial.at is not None
        assert 0 <= trial.at <= len(raw)
        return
    assert made.decode(made.encode(read)) == read


HEAD = b"0210" + bytes.fromhex("0000000000100000")
"""Announces DE 44 alone."""


@pytest.mark.parametrize(
    ("content", "at", "expected"),
    [
        (b"", 12, "2 bytes more of the length of DE 44; the message ends here"),
        (b"0", 13, "1 byte more of the length of DE 44; the message ends here"),
        (b"0x", 13, "ASCII digits of the length of DE 44"),
        (b"26" + b"a" * 26, 12, "a length of DE 44 of 25 at most"),
        ("03保单".encode(), 20, "character 3 of 3 of DE 44, in UTF-8"),
        ("02保".encode() + b"\xe5\x8d", 17, "character 2 of 2 of DE 44, in UTF-8"),
        ("03保".encode() + b"\xffab", 17, "character 2 of 3 of DE 44, in UTF-8"),
        ("03保\x01a".encode(), 17, "character 2 of 3 of DE 44, in UTF-8"),
        ("02保单x".encode(), 20, "the message's end: 1 byte more than its fields take"),
    ],
)
def test_the_first_byte_that_is_no_character_is_named(content: bytes, at: int, expected: str) -> None:
    made = codec()
    with pytest.raises(DecodeError) as caught:
        made.decode(HEAD + content)
    assert caught.value.field == "44"
    assert tried(made, HEAD + content)[2:] == (at, expected)


@pytest.mark.parametrize(
    ("encoding", "fields", "field", "reason"),
    [
        ("utf-8", {44: "保" * 26}, "44", "26 characters, expecting 25"),
        ("utf-8", {43: "保"}, "43", "1 characters, expecting 40"),
        ("gbk", {44: "𠀀"}, "44", "characters that its encoding does not have"),
        ("utf-8", {44: "\x01"}, "44", "content that its format does not allow"),
    ],
)
def test_what_cannot_be_written_is_named(
    encoding: str, fields: dict[int, str], field: str, reason: str
) -> None:
    with pytest.raises(EncodeError) as caught:
        codec(encoding).encode(Message("0210", fields))
    assert (caught.value.field, str(caught.value)) == (field, f"field {field}: {reason}")
    assert caught.value.__context__ is None


def test_groups_that_are_counted_in_characters_elsewhere_are_named_by_the_interfaces_number() -> None:
    source = """base = "ascii87"
[interface]
groups = 57
[elements]
57 = { text = true, counts = "characters" }
"""
    made = Codec(parse(source, "bank"))
    assert unfit(made.dialect) == ()
    raw = made.seal(Message("0200", {48: "PN006保单"}), KEY.mac)
    assert b"007PN006" in raw
    assert made.decode(raw).fields[48] == "PN006保单"
    with pytest.raises(EncodeError) as caught:
        made.encode(Message("0200", {48: "x" * 1000}))
    assert caught.value.field == "48"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ('3 = { counts = "characters" }', "DE 3: only text of one to four bytes a character can count"),
        ('43 = { counts = "characters" }', "DE 43: only text of one to four bytes a character can count"),
        ('43 = { text = true, counts = "bytes" }', "DE 43: a field of fixed length has no length before it"),
        (
            '127 = { format = "b...999", bitmap = "binary" }\n[subfields.127]\n'
            '2 = { name = "N", format = "ans..9", text = true, counts = "characters" }',
            "DE 127.2: a subfield counts bytes or digits",
        ),
    ],
)
def test_what_cannot_count_characters_is_refused(entry: str, reason: str) -> None:
    with pytest.raises(DialectError) as caught:
        parse(f'base = "ascii87"\n[elements]\n{entry}', "bank")
    assert reason in str(caught.value)
