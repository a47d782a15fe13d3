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
from urllib.parse import unquote_to_bytes

from protocol.analyzer.dump_rows import stretches
from qianzhi_errors.sentence import Sentence

BASE64: Final = "base64"
CODED: Final = Sentence("base64 in a text")
RAW: Final = Sentence("raw bytes")
"""The form of an input that is read as it is."""
LINES: Final = Sentence("a message a line")
HEX_DIGITS: Final = Sentence("hex digits")
NO_FORM: Final = Sentence("text in no known form")
"""The form of a text in which no message can be seen, however it is read."""
_SPELLINGS: Final = re.compile(r"0[xX]|\\x|[\s:,;|\-\[\]{}()\"']")
_HEX: Final = re.compile("(?:[0-9A-Fa-f]{2})+")
_BASE64: Final = re.compile("[A-Za-z0-9+/_-]+={0,2}")
_RUN: Final = re.compile(
    r"(?<![0-9A-Za-z:.])(?:0[xX])?[0-9A-Fa-f]{2}(?P<gap>, ?|[ :\-]?)(?:[0-9A-Fa-f]{2}(?P=gap)){8,}"
    r"[0-9A-Fa-f]{2}(?![0-9A-Za-z])"
)
"""Ten bytes or more in hex digits within a line: a message has an MTI and a bitmap."""
_FURTHER: Final = re.compile(r"[0-9A-Fa-f]{2}(?:[ :\-]{0,2}[0-9A-Fa-f]{2})*(?![0-9A-Za-z])")
"""Bytes in the next line, at the place at which those of the line before stand."""
_ARRAY: Final = re.compile(r"(?:(?:0[xX]|\\x)[0-9A-Fa-f]{2}(?:[\s,;\"'+]|\\(?=\s))*){10,}")
"""Bytes of which each has its own mark, as in a source file; a text in quotes may be in several pieces."""
_LITERAL: Final = re.compile(r"(?<![0-9A-Za-z_'\"])(b?)('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")
_ESCAPE: Final = re.compile(r"\\(x[0-9A-Fa-f]{2}|u00[0-9A-Fa-f]{2}|.)", re.DOTALL)
_CONTINUED: Final = re.compile(r"\s*(?:\\?\r?\n|\+)[\s+]*")
_MARKED: Final = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u00[0-9A-Fa-f]{2})")
_ESCAPED: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "0": "\0"},
        **{"\\": "\\", "'": "'", '"': '"', "/": "/"},
    }
)
"""What stands behind a backslash in a literal of Python, beside x and two hex digits."""
_NUMBERS: Final = re.compile(
    r"(?:[\[{(]|^)\s*(-?[0-9]{1,3}(?:(?:\s*,\s*|\s+)-?[0-9]{1,3}){9,})[\s,]*(?:[\]})]|$)"
)
_TOKENS: Final = re.compile(r"[\s,;]+")
_SHORT_TOKEN: Final = re.compile("(?:0[xX])?([0-9A-Fa-f]|[1-9A-Fa-f][0-9A-Fa-f])")
"""A byte as programs write it that put no 0 before a single hex digit."""
_CODED: Final = re.compile("(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_-]{24,}={0,2}(?![A-Za-z0-9+/_=-])")
"""Base64 within a text: a message has an MTI and a bitmap, and more."""
_PERCENT: Final = re.compile("(?:%[0-9A-Fa-f]{2}|[!-$&-~])+")
_BYTE_VALUES: Final = range(-128, 256)
"""Bytes as numbers, of languages with a sign and without."""
_MANY: Final = 10
"""Bytes at least of a row of them that is not marked as one."""
_PAIR: Final = 2
_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_LINE_ENDS: Final = ("\n", "\r")
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
    text = _text(data)
    if text is None:
        return (Hexdump(RAW, (data,)),)
    forms: list[Hexdump] = []
    dump = tuple(stretches(text))
    for form, found in (
        ("hexdump", dump),
        (HEX_DIGITS, _short_digits(text)),
        (HEX_DIGITS, _digits(text)),
        (LINES, _lines_of_digits(text) if not dump else ()),
        (Sentence("Python bytes"), _literals(text, marked=False)),
        (Sentence("an escaped string"), _literals(text, marked=True)),
        (Sentence("decimal numbers"), _numbers(text)),
    ):
        stretches_found = tuple(found)
        if stretches_found:
            forms.append(Hexdump(form, stretches_found))
    if not forms:
        forms = [
            Hexdump(form, stretches_found)
            for form, found in (
                (Sentence("hex digits in a text"), _runs(text)),
                (Sentence("hex digits in a text"), _rows_of_digits(text)),
                (CODED, _coded(text) if not _BASE64.fullmatch("".join(text.split())) else ()),
                (Sentence("percent-encoded text"), _percent(text)),
            )
            if (stretches_found := tuple(found))
        ]
    plain = "".join(text.split())
    padding = "=" * (-len(plain) % 4)
    coded = tuple(_base64(plain + padding)) if _BASE64.fullmatch(plain) else ()
    as_is = (Hexdump(RAW, (data,)), *(_lines(data, text) if not dump else ()))
    return (*forms, *as_is, *coded) if padding else (*forms, *coded, *as_is)


