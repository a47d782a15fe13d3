"""Reads and writes what stands in one DE behind a private bitmap: subfields, as a message has fields.

On pyiso8583, whose third bitmap is the private one here: before it stand an MTI and two bitmaps which are
always the same, and which no message has. What a subfield may hold is in `content`, as for any field; a
bitmap within a subfield is not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import iso8583

from protocol.content import NOT_ALLOWED, Rule, rule_of
from protocol.dialect import OPEN_WIDTH, SUBFIELDS_AT, Private
from protocol.dialect_file import LAST_SUBFIELD
from protocol.errors import DecodeError, EncodeError
from protocol.part import Encoded, Part, parts_of
from qianzhi_errors.sentence import Sentence

BITMAP: Final = "p"
"""What stands behind the DE's number in the key of its private bitmap: "127.p"."""
_MTI: Final = "0000"
_NEXT: Final = b"\x80" + bytes(7)
"""A bitmap that announces the next one."""
_OF_ALL: Final = "1"
"""pyiso8583's key of the second bitmap, and of the third behind it."""
_BITMAP_DIGITS: Final = 16
_BITMAP_BYTES: Final = 8
_HEX: Final = frozenset("0123456789ABCDEFabcdef")
_UNDECLARED: Final[Mapping[str, Any]] = MappingProxyType(
    {"len_type": OPEN_WIDTH, "len_enc": "ascii", "max_len": 0, "data_enc": "b", "desc": ""}
)


