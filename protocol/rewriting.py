"""What a dialect has and pyiso8583 has no words for: the same message in pyiso8583's terms, and back.

pyiso8583 reads and writes every field. Before and after it stand: a second bitmap that is always there, the
first digit of a 1993 MTI, a sign in front of packed digits, a fill where the length counts bytes, text of
which the characters are counted, and a DE of the interface that a network carries under another number. A
dialect without any of these has no Rewriting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, TypeVar

from protocol.dialect_file import DialectFile, Entry, Fill, Secondary, Wire, digits_of, prefix_bytes
from protocol.errors import DecodeError, EncodeError
from qianzhi_errors.sentence import Sentence

T = TypeVar("T")

_GROUPS: Final = 48
_RECEIPT: Final = 62
_SIGNS: Final = "CD"
_ANNOUNCED: Final = 0x80
_CHARACTER_BYTES_MAX: Final = 4
_BIT_1: Final = (
    Sentence("bit 1 is set, and the second bitmap is always there"),
    Sentence("bit 1 is not set, and the second bitmap is always there"),
)
"""What is wrong with a bitmap, by whether bit 1 should be set."""
_EDITIONS: Final[Mapping[str, str]] = MappingProxyType({"1987": "", "1993": "1"})
"""Edition -> the first digit of its MTIs where it is not our own 0."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Packed digits behind a sign of one byte: C or D in `encoding`. In pyiso8583's terms all are hex."""

    encoding: str

    def read(self, text: str) -> str:
        """Return sign and digits; nothing, which no x+n is, where the first byte is no sign."""
        sign = bytes.fromhex(text[:2]).decode(self.encoding, "replace")
        return sign + text[2:] if sign in tuple(_SIGNS) else ""

    def write(self, text: str) -> str:
        """Return the hex digits of sign and digits."""
        return text[:1].encode(self.encoding).hex().upper() + text[1:]


@dataclass(frozen=True, slots=True)
class Filled:
    """Packed digits whose length counts bytes: one fill digit where their number is odd."""

    fill: Fill

    def read(self, text: str) -> str:
        """Return the digits without the fill."""
        if self.fill.side == "left":
            return text.removeprefix(self.fill.digit)
        return text.removesuffix(self.fill.digit)

    def write(self, text: str) -> str:
        """Return the digits with a fill where their number is odd."""
        if len(text) % 2 == 0:
            return text
        return self.fill.digit + text if self.fill.side == "left" else text + self.fill.digit


