"""A dialect's bytes to messages and back, on pyiso8583.

Layouts only: what a field means, and which fields a message must have, does not belong here; nor does any
key. pyiso8583 delimits the fields; this module adds what ISO 8583 says about their content, and answers for
the errors: whatever the bytes, `decode` raises DecodeError alone, `encode` EncodeError alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import iso8583

from protocol.dialect import FIRST, Dialect, Element
from protocol.errors import DecodeError, EncodeError
from protocol.message import ECHOED, Message

Check = Callable[[str], object]
_Encoded = Mapping[str, Mapping[str, bytes]]


class Part(NamedTuple):
    """One field as it lies in a message: `key` is a DE number as text, "t" the MTI, "p" and "1" the bitmaps.

    It begins at byte `at` with `prefix`, its length as it is written (empty for fixed ones), then `data`.
    """

    key: str
    at: int
    prefix: bytes
    data: bytes
    text: str

    @property
    def end(self) -> int:
        """The byte after it."""
        return self.at + len(self.prefix) + len(self.data)

    def __repr__(self) -> str:
        """Say where it lies, never what it holds."""
        return f"Part({self.key}, bytes {self.at} to {self.end})"


_PRIMARY_MAC: Final = 64
_SECONDARY_MAC: Final = 128
_EXTENDED_BITMAP: Final = 65
_MAC_BYTES: Final = 8
_NO_MAC: Final = "0" * 16
_NOT_ALLOWED: Final = "content that its format does not allow"
_THIRD_BITMAP: Final = "a third bitmap, which ISO 8583:1987 does not have"

# Content of each kind (ISO 8583:1987, attributes of data elements), as patterns. `a` and `an` of fixed length
# are left-aligned and filled with blanks. z is the track 2 and 3 repertoire (ISO/IEC 7811-2: digits and
# :;<=>?) and D, which some networks write for the separator.
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
# Text may hold any character but the controls; a DE with lines also the line feed.
_TEXT: Final = "[^\\x00-\\x1f\\x7f-\\x9f]*"
_LINES: Final = "[^\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f]*"

# A variable field's length must be digits: pyiso8583 takes what int() takes, so " 5", "+5" and "1_0" too.
_LENGTH_DIGITS: Final[Mapping[str, Callable[[bytes], object]]] = MappingProxyType(
    {"ascii": bytes.isdigit, "cp500": re.compile(rb"[\xf0-\xf9]+").fullmatch}
)

# str methods that settle the common case several times faster than a pattern. They take no more than the
# patterns do, provided that the text is ASCII; so for a field whose encoding is wider they are not used.
_QUICK: Final[Mapping[str, Check]] = MappingProxyType(
    {"n": str.isdecimal, "an": str.isalnum, "a": str.isalpha, "ans": str.isprintable, "b": str.isalnum}
)


class _Rule(NamedTuple):
    """What one DE's content must be: `quick` or else `full` must be truthy, and so must `length` if there."""

    number: int
    key: str
    quick: Check
    full: Check
    length: Callable[[bytes], object] | None


def _rule(element: Element, length_encoding: str) -> _Rule:
    full = content_pattern(element).fullmatch
    length = _LENGTH_DIGITS.get(length_encoding) if element.prefix else None
    return _Rule(element.number, str(element.number), _quick(element) or full, full, length)


def _quick(element: Element) -> Check | None:
    """Return a str method that, within the encoding's repertoire, admits no more than the pattern does."""
    if element.text:
        return str.isprintable
    # Binary fields pass through hex conversion. Code page 500 has no decimal digits but 0 to 9.
    if element.kind == "n" or element.encoding in ("ascii", "binary"):
        return _QUICK.get(element.kind)
    return None