class Subfields:
    """Reads and writes the subfields of one DE. Immutable: any number of links may share it."""

    __slots__ = ("_empty", "_lead", "_number", "_private", "_rules", "_spec", "_step")

    def __init__(self, private: Private) -> None:
        """Take what the dialect says of the DE, and prepare the checks of its subfields."""
        self._private = private
        self._number = private.number
        is_binary = private.bitmap == "b"
        self._step = 8 if is_binary else 4
        self._empty = bytes(_BITMAP_BYTES) if is_binary else ("0" * _BITMAP_DIGITS).encode(private.bitmap)
        second = _NEXT if is_binary else _NEXT.hex().encode(private.bitmap)
        self._lead = bytes.fromhex(_MTI) + _NEXT + second
        undeclared = {str(SUBFIELDS_AT + bit): _UNDECLARED for bit in range(1, LAST_SUBFIELD + 1)}
        self._spec = {**undeclared, **private.spec}
        self._rules: Mapping[int, Rule] = {
            number: rule_of(element, str(private.spec[str(SUBFIELDS_AT + number)]["len_enc"]))
            for number, element in private.elements.items()
        }

    def read(self, data: bytes, at: int) -> Mapping[int, str]:
        """Return the subfields by number, in ascending order, of the DE's content `data`, which begins at
        byte `at` of its message and is used to its last byte.

        Raises DecodeError for a bit without a subfield, a content that a subfield's format does not allow,
        and bytes that no bit announces.
        """
        parts, fault = self.dissect(data, at)
        if fault is not None:
            raise fault
        return MappingProxyType({int(part.key.partition(".")[2]): part.text for part in parts[1:]})

    def size(self, data: bytes, at: int) -> int:
        """Return how many bytes from the beginning of `data` the bitmap and its subfields take, for a DE
        without a length; `at` is as for `read`. Raises DecodeError as `read` does, but not for more bytes.
        """
        parts, fault = self._dissect(data, at)
        if fault is not None:
            raise fault
        return parts[-1].end - at

    def dissect(self, data: bytes, at: int) -> tuple[tuple[Part, ...], DecodeError | None]:
        """Return the bitmap and the subfields up to the first error, and that error; None if `data` is used
        to its last byte. `at` is as for `read`.
        """
        parts, fault = self._dissect(data, at)
        if fault is None and (more := at + len(data) - parts[-1].end):
            reason = Sentence("bytes that its bitmap does not announce: {count}", count=more)
            fault = DecodeError(parts[-1].key, parts[-1].end, reason)
        return parts, fault

    def write(self, subfields: Mapping[int, str]) -> bytes:
        """Return the bytes of the DE's content: the bitmap and the subfields. Raises EncodeError for a
        subfield that the dialect does not have, or a value that its format or encoding cannot hold.
        """
        document = {"t": _MTI}
        for number, text in subfields.items():
            rule = self._rules.get(number)
            if rule is None or not isinstance(text, str):
                reason = Sentence("no such subfield") if rule is None else Sentence("its value is no text")
                raise EncodeError(self._key(number), reason)
            if not rule.full(text):
                raise EncodeError(self._key(number), NOT_ALLOWED)
            key = str(SUBFIELDS_AT + number)
            rewritten = self._private.rewritten.get(key)
            document[key] = text if rewritten is None else rewritten.write(text)
        if not subfields:
            return self._empty
        try:
            return bytes(iso8583.encode(document, self._spec)[0][len(self._lead) :])
        except iso8583.EncodeError as error:
            fault = EncodeError(self._key(int(error.field) - SUBFIELDS_AT), error.msg)
        # Raised here, outside of `except`: else it would hold pyiso8583's error, which holds the message.
        raise fault

    def _key(self, subfield: int | str) -> str:
        return f"{self._number}.{subfield}"

    def _dissect(self, data: bytes, at: int) -> tuple[tuple[Part, ...], DecodeError | None]:
        """Return what `dissect` does; bytes behind the last subfield are no error."""
        stop: tuple[str, str] | None = None
        try:
            decoded, encoded = iso8583.decode(self._lead + data, self._spec)
        except iso8583.DecodeError as error:
            decoded, encoded = error.doc_dec, error.doc_enc
            taken = sum(len(part["len"]) + len(part["data"]) for part in encoded.values())
            # pyiso8583 stops behind the last subfield, or at one: then it has less of it, or says a place
            # before it.
            if not error.pos == taken < len(self._lead) + len(data):
                stop = error.field, error.msg
        bitmap, fault = self._bitmap(decoded, encoded, at)
        if bitmap is None or fault is not None:
            return (() if bitmap is None else (bitmap,)), fault
        return self._checked(bitmap, decoded, encoded, stop)

    def _bitmap(
        self, decoded: Mapping[str, str], encoded: Encoded, at: int
    ) -> tuple[Part | None, DecodeError | None]:
        """Return the private bitmap, None where it is none, and what is wrong with it."""
        key, width = self._key(BITMAP), len(self._empty)
        written = encoded[_OF_ALL]["data"][width:]
        text = decoded[_OF_ALL][_BITMAP_DIGITS:]
        if len(written) < width:
            return None, DecodeError(
                key, at, Sentence("the bitmap has {count} bytes of {width}", count=len(written), width=width)
            )
        if len(text) != _BITMAP_DIGITS or not _HEX.issuperset(text):
            return None, DecodeError(key, at, Sentence("not hex digits"))
        bits = f"{int(text, 16):0{LAST_SUBFIELD}b}"
        for bit in (place for place, is_set in enumerate(bits, start=1) if is_set == "1"):
            if bit not in self._rules:
                reason = Sentence("bit {bit} of its bitmap is set, and it has no such subfield", bit=bit)
                return None, DecodeError(self._key(bit), at + (bit - 1) // self._step, reason)
        return Part(key, at, b"", written, text), None

    def _checked(
        self, bitmap: Part, decoded: Mapping[str, str], encoded: Encoded, stop: tuple[str, str] | None
    ) -> tuple[tuple[Part, ...], DecodeError | None]:
        """Return the bitmap and the subfields up to the first that is not as its format says, and the error;
        `stop` is the key at which pyiso8583 stopped, and why.
        """
        good = [bitmap]
        for part in self._placed(decoded, encoded, bitmap.at - len(self._lead)):
            number = int(part.key) - SUBFIELDS_AT
            if stop is not None and part.key == stop[0]:
                return tuple(good), DecodeError(self._key(number), part.at, stop[1])
            rule, text = self._rules[number], part.text
            if rule.length is not None and not rule.length(part.prefix):
                return tuple(good), DecodeError(
                    self._key(number), part.at, Sentence("the length is not digits")
                )
            if self._private.elements[number].kind == "b":
                text = text.upper()
            if not rule.full(text):
                return tuple(good), DecodeError(self._key(number), part.at, NOT_ALLOWED)
            good.append(part._replace(key=self._key(number), text=text))
        return tuple(good), None

    def _placed(self, decoded: Mapping[str, str], encoded: Encoded, begin: int) -> Iterable[Part]:
        """Yield the subfields by pyiso8583's keys, at their places in the message, with their own texts."""
        for part in _behind_the_bitmap(parts_of(decoded, encoded)):
            rewritten = self._private.rewritten.get(part.key)
            text = part.text if rewritten is None else rewritten.read(part.text)
            yield part._replace(at=part.at + begin, text=text)


def _behind_the_bitmap(parts: Iterable[Part]) -> Iterator[Part]:
    """Yield the fields of the third bitmap."""
    return (part for part in parts if part.key.isdecimal() and int(part.key) > SUBFIELDS_AT)
