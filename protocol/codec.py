"""Decodes a dialect's bytes to messages and encodes messages to bytes, on top of pyiso8583.

This module knows layouts only: what a field means, which fields a message must have, and keys do not belong
here. pyiso8583 finds where each field begins and ends; this module adds what ISO 8583 says about the content
of fields, and guarantees the errors: whatever the bytes, `decode` raises DecodeError and nothing else, and
`encode` EncodeError and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final

import iso8583

from protocol.content import NOT_ALLOWED, rule_of
from protocol.dialect import Dialect, Spec
from protocol.dialect_file import FIRST, LAST
from protocol.errors import DecodeError, EncodeError
from protocol.mac_cover import MTI, WHOLE, Cover, Field
from protocol.message import ECHOED, Message
from protocol.part import Encoded, Part, parts_of, position_of
from protocol.subfields import Subfields
from qianzhi_errors.sentence import Sentence

_PRIMARY_MAC: Final = 64
_SECONDARY_MAC: Final = 128
_EXTENDED_BITMAP: Final = 65
_BITMAPS_MAX: Final = 3
_MAC_BYTES: Final = 8
_NO_MAC: Final = "0" * 16
_THIRD_BITMAP: Final = Sentence("a third bitmap, which ISO 8583:1987 does not have")


class Codec:
    """Encodes and decodes the messages of one dialect. Immutable: any number of links may share it."""

    __slots__ = (
        *(
            "_bitmaps",
            "_by_key",
            "_by_number",
            "_counted",
            "_cover",
            "_hex",
            "_open",
            "_private",
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
            rule_of(element, str(dialect.spec[str(number)]["len_enc"]))
            for number, element in dialect.elements.items()
            if number not in (FIRST, _EXTENDED_BITMAP)
        ]
        self._by_key = {rule.key: rule for rule in rules}
        self._by_number = {rule.number: rule for rule in rules}
        self._private = {str(number): Subfields(private) for number, private in dialect.private.items()}
        self._counted = {str(number): counted for number, counted in dialect.counted.items()}
        self._open = {key for key in self._private if not dialect.elements[int(key)].length}
        self._open.update(self._counted)

    def decode(self, data: bytes) -> Message:
        """Return the message that `data` holds, its fields in ascending order; `data` is used to its last
        byte.

        Raises DecodeError if the bytes are not a message: cut short, too long, a content that the field's
        format does not allow, or a third bitmap. Of a field within a DE, the error names both: "127.3".
        """
        if self._rewriting is not None:
            data = self._rewriting.announced(data)
        spec = self._measured(data) if self._open else self._spec
        try:
            decoded, encoded = iso8583.decode(data, spec)
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
            announced = self._announced(data)
            decoded, encoded = iso8583.decode(announced, self._measured(announced))
            return tuple(
                within for part in self._parts(decoded, encoded) for within in self._expanded(part)
            ), None
        # Fields after a third bitmap cannot be told apart: pyiso8583 has no keys for them.
        kept = data[: fault.position] if fault.field == "65" else data
        try:
            kept = self._announced(kept)
        except DecodeError:  # the bitmap itself is what is wrong
            kept = kept[: fault.position]
        try:
            decoded, encoded = iso8583.decode(kept, self._measured(kept, strict=False))
        except iso8583.DecodeError as error:
            decoded, encoded = error.doc_dec, error.doc_enc
        # The field that the error names is complete itself only if the error is that more bytes follow it.
        more = fault.position < len(data)
        good: list[Part] = []
        for part in self._parts(decoded, encoded):
            if fault.field.startswith(f"{part.key}."):
                within = self._expanded(part)
                good += (one for one in within if one.end <= fault.position)
                break
            at_fault = part.at == fault.position or part.end > fault.position
            if at_fault or (part.key == fault.field and not more):
                break
            if not self._is_allowed(part):  # pyiso8583 passed over this and stopped at a later error
                return tuple(good), DecodeError(part.key, part.at, NOT_ALLOWED)
            good += self._expanded(part)
        return tuple(good), fault

    def _expanded(self, part: Part) -> tuple[Part, ...]:
        """Return the part; of a DE with a private bitmap its length, the bitmap and its subfields instead."""
        subfields = self._private.get(part.key)
        if subfields is None:
            return (part,)
        head = part._replace(data=b"", text="")
        return head, *subfields.dissect(part.data, head.end)[0]

    def _announced(self, data: bytes) -> bytes:
        """Return a message as pyiso8583 reads it. Raises DecodeError."""
        return data if self._rewriting is None else self._rewriting.announced(data)

    def _parts(self, decoded: dict[str, str], encoded: Encoded) -> Iterator[Part]:
        """Yield the fields with their places and the texts of a message, in the order of the bytes."""
        if self._rewriting is not None:
            self._rewriting.read(decoded)
        for part in parts_of(decoded, encoded):
            counted = self._counted.get(part.key)
            width = 0 if counted is None else counted.width
            yield part._replace(prefix=part.data[:width], data=part.data[width:]) if width else part

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

    def _message(self, decoded: dict[str, str], encoded: Encoded) -> Message:
        """Return the message of pyiso8583's result. Raises DecodeError for a content that is not allowed."""
        mti = decoded.pop("t")
        if not mti.isdecimal():
            raise DecodeError("t", 0, Sentence("not digits"))
        if self._rewriting is not None:
            mti = self._rewriting.own_mti(mti)
            self._rewriting.read(decoded)
        _check_bitmaps(decoded.pop("p"), decoded.pop("1", ""), encoded, self._bitmaps)
        if self._private:
            return self._with_subfields(mti, decoded, encoded)
        fields = self._fields(decoded, encoded)
        if self._rewriting is not None:
            fields = self._rewriting.moved_fields(fields)
        return Message(mti, MappingProxyType(fields))

    def _fields(self, decoded: Mapping[str, str], encoded: Encoded) -> dict[int, str]:
        """Return the DEs' texts by number, each checked. Raises DecodeError."""
        rules = self._by_key
        fields: dict[int, str] = {}
        for key, text in decoded.items():
            number, _, quick, full, length = rules[key]
            if length is not None and not length(encoded[key]["len"]):
                raise DecodeError(key, position_of(key, encoded), Sentence("the length is not digits"))
            fields[number] = text if quick(text) or full(text) else self._upper_hex(number, text, encoded)
        return fields

    def _with_subfields(self, mti: str, decoded: Mapping[str, str], encoded: Encoded) -> Message:
        """Return the message, with the subfields of the DEs with a private bitmap. Raises DecodeError."""
        fields: dict[int, str] = {}
        subfields: dict[int, Mapping[int, str]] = {}
        for key, text in decoded.items():
            found = self._fields({key: text}, encoded)
            if key in self._private:
                begin = position_of(key, encoded) + len(encoded[key]["len"])
                subfields[int(key)] = self._private[key].read(encoded[key]["data"], begin)
            else:
                fields |= found
        alike = frozenset(self.dialect.alike(subfields))
        if self._rewriting is not None:
            fields = self._rewriting.moved_fields(fields)
            subfields = self._rewriting.moved_fields(subfields)
        return Message(mti, MappingProxyType(fields), MappingProxyType(subfields), alike)

    def _measured(self, data: bytes, *, strict: bool = True) -> Spec:
        """Return the specification in which each DE whose bytes pyiso8583 cannot count has as many as its
        private bitmap or its characters take in this message. Raises DecodeError for one that cannot be
        read; unless `strict`, it has all the bytes that are left.
        """
        spec = dict(self._spec)
        open_ = set(self._open)
        while open_:
            try:
                iso8583.decode(data, spec)
                return spec
            except KeyError:
                return spec
            except iso8583.DecodeError as error:
                key, at, decoded = error.field, error.pos, error.doc_dec
            if key not in open_:
                return spec
            open_.remove(key)
            size, fault = self._size(key, data[at:], at)
            if fault is not None and strict:
                fault.partial = self._partial(decoded, key)
                raise fault
            spec[key] = _of_size(self._spec[key], size)
        return spec

    def _size(self, key: str, data: bytes, at: int) -> tuple[int, DecodeError | None]:
        """Return the bytes of a DE that begins at `data` and that pyiso8583 cannot count, all where it cannot
        be read, and then why not.
        """
        try:
            return (self._counted.get(key) or self._private[key]).size(data, at), None
        except DecodeError as fault:
            return len(data), fault

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

    def _upper_hex(self, number: int, text: str, encoded: Encoded) -> str:
        """Return the content of a binary DE in upper case, if it came as hex digits in lower case.

        Raises DecodeError for every other content: neither check of the DE passed it.
        """
        rule, upper = self._by_number[number], text.upper()
        if self.dialect.elements[number].kind == "b" and rule.full(upper):
            return upper
        raise DecodeError(rule.key, position_of(rule.key, encoded), NOT_ALLOWED)

    def encode(self, message: Message) -> bytes:
        """Return the message's bytes. The bitmaps are made here; DE 64 and 128 are written as they are given.

        Raises EncodeError for a DE that does not exist, or a value that its format or encoding cannot hold.
        """
        return self._bytes(self._document(message))

    def seal(self, message: Message, mac: Callable[[bytes], bytes]) -> bytes:
        """Return the message's bytes with its MAC, in DE 128 if it has any field above 64, else in DE 64.

        `mac` takes every byte from the MTI up to the MAC field and returns 8 bytes. A MAC that the message
        already has is replaced. Raises EncodeError as `encode` does.
        """
        fields = message.fields
        if _PRIMARY_MAC in fields or _SECONDARY_MAC in fields:
            fields = {n: text for n, text in fields.items() if n not in (_PRIMARY_MAC, _SECONDARY_MAC)}
            message = message._replace(fields=fields)
        document = self._document(message)
        last = message.last
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
        last = message.last
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
        for part in _joined(parts):
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

    def _document(self, message: Message) -> dict[str, str]:
        """Return the message as pyiso8583 takes it, every content checked. Raises EncodeError."""
        mti, fields, subfields, _alike = message
        if not mti.isdecimal():
            raise EncodeError("t", Sentence("not digits"))
        rewriting = self._rewriting
        if rewriting is not None:
            mti, fields = rewriting.network_mti(mti), rewriting.moved_fields(fields)
            subfields = rewriting.moved_fields(subfields)
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
                raise EncodeError(self._own_key(key), NOT_ALLOWED)
            document[key] = text
        if subfields or self._private:
            self._write_subfields(document, subfields)
        if rewriting is not None:
            rewriting.write(document)
        return document

    def _write_subfields(self, document: dict[str, str], subfields: Mapping[int, Mapping[int, str]]) -> None:
        """Add the DEs with a private bitmap to a message as pyiso8583 takes it. Raises EncodeError."""
        for key in self._private.keys() & document.keys():
            raise EncodeError(self._own_key(key), Sentence("it is made of subfields"))
        for number, within in subfields.items():
            writer = self._private.get(str(number))
            if writer is None:
                raise EncodeError(self._own_key(str(number)), Sentence("it has no subfields"))
            document[str(number)] = writer.write(within).hex().upper()

    def _own_key(self, key: str) -> str:
        """Return a field's key under the interface's number."""
        return key if self._rewriting is None else self._rewriting.moved_key(key)

    def _bytes(self, document: dict[str, str]) -> bytes:
        """Return the bytes of pyiso8583's form of a message. Raises EncodeError."""
        spec = self._spec
        if self._open:
            sizes = {key: len(document[key]) // 2 for key in self._open & document.keys()}
            spec = {**spec, **{key: _of_size(spec[key], size) for key, size in sizes.items()}}
        try:
            data = bytes(iso8583.encode(document, spec)[0])
        except iso8583.EncodeError as error:
            fault = EncodeError(self._own_key(error.field), error.msg)
        else:
            return data if self._rewriting is None else self._rewriting.with_secondary(data)
        # Raised here for the reason given in `decode`: pyiso8583's error holds the message.
        raise fault


def _check_bitmaps(primary: str, secondary: str, encoded: Encoded, bitmaps: int) -> None:
    """Raise DecodeError if a bitmap is not hex digits, or if there are more bitmaps than the dialect has."""
    # pyiso8583 reads hex bitmaps with bytes.fromhex, which skips blanks: 16 characters may be less than 64
    # bits.
    if not primary.isalnum():
        raise DecodeError("p", position_of("p", encoded), Sentence("not hex digits"))
    if not secondary:
        return
    if not secondary.isalnum():
        raise DecodeError("1", position_of("1", encoded), Sentence("not hex digits"))
    if len(secondary) > len(primary) and bitmaps < _BITMAPS_MAX:
        raise DecodeError("65", position_of("1", encoded), _THIRD_BITMAP)


def _of_size(spec: Mapping[str, Any], size: int) -> Mapping[str, Any]:
    """Return pyiso8583's specification of a DE of so many bytes, without a length."""
    return {**spec, "len_type": 0, "max_len": size}


def _joined(parts: Iterable[Part]) -> Iterator[Part]:
    """Yield the parts, and each DE with a private bitmap as one, its bytes as hex digits."""
    for _number, within in groupby(parts, key=lambda part: part.key.partition(".")[0]):
        head, *below = within
        if below:
            data = b"".join(part.prefix + part.data for part in below)
            head = head._replace(data=data, text=data.hex().upper())
        yield head
