"""Says what the interface needs of a dialect, and where a dialect does not give it.

A dialect may describe any network's messages; the machine can serve a bank only in one that holds every value
which the interface's messages have (docs/protocol.md, section 3). What a dialect's file may say at all is in
`dialect_file`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from protocol.dialect import Dialect, Element, standard
from qianzhi_errors.sentence import Sentence

_USED: Final = (
    *(2, 3, 4, 7, 11, 12, 13, 15, 32, 37, 38, 39, 41, 42, 49, 66, 70),
    *(74, 75, 76, 77, 86, 87, 88, 89, 90, 97),
)
"""DEs of the interface's messages that every dialect has in the interface's own format."""
_REASON: Final = 44
_GROUPS: Final = 48
_RECEIPT: Final = 62
_KINDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"n": ("n",), "an": ("an", "ans"), "ans": ("ans",), "x+n": ("x+n",)}
)
"""Kind that the interface needs -> the kinds that hold its values."""


def unfit(dialect: Dialect) -> tuple[str, ...]:
    """Return why the machine cannot serve a bank in this dialect, a sentence for each DE; empty if it can."""
    return tuple(_obstacles(dialect))


def _obstacles(dialect: Dialect) -> Iterator[str]:
    for number in _USED:
        element, needed = dialect.elements[number], standard().elements[number]
        if not _holds(element, needed):
            yield Sentence(
                "DE {number} is {format}, and the interface needs {needed}",
                number=number,
                format=notation(element),
                needed=notation(needed),
            )
    for number in (_REASON, _GROUPS, _RECEIPT):
        element, needed = dialect.elements[dialect.place_of(number)], standard().elements[number]
        if not _holds_text(element, needed, lines=number == _RECEIPT):
            yield Sentence(
                "DE {number} is {format}, and the interface needs {needed} of text{lines}",
                number=element.number,
                format=notation(element),
                needed=notation(needed),
                lines=Sentence(" with lines") if number == _RECEIPT else "",
            )
        elif element.encoding != dialect.text_encoding:
            yield Sentence(
                "DE {number} is in {encoding}, and the receipt in {text}: the interface's texts are in one",
                number=element.number,
                encoding=element.encoding,
                text=dialect.text_encoding,
            )


def _holds(element: Element, needed: Element) -> bool:
    """Tell whether a DE has the interface's format, whatever its encoding; one of letters and digits may
    have other characters too, and a variable one may be longer.
    """
    if element.kind not in _KINDS[needed.kind] or bool(element.prefix) != bool(needed.prefix):
        return False
    return element.length >= needed.length if element.prefix else element.length == needed.length


def _holds_text(element: Element, needed: Element, *, lines: bool) -> bool:
    """Tell whether a DE holds the interface's texts: a variable ans in characters, as long or longer, that
    is text, or in ASCII: in other encodings `carries` would promise more than the DE takes.
    """
    return (
        element.kind == "ans"
        and element.prefix > 0
        and element.length >= needed.length
        and (element.text or element.encoding == "ascii")
        and (element.lines or not lines)
    )


def notation(element: Element) -> str:
    """Return a DE's format as ISO 8583 writes it, and a dialect's file: `n 6`, `ans..25`; `b` alone for one
    that ends where its private bitmap says.
    """
    if not element.length:
        return element.kind
    length = element.length - (element.kind == "x+n")
    if element.kind == "b":
        length = element.length // 2 if element.prefix else element.length * 4
    return f"{element.kind}{'.' * element.prefix or ' '}{length}"
