"""Cuts a byte stream into frames, and writes frames, by a framing that is data (docs/protocol.md section 1).

A frame is a length, a head (a TPDU, a header, both or neither), a message, and in some framings a trailer.
Nothing here looks inside a message. There are no sockets and no deadlines here: `FrameReader.pending` tells
the caller that a frame has begun, and the caller decides how long the rest of it may take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import ClassVar, Final, NamedTuple

from protocol.errors import EncodeError, FrameError, FrameFault, FramingError
from protocol.frame_head import TPDU, TPDU_BYTES, Head, Part, parsed_part
from protocol.frame_length import BE2, MALFORMED, LengthForm, length_form
from qianzhi_errors.sentence import Sentence

MESSAGE_BYTES_MAX: Final = 8192
"""Bytes of the longest message by default. No legitimate message comes near it: DE 48 and DE 62 at their
longest are 999 bytes each.
"""

TRAILER_BYTES_MAX: Final = 8


class Idle(StrEnum):
    """What is done with an empty frame, by which many hosts show that an idle link is alive. The value is
    the name in a bank's settings.
    """

    CLOSE = "close"
    """It is a fault: the link is closed."""

    IGNORE = "ignore"
    """It is passed over."""

    ECHO = "echo"
    """It is answered with one like it."""


@dataclass(frozen=True)
class Framing:
    """How a message is delimited on a link. `str()` of a shipped one is its name in a bank's settings.

    The length counts the head and the message, itself only where `counts_itself`, the trailer unless
    `counts_trailer` is False. A message of the bytes of `keep_alive` is no message: it is a sign of life, as
    an empty frame is.
    """

    length: LengthForm = BE2
    counts_itself: bool = False
    tpdu: bool = False
    header: tuple[Part, ...] = ()
    trailer: bytes = b""
    counts_trailer: bool = True
    keep_alive: bytes = b""

    BE2: ClassVar[Framing]
    ASCII4: ClassVar[Framing]
    BCD2: ClassVar[Framing]
    BE2_TPDU: ClassVar[Framing]

    def __post_init__(self) -> None:
        """Raise FramingError where the parts do not go together."""
        if len(self.trailer) > TRAILER_BYTES_MAX:
            raise FramingError(
                Sentence(
                    "a trailer of {size} bytes: at most {most}",
                    size=len(self.trailer),
                    most=TRAILER_BYTES_MAX,
                )
            )
        if not self.counts_trailer and not self.trailer:
            raise FramingError(Sentence("counts_trailer is said, and there is no trailer"))
        if len(self.keep_alive) > self.longest_message:
            raise FramingError(Sentence("keep_alive does not fit into a frame"))
        if self.head.filled(self.head.own(), 1) is None:
            raise FramingError(Sentence("the header has a length that cannot say its own"))

    @cached_property
    def head(self) -> Head:
        """What stands between length and message. Raises FramingError."""
        parts = (*TPDU, *self.header) if self.tpdu else self.header
        return Head(parts, TPDU_BYTES if self.tpdu else 0)

    @cached_property
    def message_at(self) -> int:
        """Bytes of a frame before its message."""
        return self.length.width + self.head.size

    @cached_property
    def overhead(self) -> int:
        """What the length of a frame counts beside its message, in bytes."""
        own = self.length.width if self.counts_itself else 0
        return own + self.head.size + (len(self.trailer) if self.counts_trailer else 0)

    @cached_property
    def uncounted(self) -> int:
        """How many bytes more follow the length than it says; negative where it counts itself."""
        own = self.length.width if self.counts_itself else 0
        return (0 if self.counts_trailer else len(self.trailer)) - own

    @cached_property
    def written(self) -> tuple[Head, int, int, Callable[[int], bytes], int, bytes]:
        """What writing a frame needs, worked out once: the head and its size, the longest message, the
        function that writes a length, what the length counts beside the message, the trailer.
        """
        return (
            self.head,
            self.head.size,
            self.longest_message,
            self.length.writer(),
            self.overhead,
            self.trailer,
        )

    @cached_property
    def longest_message(self) -> int:
        """Bytes of the longest message whose length can be written, in the header too where that has one."""
        forms = (part.form for part in self.header if part.form is not None)
        in_header = (form.longest - self.head.size for form in forms)
        return min((self.length.longest - self.overhead, *in_header))

    def __str__(self) -> str:
        return _NAMES.get(self) or ", ".join(self._in_words())

    def _in_words(self) -> list[str]:
        words = [f"{self.length}{' counting itself' if self.counts_itself else ''}"]
        if self.tpdu:
            words.append("tpdu")
        if self.header:
            words.append("header of " + " + ".join(map(str, self.header)))
        if self.trailer:
            words.append(
                f"trailer {self.trailer.hex().upper()}{'' if self.counts_trailer else ' not counted'}"
            )
        if self.keep_alive:
            words.append(f"keep-alive {self.keep_alive.hex().upper()}")
        return words


Framing.BE2 = Framing()
Framing.ASCII4 = Framing(length_form("4ascii"))
Framing.BCD2 = Framing(length_form("2bcd"))
Framing.BE2_TPDU = Framing(tpdu=True)

SHIPPED: Final[Mapping[str, Framing]] = MappingProxyType(
    {
        "2be": Framing.BE2,
        "4ascii": Framing.ASCII4,
        "2bcd": Framing.BCD2,
        "2be-tpdu": Framing.BE2_TPDU,
        "4be": Framing(length_form("4be")),
        "5ascii": Framing(length_form("5ascii")),
        "4hex": Framing(length_form("4hex")),
        "unionpay-pos": Framing(tpdu=True, header=(parsed_part("echo 6"),)),
        "cups": Framing(
            length_form("4ascii"),
            header=tuple(
                map(
                    parsed_part,
                    ("fixed 2E", "echo 1", "length 4ascii", "destination 11", "source 11", "echo 18"),
                )
            ),
        ),
    }
)
"""The framings that a bank's settings may name. The last two are UnionPay's: POS terminals write a TPDU and 6
bytes (class of application, version, state, what is to be done, version), which the answer repeats; the
interchange with banks (Q/CUP 006.2) a header of 46 bytes: its length, a flag of trial and version, length of
header and message, to whom, from whom, and 18 bytes (reserved 3, batch 1, transaction 8, user 1, why it was
rejected 5).
"""
_NAMES: Final[Mapping[Framing, str]] = MappingProxyType({framing: name for name, framing in SHIPPED.items()})


class Frame(NamedTuple):
    """The bytes of one message, and the head before them, empty in a framing without one.

    A frame without a message is a sign of life; `whole` are then all its bytes, as they came. In a framing
    with a head it has one or not, as it came.
    """

    body: bytes
    head: bytes = b""
    whole: bytes = b""

    @property
    def is_empty(self) -> bool:
        """Whether there is no message in it."""
        return not self.body

    def __repr__(self) -> str:
        """Show the length in bytes, never a byte of the message: it may hold a card number or a PIN block."""
        return f"Frame({len(self.body)} bytes)"


class FrameReader:
    """Cuts one link's byte stream into frames, in time linear in the bytes, however the stream is split.

    It holds at most one incomplete frame. After a FrameError nobody knows where the next frame begins: every
    further call of `feed` raises the same error.
    """

    __slots__ = (
        "_broken",
        "_buffer",
        "_empties",
        "_framing",
        "_head",
        "_is_checked",
        "_limit",
        "_need",
        "_overhead",
        "_prefix",
        "_read",
        "_takes_empty",
        "_trailer",
        "_uncounted",
    )

    def __init__(
        self, framing: Framing, limit: int = MESSAGE_BYTES_MAX, *, takes_empty: bool = False
    ) -> None:
        """Take the link's framing, the longest message in bytes, all else of a frame not counted, and whether
        an empty frame is a frame; else it is a fault.
        """
        self._framing = framing
        self._prefix = framing.length.width
        self._read = framing.length.reader()
        self._overhead = framing.overhead
        self._uncounted = framing.uncounted
        self._head = framing.head.size
        self._trailer = len(framing.trailer)
        self._is_checked = bool(framing.head.is_checked or framing.trailer or framing.keep_alive)
        self._limit = limit
        self._takes_empty = takes_empty
        self._empties = _empties(framing) if takes_empty else {}
        self._buffer = bytearray()
        self._need = self._prefix
        self._broken: tuple[FrameFault, str] | None = None

    @property
    def pending(self) -> int:
        """Bytes held of an incomplete frame; 0 between frames."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Take the bytes that arrived; return the frames that they complete, in order.

        Raises FrameError if a length is malformed or over the limit, or zero where empty frames are not
        taken, or if a head or a trailer is not as the framing says; the error's `frames` are the complete
        frames before the bad one.
        """
        self._raise_if_broken(())
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._need:
                return []
            data = bytes(self._buffer)
        frames: list[Frame] = []
        used = self._cut(data, frames)
        self._buffer = bytearray(data[used:])
        self._raise_if_broken(tuple(frames))
        return frames

    def _raise_if_broken(self, frames: tuple[Frame, ...]) -> None:
        if self._broken is not None:
            self._buffer.clear()
            raise FrameError(*self._broken, frames)

    def _cut(self, data: bytes, frames: list[Frame]) -> int:
        """Append every complete frame of `data` to `frames`; return how many bytes of `data` they take.

        Sets `_need`, the bytes that the next frame needs as far as is known, or `_broken`, why the stream
        cannot be read on.
        """
        prefix, head, trailer, read = self._prefix, self._head, self._trailer, self._read
        lead = self._framing.head.lead
        shortest, follows = self._overhead, prefix + self._uncounted
        longest = shortest + self._limit
        position, end = 0, len(data)
        while end - position >= prefix:
            length = read(data, position)
            if shortest < length <= longest:
                stop = position + follows + length
                begin = position + prefix + head
            elif length in self._empties:
                size, at = self._empties[length]
                stop = position + prefix + size
                begin = position + prefix + at
            else:
                self._broken = self._length_fault(length)
                return position
            if stop > end:
                self._need = stop - position
                return position
            if self._is_checked or begin == stop or not data.startswith(lead, position + prefix):
                frame = self._checked(data[position:stop], begin - position)
                if frame is None:
                    return position
                frames.append(frame)
            else:
                frames.append(Frame(data[begin : stop - trailer], data[position + prefix : begin]))
            position = stop
        self._need = prefix
        return position

    def _checked(self, whole: bytes, begin: int) -> Frame | None:
        """Return the frame of these bytes, whose message begins at `begin`, if head and trailer are good;
        else set `_broken`.
        """
        framing = self._framing
        # A frame of no length has no trailer where its length would count it.
        trailer = min(self._trailer, len(whole) - begin)
        stop = len(whole) - trailer
        head, body = whole[self._prefix : begin], whole[begin:stop]
        fault = framing.head.fault(head, len(body))
        if fault is None and whole[stop:] != framing.trailer[:trailer]:
            fault = FrameFault.NO_TRAILER
        is_sign = bool(framing.keep_alive) and body == framing.keep_alive
        if fault is None and is_sign and not self._takes_empty:
            fault = FrameFault.KEEP_ALIVE
        if fault is not None:
            self._broken = fault, ""
            return None
        return Frame(b"", head, whole) if is_sign or not body else Frame(body, head)

    def _length_fault(self, length: int) -> tuple[FrameFault, str]:
        """Return the fault of a length, and a text with its figures where it has any."""
        if length == MALFORMED:
            return FrameFault.NO_LENGTH, ""
        size = length - self._overhead
        if size <= 0:
            return FrameFault.EMPTY, ""
        return FrameFault.TOO_LONG, Sentence(
            "the message is {length} bytes, at most {most}", length=size, most=self._limit
        )


def _empties(framing: Framing) -> dict[int, tuple[int, int]]:
    """Return the lengths of frames without a message: how many bytes follow each, and how many of them are
    head. The head is all there, or its TPDU alone, or it is missing.
    """
    head, uncounted = framing.head.size, framing.uncounted
    bare = framing.overhead - head
    heads = {0, head} | ({TPDU_BYTES} if framing.tpdu else set())
    empties = {bare + size: (bare + size + uncounted, size) for size in sorted(heads)}
    # A length of zero has nothing behind it, whatever a length counts, but a trailer that is never counted.
    return {0: (0 if framing.counts_trailer else len(framing.trailer), 0), **empties}


def length_at(framing: Framing, data: bytes, at: int) -> int | None:
    """Return the value of the length prefix at byte `at`. None if the prefix is cut short or is no length.
    Only the analyzer asks for it.
    """
    form = framing.length
    length = form.reader()(data, at) if at + form.width <= len(data) else MALFORMED
    return None if length == MALFORMED else length


def frames_of(framing: Framing, data: bytes) -> tuple[Sequence[Frame], str]:
    """Return the frames of `data` up to the first fault, and that fault in words, empty for none. Only the
    analyzer, which guesses the framing, asks for it: where nothing but empty frames can be cut, an empty
    frame is the fault.
    """
    frames, fault = _read_all(FrameReader(framing, takes_empty=True), data)
    if all(frame.is_empty for frame in frames):
        return _read_all(FrameReader(framing), data)
    return frames, fault


def _read_all(reader: FrameReader, data: bytes) -> tuple[Sequence[Frame], str]:
    try:
        return reader.feed(data), ""
    except FrameError as error:
        return error.frames, str(error)


def wrap(framing: Framing, body: bytes, head: bytes = b"") -> bytes:
    """Return `body` as one frame. `head` has the bytes of the framing's head; lengths in it are filled in.

    Raises EncodeError if the body is empty or too long for the length, or if the head does not fit.
    """
    if not body:
        raise _unfit("frame", 0, framing)
    return _framed(framing, body, head)


def _framed(framing: Framing, body: bytes, head: bytes) -> bytes:
    rule, head_bytes, longest, write, overhead, trailer = framing.written
    size = len(body)
    if len(head) != head_bytes or not head.startswith(rule.lead):
        raise _unfit("head", len(head), framing)
    if size > longest:
        raise _unfit("frame", size, framing)
    if rule.is_checked:
        filled = rule.filled(head, size)
        if filled is None or rule.fault(filled, size) is not None:
            raise _unfit("head", len(head), framing)
        head = filled
    return write(size + overhead) + head + body + trailer


def _unfit(field: str, size: int, framing: Framing) -> EncodeError:
    return EncodeError(
        field, Sentence("{length} bytes do not fit framing {framing}", length=size, framing=str(framing))
    )


def frame_bytes(framing: Framing, frame: Frame) -> bytes:
    """Return a frame's bytes, length and all; of a sign of life those that came. Raises EncodeError as `wrap`
    does.
    """
    return frame.whole or wrap(framing, frame.body, frame.head)


def echoed(framing: Framing, sign: Frame) -> bytes:
    """Return the answer to a sign of life: one like it, with the head of an answer."""
    width = framing.length.width
    head = framing.head.of_answer(sign.head)
    return sign.whole[:width] + head + sign.whole[width + len(head) :]


def sign_of_life(framing: Framing, head: bytes) -> bytes:
    """Return the frame by which the other side may show that it is alive: with `keep_alive` for a message, or
    with none.
    """
    return _framed(framing, framing.keep_alive, head)
