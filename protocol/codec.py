"""Decodes a dialect's bytes to messages and encodes messages to bytes, on top of pyiso8583.

This module knows layouts only: what a field means, which fields a message must have, and keys do not belong
here. pyiso8583 finds where each field begins and ends; this module adds what ISO 8583 says about the content
of fields, and guarantees the errors: whatever the bytes, `decode` raises DecodeError and nothing else, and
`encode` EncodeError and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import takewhile
from types import MappingProxyType
from typing import Final, NamedTuple

import iso8583

from protocol.dialect import Dialect, Element
from protocol.dialect_file import FIRST, LAST
from protocol.errors import DecodeError, EncodeError
from protocol.mac_cover import MTI, WHOLE, Cover, Field
from protocol.message import ECHOED, Message
from qianzhi_errors.sentence import Sentence

Check = Callable[[str], object]
"""A check of a field's text: it passes if the result is truthy."""
_Encoded = Mapping[str, Mapping[str, bytes]]
"""pyiso8583's account of the bytes: field key to its "len" and "data", in the order of the bytes."""


class Part(NamedTuple):
    """One field and its place in a message. `key` is a DE number as text, "t" for the MTI, "p" and "1" for
    the bitmaps.

    The field begins at byte `at` with `prefix`, the length as it is written (empty if the field has a fixed
    length), followed by `data`; `text` is the data decoded.
    """

    key: str
    at: int
    prefix: bytes
    data: bytes
    text: str

    @property
    def end(self) -> int:
        """Offset of the first byte after the field."""
        return self.at + len(self.prefix) + len(self.data)

    def __repr__(self) -> str:
        """Show the field's place, never its content."""
        return f"Part({self.key}, bytes {self.at} to {self.end})"


_PRIMARY_MAC: Final = 64
_SECONDARY_MAC: Final = 128
_EXTENDED_BITMAP: Final = 65
_BITMAPS_MAX: Final = 3
_MAC_BYTES: Final = 8
_NO_MAC: Final = "0" * 16
_NOT_ALLOWED: Final = Sentence("content that its format does not allow")
_THIRD_BITMAP: Final = Sentence("a third bitmap, which ISO 8583:1987 does not have")

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


class _Rule(NamedTuple):
    """The checks of one DE's content: `quick` or else `full` must pass, and so must `length` if not None."""

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
    """Return a str method that accepts no more than the pattern does within the element's encoding; None if
    there is no such method.
    """
    if element.text:
        return str.isprintable
    # Binary fields are checked as hex digits. Code page 500 has no decimal digits except 0 to 9.
    if element.kind == "n" or element.encoding in ("ascii", "binary"):
        return _QUICK.get(element.kind)
    return None


