"""Reads the rows of hexdumps: an offset, bytes in one of several notations, and characters behind them.

The rows of one dump are joined where their offsets say so, which also shows in what base the offsets are and
in what notation the bytes. Bytes in a text without offsets are `hexdump`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

_OFFSET: Final = re.compile(
    r"\s*\[?(?:0x)?(?P<offset>[0-9A-Fa-f]{4,16}|[0-9A-Fa-f]{8}`[0-9A-Fa-f]{8})h?\]?(?P<colon>:?)(?:\s+(?P<rest>.*))?"
)
_BEHIND_A_PREFIX: Final = re.compile(
    r"(?:^|(?<=[\s|>\]]))(?P<offset>[0-9A-Fa-f]{8})(?P<colon>[:|]?)\s+(?P<rest>[0-9A-Fa-f]{2}.*)"
)
"""A row behind what a log puts before each line, or a frame of characters around the dump."""
_MARK: Final = re.compile(
    r"(?<![0-9A-Za-z])0x(?=[0-9A-Fa-f]{2}(?:\s|$))|(?<=[0-9A-Fa-f]{2})-(?=[0-9A-Fa-f]{2})"
)
"""What stands before or between the digits of two bytes and says nothing."""
_TOKEN: Final = re.compile("[0-9A-Fa-f]{2,16}")
_WORD_OFFSET_DIGITS: Final = (6, 7)
"""Digits of an offset as `hexdump` without an option and `od -A x -x` write it; they write 16-bit words, the
lower byte first.
"""
_BASES: Final = (16, 10, 8)
_SAME_AGAIN: Final = "*"
_REPEATED_BYTES_MAX: Final = 1 << 16
"""Offset up to which repeated lines are filled in. A message is shorter: a larger offset is not believed."""


class _Unit(NamedTuple):
    """One way to write bytes: the pattern of a token, and what gives its bytes."""

    pattern: re.Pattern[str]
    octets: Callable[[str], bytes]


_HEX: Final = _Unit(re.compile("(?:[0-9A-Fa-f]{2}){1,8}"), bytes.fromhex)
_HEX_WORDS: Final = _Unit(re.compile("[0-9A-Fa-f]{4}"), lambda token: bytes.fromhex(token)[::-1])
_OTHERS: Final = (
    _Unit(re.compile("[0-3][0-7]{2}"), lambda token: bytes((int(token, 8),))),
    _Unit(re.compile("[01][0-7]{5}"), lambda token: int(token, 8).to_bytes(2, "little")),
    _Unit(re.compile("[01]{8}"), lambda token: bytes((int(token, 2),))),
)
"""Octal bytes and octal words as `od` writes them, and bits as `xxd -b` does."""
_WORDS: Final = (_HEX_WORDS, _OTHERS[1])


class _Row(NamedTuple):
    """One line of a dump: the digits of its offset, whether a colon follows, and the tokens behind it.
    `repeats`: before this line, copies of the line above it were left out.
    """

    digits: str
    colon: str
    tokens: tuple[str, ...]
    repeats: bool = False

    @property
    def unit(self) -> _Unit:
        """The notation that the row itself shows: hex digits, or words of them or of octal digits."""
        if len(self.digits) in _WORD_OFFSET_DIGITS and not self.colon:
            for unit in _WORDS:
                if all(map(unit.pattern.fullmatch, self.tokens)):
                    return unit
        return _HEX

    def octets(self, unit: _Unit) -> bytes:
        """Return the row's bytes in a notation, up to the first token that is none of it."""
        octets = bytearray()
        for token in self.tokens:
            if not unit.pattern.fullmatch(token):
                break
            octets += unit.octets(token)
        return bytes(octets)


def stretches(text: str) -> Iterator[bytes]:
    """Yield the bytes of each dump in a text; nothing if it has none. Any other line ends a dump, and so does
    an offset that is not above the one before it.
    """
    rows, repeats = list[_Row](), False
    for line in [*text.splitlines(), ""]:
        if line.strip() == _SAME_AGAIN:
            repeats = True
            continue
        row = _row(line)
        if row is not None and rows and int(row.digits, 16) > int(rows[-1].digits, 16):
            rows.append(row._replace(repeats=repeats))
        else:
            stretch = _joined(rows)
            if stretch:
                yield stretch
            rows = [row] if row is not None and row.tokens else []
        repeats = False


def _row(line: str) -> _Row | None:
    """Return a line of xxd, hexdump, od, gdb, tcpdump -X, Wireshark and the like; None for any other line."""
    match = _OFFSET.fullmatch(line)
    if match is None:
        found = list(_BEHIND_A_PREFIX.finditer(line))
        match = next((one for one in found if one["colon"]), found[0] if found else None)
    if match is None:
        return None
    # The characters follow after two blanks (xxd, tcpdump), three (Wireshark), or a bar, which is no digit.
    gutter = r"\s{2,}" if match["colon"] == ":" else r"\s{3,}"
    tokens: list[str] = []
    for token in _MARK.sub(" ", re.split(gutter, match["rest"] or "")[0]).split():
        if not _TOKEN.fullmatch(token):
            break
        tokens.append(token)
    return _Row(match["offset"].replace("`", ""), match["colon"], tuple(tokens))


def _joined(rows: list[_Row]) -> bytes:
    """Return the bytes of a dump, up to the first missing row. A single row is one only at offset 0: at any
    other it is a number in a text.
    """
    if not rows:
        return b""
    base, unit = _notation(rows)
    first = int(rows[0].digits, base)
    if first and (len(rows) == 1 or not _is_next(rows, base, unit)):
        return b""
    offsets = [int(row.digits, base) - first for row in rows]
    octets = bytearray()
    for place, row in enumerate(rows):
        if row.repeats and offsets[place] <= _REPEATED_BYTES_MAX:
            before = rows[place - 1].octets(unit) or b"\0"
            octets += before * ((offsets[place] - len(octets)) // len(before))
        if offsets[place] != len(octets):  # a row is missing
            break
        octets += row.octets(unit)[: _size(rows, offsets, place)]
    return bytes(octets)


def _notation(rows: Sequence[_Row]) -> tuple[int, _Unit]:
    """Return the base of the offsets and the notation of the bytes: those by which the first row has as many
    bytes as the second offset says, else hex.
    """
    usual = rows[0].unit
    if len(rows) > 1:
        for unit in (usual, *_OTHERS):
            for base in _BASES:
                if _is_next(rows, base, unit):
                    return base, unit
    return 16, usual


def _is_next(rows: Sequence[_Row], base: int, unit: _Unit) -> bool:
    """Tell whether the second row begins where the first one ends; behind the last row of words stands only
    an offset, which may be in the middle of its last word.
    """
    digits = [row.digits for row in rows]
    if base < 16 and not all(map(_DIGITS[base].fullmatch, digits)):
        return False
    rest = len(rows[0].octets(unit)) - int(digits[1], base) + int(digits[0], base)
    return bool(rows[0].tokens) and rest in ((0, 1) if unit in _WORDS and not rows[1].tokens else (0,))


_DIGITS: Final = {10: re.compile("[0-9]+"), 8: re.compile("[0-7]+")}


def _size(rows: Sequence[_Row], offsets: Sequence[int], place: int) -> int | None:
    """Return how many bytes a row has at most, by the offset of the next one: what is read beyond them is
    characters that look like hex digits. None for an only row; the last has no more than the first.
    """
    if len(rows) == 1:
        return None
    place = min(place, len(rows) - 2)
    return None if rows[place + 1].repeats else offsets[place + 1] - offsets[place]