@dataclass(frozen=True, slots=True)
class Counted:
    """Text of which the characters are counted, not the bytes: `count` of them, or at most so many behind a
    length of `width` bytes in `lengths`, pyiso8583's word. In pyiso8583's terms all are hex, and it is told
    how many bytes they are. `key` is the DE's number, and `own_key` that on the interface's side.
    """

    key: str
    own_key: str
    width: int
    lengths: str
    count: int
    encoding: str

    def size(self, data: bytes, at: int) -> int:
        """Return how many bytes from the beginning of `data`, which is byte `at` of its message, are length
        and characters. Raises DecodeError where they are none, or not all there.
        """
        count = self.count if not self.width else self.counted(data[: self.width])
        if count is None or count > self.count:
            raise DecodeError(
                self.key, at, Sentence("a length of {most} characters at most is not there", most=self.count)
            )
        size, found = self.read_up_to(data, count)
        if found < count:
            raise DecodeError(
                self.key, at, Sentence("{found} characters, expecting {count}", found=found, count=count)
            )
        return size

    def counted(self, prefix: bytes) -> int | None:
        """Return how many characters a length says; None where it is none."""
        if len(prefix) < self.width:
            return None
        if self.lengths == "b":
            return int.from_bytes(prefix)
        digits = prefix.hex() if self.lengths == "bcd" else prefix.decode(self.lengths, "replace")
        return int(digits) if digits.isascii() and digits.isdecimal() else None

    def read_up_to(self, data: bytes, count: int) -> tuple[int, int]:
        """Return the bytes, length included, and the number of the first characters of `data` that are
        complete, `count` at most.
        """
        size, found = self.width, 0
        while found < count:
            more = self._character(data[size : size + _CHARACTER_BYTES_MAX])
            if not more:
                break
            size, found = size + more, found + 1
        return size, found

    def _character(self, data: bytes) -> int:
        """Return how many bytes the first character of `data` has; 0 where it is none."""
        for size in range(1, len(data) + 1):
            try:
                data[:size].decode(self.encoding)
            except UnicodeDecodeError:
                continue
            return size
        return 0

    def read(self, text: str) -> str:
        """Return the characters."""
        return bytes.fromhex(text)[self.width :].decode(self.encoding, "replace")

    def write(self, text: str) -> str:
        """Return the hex digits of length and characters. Raises EncodeError for too many or too few of
        them, and for one that the encoding does not have.
        """
        if len(text) > self.count or (not self.width and len(text) < self.count):
            reason = Sentence("{found} characters, expecting {count}", found=len(text), count=self.count)
            raise EncodeError(self.own_key, reason)
        try:
            data = text.encode(self.encoding)
        except UnicodeEncodeError:
            fault = EncodeError(self.own_key, Sentence("characters that its encoding does not have"))
        else:
            return (self._length(len(text)) + data).hex().upper()
        raise fault

    def _length(self, count: int) -> bytes:
        if self.lengths == "b":
            return count.to_bytes(self.width)
        if self.lengths == "bcd":
            return bytes.fromhex(f"{count:0{2 * self.width}d}")
        return f"{count:0{self.width}d}".encode(self.lengths) if self.width else b""


Rewritten = Signed | Filled | Counted


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What is rewritten in every message of a dialect. `edition`: the first digit of the MTI, empty where any
    is taken. `secondary`: whether the second bitmap is always there, and bit 1 set; `bitmap` is the encoding
    of bitmaps in pyiso8583's terms and `mti_width` the MTI's bytes. `fields`: by field key. `moved`: from the
    interface's numbers to the network's and back.
    """

    edition: str
    secondary: Secondary
    bitmap: str
    mti_width: int
    fields: Mapping[str, Rewritten]
    moved: Mapping[int, int]

    def announced(self, data: bytes) -> bytes:
        """Return a message with bit 1 set, where the second bitmap is always there. Raises DecodeError for
        one in which bit 1 is not as the dialect has it.
        """
        if self.secondary == "announced" or len(data) <= self.mti_width:
            return data
        first = self._first_digits(data)
        if first is None:
            return data
        is_set = bool(first & _ANNOUNCED)
        if is_set != self.sets_bit_1:
            raise DecodeError("p", self.mti_width, _BIT_1[self.sets_bit_1])
        return data if is_set else self._with_first(data, first | _ANNOUNCED)

    def with_secondary(self, data: bytes) -> bytes:
        """Return an encoded message with its second bitmap where that is always there, and bit 1 as the
        dialect has it.
        """
        if self.secondary == "announced":
            return data
        first = self._first_digits(data)
        if first is None:
            return data
        if not first & _ANNOUNCED:
            end = self.mti_width + (8 if self.bitmap == "b" else 16)
            empty = bytes(8) if self.bitmap == "b" else ("0" * 16).encode(self.bitmap)
            data = data[:end] + empty + data[end:]
        return self._with_first(data, first | _ANNOUNCED if self.sets_bit_1 else first & ~_ANNOUNCED)

    @property
    def sets_bit_1(self) -> bool:
        """Whether bit 1 of every message is set."""
        return self.secondary == "always announced"

    def _first_digits(self, data: bytes) -> int | None:
        """Return the bitmap's first byte, its lower half 0 if it is in hex digits; None if it is no digit."""
        byte = data[self.mti_width : self.mti_width + 1]
        if self.bitmap == "b":
            return byte[0]
        digit = byte.decode(self.bitmap, "replace")
        return int(digit, 16) << 4 if digit in tuple("0123456789ABCDEFabcdef") else None

    def _with_first(self, data: bytes, first: int) -> bytes:
        byte = bytes((first,)) if self.bitmap == "b" else f"{first >> 4:X}".encode(self.bitmap)
        return data[: self.mti_width] + byte + data[self.mti_width + 1 :]

    def read(self, decoded: dict[str, str]) -> None:
        """Make the texts of pyiso8583's result those of a message. The MTI is not looked at."""
        for key in self.fields.keys() & decoded.keys():
            decoded[key] = self.fields[key].read(decoded[key])

    def write(self, document: dict[str, str]) -> None:
        """Make the texts of a message those that pyiso8583 writes."""
        for key in self.fields.keys() & document.keys():
            document[key] = self.fields[key].write(document[key])

    def own_mti(self, mti: str) -> str:
        """Return the interface's form of an MTI. Raises DecodeError for one of another edition."""
        if not self.edition:
            return mti
        if mti[0] != self.edition:
            raise DecodeError("t", 0, Sentence("not an MTI of the dialect's edition"))
        return f"0{mti[1:]}"

    def network_mti(self, mti: str) -> str:
        """Return the network's form of one of the interface's MTIs. Raises EncodeError for another."""
        if not self.edition:
            return mti
        if mti[0] != "0":
            raise EncodeError("t", Sentence("not an MTI of the interface"))
        return f"{self.edition}{mti[1:]}"

    def moved_fields(self, fields: Mapping[int, T]) -> dict[int, T]:
        """Return fields under the other side's numbers, in ascending order."""
        moved = {self.moved.get(number, number): value for number, value in fields.items()}
        return {number: moved[number] for number in sorted(moved)}

    def moved_key(self, key: str) -> str:
        """Return a field's key under the other side's number."""
        return str(self.moved.get(int(key), key)) if key.isdecimal() else key


