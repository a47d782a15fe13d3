"""The banks' listeners: sockets on one side, links on the other.

Admits an address before reading a byte, bounds what a bank may hold open and leave unread, feeds frames to
the link, and closes. Nothing here knows a message's meaning.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from functools import partial

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime, ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

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
from protocol.framing import Frame, FrameReader

TICK_SECONDS = 1.0
HANDSHAKE_FAILED = "the TLS handshake failed"
REFUSALS_A_SECOND = 40_000
"""So many 91s at most for want of room, as take about half of a processor's time: without a bound they would
leave none to decide anything. Whoever gets neither waits in its sockets (docs/overload.md)."""


class BankConnection(Protocol):
    """One accepted connection: bytes to frames, and the link's answers back."""

    transport: ITCPTransport

    def __init__(
        self,
        server: Server,
        counterparty: Counterparty,
        surroundings: Surroundings,
        rate_limiter: RateLimiter,
    ) -> None:
        self._server = server
        self._limit = surroundings.limits.unsent_bytes
        self._reader = FrameReader(counterparty.bank.framing, surroundings.limits.frame_bytes)
        self.link = Link(counterparty, surroundings, self.send, self.end)
        self._rate_limiter = rate_limiter
        self._held: deque[Frame] = deque()
        self._fault = ""
        self._full = False
        self._unsent = 0
        self._ended = False

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Count the link in, and turn off Nagle's algorithm: an answer is never waited for by a next one."""
        self.transport.setTcpNoDelay(True)
        self.transport.setTcpKeepAlive(True)
        self.transport.registerProducer(self, True)
        self._server.opened(self)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Cut frames and hand them on, as fast as the bank's rate allows; a frame that cannot be delimited
        ends the link after those before it.
        """
        self._server.heard += 1
        if self._ended or self._fault:
            return  # nothing after a bad frame has a beginning
        try:
            frames = self._reader.feed(data)
        except FrameError as error:
            frames, self._fault = list(error.frames), str(error)
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
            self.end(self._fault)

    def take_one(self) -> bool:
        """Take in one message that had to wait, and read on after the last; whether another waits."""
        self.link.received(self._held.popleft())
        if not self._held:
            self._read_on()
        return bool(self._held)

    def take_all(self) -> None:
        """Take in at once all that waits, whatever the bank's rate: the machine stops, and answers each."""
        if self._held:
            self._rate_limiter.forget(self)
            while self._held:
                self.link.received(self._held.popleft())
            self._read_on()

    def _read_on(self) -> None:
        """What came while nobody read was not late by the bank's fault: its deadlines begin anew."""
        if self._ended:
            return
        if self._fault:
            self.end(self._fault)
            return
        self.link.frame_began_again()
        self.link.heard(self._reader.pending > 0)
        self.transport.resumeProducing()

    def tick(self) -> None:
        """Look at the deadlines, unless it is we who make the bank wait."""
        if not self._held:
            self.link.tick()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        """Count the link out; a handshake that failed is told, for the other side does not know why."""
        if not self._ended and reason.check(SSL.Error):
            self._server.ending(self, HANDSHAKE_FAILED)
        elif not self._ended and self.link.session.state() in (SIGNED_ON, SIGNED_OFF):
            self._server.left(self)
        self._ended = True
        self._let_go()
        self.resumeProducing()
        self.link.lost()
        self._server.closed(self)

    def send(self, data: bytes) -> None:
        """Write, unless the bank's links together leave too much unread: then this one ends, rather than
        memory.
        """
        if self._ended:
            return
        if self._full:
            self._unsent += len(data)
            if self._server.unread(self.link.bank.code, len(data)) > self._limit:
                self.end("the bank does not read its answers")
                return
        self.transport.write(data)

    def end(self, reason: str) -> None:
        """Close the connection, once, with a reason for the log."""
        if not self._ended:
            self._ended = True
            self._let_go()
            self._server.ending(self, reason)
            if self._full:
                self.transport.abortConnection()
            else:
                self.close()

    def _let_go(self) -> None:
        """Drop what waits to be taken in: its link is over, and nobody would be told."""
        self._rate_limiter.forget(self)
        self._held.clear()

    def close(self) -> None:
        """Close once all that was written has gone out. TLS would wait for a producer that is still there."""
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The socket is full: count what is written from now on."""
        self._full = True

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The socket drained, or is no more."""
        self._full = False
        self._server.unread(self.link.bank.code, -self._unsent)
        self._unsent = 0

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The connection is being lost; `connectionLost` follows."""


class Server:
    """The register of all links, and who may open one."""

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
        self._unread: Counter[str] = Counter()
        self.contacts: dict[str, LastSeen] = {}
        """By bank, of the links that are gone."""
        self.strangers: dict[int, Stranger] = {}
        """By port, who came last of those that are on no list."""
        self.heard = 0
        self._ticking = LoopingCall(self._tick)
        self._empty: Deferred[None] = Deferred()

    def start(self, gateway: Gateway, clock: IReactorTime) -> None:
        """Admit whom the gateway allows (nobody before), and begin to look at the links' deadlines."""
        self._gateway = gateway
        self._ticking.clock = clock
        self._ticking.start(TICK_SECONDS, now=False)

    def links_by_bank(self) -> dict[str, int]:
        """Open links of each bank of the settings, and of any other that has some left."""
        return dict.fromkeys(self._counterparties, 0) | +self.per_bank

    def on_port(self) -> PortFactory:
        """The factory for one listening port; its `port` is set once the system has given one."""
        return PortFactory(self)

    def unwelcome(self, host: str, port: int) -> tuple[str, str]:
        """Whose an address is, and why it may open no link now; empty for nobody's, and if it may."""
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
        """The protocol for an accepted address, or None: Twisted then closes it before a byte is read."""
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
        """Go on with other settings: new links come under them, and open ones that they would refuse end."""
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
        shown = connection.transport.getPeerCertificate() if tls else None
        if tls and (shown is None or not tls.accepts(pin_of(shown.to_cryptography()))):
            return "its certificate is no longer pinned"
        return ""

    def refused(self, bank: str) -> None:
        """Count a refusal that was recorded; whoever has too many is read later."""
        if bank in self._rate_limiters:
            self._rate_limiters[bank].refused()

    def _has_room(self, bank: str) -> bool:
        """Whether to take in a bank's next message: there is room in the queue, or it may be told of none."""
        return self._surroundings.engine.has_room(bank) or self._refusals.take(
            self._surroundings.engine.clock.seconds()
        )

    def _refuse(self, host: str, port: int, bank: str, reason: str) -> None:
        self._surroundings.statistics.refused_connections += 1
        self._surroundings.event_log.note(Kind.REFUSED, bank, reason)
        if not bank:
            self.strangers[port] = Stranger(host, self._surroundings.seconds())
        said = f"bank {bank} {reason}" if bank else reason
        self.log.warn(
            "connection from {host} to port {port} refused: {reason}", host=host, port=port, reason=said
        )

    def opened(self, connection: BankConnection) -> None:
        """Register a link."""
        self.connections.add(connection)
        self.per_bank[connection.link.bank.code] += 1

    def ending(self, connection: BankConnection, reason: str) -> None:
        """Note why we end a link."""
        code = connection.link.bank.code
        self._surroundings.statistics.closed_links[code, reason] += 1
        self._surroundings.event_log.note(Kind.LINK_DOWN, code, reason)
        self.log.warn("link of bank {bank} closed: {reason}", bank=code, reason=reason)

    def left(self, connection: BankConnection) -> None:
        """Note that a bank has ended a link, or the line has."""
        self._surroundings.event_log.note(Kind.LINK_DOWN, connection.link.bank.code)

    def closed(self, connection: BankConnection) -> None:
        """Strike a link off the register."""
        if connection in self.connections:
            code = connection.link.bank.code
            self.contacts[code] = latest(self.contacts.get(code, NEVER), connection.link.last_seen())
            self.connections.remove(connection)
            self.per_bank[connection.link.bank.code] -= 1
            if not self.connections and not self._ticking.running and not self._empty.called:
                self._empty.callback(None)

    def unread(self, bank: str, more: int) -> int:
        """Count bytes that a bank's links have not taken; all that it has left unread now."""
        self._unread[bank] += more
        return self._unread[bank]

    def announce(self, code: str) -> None:
        """Send an 0800 of our own on every link that is signed on."""
        for connection in tuple(self.connections):
            connection.link.ask(code)

    def drain(self) -> None:
        """Take nothing new on any link."""
        for connection in tuple(self.connections):
            connection.link.stop()
            connection.take_all()

    def stop(self) -> Deferred[None]:
        """Close every link once what was to be said has been sent; fires when none is left."""
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
    """One listening port's factory: asks the server whom the address belongs to."""

    noisy = False

    def __init__(self, server: Server) -> None:
        self._server = server
        self.port = 0

    def buildProtocol(self, addr: IAddress) -> Protocol | None:  # noqa: N802 - Twisted's name
        """The connection's protocol, or None to refuse it."""
        return self._server.admit(str(getattr(addr, "host", "")), self.port)
