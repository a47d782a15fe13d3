"""A refusal made of its request's own bytes, without decoding them: for a machine that has no time to spare.

Byte for byte what decoding the request and encoding the answer would give; where that is not certain it gives
nothing, and the long way has to be taken. It delimits fields and copies those that an answer repeats; what is
in them it does not look at. Which requests are refused, and why, does not belong here; nor does any key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from protocol.codec import Codec
from protocol.message import ECHOED, Message, answer_mti, is_answer

Fields = tuple[tuple[int, str], ...]
"""A refusal's own fields, DE number and text: DE 15, 39, 44."""

_PRIMARY_MAC: Final = 64
_SECONDARY_MAC: Final = 128
_EXTENDED_BITMAP: Final = 65
_ACQUIRER: Final = 32
_MAC_BYTES: Final = 8
_NOT_IN_ORDER: Final = -1
_REMEMBERED: Final = 512
"""Bitmaps, and refusals' beginnings, that are remembered. Honest banks need a handful; who goes through all
there are takes the long way, and no memory.
"""

_MTI: Final = re.compile("[0-9]{4}").fullmatch
_HEX: Final = re.compile("[0-9A-Fa-f]+").fullmatch
_DIGITS: Final = re.compile("[0-9]+").fullmatch

_Measure = Callable[[bytes, int], int]
"""The bytes that the field at an offset takes, its length included, or _NOT_IN_ORDER."""


class HeaderScan(NamedTuple):
    """A request as far as a refusal needs it.

    `mti` is 4 digits; `covered` all bytes up to the MAC; `mac` 8 bytes; `acquirer` DE 32, or None without it;
    `repeated` what its answer repeats, DE number to bytes, ascending.
    """

    mti: str
    covered: bytes
    mac: bytes
    acquirer: str | None
    repeated: Mapping[int, bytes]

    def __repr__(self) -> str:
        """Show the MTI alone: the bytes may hold a card number."""
        return f"HeaderScan({self.mti})"


class _Field(NamedTuple):
    """One field to pass over: `width` bytes, or as many as `measure` says; copied if `number` is not 0."""

    number: int
    width: int
    measure: _Measure | None


class _Plan(NamedTuple):
    """What a request's MTI and bitmaps say: where its fields begin, and which there are before the MAC."""

    mti: str
    start: int
    fields: tuple[_Field, ...]


class _Form(NamedTuple):
    """A refusal but for what it repeats: MTI and bitmap, all its fields' numbers, its own fields' bytes."""

    head: bytes
    numbers: tuple[int, ...]
    own: Mapping[int, bytes]