class Codec:
    """Encodes and decodes messages of one dialect. Immutable; one may serve any number of links."""

    __slots__ = ("_by_key", "_by_number", "_hex", "_secondary_at", "_spec", "_width", "dialect")

    def __init__(self, dialect: Dialect) -> None:
        """Compile the dialect's tables."""
        self.dialect = dialect
        self._spec = dialect.spec
        self._width = dialect.mac_width
        self._secondary_at = dialect.mti_width + int(dialect.spec["p"]["max_len"])
        self._hex = str(dialect.spec["64"]["data_enc"])
        rules = [
            _rule(element, str(dialect.spec[str(number)]["len_enc"]))
            for number, element in dialect.elements.items()
            if number not in (FIRST, _EXTENDED_BITMAP)
        ]
        self._by_key = {rule.key: rule for rule in rules}
        self._by_number = {rule.number: rule for rule in rules}

    def decode(self, data: bytes) -> Message:
        """Return the message in `data`, all of it, its fields in ascending order.

        Raises DecodeError where the bytes are no message: cut short, too long, a content that the field's
        format does not allow, or a third bitmap.
        """
        try:
            decoded, encoded = iso8583.decode(data, self._spec)
        except iso8583.DecodeError as error:
            fault = DecodeError(error.field, error.pos, error.msg, self._partial(error.doc_dec, error.field))
        except KeyError:
            # The only names that a specification lacks are those of DE 129 and up.
            fault = DecodeError("65", self._secondary_at, _THIRD_BITMAP)
        else:
            try:
                return self._message(dict(decoded), encoded)
            except DecodeError as error:
                error.partial = self._partial(decoded, error.field)
                raise
        # Raised out here so that the error does not hold pyiso8583's, which holds the message.
        raise fault

    def dissect(self, data: bytes) -> tuple[tuple[Part, ...], DecodeError | None]:
        """Return where each field lies in `data`, in order, and why the rest is none: None where all of it is
        a message, and then the parts together are all of `data`.

        For people who look at bytes; a link uses `decode`, which is what judges here too.
        """
        try:
            self.decode(data)
        except DecodeError as error:
            fault = error
        else:
            decoded, encoded = iso8583.decode(data, self._spec)
            return tuple(_parts(decoded, encoded)), None
        # What a third bitmap follows has no parts of its own: pyiso8583 knows no names for them.
        kept = data[: fault.position] if fault.field == "65" else data
        try:
            decoded, encoded = iso8583.decode(kept, self._spec)
        except iso8583.DecodeError as error:
            decoded, encoded = error.doc_dec, error.doc_enc
        # The field at fault is whole itself only where the fault is that bytes follow it.
        more = fault.position < len(data)
        good: list[Part] = []
        for part in _parts(decoded, encoded):
            at_fault = part.at == fault.position or part.end > fault.position
            if at_fault or (part.key == fault.field and not more):
                break
            if not self._is_allowed(part):  # pyiso8583 went on to a fault behind it
                return tuple(good), DecodeError(part.key, part.at, _NOT_ALLOWED)
            good.append(part)
        return tuple(good), fault

    def _is_allowed(self, part: Part) -> bool:
        """Tell whether a field's content and length are what `_message` lets pass."""
        if part.key in ("p", "1"):
            return part.text.isalnum()
        if part.key == "t":
            return part.text.isdecimal()
        number, _, _, full, length = self._by_key[part.key]
        if length is not None and not length(part.prefix):
            return False
        upper = part.text.upper() if self.dialect.elements[number].kind == "b" else part.text
        return full(upper) is not None

    def _message(self, decoded: dict[str, str], encoded: _Encoded) -> Message:
        mti = decoded.pop("t")
        if not mti.isdecimal():
            raise DecodeError("t", 0, "not digits")
        _check_bitmaps(decoded.pop("p"), decoded.pop("1", ""), encoded)
        rules = self._by_key
        fields: dict[int, str] = {}
        for key, text in decoded.items():
            number, _, quick, full, length = rules[key]
            if length is not None and not length(encoded[key]["len"]):
                raise DecodeError(key, _position(key, encoded), "the length is not digits")
            fields[number] = text if quick(text) or full(text) else self._upper_hex(number, text, encoded)
        return Message(mti, MappingProxyType(fields))

    def _partial(self, decoded: Mapping[str, str], fault: str) -> Message | None:
        """Return what an answer repeats of a message that is not in order, as far as it is in order itself:
        so not the field with the fault, which pyiso8583 leaves in part.
        """
        mti = decoded["t"]
        if not mti.isdecimal():
            return None
        rules = self._by_number
        repeated = {
            number: decoded[str(number)]
            for number in ECHOED
            if str(number) in decoded and str(number) != fault
        }
        return Message(mti, {number: text for number, text in repeated.items() if rules[number].full(text)})

    def _upper_hex(self, number: int, text: str, encoded: _Encoded) -> str:
        """Return the content of a binary DE that came as hex digits in lower case; for any other, raise."""
        rule, upper = self._by_number[number], text.upper()
        if self.dialect.elements[number].kind == "b" and rule.full(upper):
            return upper
        raise DecodeError(rule.key, _position(rule.key, encoded), _NOT_ALLOWED)

    def encode(self, message: Message) -> bytes:
        """Return the message's bytes, DE 64 and 128 as they are in it; the bitmaps are made here.

        Raises EncodeError for a DE that does not exist, or a value that its format or encoding cannot hold.
        """
        return self._bytes(self._document(message.mti, message.fields))

    def seal(self, message: Message, mac: Callable[[bytes], bytes]) -> bytes:
        """Return the message's bytes with its MAC, in DE 128 if it has any field above 64, else in DE 64.

        `mac` takes every byte from the MTI up to the MAC field and returns 8 bytes. A MAC that the message
        already has is left out. Raises EncodeError as `encode` does.
        """
        fields = message.fields
        if _PRIMARY_MAC in fields or _SECONDARY_MAC in fields:
            fields = {n: text for n, text in fields.items() if n not in (_PRIMARY_MAC, _SECONDARY_MAC)}
        document = self._document(message.mti, fields)
        number = _SECONDARY_MAC if max(fields, default=0) > _PRIMARY_MAC else _PRIMARY_MAC
        document[str(number)] = _NO_MAC
        return self.closed(self._bytes(document)[: -self._width], mac)

    def closed(self, covered: bytes, mac: Callable[[bytes], bytes]) -> bytes:
        """Return a message's bytes with the MAC field that its bitmap announces as the last, which covers all
        before it. Raises EncodeError for a MAC that has not 8 bytes.
        """
        code = mac(covered)
        if len(code) != _MAC_BYTES:
            raise EncodeError("MAC", f"a MAC of {len(code)} bytes")
        return covered + (code.hex().upper().encode(self._hex) if self.dialect.mac_hex else code)

    def mac_at(self, raw: bytes, message: Message) -> int | None:
        """Return the offset in `raw` where the MAC field of `message`, decoded from it, begins.

        None where there is no MAC at its right place: none at all, two, or DE 64 before other fields.
        """
        last = max(message.fields, default=0)
        if last not in (_PRIMARY_MAC, _SECONDARY_MAC):
            return None
        if last == _SECONDARY_MAC and _PRIMARY_MAC in message.fields:
            return None
        return len(raw) - self._width

    def mac_of(self, raw: bytes, message: Message) -> tuple[bytes, bytes] | None:
        """Return the bytes that the MAC covers and the MAC itself, 8 bytes; None as `mac_at` says."""
        position = self.mac_at(raw, message)
        if position is None:
            return None
        return raw[:position], bytes.fromhex(message.fields[max(message.fields)])

    def last_bytes(self, raw: bytes) -> tuple[bytes, bytes]:
        """Return the split of `mac_of` for bytes that do not decode: the last field's place is the same.

        The second part is empty where it cannot be a MAC.
        """
        covered, field = raw[: -self._width], raw[-self._width :]
        if not self.dialect.mac_hex:
            return covered, field
        try:
            return covered, bytes.fromhex(field.decode(self._hex))
        except ValueError:
            return covered, b""

    def _document(self, mti: str, fields: Mapping[int, str]) -> dict[str, str]:
        """Return pyiso8583's form of the message, every content checked."""
        if not mti.isdecimal():
            raise EncodeError("t", "not digits")
        document = {"t": mti}
        rules = self._by_number
        for number, text in fields.items():
            rule = rules.get(number)
            if rule is None or not isinstance(text, str):
                raise EncodeError(str(number), "no such DE" if rule is None else "its value is no text")
            _, key, quick, full, _ = rule
            if not quick(text) and not full(text):
                raise EncodeError(key, _NOT_ALLOWED)
            document[key] = text
        return document

    def _bytes(self, document: dict[str, str]) -> bytes:
        try:
            return bytes(iso8583.encode(document, self._spec)[0])
        except iso8583.EncodeError as error:
            fault = EncodeError(error.field, error.msg)
        # As in `decode`: not from pyiso8583's error, which holds the message.
        raise fault


