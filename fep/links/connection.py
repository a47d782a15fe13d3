"""One accepted connection of a bank: a socket on one side, its link on the other.

Cuts bytes into frames for the link, as fast as the bank's rate allows, writes the link's answers, and closes
the connection. What it needs to know of all the others, `Register` says. Nothing here knows what a message
means.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from typing import Final, ParamSpec, TypeVar
from typing import Protocol as Interface

from twisted.internet.interfaces import IConsumer, IHandshakeListener, IPushProducer, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from fep.links.counterparty import Counterparty, Surroundings
from fep.links.link import Link
from fep.links.places import Places
from fep.links.rate_limiter import RateLimiter
from fep.links.session import SIGNED_OFF, SIGNED_ON
from fep.links.tls import TlsConnection, is_client_hello, is_tls_error, reason_of
from firewall_rules.token_bucket import TokenBucket
from protocol.errors import FrameError
from protocol.framing import Frame, FrameReader, Idle, echoed
from qianzhi_errors.sentence import Sentence

P = ParamSpec("P")
T = TypeVar("T")

CLOSE_SECONDS: Final = 5
"""How long the other side may take to let a link end that we have closed; then it is cut off. Until it is
gone the link counts as one of its bank's."""
HANDSHAKE_FAILED = Sentence("the TLS handshake failed")
FAULT: Final = Sentence("a fault of ours")
TOO_MANY_EMPTY: Final = Sentence("too many empty frames")
EMPTY_FRAMES_A_MINUTE: Final = 60
"""How many empty frames a link may send a minute where its bank's settings take them. Hosts that poll so send
a few; as many at once are taken after a pause."""
TLS_CAME: Final = Sentence("TLS came, and the entry of the bank says plain")


class Register(Interface):
    """What a connection tells the register of all of them (`fep.links.server`). `heard` counts what came."""

    heard: int

    def opened(self, connection: BankConnection) -> None:
        """Register a link."""

    def shaken_hands(self, connection: BankConnection) -> None:
        """The TLS handshake of a link is done."""

    def signed_on(self, connection: BankConnection) -> None:
        """A link signs on."""

    def turned_away(self, connection: BankConnection, reason: str) -> None:
        """A link was refused before it had signed on."""

    def ending(self, connection: BankConnection, reason: str, text: str = "") -> None:
        """We end a link; `text` says it to the log."""

    def failed(self, connection: BankConnection) -> None:
        """An exception of ours ends a link."""

    def left(self, connection: BankConnection) -> None:
        """The bank or the network has ended a link."""

    def closed(self, connection: BankConnection) -> None:
        """A link is gone."""

    def add_unsent(self, bank: str, more: int) -> int:
        """Add bytes to what a bank has left unread, and return their sum."""


class IBankTransport(ISSLTransport, IPushProducer, IConsumer):
    """What a connection writes to: a TCP connection, or TLS over one. Only TLS has a peer's certificate."""


