"""The banks' listeners, and the register of all their connections.

Admits or refuses an address before a byte is read, bounds how many bytes a bank leaves unread, counts and
logs what becomes of connections. Nothing here knows what a message means.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import partial

from OpenSSL.crypto import X509
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from fep.links.connection import FAULT, BankConnection
from fep.links.counterparty import Counterparty, Surroundings
from fep.links.places import Places
from fep.links.rate_limiter import PAUSE_SECONDS, RateLimiter
from fep.links.tls import pin_of
from fep.telemetry.event_log import Kind
from fep.telemetry.last_seen import NEVER, LastSeen, latest
from fep.telemetry.paced_log import PacedLog
from firewall_rules.gateway import Gateway
from firewall_rules.hours import Pace
from firewall_rules.token_bucket import TokenBucket
from qianzhi_errors.sentence import Sentence

TICK_SECONDS = 1.0
ADDRESSES_MAX = 256
"""How many addresses of a bank are known as its own, because it has signed on from there."""
REFUSALS_A_SECOND = 40_000
"""How many requests a second are answered 91 at once because the queue has no place. They take about half of
a processor's time; without a bound they would leave none to decide anything. What is neither decided nor
refused waits in its bank's sockets (docs/overload.md)."""


class Server:
    """The register of all links, and the check of who may open one."""

    log = Logger(namespace="fep.links.server")

    def __init__(self, counterparties: Mapping[str, Counterparty], surroundings: Surroundings) -> None:
        self._gateway = Gateway(())
        self.refusals = surroundings.refusals
        self._counterparties = counterparties
        self._surroundings = surroundings
        self.connections: set[BankConnection] = set()
        self.per_bank: Counter[str] = Counter()
        self._paces: dict[tuple[str, str], Pace] = {}
        self._signed_on_from: defaultdict[str, dict[str, None]] = defaultdict(dict)
        """By bank: the addresses from which it has signed on last."""
        self._places: dict[str, Places] = {}
        self._rate_limiters: dict[str, RateLimiter] = {}
        now = surroundings.engine.clock.seconds()
        self._refusals = TokenBucket(REFUSALS_A_SECOND, REFUSALS_A_SECOND * PAUSE_SECONDS, now)
        self._unsent_of: Counter[str] = Counter()
        self.last_seen: dict[str, LastSeen] = {}
        """By bank: the last signs of life on links that have closed."""
        self.signed_off: set[str] = set()
        """Banks whose last link was signed off when it ended."""
        self._paced: dict[tuple[str, int], PacedLog] = {}
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
                return "", Sentence("the address is not on the allowlist")
            reason = (
                Sentence("may not open links at this hour")
                if owner.enabled
                else Sentence("is disabled in the settings")
            )
            return owner.bank, reason
        return code, ""

    def admit(self, host: str, port: int, peer_port: int = 0) -> Protocol | None:
        """The protocol for an accepted connection from `host` and `peer_port` to our `port`, or None: Twisted
        then closes it before a byte is read.
        """
        code, reason = self.unwelcome(host, port)
        places = self._places_of(code)
        is_full = len(self.connections) >= self._surroundings.limits.links
        if not reason and is_full and not places.make_room():
            reason = Sentence("all banks together have as many links as they may")
        if not reason and not self._pace_of(code, host).take(
            self._counterparties[code].bank.new_links_a_minute, self._surroundings.seconds()
        ):
            reason = Sentence("opens links too fast")
        if reason:
            self._refuse((host, peer_port), port, code, reason)
            return None
        counterparty = self._counterparties[code]
        rate, clock = counterparty.bank.messages_a_second, self._surroundings.engine.clock
        if code not in self._rate_limiters:
            self._rate_limiters[code] = RateLimiter(
                rate,
                clock,
                partial(self._has_room, code),
                counterparty.bank.refusals_a_minute,
                partial(self._surroundings.statistics.held_back.update, (code,)),
            )
        limiter = self._rate_limiters[code]
        connection = BankConnection(self, counterparty, self._surroundings, limiter, places)
        connection.is_of_known_address = host in self._signed_on_from[code]
        return counterparty.tls.around(connection) if counterparty.tls else connection

    def _pace_of(self, bank: str, host: str) -> Pace:
        """The pace at which links may be opened from an address. One from which the bank has signed on has a
        pace of its own; all others of its networks share one, and use up nothing of the bank's own.
        """
        own = host if host in self._signed_on_from[bank] else ""
        return self._paces.setdefault((bank, own), Pace())

    def signed_on(self, connection: BankConnection) -> None:
        """Remember the address of a link that signs on for the first time; the address that did so longest
        ago is forgotten. A link that was opened before its address was known counts in its pace now.
        """
        code, hosts = connection.link.bank.code, self._signed_on_from[connection.link.bank.code]
        hosts.pop(connection.host, None)
        hosts[connection.host] = None
        if not connection.is_of_known_address:
            self._pace_of(code, connection.host).take(
                connection.link.bank.new_links_a_minute, self._surroundings.seconds()
            )
        if len(hosts) > ADDRESSES_MAX:
            oldest = next(iter(hosts))
            del hosts[oldest]
            self._paces.pop((code, oldest), None)

    def _places_of(self, bank: str) -> Places:
        if bank not in self._places:
            self._places[bank] = Places(self._surroundings.engine.clock)
        return self._places[bank]

    def replace(self, gateway: Gateway, counterparties: Mapping[str, Counterparty]) -> list[tuple[str, str]]:
        """Go on with changed settings: new links are opened under them, and open links that they do not allow
        any more are ended. Returns the bank of each and the reason.
        """
        ended = []
        self._gateway, self._counterparties = gateway, counterparties
        for code, rate_limiter in self._rate_limiters.items():
            if code in counterparties:
                bank = counterparties[code].bank
                rate_limiter.set_rates(bank.messages_a_second, bank.refusals_a_minute)
        for connection in tuple(self.connections):
            reason = self._no_longer_allowed(connection)
            if reason:
                ended.append((connection.link.bank.code, reason))
                connection.end(reason)
        return ended

    def _no_longer_allowed(self, connection: BankConnection) -> str:
        """Why the settings do not allow an open link any more; empty if they do."""
        peer, host = connection.transport.getPeer(), connection.transport.getHost()
        code = connection.link.bank.code
        owner = self._gateway.owner_of(peer.host, host.port)
        if owner is None or owner.bank != code:
            return Sentence("its address is no longer on the allowlist")
        if not owner.enabled:
            return Sentence("the bank was disabled in the settings")
        tls = self._counterparties[code].tls
        if (tls is None) != (connection.link.bank.transport == "plain"):
            return Sentence("its transport was changed in the settings")
        if tls and not connection.shakes_hands:  # after its handshake it is looked at again
            certificate = connection.transport.getPeerCertificate()
            if not isinstance(certificate, X509) or not tls.accepts(pin_of(certificate.to_cryptography())):
                return Sentence("its certificate is no longer pinned")
        return ""

    def shaken_hands(self, connection: BankConnection) -> None:
        """End a link whose TLS handshake is done, where the settings do not allow it any more."""
        reason = self._no_longer_allowed(connection)
        if reason:
            connection.end(reason)

    def refused(self, bank: str) -> None:
        """Count a recorded refusal of this bank: a bank that has too many is read later."""
        if bank in self._rate_limiters:
            self._rate_limiters[bank].refused()

    def _has_room(self, bank: str) -> bool:
        """Whether to read this bank's next message: the queue has room for it, or one more 91 may be sent."""
        engine = self._surroundings.engine
        return engine.has_room(bank) or self._refusals.take(engine.clock.seconds())

    def _refuse(self, peer: tuple[str, int], port: int, bank: str, reason: str) -> None:
        self._surroundings.statistics.refused_connections += 1
        self._surroundings.event_log.note(Kind.REFUSED, bank, reason)
        self.refusals.note(bank, reason, peer, port)
        paced = self._paced.setdefault((bank, port), PacedLog(self.log, self._surroundings.seconds))
        paced.warn(
            "connection from {host}:{peer_port} to port {port} refused: {reason}",
            host=peer[0],
            peer_port=peer[1],
            port=port,
            reason=f"bank {bank} {reason}" if bank else reason,
        )

    def turned_away(self, connection: BankConnection, reason: str) -> None:
        """Leave a trace of a connection that was refused before it had signed on."""
        code, port, certificate = connection.link.bank.code, connection.port, connection.presented()
        peer = connection.host, connection.peer_port
        self.refusals.note(code, reason, peer, port, certificate)
        paced = self._paced.setdefault((code, port), PacedLog(self.log, self._surroundings.seconds))
        paced.warn(
            "bank {bank} from {host}:{peer_port} to port {port}: {reason}{shown}",
            bank=code,
            host=peer[0],
            peer_port=peer[1],
            port=port,
            reason=reason,
            shown=f"; it showed {certificate}" if certificate else "",
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
        if not connection.has_signed_on:
            self.turned_away(connection, text or reason)
        elif reason is not FAULT:
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
            self.per_bank[code] -= 1
            if connection.has_signed_on:
                (self.signed_off.add if connection.signed_off else self.signed_off.discard)(code)
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
        host, peer_port = str(getattr(addr, "host", "")), int(getattr(addr, "port", 0))
        return self._server.admit(host, self.port, peer_port)
