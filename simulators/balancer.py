"""A TCP balancer: hands each new connection to the next node that takes it, and the bytes on as they come.

Knows hosts and ports, and nothing of what is said. It never moves a connection that stands: a bank whose node
dies opens another. The node sees the balancer's address and not the bank's: see docs/cluster.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

CONNECT_SECONDS = 2
"""A node that does not even refuse within this time is passed over like one that does."""

Place = tuple[str, int]


@dataclass(slots=True)
class Targets:
    """Where the nodes listen for one bank, and whose turn it is."""

    places: list[Place]
    _turn: int = 0

    def in_turn(self) -> Sequence[Place]:
        """All of them, beginning with the one whose turn it is; the next call begins one later."""
        first = self._turn % len(self.places)
        self._turn = first + 1
        return self.places[first:] + self.places[:first]


class _End(Protocol):
    """One end of a pair: what comes in here goes out there, no faster than it is read there."""

    def __init__(self) -> None:
        self.other: _End | None = None

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        if self.other is not None:
            self.other.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        """End the other one too: in order where this one ended in order, else at once."""
        other, self.other = self.other, None
        if other is None:
            return
        other.other = None
        other.transport.unregisterProducer()
        if reason.check(ConnectionDone):
            other.transport.loseConnection()
        else:
            other.transport.abortConnection()

    def join(self, other: _End) -> None:
        """Let bytes flow between the two."""
        self.other, other.other = other, self
        self.transport.registerProducer(other.transport, True)
        other.transport.registerProducer(self.transport, True)


class _BankEnd(_End):
    """The bank's end, which looks for a node."""

    def __init__(self, balancer: Balancer, targets: Targets) -> None:
        super().__init__()
        self._balancer, self._targets = balancer, targets
        self._is_gone = False

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Nothing is read before there is somebody to read it."""
        super().connectionMade()
        self.transport.pauseProducing()
        self._balancer.open.add(self)
        Deferred.fromCoroutine(self._find_node())

    async def _find_node(self) -> None:
        for host, port in self._targets.in_turn():
            endpoint = TCP4ClientEndpoint(self._balancer.reactor, host, port, CONNECT_SECONDS)
            try:
                node: Any = await endpoint.connect(Factory.forProtocol(_End))
            except ConnectError:
                self._balancer.passed_over += 1
                continue
            if self._is_gone:
                node.transport.abortConnection()
            else:
                self.join(node)
                self.transport.resumeProducing()
            return
        if not self._is_gone:
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        self._is_gone = True
        self._balancer.open.discard(self)
        super().connectionLost(reason)


@dataclass(slots=True)
class Balancer:
    """The listening ports, one for each bank."""

    reactor: Any
    passed_over: int = 0
    """How often a node did not take a connection."""
    open: set[_BankEnd] = field(default_factory=set)
    _ports: list[IListeningPort] = field(default_factory=list)

    def listen(self, port: int, targets: Targets, host: str = "127.0.0.1") -> int:
        """Take connections for these targets; the port, which the system chooses where 0 was given. Raises
        CannotListenError.
        """
        factory = Factory.forProtocol(lambda: _BankEnd(self, targets))
        listening = self.reactor.listenTCP(port, factory, backlog=1024, interface=host)
        self._ports.append(listening)
        chosen: int = listening.getHost().port
        return chosen

    def stop(self) -> Deferred[Any]:
        """Take nothing new, and end every connection that stands; fires when no port is listened to."""
        stopped = DeferredList([maybeDeferred(port.stopListening) for port in self._ports])
        self._ports.clear()
        for end in tuple(self.open):
            end.transport.abortConnection()
        return stopped