@implementer(IPushProducer, IHandshakeListener)
class BankConnection(Protocol):
    """One accepted connection: cuts bytes into frames for its link, and writes the link's answers. It comes
    from address `host` and `peer_port` there, to our `port`.
    """

    transport: IBankTransport
    host = ""
    peer_port = port = 0

    def __init__(
        self,
        register: Register,
        counterparty: Counterparty,
        surroundings: Surroundings,
        rate_limiter: RateLimiter,
        places: Places,
    ) -> None:
        self._register = register
        self._seconds = surroundings.seconds
        self._limit = surroundings.limits.unsent_bytes
        framing, self._idle = counterparty.bank.framing, counterparty.bank.idle
        self._reader = FrameReader(
            framing, surroundings.limits.frame_bytes, takes_empty=self._idle is not Idle.CLOSE
        )
        self.link = Link(counterparty, surroundings, self.send, self.end, self.guarded, self)
        self._places = places
        self.shakes_hands = counterparty.tls is not None
        self.is_of_known_address = False
        """The bank had signed on from its address before it was opened."""
        self.has_signed_on = False
        self.signed_off = False
        """The bank had signed off when the connection was lost."""
        self._rate_limiter = rate_limiter
        self._empty_frames = TokenBucket.per_minute(EMPTY_FRAMES_A_MINUTE, self._seconds())
        self._held: deque[Frame] = deque()
        self._fault = ""
        self._fault_text = ""
        self._full = False
        self._unsent = 0
        self._ended = False
        self._cut_off_at = inf
        self._is_new = True

    @property
    def held(self) -> int:
        """How many messages wait to be handed on, because of the bank's rate or its refusals."""
        return len(self._held)

    def guarded(self, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T | None:
        """Do one thing for this link and return what it returns. Whatever it raises ends this link alone, is
        logged once and counted: then None. Everything that a link does is begun through here.
        """
        try:
            return act(*arguments, **named)
        except Exception:
            self._register.failed(self)
            self.end(FAULT)
        return None

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Register the link, and turn off Nagle's algorithm: an answer is sent without waiting for a next
        one.
        """
        self._register.opened(self)
        self.guarded(self._set_up)

    def _set_up(self) -> None:
        peer = self.transport.getPeer()
        self.host, self.peer_port, self.port = peer.host, peer.port, self.transport.getHost().port
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        self.transport.registerProducer(self, True)
        self._places.come(self, self.link.bank.unsigned_links)

    def handshakeCompleted(self) -> None:  # noqa: N802 - Twisted's name
        """The TLS handshake is done. A reload may have come meanwhile, so the register looks at the link."""
        self.shakes_hands = False
        self.link.shaken_hands()
        self.guarded(self._register.shaken_hands, self)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Take the bytes that came."""
        self._register.heard += 1
        self.guarded(self._cut, data)

    def _cut(self, data: bytes) -> None:
        """Cut frames and hand them on as fast as the bank's rate allows. A frame that cannot be delimited
        ends the link, once the frames before it have been handed on.
        """
        if self._ended or self._fault:
            return  # after a bad frame nobody knows where the next one begins
        if self._is_new:
            self._is_new = False
            if self.link.bank.transport == "plain" and is_client_hello(data):
                self.end(TLS_CAME)
                return
        try:
            frames = self._reader.feed(data)
        except FrameError as error:
            frames, self._fault, self._fault_text = list(error.frames), error.fault, str(error)
        empty = [frame for frame in frames if frame.is_empty]
        if empty:
            self._take_empty(empty)
            frames = [frame for frame in frames if not frame.is_empty]
        if frames:
            self.link.frame_began_again()
        self.link.heard(self._reader.pending > 0)
        waiting = bool(self._held)
        self._held.extend(frames)
        if waiting:
            return
        while self._held and self._rate_limiter.take():
            self.link.received(self._held.popleft())
        if self._held:
            self.transport.pauseProducing()
            self._rate_limiter.wait(self)
        elif self._fault:
            self.end(self._fault, self._fault_text)

    def _take_empty(self, frames: Sequence[Frame]) -> None:
        """Pass over empty frames, or answer each with one; more than a link may send are a fault."""
        for frame in frames:
            if not self._empty_frames.take(self._seconds()):
                self._fault = self._fault or TOO_MANY_EMPTY
                return
            if self._idle is Idle.ECHO:
                self.send(echoed(self.link.bank.framing, frame))

    def take_one(self) -> bool:
        """Hand on one message that had to wait, and read on after the last one. Returns whether another
        waits.
        """
        self.guarded(self._hand_on)
        return bool(self._held)

    def _hand_on(self) -> None:
        self.link.received(self._held.popleft())
        if not self._held:
            self._read_on()

    def stop(self) -> None:
        """Take nothing new, and hand on at once all messages that wait, whatever the bank's rate: the machine
        stops, and answers each of them.
        """
        self.guarded(self._stop)

    def _stop(self) -> None:
        self.link.stop()
        if self._held:
            self._rate_limiter.forget(self)
            while self._held:
                self.link.received(self._held.popleft())
            self._read_on()

    def _read_on(self) -> None:
        """Resume reading, or end the link if a bad frame came. Restarts the deadlines of buffered bytes,
        since the delay was ours.
        """
        if self._ended:
            return
        if self._fault:
            self.end(self._fault, self._fault_text)
            return
        self.link.frame_began_again()
        self.link.heard(self._reader.pending > 0)
        self.transport.resumeProducing()

    def tick(self) -> None:
        """Look at the deadlines, except while we make the bank wait. A link that has not ended in time after
        we closed it is cut off.
        """
        if self._ended:
            if self._seconds() >= self._cut_off_at:
                self._cut_off_at = inf
                self.transport.abortConnection()
        elif not self._held:
            self.guarded(self.link.tick)

    def ask(self, code: str) -> None:
        """Send an 0800 of our own with `code` in DE 70."""
        self.guarded(self.link.ask, code)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        """Strike the link off the register. A TLS handshake that failed is logged with its own reason."""
        self.signed_off = self.link.session.state() == SIGNED_OFF
        if not self._ended and is_tls_error(reason.value):
            self._register.ending(
                self,
                HANDSHAKE_FAILED,
                Sentence("{what}: {reason}", what=HANDSHAKE_FAILED, reason=self._fault_of(reason)),
            )
        elif not self._ended and self._left_handshake():
            self._register.turned_away(
                self, Sentence("it ended the connection in the middle of the TLS handshake")
            )
        elif not self._ended and self.link.session.state() == SIGNED_ON and not self.link.bank.short_links:
            self._register.left(self)
        self._ended = True
        self._let_go()
        self._places.gone(self)
        self.resumeProducing()
        self._register.closed(self)
        self.guarded(self.link.lost)

    def send(self, data: bytes) -> None:
        """Write `data`. If the bank's links together leave too many bytes unread, end this link instead, so
        that memory stays bounded.
        """
        if self._ended:
            return
        if self._full:
            self._unsent += len(data)
            if self._register.add_unsent(self.link.bank.code, len(data)) > self._limit:
                self.end(Sentence("the bank does not read its answers"))
                return
        self.transport.write(data)

    def end(self, reason: str, text: str = "", *, at_once: bool = False) -> None:
        """Close the connection; a second call does nothing. `reason` is one of a fixed set, by which ends are
        counted; `text` says it to the log, with figures. `at_once`: drop what was written and is not sent
        yet.
        """
        if not self._ended:
            self._ended = True
            self._cut_off_at = self._seconds() + CLOSE_SECONDS
            self._let_go()
            self._places.gone(self)
            self._register.ending(self, reason, text)
            if self._full or at_once:
                self.transport.abortConnection()
            else:
                self.close()

    def give_way(self, reason: str) -> None:
        """End the connection at once: a newer one takes its place. What is reset, the kernel's firewall does
        not count any more.
        """
        self.end(reason, at_once=True)

    def silent_seconds(self) -> float:
        """How many seconds nothing was heard of the bank; 0 while it has to wait for us."""
        return 0.0 if self._held else self.link.idle_seconds()

    def ask_for_echo(self) -> None:
        """Ask the bank whether it is still there."""
        self.guarded(self.link.ask_for_echo)

    def take_place(self, granted: Callable[[], None]) -> None:
        """Call `granted` once there is a place for this link among those of its bank."""

        def take() -> None:
            if not self.has_signed_on:
                self.has_signed_on = True
                self._register.signed_on(self)
            self.guarded(granted)

        self._places.sign_on(self, self.link.bank.links, take)

    def sign_on_refused(self, reason: str) -> None:
        """Leave a trace of a sign-on, or of a bank's key, that was refused."""
        self._register.turned_away(self, reason)

    def presented(self) -> str:
        """The certificate that the bank showed, in words; empty for none."""
        tls = self._tls()
        return tls.presented if tls else ""

    def _fault_of(self, reason: Failure) -> str:
        """Why the TLS handshake failed: where we refused it, our own reason, else OpenSSL's."""
        tls = self._tls()
        return (tls.fault if tls else "") or reason_of(reason.value)

    def _left_handshake(self) -> bool:
        """Whether a TLS handshake has begun and is not done. Who opens a connection and says nothing, as
        balancers do to see that somebody listens, is not meant.
        """
        tls = self._tls()
        return self.shakes_hands and tls is not None and tls.has_begun

    def _tls(self) -> TlsConnection | None:
        return self.transport if isinstance(self.transport, TlsConnection) else None

    def _let_go(self) -> None:
        """Drop the messages that wait to be handed on: the link has ended, and no answer could be sent."""
        self._rate_limiter.forget(self)
        self._held.clear()

    def close(self) -> None:
        """Close the connection when all that was written has been sent. The producer is unregistered first:
        TLS would wait for it.
        """
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The socket is full: count the bytes that are written from now on."""
        self._full = True

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The socket was drained, or is gone: count nothing more, and forget what was counted."""
        self._full = False
        self._register.add_unsent(self.link.bank.code, -self._unsent)
        self._unsent = 0

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The connection is being lost; `connectionLost` follows."""
