"""What stands between a frame's length and its message: a TPDU, a network's own header, both, or nothing.

A head is a row of parts, each so many bytes. Here is how one is checked, how an answer's head follows from
its request's, and how a part is written in the settings. What a head's bytes mean to the other side's network
is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from protocol.errors import FrameFault, FramingError
from protocol.frame_length import LengthForm, length_form
from qianzhi_errors.sentence import Sentence

TPDU_BYTES: Final = 5
TPDU_ID: Final = 0x60
HEAD_BYTES_MAX: Final = 255


class Kind(StrEnum):
    """What becomes of a part in an answer. The value is the first word of the part in the settings."""

    ECHO = "echo"
    """N bytes, which the answer has as they came."""

    FIXED = "fixed"
    """These bytes in every message, both ways; others are a fault."""

    OURS = "ours"
    """As many bytes as these, whatever comes; these are what we write."""

    DESTINATION = "destination"
    """N bytes that say to whom; in the answer they are what the source was."""

    SOURCE = "source"
    """N bytes that say from whom; in the answer they are what the destination was."""

    LENGTH = "length"
    """The length of head and message, in a form of its own."""


class Part(NamedTuple):
    """One part of a head, `size` bytes long. `value` is what FIXED and OURS say, `form` what LENGTH does."""

    kind: Kind
    size: int
    value: bytes = b""
    form: LengthForm | None = None

    def __str__(self) -> str:
        if self.form is not None:
            return f"{self.kind} {self.form}"
        return f"{self.kind} {self.value.hex().upper() if self.value else self.size}"


TPDU: Final = (
    Part(Kind.FIXED, 1, bytes([TPDU_ID])),
    Part(Kind.DESTINATION, 2),
    Part(Kind.SOURCE, 2),
)
"""ISO 8583's companion on dial-up networks: an identifier, to whom, from whom."""

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,2}")
_BYTES: Final = re.compile(r"([0-9A-Fa-f]{2})+")


def parsed_part(text: str) -> Part:
    """Return the part that a text of the settings says: "echo 6", "fixed 60310031", "ours 0000",
    "destination 11", "source 11" or "length 4ascii". Raises FramingError.
    """
    word, _, value = text.partition(" ")
    if word not in tuple(Kind):
        raise FramingError(
            Sentence("there is no part {word!r} of a header; there are {words}", word=word, words=_words())
        )
    kind = Kind(word)
    if kind is Kind.LENGTH:
        form = length_form(value)
        return Part(kind, form.width, form=form)
    if kind in (Kind.FIXED, Kind.OURS):
        if not _BYTES.fullmatch(value):
            raise FramingError(Sentence("{word} is followed by hex digits, two a byte", word=word))
        return Part(kind, len(value) // 2, bytes.fromhex(value))
    if not _NUMBER.fullmatch(value):
        raise FramingError(Sentence("{word} is followed by a number of bytes", word=word))
    return Part(kind, int(value))


def _words() -> str:
    return ", ".join(Kind)


class Head:
    """The head of every frame of one framing: its parts, and what is made of them once."""

    __slots__ = ("_fixed", "_lengths", "_ours", "_swapped", "is_checked", "lead", "parts", "size")

    def __init__(self, parts: Sequence[Part], tpdu_bytes: int = 0) -> None:
        """Take the parts in their order, of which the first `tpdu_bytes` bytes are a TPDU. `lead` is what
        it begins with in every message; `is_checked` tells whether anything else in it can be wrong.

        Raises FramingError where destinations and sources do not match, or it is too long.
        """
        self.parts = tuple(parts)
        self.size = sum(part.size for part in self.parts)
        placed = [
            (sum(before.size for before in self.parts[:place]), part) for place, part in enumerate(self.parts)
        ]
        self._fixed = tuple((at, part.value) for at, part in placed if part.kind is Kind.FIXED)
        self._ours = tuple((at, part.value) for at, part in placed if part.kind is Kind.OURS)
        self._lengths = tuple((at, part.form) for at, part in placed if part.form is not None)
        to = [(at, part.size) for at, part in placed if part.kind is Kind.DESTINATION]
        source = [(at, part.size) for at, part in placed if part.kind is Kind.SOURCE]
        if [size for _, size in to] != [size for _, size in source]:
            raise FramingError(Sentence("each destination has a source of as many bytes, in the same order"))
        self.lead = self._fixed[0][1] if self._fixed and self._fixed[0][0] == 0 else b""
        self.is_checked = len(self._fixed) > bool(self.lead) or bool(self._lengths)
        self._swapped = tuple((a, b, size) for (a, size), (b, _) in zip(to, source, strict=True))
        if self.size > HEAD_BYTES_MAX + tpdu_bytes:
            raise FramingError(
                Sentence("a header of {size} bytes: at most {most}", size=self.size, most=HEAD_BYTES_MAX)
            )

    def fault(self, head: bytes, message_bytes: int) -> FrameFault | None:
        """Return why this is no head before so many bytes of message; None for a good one. Of a head that is
        cut short, the parts that are there are looked at.
        """
        for at, value in self._fixed:
            if at < len(head) and head[at : at + len(value)] != value:
                return FrameFault.NO_TPDU if at == 0 and value == TPDU[0].value else FrameFault.NO_HEADER
        for at, form in self._lengths:
            if at < len(head) and form.reader()(head, at) != len(head) + message_bytes:
                return FrameFault.OTHER_LENGTH
        return None

    def of_answer(self, head: bytes) -> bytes:
        """Return the head of the answer to a message with this one. Lengths are filled in by `filled`. A head
        that is cut short has the parts that are there; one of no byte stays so.
        """
        if not head or not (self._swapped or self._ours):
            return head
        answer = bytearray(head)
        for to, source, size in self._swapped:
            if max(to, source) < len(head):
                answer[to : to + size], answer[source : source + size] = (
                    head[source : source + size],
                    head[to : to + size],
                )
        for at, value in self._ours:
            if at < len(head):
                answer[at : at + len(value)] = value
        return bytes(answer)

    def filled(self, head: bytes, message_bytes: int) -> bytes | None:
        """Return the head as it goes before so many bytes of message: its lengths are right then. None where
        a length cannot say so many.
        """
        for at, form in self._lengths:
            total = len(head) + message_bytes
            if total > form.longest:
                return None
            head = head[:at] + form.write(total) + head[at + form.width :]
        return head

    def unmeasured(self, head: bytes) -> bytes:
        """Return the head with zeros for its lengths: what is left of it is the same in every message."""
        return self._with(head, ((at, bytes(form.width)) for at, form in self._lengths))

    def sample(self) -> bytes:
        """Return a head as another side might write it: what is fixed, and elsewhere digits, of which no two
        neighbours are the same, so that an answer that swaps nothing is seen.
        """
        digits = (b"0123456789" * (self.size // 10 + 1))[: self.size]
        return self._with(digits, self._fixed)

    def own(self) -> bytes:
        """Return the head of a message of ours that answers nothing, on a link where nothing came yet: what
        is fixed or ours, and zeros.
        """
        return self._with(bytes(self.size), (*self._fixed, *self._ours))

    @staticmethod
    def _with(head: bytes, values: Iterable[tuple[int, bytes]]) -> bytes:
        changed = bytearray(head)
        for at, value in values:
            changed[at : at + len(value)] = value
        return bytes(changed)
