"""Makes a refusal from the bytes of its request without decoding them: a fast answer for an overloaded
machine.

The result is byte for byte what decoding the request and encoding the answer would give. Where that is not
certain there is no result, and the caller has to decode. This module finds where fields begin and end and
copies those that an answer echoes; it does not look at their content. Which requests are refused, and why,
does not belong here; nor does any key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from protocol.codec import Codec
from protocol.message import ECHOED, Message, answer_mti, is_answer

Fields = tuple[tuple[int, str], ...]
"""The fields that a refusal has besides the echoed ones, DE number and text: DE 15, 39, 44."""

_PRIMARY_MAC: Final = 64
_SECONDARY_MAC: Final = 128
_EXTENDED_BITMAP: Final = 65
_ACQUIRER: Final = 32
_MAC_BYTES: Final = 8
_NOT_IN_ORDER: Final = -1
_REMEMBERED: Final = 512
"""Entries of each cache at most: plans by bitmap, and templates of refusals. Honest banks need a handful; a
bank that sends every possible bitmap is answered by decoding, and fills no memory.
"""

_MTI: Final = re.compile("[0-9]{4}").fullmatch
_HEX: Final = re.compile("[0-9A-Fa-f]+").fullmatch
_DIGITS: Final = re.compile("[0-9]+").fullmatch

_Measure = Callable[[bytes, int], int]
"""Takes a message and an offset; returns the bytes that the field there takes, length prefix included, or
_NOT_IN_ORDER.
"""


class HeaderScan(NamedTuple):
    """What a refusal needs of its request.

    `mti`: 4 digits. `covered`: all bytes up to the MAC field. `mac`: 8 bytes. `acquirer`: DE 32, None if the
    request has none. `repeated`: the fields that the answer echoes, DE number to bytes, ascending.
    """

    mti: str
    covered: bytes
    mac: bytes
    acquirer: str | None
    repeated: Mapping[int, bytes]

    def __repr__(self) -> str:
        """Show the MTI only: the bytes may hold a card number."""
        return f"HeaderScan({self.mti})"


class _Field(NamedTuple):
    """One field to skip: `width` bytes, or as many as `measure` returns. Copied if `number` is not 0."""

    number: int
    width: int
    measure: _Measure | None


class _Plan(NamedTuple):
    """What the MTI and the bitmaps of a request say: the offset of its first field, and the fields before the
    MAC.
    """

    mti: str
    start: int
    fields: tuple[_Field, ...]


class _Template(NamedTuple):
    """A refusal without the echoed fields: bytes of MTI and bitmap, the numbers of all fields, and the bytes
    of its own fields.
    """

    head: bytes
    numbers: tuple[int, ...]
    own: Mapping[int, bytes]


class FastDecline:
    """Makes refusals in one dialect; any number of links may share it. It caches what bitmaps mean, and
    nothing of a request's content.
    """

    def __init__(self, codec: Codec) -> None:
        """Take the codec whose work this object saves."""
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
        self._templates: dict[tuple[str, tuple[int, ...], Fields], _Template] = {}

    def scan(self, raw: bytes) -> HeaderScan | None:
        """Return what a refusal of the request in `raw` needs.

        None for an answer, for a message without a MAC in its right place, for a message that does not end
        with its last field, and in a dialect that pyiso8583's specification does not say in full.
        """
        if self._codec.dialect.rewriting is not None or self._codec.dialect.private:
            return None
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
        """Return the refusal's bytes up to its MAC field, which `Codec.append_mac` adds. Raises EncodeError
        if one of the `own` fields cannot be written.
        """
        key = (header_scan.mti, tuple(header_scan.repeated), own)
        template = self._templates.get(key)
        if template is None:
            if len(self._templates) >= _REMEMBERED:  # the dates have moved on, or a bank tries every bitmap
                self._templates.clear()
            template = self._templates[key] = self._template(*key)
        parts = {**header_scan.repeated, **template.own}
        return template.head + b"".join([parts[number] for number in template.numbers])

    def _plan(self, raw: bytes) -> _Plan | None:
        """Return the plan of a message, cached by the bytes of its MTI and bitmaps; None if it has none."""
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
        """Return the plan that the bytes of MTI and bitmaps give; None for an answer, or without one MAC
        last.
        """
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
        """Return the text of DE 32, given its bytes with the length prefix."""
        spec = self._spec[str(_ACQUIRER)]
        prefix = int(spec["len_type"])
        text = _text(spec, field[prefix:])
        if not _is_packed(spec):
            return text
        count = _count(spec, field[:prefix])
        return text[len(text) - count :] if "left_pad" in spec else text[:count]

    def _template(self, mti: str, repeated: tuple[int, ...], own: Fields) -> _Template:
        """Return the refusal of a request with this MTI, before the echoed fields are put in."""
        answer = answer_mti(mti)
        start = self._mti_width + self._bitmap_width
        written = {
            number: self._codec.encode(Message(answer, {number: text}))[start:] for number, text in own
        }
        numbers = tuple(sorted((*repeated, *written)))
        bits = sum(1 << (_PRIMARY_MAC - number) for number in (*numbers, _PRIMARY_MAC))
        head = _bytes(self._spec["t"], answer) + _bytes(self._spec["p"], f"{bits:016X}")
        return _Template(head, numbers, written)


def _is_packed(spec: Mapping[str, Any]) -> bool:
    """Tell whether the field's length counts half bytes (packed digits)."""
    return spec.get("len_count") == "nibbles"


def _width(spec: Mapping[str, Any]) -> int:
    """Return how many bytes a field of fixed length takes."""
    width = int(spec["max_len"])
    return (width + 1) // 2 if _is_packed(spec) else width


def _count(spec: Mapping[str, Any], prefix: bytes) -> int:
    """Return the value of a length prefix, in characters or digits; _NOT_IN_ORDER if it is not a number or is
    more than the field allows.
    """
    encoding = str(spec["len_enc"])
    if encoding == "b":
        count = int.from_bytes(prefix, "big")
    else:
        digits = prefix.hex() if encoding == "bcd" else prefix.decode(encoding, "replace")
        count = int(digits) if _DIGITS(digits) else _NOT_IN_ORDER
    return count if count <= spec["max_len"] else _NOT_IN_ORDER


def _measure(spec: Mapping[str, Any]) -> _Measure:
    """Return the function that measures a field of variable length. It caches the lengths that occurred:
    there are few.
    """
    width, packed = int(spec["len_type"]), _is_packed(spec)
    lengths: dict[bytes, int] = {}

    def measure(raw: bytes, at: int) -> int:
        prefix = raw[at : at + width]
        if prefix not in lengths:
            count = _count(spec, prefix)
            if count == _NOT_IN_ORDER:
                return _NOT_IN_ORDER
            lengths[prefix] = width + ((count + 1) // 2 if packed else count)
        return lengths[prefix]

    return measure


def _text(spec: Mapping[str, Any], data: bytes) -> str:
    """Return the bytes as text. Bytes that are not text become characters that are not digits."""
    encoding = str(spec["data_enc"])
    return data.hex().upper() if encoding == "b" else data.decode(encoding, "replace")


def _bytes(spec: Mapping[str, Any], text: str) -> bytes:
    """Return a text of fixed length as the field's bytes."""
    encoding = str(spec["data_enc"])
    return bytes.fromhex(text) if encoding == "b" else text.encode(encoding)