def _text(data: bytes) -> str | None:
    """Return the text that `data` is, in UTF-8 or as Windows writes files: with a byte order mark, or in
    UTF-16; None if it is no text.
    """
    try:
        if data[:2] in _UTF_16_MARKS:
            text = data.decode("utf-16")
            return text if text.isascii() else None
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _lines(data: bytes, text: str) -> Iterator[Hexdump]:
    """Yield the reading of a text as a message a line, if that is another than the text as it is."""
    lines = tuple(line.encode() for line in text.splitlines() if line.strip())
    if lines and lines != (data,) and (len(lines) > 1 or text[-1:] in _LINE_ENDS or data[:1] > b"\x7f"):
        yield Hexdump(LINES, lines)


def _digits(text: str) -> Iterator[bytes]:
    """Yield the bytes of a text that is hex digits in any spelling."""
    digits = _SPELLINGS.sub("", text)
    if _HEX.fullmatch(digits):
        yield bytes.fromhex(digits)


def _short_digits(text: str) -> Iterator[bytes]:
    """Yield the bytes of a text in which a byte below 16 is one hex digit."""
    tokens = [token for token in _TOKENS.split(text.strip("[]{}()\"' \t\r\n")) if token]
    matches = [match for token in tokens if (match := _SHORT_TOKEN.fullmatch(token))]
    if len(matches) == len(tokens) >= _MANY and any(len(match[1]) == 1 for match in matches):
        yield bytes(int(match[1], 16) for match in matches)


def _lines_of_digits(text: str) -> Iterator[bytes]:
    """Yield the bytes of each line of a text whose lines are hex digits, where there are several."""
    lines = [_SPELLINGS.sub("", line) for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and all(map(_HEX.fullmatch, lines)):
        yield from map(bytes.fromhex, lines)


def _literals(text: str, *, marked: bool) -> Iterator[bytes]:
    """Yield the bytes of each literal of Python in a text; if `marked`, of each text in quotes instead that
    has a byte in hex digits behind a backslash.
    """
    for content in _contents(text, marked=marked):
        if marked and not _MARKED.search(content):
            continue
        escapes = _ESCAPE.findall(content)
        known = all(len(escape) > 1 or escape in _ESCAPED for escape in escapes)
        if known and all(character < "\u0100" for character in content) and (marked or content.isascii()):
            yield _ESCAPE.sub(_unescaped, content).encode("latin-1")


def _contents(text: str, *, marked: bool) -> Iterator[str]:
    """Yield what is in the quotes of each literal of Python in a text; if `marked`, of each text in quotes
    instead, one that goes on in the next line as one.
    """
    content, end = "", 0
    for match in _LITERAL.finditer(text):
        if bool(match[1]) == marked:
            continue
        if content and not (marked and _CONTINUED.fullmatch(text, end, match.start())):
            yield content
            content = ""
        content, end = content + match[2][1:-1], match.end()
    if content:
        yield content


def _unescaped(escape: re.Match[str]) -> str:
    """Return the character of an escape in a literal of Python, or in a text as JSON and C write it."""
    return chr(int(escape[1][1:], 16)) if len(escape[1]) > 1 else _ESCAPED[escape[1]]


def _numbers(text: str) -> Iterator[bytes]:
    """Yield the bytes of each list of decimal numbers in a text."""
    for match in _NUMBERS.finditer(text.strip()):
        numbers = [number for number in _TOKENS.split(match[1]) if number]
        if all(len(number) == _PAIR for number in numbers):  # these are hex digits
            continue
        values = [int(number) for number in numbers]
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


def _rows_of_digits(text: str) -> Iterator[bytes]:
    """Yield the bytes of a text in whose lines hex digits stand at the same place, as one piece."""
    octets, column, rows = bytearray(), None, 0
    for line in text.splitlines():
        match = max(_RUN.finditer(line), key=_length, default=None) if column is None else None
        if match is not None:
            column = match.start()
        further = match or (_FURTHER.match(line, column) if column is not None else None)
        if further is not None:
            octets += bytes.fromhex(_SPELLINGS.sub("", further[0]))
            rows += 1
    if rows > 1:
        yield bytes(octets)


def _length(match: re.Match[str]) -> int:
    return len(match[0])


def _coded(text: str) -> Iterator[bytes]:
    """Yield the bytes of each run of base64 within a text."""
    for match in _CODED.finditer(text):
        plain = match[0].rstrip("=")
        yield from (found.stretches[0] for found in _base64(plain + "=" * (-len(plain) % 4)))


def _percent(text: str) -> Iterator[bytes]:
    """Yield the bytes of a text in which some stand as a percent sign and two hex digits."""
    if "%" in text and _PERCENT.fullmatch(text.strip()):
        yield unquote_to_bytes(text.strip())


def _base64(text: str) -> Iterator[Hexdump]:
    """Yield the reading of a text as base64, in either alphabet; nothing if it is not base64."""
    try:
        decoded = base64.b64decode(text.translate(str.maketrans("-_", "+/")), validate=True)
    except binascii.Error:
        return
    yield Hexdump(BASE64, (decoded,))


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