def rewriting_of(content: DialectFile) -> Rewriting | None:
    """Return what a dialect file has that pyiso8583 has no words for; None if it has nothing of the kind."""
    wire = content.wire
    pairs = ((_GROUPS, content.interface.groups), (_RECEIPT, content.interface.receipt))
    moved = {mine: theirs for pair in pairs for mine, theirs in (pair, pair[::-1]) if mine != theirs}
    rewriting = Rewriting(
        edition=_EDITIONS[wire.version],
        secondary=wire.secondary,
        bitmap=digits_of(wire.bitmap, wire),
        mti_width=2 if wire.mti == "bcd" else 4,
        fields=MappingProxyType(
            {
                key: replace(made, own_key=str(moved.get(int(key), key)))
                if isinstance(made, Counted)
                else made
                for key, made in rewritten(content.elements, wire).items()
            }
        ),
        moved=MappingProxyType(moved),
    )
    is_usual = rewriting.secondary == "announced"
    nothing = is_usual and not (rewriting.edition or rewriting.fields or rewriting.moved)
    return None if nothing else rewriting


def rewritten(entries: Mapping[str, Entry], wire: Wire) -> Mapping[str, Rewritten]:
    """Return, by its key, what of an entry pyiso8583 has no words for."""
    return MappingProxyType(
        {key: made for key, entry in entries.items() for made in _rewritten(key, entry, wire)}
    )


def _rewritten(key: str, entry: Entry, wire: Wire) -> Iterable[Rewritten]:
    if entry.counts == "characters":
        _, prefix, count = entry.format
        lengths = entry.length or wire.length
        width = prefix_bytes(prefix, lengths) if prefix else 0
        yield Counted(
            key, key, width, "b" if lengths == "binary" else lengths, count, entry.encoding_in(wire)
        )
    elif entry.encoding_in(wire) != "bcd":
        return
    elif entry.format.kind == "x+n":
        yield Signed(wire.other)
    elif entry.counts == "bytes":
        yield Filled(entry.fill_in())