class Codec:
    """Encodes and decodes the messages of one dialect. Immutable: any number of links may share it."""

    __slots__ = (
        *(
            "_bitmaps",
            "_by_key",
            "_by_number",
            "_cover",
            "_hex",
            "_rewriting",
            "_secondary_at",
            "_spec",
            "_width",
        ),
        "dialect",
    )

    def __init__(self, dialect: Dialect, cover: Cover = WHOLE) -> None:
        """Take the dialect and what a MAC covers, and prepare the checks of each of the dialect's DEs."""
        self._cover = cover
        self.dialect = dialect
        self._spec = dialect.spec
        self._rewriting = dialect.rewriting
        self._bitmaps = _BITMAPS_MAX if max(dialect.elements) > LAST else _BITMAPS_MAX - 1
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
        """Return the message that `data` holds, its fields in ascending order; `data` is used to its last
        byte.

        Raises DecodeError if the bytes are not a message: cut short, too long, a content that the field's
        format does not allow, or a third bitmap.
        """
        if self._rewriting is not None:
            data = self._rewriting.announced(data)
        try:
            decoded, encoded = iso8583.decode(data, self._spec)
        except iso8583.DecodeError as error:
            fault = DecodeError(error.field, error.pos, error.msg, self._partial(error.doc_dec, error.field))
        except KeyError:
            # A specification has every key except those of DE 129 and above, or some of these.
            fault = DecodeError("65", self._secondary_at, _THIRD_BITMAP)
        else:
            try:
                return self._message(dict(decoded), encoded)
            except DecodeError as error:
                error.partial = self._partial(decoded, error.field)
                raise
        # Raised here, outside of `except`: else it would hold pyiso8583's error, which holds the message.
        raise fault

    def dissect(self, data: bytes) -> tuple[tuple[Part, ...], DecodeError | None]:
        """Return the place of each field in `data`, in order, up to the first error, and that error.

        The error is None if `data` is a message; then the parts together are all of `data`. Only the analyzer
        uses this; a link uses `decode`, whose judgement is also the one here.
        """
        try:
            self.decode(data)
        except DecodeError as error:
            fault = error
        else:
            decoded, encoded = iso8583.decode(self._announced(data), self._spec)
            return tuple(self._parts(decoded, encoded)), None
        # Fields after a third bitmap cannot be told apart: pyiso8583 has no keys for them.
        kept = data[: fault.position] if fault.field == "65" else data
        try:
            kept = self._announced(kept)
        except DecodeError:  # the bitmap itself is what is wrong
            kept = kept[: fault.position]
        try:
            decoded, encoded = iso8583.decode(kept, self._spec)
        except iso8583.DecodeError as error:
            decoded, encoded = error.doc_dec, error.doc_enc
        # The field that the error names is complete itself only if the error is that more bytes follow it.
        more = fault.position < len(data)
        good: list[Part] = []
        for part in self._parts(decoded, encoded):
            at_fault = part.at == fault.position or part.end > fault.position
            if at_fault or (part.key == fault.field and not more):
                break
            if not self._is_allowed(part):  # pyiso8583 passed over this and stopped at a later error
                return tuple(good), DecodeError(part.key, part.at, _NOT_ALLOWED)
            good.append(part)
        return tuple(good), fault

    def _announced(self, data: bytes) -> bytes:
        """Return a message as pyiso8583 reads it. Raises DecodeError."""
        return data if self._rewriting is None else self._rewriting.announced(data)

    def _parts(self, decoded: dict[str, str], encoded: _Encoded) -> Iterator[Part]:
        """Yield the fields with their places and the texts of a message, in the order of the bytes."""
        if self._rewriting is not None:
            self._rewriting.read(decoded)
        return _parts(decoded, encoded)

    def _is_allowed(self, part: Part) -> bool:
        """Tell whether `_message` would accept the field's content and length."""
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
        """Return the message of pyiso8583's result. Raises DecodeError for a content that is not allowed."""
        mti = decoded.pop("t")
        if not mti.isdecimal():
            raise DecodeError("t", 0, Sentence("not digits"))
        if self._rewriting is not None:
            mti = self._rewriting.own_mti(mti)
            self._rewriting.read(decoded)
        _check_bitmaps(decoded.pop("p"), decoded.pop("1", ""), encoded, self._bitmaps)
        rules = self._by_key
        fields: dict[int, str] = {}
        for key, text in decoded.items():
            number, _, quick, full, length = rules[key]
            if length is not None and not length(encoded[key]["len"]):
                raise DecodeError(key, _position(key, encoded), Sentence("the length is not digits"))
            fields[number] = text if quick(text) or full(text) else self._upper_hex(number, text, encoded)
        if self._rewriting is not None:
            fields = self._rewriting.moved_fields(fields)
        return Message(mti, MappingProxyType(fields))

    def _partial(self, decoded: Mapping[str, str], fault: str) -> Message | None:
        """Return the fields to echo in the 30 answer to a malformed message: those that decoded correctly.

        The field `fault` is left out, because pyiso8583 keeps the beginning of it. None if the MTI is wrong.
        """
        mti = decoded["t"]
        if not mti.isdecimal():
            return None
        if self._rewriting is not None:
            try:
                mti = self._rewriting.own_mti(mti)
            except DecodeError:
                return None
            decoded = dict(decoded)
            self._rewriting.read(decoded)
        rules = self._by_number
        repeated = {
            number: decoded[str(number)]
            for number in ECHOED
            if str(number) in decoded and str(number) != fault
        }
        return Message(mti, {number: text for number, text in repeated.items() if rules[number].full(text)})

    def _upper_hex(self, number: int, text: str, encoded: _Encoded) -> str:
        """Return the content of a binary DE in upper case, if it came as hex digits in lower case.

        Raises DecodeError for every other content: neither check of the DE passed it.
        """
        rule, upper = self._by_number[number], text.upper()
        if self.dialect.elements[number].kind == "b" and rule.full(upper):
            return upper
        raise DecodeError(rule.key, _position(rule.key, encoded), _NOT_ALLOWED)

    def encode(self, message: Message) -> bytes:
        """Return the message's bytes. The bitmaps are made here; DE 64 and 128 are written as they are given.

        Raises EncodeError for a DE that does not exist, or a value that its format or encoding cannot hold.
        """
        return self._bytes(self._document(message.mti, message.fields))

    def seal(self, message: Message, mac: Callable[[bytes], bytes]) -> bytes:
        """Return the message's bytes with its MAC, in DE 128 if it has any field above 64, else in DE 64.

        `mac` takes every byte from the MTI up to the MAC field and returns 8 bytes. A MAC that the message
        already has is replaced. Raises EncodeError as `encode` does.
        """
        fields = message.fields
        if _PRIMARY_MAC in fields or _SECONDARY_MAC in fields:
            fields = {n: text for n, text in fields.items() if n not in (_PRIMARY_MAC, _SECONDARY_MAC)}
        document = self._document(message.mti, fields)
        last = max(fields, default=0)
        if last > _SECONDARY_MAC:
            raise EncodeError(str(last), Sentence("nothing stands behind the MAC"))
        number = _SECONDARY_MAC if last > _PRIMARY_MAC else _PRIMARY_MAC
        document[str(number)] = _NO_MAC
        return self.append_mac(self._bytes(document)[: -self._width], mac)

    def append_mac(self, covered: bytes, mac: Callable[[bytes], bytes]) -> bytes:
        """Return `covered` with its MAC field appended. `covered` is a whole message but for the MAC field,
        which its bitmap announces as the last. Raises EncodeError if the MAC is not 8 bytes.
        """
        code = mac(self.mac_input(covered))
        if len(code) != _MAC_BYTES:
            raise EncodeError("MAC", Sentence("a MAC of {length} bytes", length=len(code)))
        return covered + (code.hex().upper().encode(self._hex) if self.dialect.mac_hex else code)

    def mac_at(self, raw: bytes, message: Message) -> int | None:
        """Return the offset in `raw` at which the MAC field of `message`, decoded from `raw`, begins.

        None if no MAC stands in its right place: there is none, there are two, or DE 64 stands before other
        fields.
        """
        last = max(message.fields, default=0)
        if last not in (_PRIMARY_MAC, _SECONDARY_MAC):
            return None
        if last == _SECONDARY_MAC and _PRIMARY_MAC in message.fields:
            return None
        return len(raw) - self._width

    def mac_of(self, raw: bytes, message: Message) -> tuple[bytes, bytes] | None:
        """Return the bytes that the MAC covers and the MAC itself, 8 bytes; None where `mac_at` is None."""
        position = self.mac_at(raw, message)
        if position is None:
            return None
        return raw[:position], bytes.fromhex(message.fields[max(message.fields)])

    def mac_input(self, covered: bytes) -> bytes:
        """Return what a MAC is computed of in a message whose bytes before its MAC field are `covered`: all
        of them, or the fields that were agreed. Of bytes that do not decode, the fields up to the first wrong
        one.
        """
        if not self._cover.fields:
            return covered
        none = "0".encode(self._hex) if self.dialect.mac_hex else bytes(1)
        parts, _ = self.dissect(covered + none * self._width)
        return self._cover.joined(dict(self._covered_fields(parts)))

    def _covered_fields(self, parts: Iterable[Part]) -> Iterator[tuple[int, Field]]:
        """Yield the MTI and each DE with its bytes and its text, by number."""
        for part in parts:
            if part.key == "t":
                yield MTI, Field(part.data, part.text)
            elif part.key.isdecimal() and int(part.key) in self._cover.fields:
                element = self.dialect.elements[int(part.key)]
                length = f"{len(part.text):0{element.prefix}d}" if part.prefix else ""
                yield int(part.key), Field(part.prefix + part.data, length + part.text)

    def last_bytes(self, raw: bytes) -> tuple[bytes, bytes]:
        """Return what `mac_of` returns, for bytes that do not decode: the MAC field still stands last.

        The second part is empty if the last bytes cannot be a MAC.
        """
        covered, field = raw[: -self._width], raw[-self._width :]
        if not self.dialect.mac_hex:
            return covered, field
        try:
            return covered, bytes.fromhex(field.decode(self._hex))
        except ValueError:
            return covered, b""

    def _document(self, mti: str, fields: Mapping[int, str]) -> dict[str, str]:
        """Return the message as pyiso8583 takes it, every content checked. Raises EncodeError."""
        if not mti.isdecimal():
            raise EncodeError("t", Sentence("not digits"))
        rewriting = self._rewriting
        if rewriting is not None:
            mti, fields = rewriting.network_mti(mti), rewriting.moved_fields(fields)
        document = {"t": mti}
        rules = self._by_number
        for number, text in fields.items():
            rule = rules.get(number)
            if rule is None or not isinstance(text, str):
                raise EncodeError(
                    str(number), Sentence("no such DE") if rule is None else Sentence("its value is no text")
                )
            _, key, quick, full, _ = rule
            if not quick(text) and not full(text):
                raise EncodeError(self._own_key(key), _NOT_ALLOWED)
            document[key] = text
        if rewriting is not None:
            rewriting.write(document)
        return document

    def _own_key(self, key: str) -> str:
        """Return a field's key under the interface's number."""
        return key if self._rewriting is None else self._rewriting.moved_key(key)

    def _bytes(self, document: dict[str, str]) -> bytes:
        """Return the bytes of pyiso8583's form of a message. Raises EncodeError."""
        try:
            data = bytes(iso8583.encode(document, self._spec)[0])
        except iso8583.EncodeError as error:
            fault = EncodeError(self._own_key(error.field), error.msg)
        else:
            return data if self._rewriting is None else self._rewriting.unannounced_of(data)
        # Raised here for the reason given in `decode`: pyiso8583's error holds the message.
        raise fault


