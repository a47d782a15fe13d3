"""What sits between a bank's socket and the machine: it lets frames through, holds them, loses them, cuts.

Knows frames, session keys and nothing of what a message is for: what becomes of each frame a script says.
Bytes that are no frame end the link, as they would at the machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.interfaces import IAddress, IReactorTime, ITCPTransport
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.protocol import Protocol as Connection
from twisted.python.failure import Failure

from protocol.codec import Codec
from protocol.errors import DecodeError, FrameError
from protocol.framing import Frame, FrameReader, wrap
from protocol.keyblock import unwrap
from protocol.mac import MacKey
from protocol.message import Message
from protocol.tlv import first, parse
from simulators.certify.terms import Terms


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
    """A frame's fate. `body` is what goes on in its place, or goes back as its answer; `seconds` how long it
    is held back.
    """

    fate: Fate = Fate.PASSED
    body: bytes = b""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Said:
    """One frame's message, None where it does not decode. `mac` is right, wrong or none, and `key` the check
    value of the key that it is right under.
    """

    body: bytes
    message: Message | None
    mac: str
    key: str


class Script(Protocol):
    """Who rules, and who is told."""

    def opened(self, relay: Relay) -> None:
        """A bank has opened a link."""

    def closed(self, relay: Relay, by: str) -> None:
        """A link is over; `by` says who ended it: bank, machine, or stand."""

    def garbled(self, relay: Relay, reason: str) -> None:
        """The bank sent bytes that are no frame."""

    def from_bank(self, relay: Relay, said: Said) -> Ruling:
        """The bank said this."""

    def from_machine(self, relay: Relay, said: Said) -> Ruling:
        """The machine said this."""


class Relay:
    """One link: the bank's connection, and ours to the machine."""

    def __init__(
        self,
        number: int,
        terms: Terms,
        codec: Codec,
        script: Script,
        clock: IReactorTime,
        reach: Callable[[End], Deferred[Any]],
    ) -> None:
        """`reach` connects an end to the machine; `clock` says when what is held back goes on."""
        self.number = number
        self.codec = codec
        self.keys: tuple[MacKey, ...] = ()
        """The session key in use, and after it the one before."""
        self.near = End(self, terms, self._from_bank, self._opened)
        self.far = End(self, terms, self._from_machine, lambda: None)
        self._terms = terms
        self._script = script
        self._clock = clock
        self._reach = reach
        self._over = False

    def _opened(self) -> None:
        """The bank is there: it is not listened to before the machine is there as well."""
        self._script.opened(self)
        self.near.pause()
        self._reach(self.far).addCallbacks(self._reached, lambda _: self.over("machine"))

    def _reached(self, _: object) -> None:
        if self._over:
            self.far.end()
        else:
            self.near.go_on()

    def ended(self, end: End) -> None:
        """One side is gone: the other goes too."""
        self.over("bank" if end is self.near else "machine")

    def garbled(self, end: End, reason: str) -> None:
        """What came has no end: neither side can go on."""
        if end is self.near:
            self._script.garbled(self, reason)
        self.over("stand")

    def over(self, by: str) -> None:
        """End both sides, once."""
        if not self._over:
            self._over = True
            self._script.closed(self, by)
            for end in (self.near, self.far):
                end.end()

    def _from_bank(self, frame: Frame) -> None:
        said = self._said(frame)
        ruling = self._script.from_bank(self, said)
        if ruling.fate is Fate.ANSWERED:
            self.near.write(ruling.body, frame.tpdu)
        else:
            self._carry(frame, ruling, self.far)

    def _from_machine(self, frame: Frame) -> None:
        said = self._said(frame)
        ruling = self._script.from_machine(self, said)
        self._learn(said)
        self._carry(frame, ruling, self.near)

    def _carry(self, frame: Frame, ruling: Ruling, to: End) -> None:
        body = ruling.body or frame.body
        if ruling.fate is Fate.LOST:
            return
        if ruling.fate is Fate.HELD:
            self._clock.callLater(ruling.seconds, to.write, body, frame.tpdu)
        elif ruling.fate is Fate.CUT:
            if to is self.near:
                to.write_half(body, frame.tpdu)
            self.over("stand")
        else:
            to.write(body, frame.tpdu)

    def _said(self, frame: Frame) -> Said:
        try:
            message = self.codec.decode(frame.body)
        except DecodeError:
            return Said(frame.body, None, "unknown", "")
        split = self.codec.mac_of(frame.body, message)
        if split is None:
            return Said(frame.body, message, "none", "")
        right = next((key for key in self.keys if key.verify(*split)), None)
        if right is None:
            return Said(frame.body, message, "wrong", "")
        return Said(frame.body, message, "right", right.check_value)

    def _learn(self, said: Said) -> None:
        """Take note of the session key that the machine's answer brings."""
        message = said.message
        if message is None or message.mti != "0810" or 48 not in message.fields:
            return
        block = first(parse(message.fields[48], self.codec.dialect.de48_encoding), "KA")
        if block is not None:
            key = MacKey(self._terms.mac, unwrap(self._terms.zmk, block, self._terms.mac))
            self.keys = (key, *self.keys[:1])


