"""The deadlines of one link: for the TLS handshake, for a frame, for the sign-on, for silence, and for the
answer to our echo.

Pure: the time is handed in, in seconds of a monotonic clock. Knows no message and no socket: what to do about
a deadline that has passed is the link's business. docs/protocol.md sections 1 and 5.5.
"""

from __future__ import annotations

from fep.settings.config import Limits
from fep.telemetry.last_seen import LastSeen
from qianzhi_errors.sentence import Sentence


class Deadlines:
    """The moments of one link that a deadline counts from, and the two that operators ask for."""

    def __init__(self, limits: Limits, opened_at: float, *, shakes_hands: bool = False) -> None:
        """`shakes_hands`: the link begins with a TLS handshake, which has a deadline of its own."""
        self._limits = limits
        self._opened_at = opened_at
        self._heard_at = opened_at
        self._echoed_at: float | None = None
        self._shakes_hands = shakes_hands
        self._has_signed_on = False
        self._frame_since: float | None = None
        self._asked_at: float | None = None

    def heard(self, now: float, *, frame_pending: bool) -> None:
        """Note that bytes came; `frame_pending` tells whether they end inside a frame. The frame's deadline
        counts from the frame's start.
        """
        self._heard_at = now
        if not frame_pending:
            self._frame_since = None
        elif self._frame_since is None:
            self._frame_since = now

    def frame_began_again(self) -> None:
        """Note that a frame was completed: another that began in the same bytes has its own deadline."""
        self._frame_since = None

    def shaken_hands(self) -> None:
        """Note that the TLS handshake is done."""
        self._shakes_hands = False

    def signed_on(self) -> None:
        """Note that the bank has signed on: from now on only silence ends the link."""
        self._has_signed_on = True

    def asked(self, now: float) -> None:
        """Note that we asked for an echo: its answer has a deadline."""
        self._asked_at = now

    def is_asked(self) -> bool:
        """Whether the answer to our echo is awaited."""
        return self._asked_at is not None

    def answered(self, now: float) -> None:
        """Note that the bank answered a message of ours. It counts as an echo if we waited for one."""
        if self._asked_at is not None:
            self._echoed_at = now
        self._asked_at = None

    def echoed(self, now: float) -> None:
        """Note that the bank asked for an echo."""
        self._echoed_at = now

    def missed(self, now: float) -> str:
        """Why the link is to be closed at `now`: the deadline that has passed, in words; empty for none."""
        if self._shakes_hands and now - self._opened_at >= self._limits.handshake_seconds:
            return Sentence("no TLS handshake in time")
        if self._frame_since is not None and now - self._frame_since >= self._limits.frame_seconds:
            return Sentence("a frame was not complete in time")
        if not self._has_signed_on and now - self._opened_at >= self._limits.sign_on_seconds:
            return Sentence("no sign-on in time")
        if self._asked_at is not None and now - self._asked_at >= self._limits.echo_seconds:
            return Sentence("our echo was not answered in time")
        return ""

    def is_echo_due(self, now: float) -> bool:
        """Whether a bank that has signed on has been silent so long that we ask for an echo; never while an
        answer to the last one is awaited.
        """
        is_silent = now - self._heard_at >= self._limits.idle_seconds
        return self._asked_at is None and self._has_signed_on and is_silent

    def idle_seconds(self, now: float) -> float:
        """How many seconds the bank has sent nothing."""
        return now - self._heard_at

    def last_seen(self) -> LastSeen:
        """When the bank was last heard on this link (the opening counts), and when it last echoed."""
        return LastSeen(self._heard_at, self._echoed_at)
