"""Finds where a message may begin behind a head that no shipped framing has: lengths, a TPDU, a header.

An MTI is sought behind up to 46 bytes of header. What the message is worth in a dialect is ranked elsewhere
(`protocol.analyzer.describe`); nothing is decoded here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from protocol.analyzer.field_display import is_plausible_mti
from protocol.dialect import Dialect
from protocol.frame_head import TPDU_BYTES, TPDU_ID, Kind, Part
from protocol.framing import MESSAGE_BYTES_MAX, SHIPPED, Framing, length_at

HEADER_BYTES_MAX: Final = 46
"""The longest header of a network that is sought, in bytes, a TPDU not counted."""
_FORMS: Final = tuple({framing.length: None for framing in SHIPPED.values()})
_HEADED: Final = tuple(framing for framing in SHIPPED.values() if framing.header)
_WIDEST: Final = max(form.width for form in _FORMS)
_STAN: Final = 11
_USUAL_CLASSES: Final = frozenset("1248")
_USUAL_FUNCTIONS: Final = frozenset("0123")
_EBCDIC_DIGITS: Final = range(0xF0, 0xFA)
_HEX_DIGITS: Final = frozenset("0123456789ABCDEFabcdef")


class Beginning(NamedTuple):
    """How a message may begin: in a framing; or in none, behind `lead` bytes of TPDU and header. `usual`, 0
    to 2: its bitmap has DE 11, which nearly every message has, and its MTI is of a kind that most are of.
    """

    framing: Framing | None
    lead: int = 0
    usual: int = 2


def beginnings(data: bytes, dialect: Dialect) -> Iterator[Beginning]:
    """Yield how a message in this dialect may begin in `data`, behind at least one byte: those with a length
    before the one without.
    """
    for at in range(1, min(_WIDEST + TPDU_BYTES + HEADER_BYTES_MAX + 1, len(data))):
        if _bitmap(data, at, dialect):
            usual = usual_at(data, at, dialect)
            yield from (Beginning(framing, 0, usual) for framing in _framings(data, at, dialect))
            if at <= _headroom(data, 0):
                yield Beginning(None, at, usual)


def usual_at(data: bytes, at: int, dialect: Dialect) -> int:
    """Return how usual the message at byte `at` begins, as `Beginning` has it; 0 where none does."""
    bitmap, mti = _bitmap(data, at, dialect), _mti(data, at, dialect)
    if not bitmap:
        return 0
    return (bitmap >> 64 - _STAN & 1) + (mti[1] in _USUAL_CLASSES and mti[2] in _USUAL_FUNCTIONS)


def _headroom(data: bytes, at: int) -> int:
    """Return how many bytes of TPDU and header there may be from byte `at` on."""
    return HEADER_BYTES_MAX + (TPDU_BYTES if data[at] == TPDU_ID else 0)


def _bitmap(data: bytes, at: int, dialect: Dialect) -> int:
    """Return the bitmap behind an MTI of ISO 8583 that stands at byte `at`; 0 where there is none."""
    end = at + dialect.mti_width
    mti = _mti(data, at, dialect)
    # Class 9 is reserved, and networks that write a TPDU have messages of it.
    if mti[1:2] == "9" and data[0] == TPDU_ID:
        mti = f"{mti[0]}8{mti[2:]}"
    if not is_plausible_mti(mti):
        return 0
    spec = dialect.spec["p"]
    bitmap = data[end : end + int(spec["max_len"])]
    if spec["data_enc"] == "b":
        return 0 if _is_characters(bitmap) else int.from_bytes(bitmap.ljust(8, b"\0"))
    digits = bitmap.decode(spec["data_enc"], "replace")
    return int(digits.ljust(16, "0"), 16) if digits and _HEX_DIGITS.issuperset(digits) else 0


def _mti(data: bytes, at: int, dialect: Dialect) -> str:
    """Return what would be the MTI at byte `at`."""
    digits, encoding = data[at : at + dialect.mti_width], str(dialect.spec["t"]["data_enc"])
    return digits.hex() if encoding == "b" else digits.decode(encoding, "replace")


def _is_characters(bitmap: bytes) -> bool:
    """Tell whether a bitmap begins with four digits in ASCII or EBCDIC: a header rather does."""
    return bitmap[:4].isdigit() or all(byte in _EBCDIC_DIGITS for byte in bitmap[:4])


def _framings(data: bytes, at: int, dialect: Dialect) -> Iterator[Framing]:
    """Yield the framings whose length stands first, fits, and has the message at byte `at`."""
    for form in _FORMS:
        room = at - form.width
        if not 0 <= room <= _headroom(data, min(form.width, at)):
            continue
        for shipped in _HEADED:  # before the same with a header of which nothing is known
            if shipped.length == form and shipped.message_at == at and _fits(data, shipped, dialect):
                yield shipped
        tpdu = room >= TPDU_BYTES and data[form.width] == TPDU_ID
        header = room - TPDU_BYTES * tpdu
        parts = (Part(Kind.ECHO, header),) if header else ()
        for counts_itself in (False, True):
            framing = Framing(form, counts_itself, tpdu, parts)
            if _fits(data, framing, dialect):
                yield framing


def _fits(data: bytes, framing: Framing, dialect: Dialect) -> bool:
    """Tell whether the first length ends with `data` or before another message; behind a TPDU, which is a
    mark of its own, also whether the rest may be missing.
    """
    length = length_at(framing, data, 0)
    if length is None or not framing.overhead < length <= framing.overhead + MESSAGE_BYTES_MAX:
        return False
    end = framing.length.width + framing.uncounted + length
    head = data[framing.length.width : framing.message_at]
    if framing.head.fault(head, length - framing.overhead) is not None:
        return False
    if end < len(data):
        return bool(_bitmap(data, end + framing.message_at, dialect))
    return end == len(data) or framing.tpdu