class End(Connection):
    """One of a link's two connections."""

    transport: ITCPTransport

    def __init__(
        self, relay: Relay, terms: Terms, take: Callable[[Frame], None], made: Callable[[], None]
    ) -> None:
        self._relay = relay
        self._made = made
        self._framing = terms.framing
        self._take = take
        self._reader = FrameReader(terms.framing)
        self.is_open = False

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Send each message at once."""
        self.is_open = True
        self.transport.setTcpNoDelay(True)
        self._made()

    def pause(self) -> None:
        """Read nothing for now."""
        self.transport.pauseProducing()

    def go_on(self) -> None:
        """Read on."""
        self.transport.resumeProducing()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Cut frames, and have each ruled on."""
        if not self.is_open:
            return
        fault = ""
        try:
            frames = self._reader.feed(data)
        except FrameError as error:
            frames, fault = list(error.frames), str(error)
        for frame in frames:
            self._take(frame)
        if fault:
            self._relay.garbled(self, fault)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002, N802 - Twisted's
        """This side has ended it, or was ended."""
        self.is_open = False
        self._relay.ended(self)

    def write(self, body: bytes, tpdu: bytes) -> None:
        """Send a frame, if there is still somebody to send it to."""
        if self.is_open:
            self.transport.write(wrap(self._framing, body, tpdu))

    def write_half(self, body: bytes, tpdu: bytes) -> None:
        """Send the first half of a frame."""
        framed = wrap(self._framing, body, tpdu)
        if self.is_open:
            self.transport.write(framed[: len(framed) // 2])

    def end(self) -> None:
        """Close the connection."""
        if self.is_open:
            self.transport.loseConnection()


class Interposer(Factory):
    """The listener that banks connect to."""

    noisy = False

    def __init__(
        self,
        reactor: Any,  # noqa: ANN401 - reactors are told apart by interfaces, not by a type
        terms: Terms,
        codec: Codec,
        script: Script,
        clock: IReactorTime,
    ) -> None:
        """`clock` says when what is held back goes on. `machine_port` is to be set before a bank comes."""
        self._reactor = reactor
        self._terms = terms
        self._codec = codec
        self.machine_port = 0
        self._script = script
        self._clock = clock
        self._numbers = count(1)

    def buildProtocol(self, addr: IAddress) -> Connection:  # noqa: ARG002, N802 - Twisted's name
        """A link's near end."""
        relay = Relay(next(self._numbers), self._terms, self._codec, self._script, self._clock, self._reach)
        return relay.near

    def _reach(self, far: End) -> Deferred[Any]:
        endpoint: Any = TCP4ClientEndpoint(self._reactor, "127.0.0.1", self.machine_port)
        return connectProtocol(endpoint, far)
