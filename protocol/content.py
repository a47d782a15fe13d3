"""What the content of a field may be, by its kind: the checks that follow from a DE's format.

ISO 8583:1987, attributes of data elements. pyiso8583 finds where a field begins and ends, and looks at no
content; where a field stands, and what it means, is known elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from protocol.dialect import Element
from qianzhi_errors.sentence import Sentence

Check = Callable[[str], object]
"""A check of a field's text: it passes if the result is truthy."""

NOT_ALLOWED: Final = Sentence("content that its format does not allow")

# What each kind of field may hold (ISO 8583:1987, attributes of data elements), as patterns. `a` and `an` of
# fixed length are left-aligned and filled with blanks. z is the repertoire of tracks 2 and 3 (ISO/IEC 7811-2:
# digits and :;<=>?), and D, which some networks write as the separator.
_CONTENT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "n": "[0-9]*",
        "a": "[A-Za-z]* *",
        "an": "[A-Za-z0-9]* *",
        "ns": r"[ -@\[-`{-~]*",
        "ans": "[ -~]*",
        "x+n": "[CD][0-9]*",
        "z": "[0-9:;<=>?D]*",
        "b": "[0-9A-F]*",
    }
)
_PACKED_TRACK: Final = "[0-9A-F]*"
"""Track data packed, as hex digits: D is the separator."""
# Text may hold every character except control characters; a DE with lines may also hold the line feed.
_TEXT: Final = "[^\\x00-\\x1f\\x7f-\\x9f]*"
_LINES: Final = "[^\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f]*"

_EBCDIC_DIGITS: Final = re.compile(rb"[\xf0-\xf9]+").fullmatch
# The length of a variable field must be digits; pyiso8583 takes all that int() takes, such as " 5" and "1_0".
_LENGTH_DIGITS: Final[Mapping[str, Callable[[bytes], object]]] = MappingProxyType(
    {
        "ascii": bytes.isdigit,
        "cp500": _EBCDIC_DIGITS,
        "cp037": _EBCDIC_DIGITS,
    }
)

# str methods that check the common case several times faster than a pattern does. They accept no more than
# the patterns do if the text is ASCII; so they are not used for a field whose encoding is wider.
_QUICK: Final[Mapping[str, Check]] = MappingProxyType(
    {"n": str.isdecimal, "an": str.isalnum, "a": str.isalpha, "ans": str.isprintable, "b": str.isalnum}
)


class Rule(NamedTuple):
    """The checks of one DE's content: `quick` or else `full` must pass, and so must `length` if not None."""

    number: int
    key: str
    quick: Check
    full: Check
    length: Callable[[bytes], object] | None


def rule_of(element: Element, length_encoding: str) -> Rule:
    """Return the checks of a DE whose length is written in `length_encoding`, pyiso8583's word."""
    full = content_pattern(element).fullmatch
    length = _LENGTH_DIGITS.get(length_encoding) if element.prefix else None
    return Rule(element.number, str(element.number), _quick(element) or full, full, length)


def _quick(element: Element) -> Check | None:
    """Return a str method that accepts no more than the pattern does within the element's encoding; None if
    there is no such method.
    """
    if element.text:
        return str.isprintable
    # Binary fields are checked as hex digits. Code page 500 has no decimal digits except 0 to 9.
    if element.kind == "n" or element.encoding in ("ascii", "binary"):
        return _QUICK.get(element.kind)
    return None


def content_pattern(element: Element) -> re.Pattern[str]:
    """Return the pattern of what the element's format allows as content; the length is not checked."""
    pattern = _PACKED_TRACK if element.kind == "z" and element.encoding == "bcd" else _CONTENT[element.kind]
    if element.text:
        pattern = _LINES if element.lines else _TEXT
    return re.compile(pattern)
