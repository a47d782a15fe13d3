"""Between a bank's socket and the machine: passes frames on, holds them back, loses them, or cuts the link.

It knows frames and session keys, and nothing of what a message is for: a script decides about each frame.
Bytes that are no frame end the link, as they would at the machine.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime

from protocol.codec import Codec
from protocol.errors import DecodeError, FormatError, FrameError
from protocol.framing import Frame, FrameReader, frame_bytes, wrap
from protocol.keyblock import unwrap
from protocol.mac import MacKey
from protocol.message import Message
from protocol.tlv import first, parse
from simulators.certify.terms import Terms
from simulators.relay import End, Link, Relay


class Fate(StrEnum):
    """What becomes of a frame."""

    PASSED = "passed on"
    LOST = "lost"
    HELD = "held back"
    CUT = "link cut in the middle of it"
    CHANGED = "changed on its way"
    ANSWERED = "answered in the machine's place"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What happens to a frame. `body` replaces it or is its answer; `seconds` is how long it is held back."""

    fate: Fate = Fate.PASSED
    body: bytes = b""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Relayed:
    """One frame on its way through. `message` is None where it does not decode; `mac` is right, wrong or
    none; `key` is the check value of the key under which the MAC is right.
    """

    body: bytes
    message: Message | None
    mac: str
    key: str


class Script(Protocol):
    """Decides what happens to frames, and is told what happens to links."""

    def opened(self, link: Interposed) -> None:
        """A bank has opened a link."""

    def closed(self, link: Interposed, by: str) -> None:
        """A link is over; `by` says who ended it: bank, machine, or stand."""

    def garbled(self, link: Interposed, reason: str) -> None:
        """The bank sent bytes that are no frame."""

    def from_bank(self, link: Interposed, relayed: Relayed) -> Ruling:
        """The ruling on a frame from the bank."""

    def from_machine(self, link: Interposed, relayed: Relayed) -> Ruling:
        """The ruling on a frame from the machine."""


class Interposed(Link):
    """One link: the bank's connection, and another one to the machine."""

    def __init__(self, interposer: Interposer, number: int) -> None:
        super().__init__(interposer, lambda: (("127.0.0.1", interposer.machine_port),))
        self.number = number
        self.codec = interposer.codec
        self.keys: tuple[MacKey, ...] = ()
        """The session key in use, and after it the one before."""
        self._offered: dict[tuple[str | None, str | None], str] = {}
        """Key blocks that the bank has sent, by DE 7 and 11 of the 0800, where it makes the keys."""
        self._terms = interposer.terms
        self._script = interposer.script
        self._clock = interposer.clock
        self._readers = {
            end: FrameReader(self._terms.framing, takes_empty=True) for end in (self.near, self.far)
        }

    def opened(self) -> None:
        """The bank is there."""
        self._script.opened(self)

    def unreached(self) -> None:
        """The machine did not take the connection."""
        self._over("machine")

    def heard(self, end: End, data: bytes) -> None:
        """Cut frames out of bytes and apply the script's ruling to each; what follows a frame that ends the
        link is dropped.
        """
        fault = ""
        try:
            frames = self._readers[end].feed(data)
        except FrameError as error:
            frames, fault = list(error.frames), str(error)
        for frame in frames:
            if self.is_over:
                return
            if frame.is_empty:  # no message, so nothing to rule on
                (self.far if end is self.near else self.near).write(frame_bytes(self._terms.framing, frame))
            elif end is self.near:
                self._from_bank(frame)
            else:
                self._from_machine(frame)
        if fault and not self.is_over:
            self._garbled(end, fault)

    def lost(self, end: End, *, in_order: bool) -> None:  # noqa: ARG002 - both are told in order
        """One side has closed: close the other too."""
        self._over("bank" if end is self.near else "machine")

    def _garbled(self, end: End, reason: str) -> None:
        """Bytes that are no frame came: the link cannot go on."""
        if end is self.near:
            self._script.garbled(self, reason)
        self._over("stand")

    def _over(self, by: str) -> None:
        """Close both sides, once."""
        if not self.is_over:
            self.close()
            self._script.closed(self, by)

    def _from_bank(self, frame: Frame) -> None:
        relayed = self._relayed(frame)
        ruling = self._script.from_bank(self, relayed)
        self._keep_offered(relayed.message)
        if ruling.fate is Fate.ANSWERED:
            self.near.write(self._framed(ruling.body, frame))
        else:
            self._carry(frame, ruling, self.far)

    def _from_machine(self, frame: Frame) -> None:
        relayed = self._relayed(frame)
        ruling = self._script.from_machine(self, relayed)
        self._learn(relayed)
        self._carry(frame, ruling, self.near)

    def _carry(self, frame: Frame, ruling: Ruling, to: End) -> None:
        data = self._framed(ruling.body or frame.body, frame)
        if ruling.fate is Fate.LOST:
            return
        if ruling.fate is Fate.HELD:
            self._clock.callLater(ruling.seconds, to.write, data)
        elif ruling.fate is Fate.CUT:
            if to is self.near:
                to.write(data[: len(data) // 2])
            self._over("stand")
        else:
            to.write(data)

    def _framed(self, body: bytes, like: Frame) -> bytes:
        return wrap(self._terms.framing, body, like.head)

    def _relayed(self, frame: Frame) -> Relayed:
        try:
            message = self.codec.decode(frame.body)
        except DecodeError:
            return Relayed(frame.body, None, "unknown", "")
        split = self.codec.mac_of(frame.body, message)
        if split is None:
            return Relayed(frame.body, message, "none", "")
        right = next((key for key in self.keys if key.verify(self.codec.mac_input(split[0]), split[1])), None)
        if right is None:
            return Relayed(frame.body, message, "wrong", "")
        return Relayed(frame.body, message, "right", right.check_value)

    def _keep_offered(self, message: Message | None) -> None:
        if self._terms.makes_keys and message is not None and message.mti == "0800":
            with suppress(FormatError):
                block = self._block(message)
                if block is not None:
                    self._offered[_stamp(message)] = block

    def _block(self, message: Message) -> str | None:
        """The key block of an 0800 or 0810. Raises FormatError."""
        return first(parse(message.fields.get(48, ""), self.codec.dialect.de48_encoding), "KA")

    def _learn(self, relayed: Relayed) -> None:
        """Take note of the session key that the machine's answer brings, or approves."""
        message = relayed.message
        if message is None or message.mti != "0810":
            return
        block = self._offered.pop(_stamp(message), None) if self._terms.makes_keys else self._block(message)
        if block is not None and message.fields.get(39) == "00":
            key = MacKey(self._terms.mac, unwrap(self._terms.zmk, block, self._terms.mac))
            self.keys = (key, *self.keys[:1])


def _stamp(message: Message) -> tuple[str | None, str | None]:
    return message.fields.get(7), message.fields.get(11)


class Interposer(Relay):
    """The listener that banks connect to."""

    def __init__(
        self,
        reactor: Any,  # noqa: ANN401 - reactors are told apart by interfaces, not by a type
        terms: Terms,
        codec: Codec,
        script: Script,
        clock: IReactorTime,
    ) -> None:
        """`clock` says when what is held back goes on. `machine_port` is to be set before a bank comes."""
        super().__init__(reactor)
        self.terms, self.codec, self.script, self.clock = terms, codec, script, clock
        self.machine_port = 0
        self._numbers = count(1)

    def listen(self) -> int:
        """Take banks where the terms say; the port. Raises CannotListenError."""
        return self.take(self.terms.host, self.terms.port, lambda: Interposed(self, next(self._numbers)))