def _check_bitmaps(primary: str, secondary: str, encoded: _Encoded, bitmaps: int) -> None:
    """Raise DecodeError if a bitmap is not hex digits, or if there are more bitmaps than the dialect has."""
    # pyiso8583 reads hex bitmaps with bytes.fromhex, which skips blanks: 16 characters may be less than 64
    # bits.
    if not primary.isalnum():
        raise DecodeError("p", _position("p", encoded), Sentence("not hex digits"))
    if not secondary:
        return
    if not secondary.isalnum():
        raise DecodeError("1", _position("1", encoded), Sentence("not hex digits"))
    if len(secondary) > len(primary) and bitmaps < _BITMAPS_MAX:
        raise DecodeError("65", _position("1", encoded), _THIRD_BITMAP)


def _parts(decoded: Mapping[str, str], encoded: _Encoded) -> Iterator[Part]:
    """Yield pyiso8583's fields with their places, in the order of the bytes."""
    at = 0
    for key, written in encoded.items():
        part = Part(key, at, written["len"], written["data"], decoded[key])
        yield part
        at = part.end


def content_pattern(element: Element) -> re.Pattern[str]:
    """Return the pattern of what the element's format allows as content; the length is not checked."""
    pattern = _PACKED_TRACK if element.kind == "z" and element.encoding == "bcd" else _CONTENT[element.kind]
    if element.text:
        pattern = _LINES if element.lines else _TEXT
    return re.compile(pattern)


def _position(key: str, encoded: _Encoded) -> int:
    """Return the byte offset of a field. The fields of `encoded` are in the order of the bytes."""
    before = takewhile(lambda name: name != key, encoded)
    return sum(len(encoded[name]["len"]) + len(encoded[name]["data"]) for name in before)
