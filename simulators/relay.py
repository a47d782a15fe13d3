"""A TCP relay: it passes each incoming connection on to a place, and the bytes of each side to the other.

It knows sockets and nothing of the bytes' meaning. A link by itself passes every byte on, reads no faster
than the other side takes, and passes on an end behind all bytes before it. The interposer, the chaos proxy
and the balancer are links of their own kind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.internet.interfaces import IListeningPort, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

CONNECT_SECONDS = 2
"""A place that does not even refuse within this time is passed over like one that does."""

Place = tuple[str, int]


@implementer(IPushProducer)
class End(Protocol):
    """One of a link's two connections. After it was closed or aborted from here, its bytes are ignored."""

    transport: Any

    def __init__(self, link: Link) -> None:
        self.link = link
        self.is_open = False
        self._held: set[str] = set()
        self._is_filled = False

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Send each piece at once: what comes in pieces must not be mended below."""
        self.is_open = True
        self.transport.setTcpNoDelay(True)
        self.link.relay.ends.add(self)
        self.link.made(self)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """What comes in, as long as it is listened to."""
        if self.is_open:
            self.link.heard(self, data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        """Whoever is at this end has gone, or was ended."""
        self.link.relay.ends.discard(self)
        if self.is_open:
            self.is_open = False
            self.link.lost(self, in_order=reason.check(ConnectionDone) is not None)

    def write(self, data: bytes) -> None:
        """Send, if there is still somebody to send to."""
        if self.is_open:
            self.transport.write(data)

    def close(self) -> None:
        """End the connection behind what was written."""
        if self.is_open:
            self.is_open = False
            if self._is_filled:
                self.transport.unregisterProducer()  # what is closed waits for nobody who fills it
            self.transport.loseConnection()

    def abort(self) -> None:
        """End the connection at once, also one that is being closed."""
        self.is_open = False
        self.transport.abortConnection()

    def fill_from(self, other: End) -> None:
        """Read from `other` no faster than its bytes leave at this end."""
        self._is_filled = True
        self.transport.registerProducer(other, True)

    def hold(self, why: str) -> None:
        """Stop reading here, until each hold was released."""
        self._held.add(why)
        if self.is_open:
            self.transport.pauseProducing()

    def release(self, why: str) -> None:
        """Release one hold."""
        self._held.discard(why)
        if self.is_open and not self._held:
            self.transport.resumeProducing()

    # It is what the other's transport is filled by.

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Stop reading here, since the other end sends too slowly."""
        self.hold("the other is full")

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Read on here, since the other end has room again."""
        self.release("the other is full")

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """The other end is gone: read on here, so that this end's close is seen too."""
        self.release("the other is full")


class Link:
    """A caller's connection `near`, and the connection `far` that it is passed on to; `places` are tried in
    order.
    """

    def __init__(self, relay: Relay, places: Callable[[], Sequence[Place]]) -> None:
        self.relay = relay
        self.near, self.far = End(self), End(self)
        self.is_over = False
        self._places = places

    def other(self, end: End) -> End:
        """The other end."""
        return self.far if end is self.near else self.near

    def made(self, end: End) -> None:
        """An end stands. The caller is not read before there is somebody to read it."""
        if end is self.near:
            end.hold("nobody is there yet")
            self.opened()
            if not self.is_over:
                Deferred.fromCoroutine(self._lead_on())

    async def _lead_on(self) -> None:
        for host, port in self._places():
            endpoint: Any = TCP4ClientEndpoint(self.relay.reactor, host, port, CONNECT_SECONDS)
            try:
                await connectProtocol(endpoint, self.far)
            except ConnectError:
                self.relay.passed_over += 1
                continue
            if self.is_over:
                self.far.abort()
            else:
                self.near.fill_from(self.far)
                self.far.fill_from(self.near)
                self.near.release("nobody is there yet")
            return
        if not self.is_over:
            self.unreached()

    def end(self) -> None:
        """Abort both connections, except one that is closing behind its bytes."""
        self.is_over = True
        for end in (self.near, self.far):
            if end.is_open:
                end.abort()

    def close(self) -> None:
        """End both connections behind what was written."""
        self.is_over = True
        for end in (self.near, self.far):
            end.close()

    # What a link of another kind does otherwise.

    def opened(self) -> None:
        """A caller is there."""

    def unreached(self) -> None:
        """No place took the connection."""
        self.end()

    def heard(self, end: End, data: bytes) -> None:
        """Bytes came in at an end."""
        self.other(end).write(data)

    def lost(self, end: End, *, in_order: bool) -> None:
        """An end closed by itself: close the other in the same way."""
        if in_order:
            self.other(end).close()
        self.end()


class Relay:
    """Listens, and makes a link of each connection."""

    def __init__(self, reactor: Any) -> None:  # noqa: ANN401 - reactors have no one type
        self.reactor = reactor
        self.ends: set[End] = set()
        """Every connection that stands, also those that are being closed."""
        self.passed_over = 0
        """How often a place did not take a connection."""
        self._ports: list[IListeningPort] = []

    def take(self, host: str, port: int, make: Callable[[], Link]) -> int:
        """Take connections, and make a link of each; the port, which the system chooses where 0 was given.
        Raises CannotListenError.
        """
        factory = Factory.forProtocol(lambda: make().near)
        listening = self.reactor.listenTCP(port, factory, backlog=1024, interface=host)
        self._ports.append(listening)
        chosen: int = listening.getHost().port
        return chosen

    def close(self) -> Deferred[Any]:
        """Take nothing new; fires when no port is listened to."""
        closed = DeferredList([maybeDeferred(port.stopListening) for port in self._ports])
        self._ports.clear()
        return closed

    def stop(self) -> Deferred[Any]:
        """Take nothing new, and end every connection that stands; fires when no port is listened to."""
        closed = self.close()
        for end in tuple(self.ends):
            end.link.end()
            end.abort()
        return closed