class FastDecline:
    """Makes refusals in one dialect; may serve any number of links. Remembers bitmaps, and nothing that a
    request says.
    """

    def __init__(self, codec: Codec) -> None:
        """Take the codec whose work it spares."""
        spec = codec.dialect.spec
        self._codec = codec
        self._spec = spec
        self._mti_width = codec.dialect.mti_width
        self._bitmap_width = _width(spec["p"])
        packed = spec["p"]["data_enc"] == "b"
        self._announces_second = (
            frozenset(range(0x80, 0x100))
            if packed
            else frozenset("89ABCDEFabcdef".encode(str(spec["p"]["data_enc"])))
        )
        self._plans: dict[bytes, _Plan | None] = {}
        self._forms: dict[tuple[str, tuple[int, ...], Fields], _Form] = {}

    def scan(self, raw: bytes) -> HeaderScan | None:
        """What a refusal of the request in `raw` needs.

        None for an answer, a message without a MAC in its place, and one whose fields do not end where it
        does.
        """
        plan = self._plan(raw)
        if plan is None:
            return None
        at = plan.start
        repeated: dict[int, bytes] = {}
        for number, width, measure in plan.fields:
            end = at + (width if measure is None else measure(raw, at))
            if end < at:
                return None
            if number:
                repeated[number] = raw[at:end]
            at = end
        covered, mac = self._codec.last_bytes(raw)
        if at != len(covered) or len(mac) != _MAC_BYTES:
            return None
        acquirer = self._acquirer(repeated[_ACQUIRER]) if _ACQUIRER in repeated else None
        return HeaderScan(plan.mti, covered, mac, acquirer, repeated)

    def refusal(self, header_scan: HeaderScan, own: Fields) -> bytes:
        """The refusal's bytes up to its MAC, which `Codec.closed` adds. Raises EncodeError for a field of its
        own that cannot be written.
        """
        key = (header_scan.mti, tuple(header_scan.repeated), own)
        form = self._forms.get(key)
        if form is None:
            if len(self._forms) >= _REMEMBERED:  # the dates have moved on, or a bank tries every bitmap
                self._forms.clear()
            form = self._forms[key] = self._form(*key)
        parts = {**header_scan.repeated, **form.own}
        return form.head + b"".join([parts[number] for number in form.numbers])

    def _plan(self, raw: bytes) -> _Plan | None:
        """The plan of a message, remembered by the bytes of its MTI and bitmaps."""
        if len(raw) <= self._mti_width:
            return None
        width = self._mti_width + self._bitmap_width
        if raw[self._mti_width] in self._announces_second:
            width += self._bitmap_width
        head = raw[:width]
        if head in self._plans:
            return self._plans[head]
        plan = self._read(head)
        if len(self._plans) < _REMEMBERED:
            self._plans[head] = plan
        return plan

    def _read(self, head: bytes) -> _Plan | None:
        mti = _text(self._spec["t"], head[: self._mti_width])
        bitmaps = _text(self._spec["p"], head[self._mti_width :])
        if not _MTI(mti) or is_answer(mti) or not _HEX(bitmaps):
            return None
        bits = f"{int(bitmaps, 16):0{len(bitmaps) * 4}b}"
        numbers = [number for number, bit in enumerate(bits, start=1) if bit == "1" and number > 1]
        last = numbers.pop() if numbers else 0
        if (
            last not in (_PRIMARY_MAC, _SECONDARY_MAC)
            or _PRIMARY_MAC in numbers
            or _EXTENDED_BITMAP in numbers
        ):
            return None
        return _Plan(mti, len(head), tuple(self._field(number) for number in numbers))

    def _field(self, number: int) -> _Field:
        spec = self._spec[str(number)]
        measure = _measure(spec) if spec["len_type"] else None
        return _Field(number if number in ECHOED else 0, _width(spec), measure)

    def _acquirer(self, field: bytes) -> str:
        spec = self._spec[str(_ACQUIRER)]
        prefix = int(spec["len_type"])
        text = _text(spec, field[prefix:])
        return text[: _count(spec, field[:prefix])] if _is_packed(spec) else text

    def _form(self, mti: str, repeated: tuple[int, ...], own: Fields) -> _Form:
        answer = answer_mti(mti)
        start = self._mti_width + self._bitmap_width
        written = {
            number: self._codec.encode(Message(answer, {number: text}))[start:] for number, text in own
        }
        numbers = tuple(sorted((*repeated, *written)))
        bits = sum(1 << (_PRIMARY_MAC - number) for number in (*numbers, _PRIMARY_MAC))
        head = _bytes(self._spec["t"], answer) + _bytes(self._spec["p"], f"{bits:016X}")
        return _Form(head, numbers, written)


def _is_packed(spec: Mapping[str, Any]) -> bool:
    """Whether a field's length counts half bytes."""
    return spec.get("len_count") == "nibbles"


def _width(spec: Mapping[str, Any]) -> int:
    """How many bytes a field of fixed length takes."""
    width = int(spec["max_len"])
    return (width + 1) // 2 if _is_packed(spec) else width


def _count(spec: Mapping[str, Any], prefix: bytes) -> int:
    """What a length says, in characters or digits; _NOT_IN_ORDER if it is no number, or more than allowed."""
    encoding = str(spec["len_enc"])
    digits = prefix.hex() if encoding == "bcd" else prefix.decode(encoding, "replace")
    count = int(digits) if _DIGITS(digits) else _NOT_IN_ORDER
    return count if count <= spec["max_len"] else _NOT_IN_ORDER


def _measure(spec: Mapping[str, Any]) -> _Measure:
    """What measures a field of variable length. The lengths that occurred are remembered: there are few."""
    width, packed = int(spec["len_type"]), _is_packed(spec)
    known: dict[bytes, int] = {}

    def measure(raw: bytes, at: int) -> int:
        prefix = raw[at : at + width]
        if prefix not in known:
            count = _count(spec, prefix)
            if count == _NOT_IN_ORDER:
                return _NOT_IN_ORDER
            known[prefix] = width + ((count + 1) // 2 if packed else count)
        return known[prefix]

    return measure


def _text(spec: Mapping[str, Any], data: bytes) -> str:
    """Bytes as text; what is no text becomes characters that are no digits."""
    encoding = str(spec["data_enc"])
    return data.hex().upper() if encoding == "b" else data.decode(encoding, "replace")


def _bytes(spec: Mapping[str, Any], text: str) -> bytes:
    encoding = str(spec["data_enc"])
    return bytes.fromhex(text) if encoding == "b" else text.encode(encoding)
