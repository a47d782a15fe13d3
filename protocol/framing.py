"""Cuts a byte stream into frames, and writes frames: the four framings of the interface (docs/protocol.md
section 1).

Nothing here looks inside a message. There are no sockets and no deadlines here: `FrameReader.pending` tells
the caller that a frame has begun, and the caller decides how long the rest of it may take.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from protocol.errors import EncodeError, FrameError, FrameFault

MESSAGE_BYTES_MAX: Final = 8192
"""Bytes of the longest message by default. No legitimate message comes near it: DE 48 and DE 62 at their
longest are 999 bytes each.
"""

TPDU_BYTES: Final = 5
TPDU_ID: Final = 0x60

_MALFORMED: Final = -1


class Framing(StrEnum):
    """How a message is delimited on a link. The value is the name in a bank's settings."""

    BE2 = "2be"
    """2-byte big-endian length."""

    ASCII4 = "4ascii"
    """4 ASCII digits."""

    BCD2 = "2bcd"
    """2-byte BCD length, 0 to 9999."""

    BE2_TPDU = "2be-tpdu"
    """2-byte big-endian length, then a 5-byte TPDU, which the length counts."""


class Idle(StrEnum):
    """What is done with an empty frame, by which many hosts show that an idle link is alive. The value is
    the name in a bank's settings.
    """

    CLOSE = "close"
    """It is a fault: the link is closed."""

    IGNORE = "ignore"
    """It is passed over."""

    ECHO = "echo"
    """It is answered with an empty frame."""


class Frame(NamedTuple):
    """The bytes of one message, and the 5-byte TPDU before them (empty in a framing without TPDU).

    An empty frame has no message. In a framing with TPDU it has a TPDU or not, as it came.
    """

    body: bytes
    tpdu: bytes = b""

    @property
    def is_empty(self) -> bool:
        """Whether there is no message in it."""
        return not self.body

    def __repr__(self) -> str:
        """Show the length in bytes, never a byte of the message: it may hold a card number or a PIN block."""
        return f"Frame({len(self.body)} bytes)"


def _read_be(data: bytes, position: int) -> int:
    return data[position] << 8 | data[position + 1]


def _read_ascii(data: bytes, position: int) -> int:
    digits = data[position : position + 4]
    return int(digits) if digits.isdigit() else _MALFORMED


def _read_bcd(data: bytes, position: int) -> int:
    digits = data[position : position + 2].hex()
    return int(digits) if digits.isdecimal() else _MALFORMED


class _Layout(NamedTuple):
    """A framing as data: bytes of the length prefix, the largest length it can express, bytes of the TPDU,
    and how a length is read at an offset and written.
    """

    prefix: int
    longest: int
    tpdu: int
    read: Callable[[bytes, int], int]
    write: Callable[[int], bytes]


def _write_be(length: int) -> bytes:
    return length.to_bytes(2)


def _write_ascii(length: int) -> bytes:
    return b"%04d" % length


def _write_bcd(length: int) -> bytes:
    return bytes.fromhex(f"{length:04d}")


_LAYOUTS: Final[Mapping[Framing, _Layout]] = MappingProxyType(
    {
        Framing.BE2: _Layout(2, 0xFFFF, 0, _read_be, _write_be),
        Framing.ASCII4: _Layout(4, 9999, 0, _read_ascii, _write_ascii),
        Framing.BCD2: _Layout(2, 9999, 0, _read_bcd, _write_bcd),
        Framing.BE2_TPDU: _Layout(2, 0xFFFF, TPDU_BYTES, _read_be, _write_be),
    }
)


class FrameReader:
    """Cuts one link's byte stream into frames, in time linear in the bytes, however the stream is split.

    It holds at most one incomplete frame. After a FrameError nobody knows where the next frame begins: every
    further call of `feed` raises the same error.
    """

    __slots__ = ("_broken", "_buffer", "_layout", "_limit", "_need", "_takes_empty")

    def __init__(
        self, framing: Framing, limit: int = MESSAGE_BYTES_MAX, *, takes_empty: bool = False
    ) -> None:
        """Take the link's framing, the longest message in bytes, prefix and TPDU not counted, and whether an
        empty frame is a frame; else it is a fault.
        """
        self._layout = _LAYOUTS[framing]
        self._limit = limit
        self._takes_empty = takes_empty
        self._buffer = bytearray()
        self._need = self._layout.prefix
        self._broken: tuple[FrameFault, str] | None = None

    @property
    def pending(self) -> int:
        """Bytes held of an incomplete frame; 0 between frames."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Take the bytes that arrived; return the frames that they complete, in order.

        Raises FrameError if a length is malformed or over the limit, or zero where empty frames are not
        taken, or if a TPDU does not begin with 60; the error's `frames` are the complete frames before the
        bad one.
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
        prefix, _, tpdu, read, _ = self._layout
        longest = self._limit + tpdu
        position, end = 0, len(data)
        while end - position >= prefix:
            length = read(data, position)
            if not tpdu < length <= longest and not (self._takes_empty and length in (0, tpdu)):
                self._broken = self._length_fault(length)
                return position
            start = position + prefix
            stop = start + length
            if stop > end:
                self._need = prefix + length
                return position
            if tpdu and length and data[start] != TPDU_ID:
                self._broken = FrameFault.NO_TPDU, ""
                return position
            frames.append(Frame(data[start + tpdu : stop], data[start : min(start + tpdu, stop)]))
            position = stop
        self._need = prefix
        return position

    def _length_fault(self, length: int) -> tuple[FrameFault, str]:
        """Return the fault of a length, and a text with its figures where it has any."""
        if length == _MALFORMED:
            return FrameFault.NO_LENGTH, ""
        size = length - self._layout.tpdu
        if size <= 0:
            return FrameFault.EMPTY, ""
        return FrameFault.TOO_LONG, f"the message is {size} bytes, at most {self._limit}"


def length_at(framing: Framing, data: bytes, at: int) -> int | None:
    """Return the value of the length prefix at byte `at`: how many bytes follow it. None if the prefix is cut
    short or is not digits. Only the analyzer asks for it.
    """
    layout = _LAYOUTS[framing]
    length = layout.read(data, at) if at + layout.prefix <= len(data) else _MALFORMED
    return None if length == _MALFORMED else length


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


def wrap(framing: Framing, body: bytes, tpdu: bytes = b"") -> bytes:
    """Return `body` as one frame. `tpdu` is 5 bytes in a framing with TPDU, and empty in the others.

    Raises EncodeError if the body is empty or too long for the prefix, or if the TPDU does not fit.
    """
    layout = _LAYOUTS[framing]
    length = len(body) + len(tpdu)
    if len(tpdu) != layout.tpdu or (tpdu and tpdu[0] != TPDU_ID):
        raise EncodeError("tpdu", f"{len(tpdu)} bytes do not fit framing {framing}")
    if not body or length > layout.longest:
        raise EncodeError("frame", f"{len(body)} bytes do not fit framing {framing}")
    return layout.write(length) + tpdu + body


def frame_bytes(framing: Framing, frame: Frame) -> bytes:
    """Return a frame's bytes, length prefix and all. Raises EncodeError as `wrap` does, but for an empty
    frame.
    """
    if frame.is_empty:
        return _LAYOUTS[framing].write(len(frame.tpdu)) + frame.tpdu
    return wrap(framing, frame.body, frame.tpdu)


def answer_tpdu(tpdu: bytes) -> bytes:
    """Return the TPDU of the answer: destination and source swapped. An empty TPDU stays empty."""
    return tpdu[:1] + tpdu[3:5] + tpdu[1:3]
