"""Finds the bytes in what people pass on: hex digits in any spelling, hexdumps of the usual tools, base64, or
the bytes themselves.

What the bytes mean, `capture` and `describe` find out. A text may be read in several ways, and only the bytes
that come out show which way is right: so all of them are returned.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
from collections.abc import Iterator
from typing import Final, NamedTuple

from qianzhi_errors.sentence import Sentence

BASE64: Final = "base64"
RAW: Final = Sentence("raw bytes")
"""The form of an input that is read as it is."""
HEX_DIGITS: Final = Sentence("hex digits")
_SPELLINGS: Final = re.compile(r"0[xX]|\\x|[\s:,;|\-]")
_HEX: Final = re.compile("(?:[0-9A-Fa-f]{2})+")
_BASE64: Final = re.compile("[A-Za-z0-9+/_-]+={0,2}")
_OFFSET: Final = re.compile(r"\s*(?:0x)?(?P<offset>[0-9A-Fa-f]{4,16})(?P<colon>:?)(?:\s+(?P<rest>.*))?")
_TOKEN: Final = re.compile("(?:[0-9A-Fa-f]{2}){1,8}")
_WORD_OFFSET_DIGITS: Final = (6, 7)
"""Digits of an offset as `hexdump` without an option and `od -A x -x` write it; they write 16-bit words, the
lower byte first.
"""
_SAME_AGAIN: Final = "*"
_REPEATED_BYTES_MAX: Final = 1 << 16
"""Offset up to which repeated lines are filled in. A message is shorter: a larger offset is not believed."""
_FOR_ONE_MORE: Final = 100
"""For each so many hex digits, one more wrong character is still taken for a typo."""


class Hexdump(NamedTuple):
    """One way to read an input: the name of the `form`, and the stretches of bytes that it holds."""

    form: str
    stretches: tuple[bytes, ...]


def readings(data: bytes) -> tuple[Hexdump, ...]:
    """Return every way in which `data` can be read: the most specific first, then the bytes as they are, and
    last base64 without its padding, because every word could be that.

    A hexdump has a new stretch where its offsets start again, as in each packet of `tcpdump -X`.
    """
    forms: list[Hexdump] = []
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return (Hexdump(RAW, (data,)),)
    dump = tuple(_dump(text))
    if dump:
        forms.append(Hexdump("hexdump", dump))
    digits = _SPELLINGS.sub("", text)
    if _HEX.fullmatch(digits):
        forms.append(Hexdump(HEX_DIGITS, (bytes.fromhex(digits),)))
    plain = "".join(text.split())
    padding = "=" * (-len(plain) % 4)
    coded = tuple(_base64(plain + padding)) if _BASE64.fullmatch(plain) else ()
    as_is = Hexdump(RAW, (data,))
    return (*forms, as_is, *coded) if padding else (*forms, *coded, as_is)


def _base64(text: str) -> Iterator[Hexdump]:
    """Yield the reading of a text as base64, in either alphabet; nothing if it is not base64."""
    try:
        decoded = base64.b64decode(text.translate(str.maketrans("-_", "+/")), validate=True)
    except binascii.Error:
        return
    yield Hexdump(BASE64, (decoded,))


class _Row(NamedTuple):
    """One line of a hexdump. `words`: the tokens are 16-bit words, the lower byte first. `repeats`: before
    this line, copies of the line above it were left out.
    """

    offset: int
    tokens: tuple[str, ...]
    words: bool
    repeats: bool = False

    @property
    def octets(self) -> bytes:
        """The line's bytes."""
        return b"".join(bytes.fromhex(token)[:: -1 if self.words else 1] for token in self.tokens)


def _row(line: str) -> _Row | None:
    """Return a line of xxd, hexdump, od, tcpdump -X or Wireshark; None for any other line."""
    match = _OFFSET.fullmatch(line)
    if match is None:
        return None
    # The characters follow after two blanks (xxd, tcpdump), three (Wireshark), or a bar, which is no digit.
    gutter = r"\s{2,}" if match["colon"] else r"\s{3,}"
    tokens: list[str] = []
    for token in re.split(gutter, match["rest"] or "")[0].split():
        if not _TOKEN.fullmatch(token):
            break
        tokens.append(token)
    digits = match["offset"]
    words = (
        len(digits) in _WORD_OFFSET_DIGITS and not match["colon"] and all(len(token) == 4 for token in tokens)
    )
    return _Row(int(digits, 16), tuple(tokens), words)


def _dump(text: str) -> Iterator[bytes]:
    """Yield the stretches of a hexdump; nothing if the text is none. Any other line ends a stretch."""
    rows, repeats = list[_Row](), False
    for line in [*text.splitlines(), ""]:
        if line.strip() == _SAME_AGAIN:
            repeats = True
            continue
        row = _row(line)
        if row is not None and rows and row.offset > rows[-1].offset:
            rows.append(row._replace(repeats=repeats))
        else:
            stretch = _joined(rows)
            if stretch:
                yield stretch
            rows = [row] if row is not None and row.tokens else []
        repeats = False


def _joined(rows: list[_Row]) -> bytes:
    """Return the bytes of a stretch, up to the first missing row."""
    octets = bytearray()
    for place, row in enumerate(rows):
        if row.repeats and row.offset <= _REPEATED_BYTES_MAX:
            before = rows[place - 1].octets or b"\0"
            octets += before * ((row.offset - len(octets)) // len(before))
        if row.offset != len(octets):  # a row is missing; or the first row is not at 0: then it is no hexdump
            break
        octets += row.octets
    return bytes(octets)


class Typo(NamedTuple):
    """The first wrong character in a text of hex digits: its place, and what is expected there. `mended`: the
    bytes of the text with 0 in place of every wrong character.
    """

    at: int
    expected: str
    mended: bytes


def find_typo(data: bytes) -> Typo | None:
    """Return the first typo in a text that looks like hex digits; None if it is hex digits, or looks like
    something else.
    """
    text = data.decode("utf-8", "replace")
    digits = _SPELLINGS.sub("", text)
    digit_count = sum(letter in string.hexdigits for letter in digits)
    if not digit_count or len(digits) - digit_count > 1 + digit_count // _FOR_ONE_MORE:
        return None
    mended = "".join(letter if letter in string.hexdigits else "0" for letter in digits)
    mended_bytes = bytes.fromhex(mended + "0" * (len(mended) % 2))
    rest = _SPELLINGS.sub(lambda spelling: " " * len(spelling[0]), text)
    for place, letter in enumerate(rest):
        if letter not in string.hexdigits and letter != " ":
            return Typo(place, Sentence("a hex digit"), mended_bytes)
    if len(digits) % 2:
        return Typo(len(text), Sentence("one more hex digit: their number is odd"), mended_bytes)
    return None
