"""The errors of `protocol/`, one family: the class says which side is at fault, the bank or we.

No error may carry a value or the bytes of a message: they may be card numbers, PIN blocks or keys, and the
texts of errors end up in logs. An error names fields, positions and lengths only.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Self

from protocol.responses import Response
from qianzhi_errors import QianzhiError
from qianzhi_errors.sentence import Sentence, phrase

if TYPE_CHECKING:
    from protocol.framing import Frame
    from protocol.message import Message

REASON_LENGTH_MAX = 25
"""Characters of a FormatError's text at most: it is sent in DE 44, which is `ans..25` in every dialect."""


class ProtocolError(QianzhiError):
    """Base of the family. It is never raised itself: raise a PeerError or an OwnError."""

    def __new__(cls, *_args: object, **_kwargs: object) -> Self:
        """Return a new error. Raises TypeError for the base class itself."""
        if cls is ProtocolError:
            raise TypeError("ProtocolError is abstract: raise a PeerError or an OwnError")
        return super().__new__(cls)


class PeerError(ProtocolError):
    """The counterparty sent something it may not send."""


class OwnError(ProtocolError):
    """The fault is ours: a bad dialect file, or a message that cannot be encoded."""


class FrameFault(StrEnum):
    """Why the end of a frame cannot be found, in words: a fixed set, since faults are counted by it."""

    NO_LENGTH = phrase("the length is not digits")
    EMPTY = phrase("the message is empty")
    TOO_LONG = phrase("the message is too long")
    NO_TPDU = phrase("the TPDU does not begin with 60")
    NO_HEADER = phrase("the header is not the one agreed")
    OTHER_LENGTH = phrase("the header's length is not the frame's")
    NO_TRAILER = phrase("the frame does not end as agreed")
    KEEP_ALIVE = phrase("the message is a sign of life, which is not taken")


class FrameError(PeerError):
    """The end of a frame cannot be found, so nothing after it can be read: the link must close.

    `fault` says why; `str()` has the figures too. `frames` holds the complete frames that came before the bad
    one in the same call of `feed`; they are still good.
    """

    def __init__(self, fault: FrameFault, text: str = "", frames: tuple[Frame, ...] = ()) -> None:
        """Take the fault, a text with its figures, and the frames that were complete before the bad one."""
        super().__init__(text or Sentence(fault.value))
        self.fault = fault
        self.frames = frames


class DecodeError(PeerError):
    """The bytes are not a message in this dialect.

    `field` names where decoding failed: a DE number as text, "t" for the MTI, "p" and "1" for the bitmaps.
    `position` is the byte offset of that field in the message. `partial` holds what the 30 answer echoes: the
    MTI and the fields of `message.ECHOED` that decoded correctly; None if the MTI itself is wrong.
    """

    def __init__(self, field: str, position: int, reason: str, partial: Message | None = None) -> None:
        """Take the field, its byte offset, the reason in words (no data), and the part that did decode."""
        super().__init__(
            Sentence(
                "field {field} at byte {position}: {reason}", field=field, position=position, reason=reason
            )
        )
        self.field = field
        self.position = position
        self.partial = partial


class MessageRefused(PeerError):
    """A message decodes, and is refused before the ledger is asked about it. The bank is answered with
    `response` in DE 39 and `str()` in DE 44. Each subclass gives its own `response`.
    """

    response: ClassVar[Response]


class FormatError(MessageRefused):
    """A mandatory field of a message is missing or malformed: the message is answered with DE 39 = 30.

    `field` is "4", or "48.PN" for a group of DE 48. `str()` is at most 25 ASCII characters, ready for DE 44.
    """

    response = Response.FORMAT

    def __init__(self, field: str, reason: str = "missing") -> None:
        """Take the field and the reason in a word or two; a text that is too long for DE 44 is cut."""
        text = f"DE {field} {reason}".encode("ascii", "replace").decode("ascii")
        super().__init__(text[:REASON_LENGTH_MAX].rstrip())
        self.field = field


class CaptureError(PeerError):
    """The bytes are not a capture file, or the file breaks off. `position` is a byte offset in the file,
    `expected` says in words what should stand there.
    """

    def __init__(self, position: int, expected: str) -> None:
        """Take the byte offset and, in words, what should stand there."""
        super().__init__(
            Sentence("byte {position}: expected {expected}", position=position, expected=expected)
        )
        self.position = position
        self.expected = expected


class KeyBlockFault(StrEnum):
    """Why a key that the counterparty made is not taken: a fixed set, since the answer is chosen by it."""

    MALFORMED = "malformed"
    ALTERED = "altered, or under another ZMK"
    OTHER_VERSION = "of another version"
    OTHER_USE = "for another use"
    WRONG_LENGTH = "of a wrong length"
    WEAK = "weak"
    CHECK_VALUE = "of another check value"
    REPLACED = "replaced since"


class KeyBlockError(PeerError):
    """A TR-31 key block is malformed, not authentic, or made for another use, or the key in it is no good.

    `fault` says which of these; `str()` says it for people, and holds no digit of the key.
    """

    def __init__(self, fault: KeyBlockFault, text: str) -> None:
        """Take the fault, and the same in words."""
        super().__init__(text)
        self.fault = fault


class FramingError(OwnError):
    """A framing's parts contradict each other, or are none. The text says which and why."""


class DialectError(OwnError):
    """A dialect file cannot be used. The text names the file, the key or DE, and the reason."""


class EncodeError(OwnError):
    """A message cannot be encoded in this dialect. `field` is named as in DecodeError."""

    def __init__(self, field: str, reason: str) -> None:
        """Take the field and the reason in words (no data)."""
        super().__init__(Sentence("field {field}: {reason}", field=field, reason=reason))
        self.field = field
