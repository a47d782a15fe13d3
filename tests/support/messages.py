"""Any message that a dialect can write, for the property tests of everything that reads or makes one.

Any value of one data element (DE) is `values`. A message takes its values from a few for each DE, `samples`:
so a failing one is quickly made small, and what depends on one value alone is tested one DE at a time.
"""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from protocol.codec import Codec
from protocol.dialect import load
from protocol.message import Message
from tests.support.element_bytes import FORMATS, TEXT, WIRES

CODECS = {name: Codec(load(name)) for name in WIRES}

DIGITS, LETTERS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PRINTED = "".join(map(chr, range(0x20, 0x7F)))
# What each kind of field may hold: ISO 8583:1987, attributes of data elements.
ALPHABETS = {
    "n": DIGITS,
    "an": DIGITS + LETTERS,
    "ns": "".join(character for character in PRINTED if character not in LETTERS),
    "ans": PRINTED,
    "x+n": DIGITS,
    "z": DIGITS + ":;<=>?D",
    "b": "0123456789ABCDEF",
}
# Characters of one, two, three and four bytes.
_TEXTS = {"utf-8": "A é保𠀀z9 ", "gb18030": "A é保𠀀z9 ", "cp500": "A éÿz9 "}
_LONGEST_DRAWN = 12
"""Characters of a value of variable length that is drawn; the lengths at a field's bounds are `samples`."""


@cache
def values(name: str, number: int) -> st.SearchStrategy[str]:
    """Whatever a DE may hold in a dialect, by the interface's word."""
    kind, prefix, length = FORMATS[number]
    if number in TEXT:
        letters = st.characters(
            codec=WIRES[name].text,
            exclude_categories=["Cc", "Cs"],
            include_characters="\n" if number == 62 else "",
        )
        return st.text(letters, max_size=min(length // 4, _LONGEST_DRAWN))
    least, most = (0, min(length, _LONGEST_DRAWN)) if prefix else (length, length)
    if kind == "x+n":
        digits = st.text(DIGITS, min_size=length - 1, max_size=length - 1)
        return st.builds(str.__add__, st.sampled_from("CD"), digits)
    if kind == "an":
        blanks = st.integers(0, most)
        return st.builds(_ended_in_blanks, st.text(ALPHABETS[kind], min_size=least, max_size=most), blanks)
    return st.text(ALPHABETS[kind], min_size=least, max_size=most)


def _ended_in_blanks(text: str, blanks: int) -> str:
    """The text with so many blanks in place of its last characters: `an` is left-aligned."""
    return text[: max(len(text) - blanks, 0)].ljust(len(text))


@cache
def samples(name: str, number: int) -> tuple[str, ...]:
    """Values of every length at which something may change, the plainest first, each character somewhere."""
    kind, prefix, length = FORMATS[number]
    if number in TEXT:
        longest = _cycled(_TEXTS[WIRES[name].text], 1, length)
        while len(longest.encode(WIRES[name].text)) > length:
            longest = longest[:-1]
        filled = longest + "x" * (length - len(longest.encode(WIRES[name].text)))
        return ("", "A", *(longest[:count] for count in (2, 9, 10) if count < len(longest)), filled)
    if kind == "x+n":
        return tuple(sign + _cycled(DIGITS, step, length - 1) for sign in "CD" for step in (0, 1, 7))
    if not prefix:
        return tuple(_cycled(ALPHABETS[kind], step, length) for step in (0, 1, 7, 11))
    lengths = [count for count in (0, 1, 2, 9, 10, 11, 99, 100, length - 1) if count < length]
    return tuple(_cycled(ALPHABETS[kind], step, count) for step, count in enumerate([*lengths, length]))


def _cycled(alphabet: str, step: int, length: int) -> str:
    """So many characters, each `step` places further on in the alphabet than the one before."""
    return "".join(alphabet[(step + place * step) % len(alphabet)] for place in range(length))


@st.composite
def messages(draw: st.DrawFn, name: str) -> Message:
    """Any MTI and any few DEs, each with one of its samples."""
    numbers = draw(st.sets(st.sampled_from(list(FORMATS)), max_size=10))
    mti = draw(st.text(DIGITS, min_size=4, max_size=4))
    return Message(mti, {number: draw(st.sampled_from(samples(name, number))) for number in sorted(numbers)})
