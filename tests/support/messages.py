"""Any message that a dialect can write, for the property tests of everything that reads or makes one."""

from __future__ import annotations

from hypothesis import strategies as st

from protocol.codec import Codec
from protocol.dialect import Element, load, shipped
from protocol.message import Message

CODECS = {name: Codec(load(name)) for name in shipped()}

DIGITS, LETTERS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ALPHABETS = {
    "n": DIGITS,
    "an": DIGITS + LETTERS,
    "ns": DIGITS + " -/=.:~",
    "ans": "".join(map(chr, range(0x20, 0x7F))),
    "z": DIGITS + ":;<=>?D",
    "b": "0123456789ABCDEF",
}


def content(element: Element) -> st.SearchStrategy[str]:
    """Return whatever the element's format allows, the longest included."""
    if element.kind == "x+n":
        digits = st.text(DIGITS, min_size=element.length - 1, max_size=element.length - 1)
        return st.builds(str.__add__, st.sampled_from("CD"), digits)
    if element.text:
        allowed = "\n" if element.lines else ""
        letters = st.characters(
            codec=element.encoding, exclude_categories=["Cc", "Cs"], include_characters=allowed
        )
        return st.text(letters, max_size=element.length // 4)
    alphabet = ALPHABETS[element.kind]
    if not element.prefix:
        return st.text(alphabet, min_size=element.length, max_size=element.length)
    return st.text(alphabet, max_size=min(element.length, 40)) | st.just(alphabet[0] * element.length)


@st.composite
def messages(draw: st.DrawFn, name: str) -> Message:
    elements = CODECS[name].dialect.elements
    numbers = draw(st.sets(st.sampled_from([n for n in elements if n not in (1, 65)]), max_size=10))
    mti = draw(st.text(DIGITS, min_size=4, max_size=4))
    return Message(mti, {number: draw(content(elements[number])) for number in sorted(numbers)})
