"""The banks' listeners: sockets on one side, links on the other.

Admits or refuses an address before a byte is read, bounds how many links a bank holds open and how many bytes
it leaves unread, feeds frames to the link, and closes connections. Nothing here knows what a message means.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from typing import Final, ParamSpec, TypeVar

from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IConsumer, IPushProducer, IReactorTime, ISSLTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from fep.links.counterparty import Counterparty, Surroundings
from fep.links.link import Link
from fep.links.rate_limiter import PAUSE_SECONDS, RateLimiter
from fep.links.session import SIGNED_OFF, SIGNED_ON
from fep.links.tls import pin_of
from fep.telemetry.event_log import Kind
from fep.telemetry.last_seen import NEVER, LastSeen, Stranger, latest
from firewall_rules.gateway import Gateway
from firewall_rules.hours import Pace
from firewall_rules.token_bucket import TokenBucket
from protocol.errors import FrameError
from protocol.framing import Frame, FrameReader, Idle, answer_tpdu, frame_bytes

P = ParamSpec("P")
T = TypeVar("T")

TICK_SECONDS = 1.0
CLOSE_SECONDS: Final = 5
"""How long the other side may take to let a link end that we have closed; then it is cut off. Until it is
gone the link counts as one of its bank's."""
HANDSHAKE_FAILED = "the TLS handshake failed"
FAULT: Final = "a fault of ours"
TOO_MANY_EMPTY: Final = "too many empty frames"
EMPTY_FRAMES_A_MINUTE: Final = 60
"""How many empty frames a link may send a minute where its bank's settings take them. Hosts that poll so send
a few; as many at once are taken after a pause."""
REFUSALS_A_SECOND = 40_000
"""How many requests a second are answered 91 at once because the queue has no place. They take about half of
a processor's time; without a bound they would leave none to decide anything. What is neither decided nor
refused waits in its bank's sockets (docs/overload.md)."""


class IBankTransport(ISSLTransport, IPushProducer, IConsumer):
    """What a connection writes to: a TCP connection, or TLS over one. Only TLS has a peer's certificate."""