def _check_bitmaps(primary: str, secondary: str, encoded: _Encoded) -> None:
    # pyiso8583 reads hex bitmaps with bytes.fromhex, which passes over blanks, so that 16 characters may be
    # less than 64 bits.
    if not primary.isalnum():
        raise DecodeError("p", _position("p", encoded), "not hex digits")
    if not secondary:
        return
    if not secondary.isalnum():
        raise DecodeError("1", _position("1", encoded), "not hex digits")
    if len(secondary) > len(primary):
        raise DecodeError("65", _position("1", encoded), _THIRD_BITMAP)


def _parts(decoded: Mapping[str, str], encoded: _Encoded) -> Iterator[Part]:
    at = 0
    for key, part in encoded.items():
        found = Part(key, at, part["len"], part["data"], decoded[key])
        yield found
        at = found.end


def content_pattern(element: Element) -> re.Pattern[str]:
    """Return the pattern of what the element's format allows, of any length."""
    pattern = _CONTENT[element.kind]
    if element.text:
        pattern = _LINES if element.lines else _TEXT
    return re.compile(pattern)


def _position(key: str, encoded: _Encoded) -> int:
    """Return the byte offset of a field: pyiso8583's parts are in the order of the bytes."""
    position = 0
    for name, part in encoded.items():
        if name == key:
            break
        position += len(part["len"]) + len(part["data"])
    return position
