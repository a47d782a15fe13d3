"""Bytes as people pass them on: hex digits in any spelling, hexdumps of the usual tools, base64, or as is.

Only finds the bytes; what they are, `capture` and `describe` say. A text may be read in more than one way,
and which is right shows only in what it makes: so all of them are returned.
"""

from __future__ import annotations

import base64
import binascii
import re
import string
from collections.abc import Iterator
from typing import Final, NamedTuple

BASE64: Final = "base64"
RAW: Final = "raw bytes"
"""The form of what is in no other."""
_SPELLINGS: Final = re.compile(r"0[xX]|\\x|[\s:,;|\-]")
_HEX: Final = re.compile("(?:[0-9A-Fa-f]{2})+")
_BASE64: Final = re.compile("[A-Za-z0-9+/_-]+={0,2}")
_OFFSET: Final = re.compile(r"\s*(?:0x)?(?P<offset>[0-9A-Fa-f]{4,16})(?P<colon>:?)(?:\s+(?P<rest>.*))?")
_TOKEN: Final = re.compile("(?:[0-9A-Fa-f]{2}){1,8}")
_WORD_OFFSET_DIGITS: Final = (6, 7)
"""hexdump without an option, and od -A x -x, write offsets so, and 16-bit words with the lower byte first."""
_SAME_AGAIN: Final = "*"
_REPEATED_BYTES_MAX: Final = 1 << 16
"""A message is shorter: an offset that is out of all proportion is not believed."""
_FOR_ONE_MORE: Final = 100
"""Hex digits in which there may be one more character that is none, and it is still digits with a slip."""


class Hexdump(NamedTuple):
    """One way to read an input: the `form`'s name, and the stretches of bytes that it holds."""

    form: str
    stretches: tuple[bytes, ...]


def readings(data: bytes) -> tuple[Hexdump, ...]:
    """Return every way in which `data` can be read, the most particular first; then as it is; and behind that
    as base64 without its padding, which any word could be.

    A hexdump begins a new stretch where its offsets begin anew, as each packet of `tcpdump -X` does.
    """
    found: list[Hexdump] = []
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return (Hexdump(RAW, (data,)),)
    dump = tuple(_dump(text))
    if dump:
        found.append(Hexdump("hexdump", dump))
    digits = _SPELLINGS.sub("", text)
    if _HEX.fullmatch(digits):
        found.append(Hexdump("hex digits", (bytes.fromhex(digits),)))
    plain = "".join(text.split())
    padding = "=" * (-len(plain) % 4)
    coded = tuple(_base64(plain + padding)) if _BASE64.fullmatch(plain) else ()
    as_is = Hexdump(RAW, (data,))
    return (*found, as_is, *coded) if padding else (*found, *coded, as_is)


def _base64(text: str) -> Iterator[Hexdump]:
    try:
        found = base64.b64decode(text.translate(str.maketrans("-_", "+/")), validate=True)
    except binascii.Error:
        return
    yield Hexdump(BASE64, (found,))


class _Row(NamedTuple):
    """One line of a hexdump. `words` are 16-bit ones, the lower byte first; `repeats` says that lines like
    the one before it were left out.
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
    """A line of xxd, hexdump, od, tcpdump -X or Wireshark; None for any other."""
    match = _OFFSET.fullmatch(line)
    if match is None:
        return None
    # The characters are behind two blanks (xxd, tcpdump), three (Wireshark), or a bar, which is no digits.
    gutter = r"\s{2,}" if match["colon"] else r"\s{3,}"
    tokens: list[str] = []
    for token in re.split(gutter, match["rest"] or "")[0].split():
        if not _TOKEN.fullmatch(token):
            break
        tokens.append(token)
    digits = match["offset"]
    words = len(digits) in _WORD_OFFSET_DIGITS and not match["colon"] and all(len(one) == 4 for one in tokens)
    return _Row(int(digits, 16), tuple(tokens), words)


def _dump(text: str) -> Iterator[bytes]:
    """The stretches of a hexdump; none where the text is none. Lines of other things end a stretch."""
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
    found = bytearray()
    for place, row in enumerate(rows):
        if row.repeats and row.offset <= _REPEATED_BYTES_MAX:
            before = rows[place - 1].octets or b"\0"
            found += before * ((row.offset - len(found)) // len(before))
        if row.offset != len(found):  # a row is missing, or, where the first is not at 0, it is no hexdump
            break
        found += row.octets
    return bytes(found)


class Slip(NamedTuple):
    """The first character that keeps a text from being hex digits, what was expected there, and the bytes
    that it would be with noughts for all such characters.
    """

    at: int
    expected: str
    mended: bytes


def spoilt(data: bytes) -> Slip | None:
    """Return the slip in a text that looks like hex digits; None where it does not, or is hex digits."""
    text = data.decode("utf-8", "replace")
    digits = _SPELLINGS.sub("", text)
    known = sum(letter in string.hexdigits for letter in digits)
    if not known or len(digits) - known > 1 + known // _FOR_ONE_MORE:
        return None
    mended = "".join(letter if letter in string.hexdigits else "0" for letter in digits)
    mended_bytes = bytes.fromhex(mended + "0" * (len(mended) % 2))
    rest = _SPELLINGS.sub(lambda found: " " * len(found[0]), text)
    for place, letter in enumerate(rest):
        if letter not in string.hexdigits and letter != " ":
            return Slip(place, "a hex digit", mended_bytes)
    if len(digits) % 2:
        return Slip(len(text), "one more hex digit: their number is odd", mended_bytes)
    return None
