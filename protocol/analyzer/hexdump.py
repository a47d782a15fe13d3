"""Finds the bytes in what people pass on: hex digits in any spelling or in lines of a log, hexdumps of the
usual tools, bytes as Python writes them, decimal numbers, base64, or the bytes themselves.

What the bytes mean, `capture` and `describe` find out. A text may be read in several ways, and only the bytes
that come out show which way is right: so all of them are returned.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from qianzhi_errors.sentence import Sentence

BASE64: Final = "base64"
RAW: Final = Sentence("raw bytes")
"""The form of an input that is read as it is."""
HEX_DIGITS: Final = Sentence("hex digits")
NO_FORM: Final = Sentence("text in no known form")
"""The form of a text in which no message can be seen, however it is read."""
_SPELLINGS: Final = re.compile(r"0[xX]|\\x|[\s:,;|\-\[\]{}()\"']")
_HEX: Final = re.compile("(?:[0-9A-Fa-f]{2})+")
_BASE64: Final = re.compile("[A-Za-z0-9+/_-]+={0,2}")
_OFFSET: Final = re.compile(
    r"\s*\[?(?:0x)?(?P<offset>[0-9A-Fa-f]{4,16})h?\]?(?P<colon>:?)(?:\s+(?P<rest>.*))?"
)
_TOKEN: Final = re.compile("(?:[0-9A-Fa-f]{2}){1,8}")
_WORD_OFFSET_DIGITS: Final = (6, 7)
"""Digits of an offset as `hexdump` without an option and `od -A x -x` write it; they write 16-bit words, the
lower byte first.
"""
_RUN: Final = re.compile(
    r"(?<![0-9A-Za-z:.])(?:0[xX])?[0-9A-Fa-f]{2}(?P<gap>[ :\-]?)(?:[0-9A-Fa-f]{2}(?P=gap)){8,}"
    r"[0-9A-Fa-f]{2}(?![0-9A-Za-z])"
)
"""Ten bytes or more in hex digits within a line: a message has an MTI and a bitmap."""
_ARRAY: Final = re.compile(r"(?:(?:0[xX]|\\x)[0-9A-Fa-f]{2}[\s,;]*){10,}")
"""Bytes of which each has its own mark, as in a source file."""
_LITERAL: Final = re.compile(r"(?<![0-9A-Za-z_'\"])b(?:'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")
_ESCAPE: Final = re.compile(r"\\(x[0-9A-Fa-f]{2}|.)", re.DOTALL)
_ESCAPED: Final[Mapping[str, str]] = MappingProxyType(
    {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "\\": "\\", "'": "'", '"': '"'}
)
"""What stands behind a backslash in a literal of Python, beside x and two hex digits."""
_NUMBERS: Final = re.compile(r"[\[{(]\s*(-?[0-9]{1,3}(?:\s*,\s*-?[0-9]{1,3}){9,})[\s,]*[\]})]")
_BYTE_VALUES: Final = range(-128, 256)
"""Bytes as numbers, of languages with a sign and without."""
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
    for form, found in (
        (Sentence("Python bytes"), _literals(text)),
        (Sentence("decimal numbers"), _numbers(text)),
        (Sentence("hex digits in a text"), _runs(text) if not forms else ()),
    ):
        stretches = tuple(found)
        if stretches:
            forms.append(Hexdump(form, stretches))
    plain = "".join(text.split())
    padding = "=" * (-len(plain) % 4)
    coded = tuple(_base64(plain + padding)) if _BASE64.fullmatch(plain) else ()
    as_is = Hexdump(RAW, (data,))
    return (*forms, as_is, *coded) if padding else (*forms, *coded, as_is)


def _literals(text: str) -> Iterator[bytes]:
    """Yield the bytes of each literal of Python in a text."""
    for match in _LITERAL.finditer(text):
        content = match[0][2:-1]
        escapes = _ESCAPE.findall(content)
        if content.isascii() and all(len(escape) > 1 or escape in _ESCAPED for escape in escapes):
            yield _ESCAPE.sub(_unescaped, content).encode("latin-1")


def _unescaped(escape: re.Match[str]) -> str:
    """Return the character of an escape in a literal of Python."""
    return chr(int(escape[1][1:], 16)) if len(escape[1]) > 1 else _ESCAPED[escape[1]]


def _numbers(text: str) -> Iterator[bytes]:
    """Yield the bytes of each list of decimal numbers in a text."""
    for match in _NUMBERS.finditer(text):
        values = [int(number) for number in match[1].split(",")]
        if all(value in _BYTE_VALUES for value in values):
            yield bytes(value % 256 for value in values)


def _runs(text: str) -> Iterator[bytes]:
    """Yield the bytes of a text in which hex digits stand among words: of each array, else of the longest run
    in each line.
    """
    arrays = [_SPELLINGS.sub("", match[0]) for match in _ARRAY.finditer(text)]
    lines = (
        max((match[0] for match in _RUN.finditer(line)), key=len, default="") for line in text.splitlines()
    )
    for run in arrays or lines:
        digits = _SPELLINGS.sub("", run)
        if digits:
            yield bytes.fromhex(digits)


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
    rows = _with_hex_offsets(rows)
    for place, row in enumerate(rows):
        if row.repeats and row.offset <= _REPEATED_BYTES_MAX:
            before = rows[place - 1].octets or b"\0"
            octets += before * ((row.offset - len(octets)) // len(before))
        if row.offset != len(octets):  # a row is missing; or the first row is not at 0: then it is no hexdump
            break
        octets += row.octets[: _size(rows, place)]
    return bytes(octets)


def _with_hex_offsets(rows: list[_Row]) -> list[_Row]:
    """Return rows with the offsets that they mean: decimal ones, if the second row shows that they are."""
    if len(rows) < 2 or not all(f"{row.offset:x}".isdecimal() for row in rows):
        return rows
    decimal = [row._replace(offset=int(f"{row.offset:x}")) for row in rows]
    size = len(rows[0].octets)
    return decimal if decimal[1].offset == size != rows[1].offset else rows


def _size(rows: list[_Row], place: int) -> int | None:
    """Return how many bytes a row has at most, by the offset of the next one: what is read beyond them is
    characters that look like hex digits. None for an only row; the last has no more than the first.
    """
    if len(rows) == 1:
        return None
    place = min(place, len(rows) - 2)
    return None if rows[place + 1].repeats else rows[place + 1].offset - rows[place].offset


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
