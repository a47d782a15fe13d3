"""The errors of `protocol/`, one family: the class says who is at fault.

Nothing here may carry a value or bytes of a message: they may be card numbers, PIN blocks or keys, and
error texts end up in logs. Names of fields, positions and lengths only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from protocol.framing import Frame
    from protocol.message import Message

# DE 44 is `ans..25` in every dialect; a FormatError's text must fit it.
REASON_LENGTH_MAX = 25


class ProtocolError(Exception):
    """Base of the family. Not to be raised itself: say whose fault it is."""

    def __new__(cls, *_args: object, **_kwargs: object) -> Self:
        """Raise TypeError for the bare base class."""
        if cls is ProtocolError:
            raise TypeError("ProtocolError is abstract: raise a PeerError or an OwnError")
        return super().__new__(cls)


class PeerError(ProtocolError):
    """The counterparty sent something it may not send."""


class OwnError(ProtocolError):
    """We are at fault: a bad dialect file, or a message that cannot be written."""


class FrameError(PeerError):
    """A frame cannot be delimited, so nothing after it can be read: the link must close.

    `frames` holds the whole frames that came before the bad one in the same feed; they are still good.
    """

    def __init__(self, reason: str, frames: tuple[Frame, ...] = ()) -> None:
        """Take a reason in words and the frames that were complete before it."""
        super().__init__(reason)
        self.frames = frames


class DecodeError(PeerError):
    """The bytes are no message in this dialect.

    `field` names where decoding failed: a DE number as text, "t" the MTI, "p" and "1" the bitmaps.
    `position` is the byte offset of that field in the message. `partial` is what an answer can repeat of it:
    the MTI and those DEs that are in order; None where not even the MTI is.
    """

    def __init__(self, field: str, position: int, reason: str, partial: Message | None = None) -> None:
        """Take the field, its byte offset, the reason in words (no data), and what did decode."""
        super().__init__(f"field {field} at byte {position}: {reason}")
        self.field = field
        self.position = position
        self.partial = partial


class FormatError(PeerError):
    """A message that decodes, but where a mandatory field is missing or malformed: answered DE 39 = 30.

    `field` is "4", or "48.PN" for a group of DE 48. `str()` is at most 25 ASCII characters, ready for DE 44.
    """

    def __init__(self, field: str, reason: str = "missing") -> None:
        """Take the field and a reason in a word or two; a text too long for DE 44 is cut."""
        text = f"DE {field} {reason}".encode("ascii", "replace").decode("ascii")
        super().__init__(text[:REASON_LENGTH_MAX].rstrip())
        self.field = field


class CaptureError(PeerError):
    """A capture file that is none, or breaks off: `position` is a byte's offset in it, `expected` what should
    have been there.
    """

    def __init__(self, position: int, expected: str) -> None:
        """Take the offset and what was expected, in words."""
        super().__init__(f"byte {position}: expected {expected}")
        self.position = position
        self.expected = expected


class KeyBlockError(PeerError):
    """A TR-31 key block that is malformed, not authentic, or not for the use asked of it."""


class DialectError(OwnError):
    """A dialect file that cannot be used; the text names the file, the DE and the reason."""


class EncodeError(OwnError):
    """A message that cannot be written in this dialect. `field` as in DecodeError."""

    def __init__(self, field: str, reason: str) -> None:
        """Take the field and the reason in words (no data)."""
        super().__init__(f"field {field}: {reason}")
        self.field = field