@implementer(IPushProducer)
class BankConnection(Protocol):
    """One accepted connection: cuts bytes into frames for its link, and writes the link's answers."""

    transport: IBankTransport

    def __init__(
        self,
        server: Server,
        counterparty: Counterparty,
        surroundings: Surroundings,
        rate_limiter: RateLimiter,
    ) -> None:
        self._server = server
        self._seconds = surroundings.seconds
        self._limit = surroundings.limits.unsent_bytes
        framing, self._idle = counterparty.bank.framing, counterparty.bank.idle
        self._reader = FrameReader(
            framing, surroundings.limits.frame_bytes, takes_empty=self._idle is not Idle.CLOSE
        )
        self.link = Link(counterparty, surroundings, self.send, self.end, self.guarded)
        self._rate_limiter = rate_limiter
        a_second = EMPTY_FRAMES_A_MINUTE / 60
        self._empty_frames = TokenBucket(a_second, EMPTY_FRAMES_A_MINUTE, self._seconds())
        self._held: deque[Frame] = deque()
        self._fault = ""
        self._fault_text = ""
        self._full = False
        self._unsent = 0
        self._ended = False
        self._cut_off_at = inf

    def guarded(self, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T | None:
        """Do one thing for this link and return what it returns. Whatever it raises ends this link alone, is
        logged once and counted: then None. Everything that a link does is begun through here.
        """
        try:
            return act(*arguments, **named)
        except Exception:
            self._server.failed(self)
            self.end(FAULT)
        return None

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Register the link, and turn off Nagle's algorithm: an answer is sent without waiting for a next
        one.
        """
        self._server.opened(self)
        self.guarded(self._set_up)

    def _set_up(self) -> None:
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        self.transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Take the bytes that came."""
        self._server.heard += 1
        self.guarded(self._cut, data)

    def _cut(self, data: bytes) -> None:
        """Cut frames and hand them on as fast as the bank's rate allows. A frame that cannot be delimited
        ends the link, once the frames before it have been handed on.
        """
        if self._ended or self._fault:
            return  # after a bad frame nobody knows where the next one begins
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
                self.send(frame_bytes(self.link.bank.framing, Frame(b"", answer_tpdu(frame.tpdu))))

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
        if not self._ended and isinstance(reason.value, SSL.Error):
            self._server.ending(self, HANDSHAKE_FAILED)
        elif not self._ended and self.link.session.state() in (SIGNED_ON, SIGNED_OFF):
            self._server.left(self)
        self._ended = True
        self._let_go()
        self.resumeProducing()
        self._server.closed(self)
        self.guarded(self.link.lost)

    def send(self, data: bytes) -> None:
        """Write `data`. If the bank's links together leave too many bytes unread, end this link instead, so
        that memory stays bounded.
        """
        if self._ended:
            return
        if self._full:
            self._unsent += len(data)
            if self._server.add_unsent(self.link.bank.code, len(data)) > self._limit:
                self.end("the bank does not read its answers")
                return
        self.transport.write(data)

    def end(self, reason: str, text: str = "") -> None:
        """Close the connection; a second call does nothing. `reason` is one of a fixed set, by which ends are
        counted; `text` says it to the log, with figures.
        """
        if not self._ended:
            self._ended = True
            self._cut_off_at = self._seconds() + CLOSE_SECONDS
            self._let_go()
            self._server.ending(self, reason, text)
            if self._full:
                self.transport.abortConnection()
            else:
                self.close()

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
        self._server.add_unsent(self.link.bank.code, -self._unsent)
        self._unsent = 0

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The connection is being lost; `connectionLost` follows."""


class Server:
    """The register of all links, and the check of who may open one."""

    log = Logger(namespace="fep.links.server")

    def __init__(self, counterparties: Mapping[str, Counterparty], surroundings: Surroundings) -> None:
        self._gateway = Gateway(())
        self._counterparties = counterparties
        self._surroundings = surroundings
        self.connections: set[BankConnection] = set()
        self.per_bank: Counter[str] = Counter()
        self._paces: dict[str, Pace] = {}
        self._rate_limiters: dict[str, RateLimiter] = {}
        now = surroundings.engine.clock.seconds()
        self._refusals = TokenBucket(REFUSALS_A_SECOND, REFUSALS_A_SECOND * PAUSE_SECONDS, now)
        self._unsent_of: Counter[str] = Counter()
        self.last_seen: dict[str, LastSeen] = {}
        """By bank: the last signs of life on links that have closed."""
        self.strangers: dict[int, Stranger] = {}
        """By port: the last address that is on no bank's allowlist."""
        self.heard = 0
        self._ticking = LoopingCall(self._tick)
        self._empty: Deferred[None] = Deferred()

    def start(self, gateway: Gateway, clock: IReactorTime) -> None:
        """Admit the addresses that the gateway allows (before this call none), and begin to look at the
        links' deadlines every TICK_SECONDS.
        """
        self._gateway = gateway
        self._ticking.clock = clock
        self._ticking.start(TICK_SECONDS, now=False)

    def links_by_bank(self) -> dict[str, int]:
        """How many links each bank of the settings has open, and each bank that has left the settings but
        still has some.
        """
        return dict.fromkeys(self._counterparties, 0) | +self.per_bank

    def on_port(self) -> PortFactory:
        """The factory for one listening port. The caller sets its `port` once the system has chosen it."""
        return PortFactory(self)

    def unwelcome(self, host: str, port: int) -> tuple[str, str]:
        """The code of the bank that `host` belongs to on `port`, empty for no bank; and the reason why it may
        open no link now, empty if it may.
        """
        code = self._gateway.bank_of(host, port, self._surroundings.now())
        if code is None:
            owner = self._gateway.owner_of(host, port)
            if owner is None:
                return "", "the address is not on the allowlist"
            reason = "may not open links at this hour" if owner.enabled else "is disabled in the settings"
            return owner.bank, reason
        most = self._counterparties[code].bank.links
        if len(self.connections) >= self._surroundings.limits.links or self.per_bank[code] >= most:
            return code, "has as many links as it may"
        return code, ""

    def admit(self, host: str, port: int) -> Protocol | None:
        """The protocol for an accepted connection, or None: Twisted then closes it before a byte is read."""
        code, reason = self.unwelcome(host, port)
        if reason:
            self._refuse(host, port, code, reason)
            return None
        counterparty = self._counterparties[code]
        pace = self._paces.setdefault(code, Pace())
        if not pace.take(counterparty.bank.new_links_a_minute, self._surroundings.seconds()):
            self._refuse(host, port, code, "opens links too fast")
            return None
        rate, clock = counterparty.bank.messages_a_second, self._surroundings.engine.clock
        if code not in self._rate_limiters:
            self._rate_limiters[code] = RateLimiter(
                rate,
                clock,
                partial(self._has_room, code),
                counterparty.bank.refusals_a_minute,
                partial(self._surroundings.statistics.held_back.update, (code,)),
            )
        connection = BankConnection(self, counterparty, self._surroundings, self._rate_limiters[code])
        return counterparty.tls.around(connection) if counterparty.tls else connection

    def replace(self, gateway: Gateway, counterparties: Mapping[str, Counterparty]) -> None:
        """Go on with changed settings: new links are opened under them, and open links that they do not allow
        any more are ended.
        """
        self._gateway, self._counterparties = gateway, counterparties
        for code, rate_limiter in self._rate_limiters.items():
            if code in counterparties:
                bank = counterparties[code].bank
                rate_limiter.set_rates(bank.messages_a_second, bank.refusals_a_minute)
        for connection in tuple(self.connections):
            reason = self._no_longer_allowed(connection)
            if reason:
                connection.end(reason)

    def _no_longer_allowed(self, connection: BankConnection) -> str:
        """Why the settings do not allow an open link any more; empty if they do."""
        peer, host = connection.transport.getPeer(), connection.transport.getHost()
        code = connection.link.bank.code
        owner = self._gateway.owner_of(peer.host, host.port)
        if owner is None or owner.bank != code:
            return "its address is no longer on the allowlist"
        if not owner.enabled:
            return "the bank was disabled in the settings"
        tls = self._counterparties[code].tls
        if (tls is None) != (connection.link.bank.transport == "plain"):
            return "its transport was changed in the settings"
        if tls:
            certificate = connection.transport.getPeerCertificate()
            if not isinstance(certificate, X509) or not tls.accepts(pin_of(certificate.to_cryptography())):
                return "its certificate is no longer pinned"
        return ""

    def refused(self, bank: str) -> None:
        """Count a recorded refusal of this bank: a bank that has too many is read later."""
        if bank in self._rate_limiters:
            self._rate_limiters[bank].refused()

    def _has_room(self, bank: str) -> bool:
        """Whether to read this bank's next message: the queue has room for it, or one more 91 may be sent."""
        engine = self._surroundings.engine
        return engine.has_room(bank) or self._refusals.take(engine.clock.seconds())

    def _refuse(self, host: str, port: int, bank: str, reason: str) -> None:
        self._surroundings.statistics.refused_connections += 1
        self._surroundings.event_log.note(Kind.REFUSED, bank, reason)
        if not bank:
            self.strangers[port] = Stranger(host, self._surroundings.seconds())
        text = f"bank {bank} {reason}" if bank else reason
        self.log.warn(
            "connection from {host} to port {port} refused: {reason}", host=host, port=port, reason=text
        )

    def opened(self, connection: BankConnection) -> None:
        """Register a link."""
        self.connections.add(connection)
        self.per_bank[connection.link.bank.code] += 1

    def ending(self, connection: BankConnection, reason: str, text: str = "") -> None:
        """Count and log why we end a link. A fault of ours has been logged with its traceback."""
        code = connection.link.bank.code
        self._surroundings.statistics.link_closed(code, reason)
        self._surroundings.event_log.note(Kind.LINK_DOWN, code, reason)
        if reason is not FAULT:
            self.log.warn("link of bank {bank} closed: {reason}", bank=code, reason=text or reason)

    def failed(self, connection: BankConnection) -> None:
        """Count and log the exception that is being handled: it ends this link, whose bank and address are
        named.
        """
        code, peer = connection.link.bank.code, connection.transport.getPeer()
        self._surroundings.statistics.link_faults[code] += 1
        self.log.failure(
            "link of bank {bank} from {host}:{port} closed: {reason}",
            bank=code,
            host=getattr(peer, "host", ""),
            port=getattr(peer, "port", ""),
            reason=FAULT,
        )

    def left(self, connection: BankConnection) -> None:
        """Note that the bank or the network has ended a link."""
        self._surroundings.event_log.note(Kind.LINK_DOWN, connection.link.bank.code)

    def closed(self, connection: BankConnection) -> None:
        """Strike a link off the register."""
        if connection in self.connections:
            code = connection.link.bank.code
            self.last_seen[code] = latest(self.last_seen.get(code, NEVER), connection.link.last_seen())
            self.connections.remove(connection)
            self.per_bank[connection.link.bank.code] -= 1
            if not self.connections and not self._ticking.running and not self._empty.called:
                self._empty.callback(None)

    def add_unsent(self, bank: str, more: int) -> int:
        """Add `more` bytes (negative: take them off) to what a bank has left unread. Returns the bytes that
        all its links together have left unread now.
        """
        self._unsent_of[bank] += more
        return self._unsent_of[bank]

    def announce(self, code: str) -> None:
        """Send an 0800 of our own, with `code` in DE 70, on every link that has signed on."""
        for connection in tuple(self.connections):
            connection.ask(code)

    def drain(self) -> None:
        """Take no new transaction on any link, and answer what has been received."""
        for connection in tuple(self.connections):
            connection.stop()

    def stop(self) -> Deferred[None]:
        """Close every link when its answers have been sent. Fires when no link is left."""
        if self._ticking.running:
            self._ticking.stop()
        if not self.connections:
            self._empty.callback(None)
        for connection in tuple(self.connections):
            connection.close()
        return self._empty

    def _tick(self) -> None:
        for connection in tuple(self.connections):
            connection.tick()


class PortFactory(Factory):
    """The factory of one listening port: has the server admit or refuse each address."""

    noisy = False

    def __init__(self, server: Server) -> None:
        self._server = server
        self.port = 0

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:  # noqa: N802 - Twisted's name
        """The protocol of a new connection, or None to refuse it."""
        return self._server.admit(str(getattr(addr, "host", "")), self.port)
