"""What each kind of field may hold: every character is asked for, in every dialect."""

from __future__ import annotations

import contextlib
import types
from importlib.resources import files

import pytest

from protocol.codec import Codec
from protocol.dialect import parse
from protocol.errors import DecodeError, EncodeError
from protocol.message import Message
from tests.protocol.test_codec import made
from tests.support.element_bytes import WIRES

EVERY = pytest.mark.parametrize("name", WIRES)
DIGITS, UPPER = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PRINTED = "".join(map(chr, range(0x20, 0x7F)))
LETTERS = UPPER + UPPER.lower()
CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
# The characters of each kind (ISO 8583:1987, attributes of data elements), blanks at the end apart.
KINDS = {
    "n": DIGITS,
    "a": LETTERS,
    "an": DIGITS + LETTERS,
    "ns": "".join(character for character in PRINTED if character not in LETTERS),
    "ans": PRINTED,
    "x+n": "CD",
    "z": DIGITS + ":;<=>?D",
    "b": DIGITS + "ABCDEF",
    "text": "".join(chr(code) for code in range(0x180) if code not in CONTROLS),
    "lines": "".join(chr(code) for code in range(0x180) if code not in CONTROLS or code == 0x0A),
}
SOURCE = files("protocol").joinpath("dialects", "ascii87.toml").read_text("utf-8")
LETTERED = parse(
    SOURCE.replace('"Response code", format = "an 2"', '"Response code", format = "a 2"'), "letters"
)
OF_KIND = {
    "n": 2,
    "an": 37,
    "ns": 34,
    "ans": 41,
    "x+n": 28,
    "z": 35,
    "b": 52,
    "text": 44,
    "lines": 62,
    "a": 39,
}


@EVERY
@pytest.mark.parametrize("kind", KINDS)
def test_a_field_takes_the_characters_of_its_kind_and_no_other(name: str, kind: str) -> None:
    codec = Codec(LETTERED) if kind == "a" else made(name)
    element = codec.dialect.elements[OF_KIND[kind]]
    taken = []
    for code in range(0x180):
        rest = "0" if kind == "x+n" else KINDS[kind][0]
        text = chr(code) if element.prefix else chr(code) + rest * (element.length - 1)
        with contextlib.suppress(EncodeError):
            codec.encode(Message("0200", {element.number: text}))
            taken.append(chr(code))
    carried = [character for character in KINDS[kind] if codec.dialect.carries(character)]
    also = "abcdef" if element.encoding == "binary" else ""
    assert taken == sorted([*carried, *also])


@EVERY
def test_what_occurs_most_is_settled_without_a_pattern(name: str) -> None:
    """Several times faster, where the encoding has no more characters than ASCII of the kind."""
    quick = {kind: made(name)._by_number[number].quick for kind, number in OF_KIND.items()}
    narrow = name != "ebcdic87"
    patterns = ["ns", "x+n", "z", *([] if narrow else ["an", "ans"]), *(["b"] if name == "hex87" else [])]
    assert [
        kind for kind in KINDS if kind != "a" and not isinstance(quick[kind], types.MethodDescriptorType)
    ] == [kind for kind in KINDS if kind in patterns]
    wanted = {
        "n": str.isdecimal,
        "an": str.isalnum,
        "ans": str.isprintable,
        "b": str.isalnum,
        "text": str.isprintable,
    }
    assert {kind: quick[kind] for kind in wanted if kind not in patterns} == {
        kind: check for kind, check in wanted.items() if kind not in patterns
    }
    assert Codec(LETTERED)._by_number[39].quick is str.isalpha


@pytest.mark.parametrize(
    ("text", "good"), [("A ", True), ("z ", True), ("  ", True), (" A", False), ("1 ", False), ("- ", False)]
)
def test_letters_of_a_fixed_field_may_end_in_blanks(text: str, good: bool) -> None:
    codec, message = Codec(LETTERED), Message("0200", {39: text})
    if good:
        assert codec.decode(codec.encode(message)) == message
    else:
        with pytest.raises(EncodeError):
            codec.encode(message)


@pytest.mark.parametrize("length", ["40f5", "4ef5"], ids=["a blank", "a plus"])
def test_a_length_in_ebcdic_is_of_digits(length: str) -> None:
    """Though pyiso8583 takes what int() takes."""
    raw = bytes.fromhex(f"f0f2f0f0 4000000000000000 {length} f1f2f3f4f5")
    with pytest.raises(DecodeError) as caught:
        made("ebcdic87").decode(raw)
    assert str(caught.value) == "field 2 at byte 12: the length is not digits"
