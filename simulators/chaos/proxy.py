"""The proxy itself: sockets on both sides of a `Conversation`, and the times at which its effects fall due.

Decides nothing about bytes. Time comes from the reactor; what was done is handed to `tell`, never a byte of
it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.error import ConnectError, ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IListeningPort
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from simulators.chaos.conversation import Abort, Close, Conversation, Did, Effect, Refuse, Send
from simulators.chaos.rules import Rules, Way

HELD_BYTES_MAX = 1_048_576
"""What waits on one way for its time; beyond it no more is read from whoever sends."""
CONNECT_SECONDS = 5


class _End(Protocol):
    """One end of a connection through the proxy; `way` is that of what comes in here."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.pair: _Pair | None = None

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Send each piece at once: that a frame comes in pieces must not be mended below."""
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        if self.pair is not None:
            self.pair.heard(self, data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        if self.pair is not None:
            self.pair.lost(self, in_order=reason.check(ConnectionDone) is not None)


class _BankEnd(_End):
    """The bank's end, which opens the other one."""

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(Way.REQUEST)
        self._proxy = proxy

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        super().connectionMade()
        self._proxy.taken(self)


class _Outbox:
    """What goes one way and is not due yet, in order."""

    def __init__(self) -> None:
        self.waiting: deque[Send | Close] = deque()
        self.size = 0
        self.call: IDelayedCall | None = None


class _Pair:
    """Two ends and the conversation between them."""

    def __init__(self, proxy: Proxy, number: int, bank: _End) -> None:
        self._proxy = proxy
        self.conversation = Conversation(proxy.rules, number)
        self._ends: dict[Way, _End] = {Way.REQUEST: bank}
        self._outboxes = {way: _Outbox() for way in Way}
        self._abort: IDelayedCall | None = None
        self._is_ended = False
        bank.pair = self

    async def open(self, host: str, port: int) -> None:
        """Open the other end; until then nothing is read from the bank."""
        bank = self._ends[Way.REQUEST]
        bank.transport.pauseProducing()
        endpoint = TCP4ClientEndpoint(self._proxy.reactor, host, port, CONNECT_SECONDS)
        try:
            machine: Any = await endpoint.connect(Factory.forProtocol(lambda: _End(Way.ANSWER)))
        except ConnectError:
            self.end()
            return
        if self._is_ended:
            machine.transport.abortConnection()
            return
        machine.pair = self
        self._ends[Way.ANSWER] = machine
        bank.transport.resumeProducing()

    def heard(self, end: _End, data: bytes) -> None:
        """Bytes came in at an end."""
        self.perform(self.conversation.heard(end.way, data, self._proxy.now()))
        if self._outboxes[end.way].size > HELD_BYTES_MAX:
            end.transport.pauseProducing()

    def lost(self, end: _End, *, in_order: bool) -> None:
        """An end is gone: the other is told behind what is on its way, at once after an abort, or never where
        the way is half open.
        """
        end.pair = None
        is_told_at_once = not in_order and not self.conversation.is_half_open(end.way)
        if is_told_at_once or all(one.pair is None for one in self._ends.values()):
            self.end()
            return
        self.perform(self.conversation.ended(end.way, self._proxy.now()))

    def perform(self, effects: tuple[Effect, ...]) -> None:
        """Do what the conversation says, each when it is due."""
        for effect in effects:
            if isinstance(effect, Did):
                self._proxy.tell(effect)
            elif isinstance(effect, Refuse):
                self._proxy.refuse(effect.until)
            elif isinstance(effect, Abort):
                self._abort_at(effect.at)
            else:
                outbox = self._outboxes[effect.way]
                outbox.waiting.append(effect)
                outbox.size += len(effect.data) if isinstance(effect, Send) else 0
                self._flush(effect.way)

    def end(self) -> None:
        """End both ways at once; what waits is forgotten."""
        self._is_ended = True
        self._proxy.open.discard(self)
        calls = [self._abort, *(outbox.call for outbox in self._outboxes.values())]
        for call in calls:
            if call is not None and call.active():
                call.cancel()
        for end in self._ends.values():
            if end.pair is not None:
                end.pair = None
                end.transport.abortConnection()

    def _abort_at(self, at: int) -> None:
        """The last bytes before a cut leave the socket first: an abort would throw them away."""
        wait = at - self._proxy.now()
        if wait > 0:
            self._abort = self._proxy.reactor.callLater(wait / 1_000_000, self.end_after_bytes)
        else:
            self.end_after_bytes()

    def end_after_bytes(self) -> None:
        """Write what is due, and end both ways."""
        for way in Way:
            self._flush(way)
        for end in self._ends.values():
            if end.pair is not None:
                end.pair = None
                end.transport.loseConnection()
        self.end()

    def _flush(self, way: Way) -> None:
        """Pass on what is due this way, and wait for the next."""
        outbox = self._outboxes[way]
        if outbox.call is not None and outbox.call.active():
            outbox.call.cancel()
        outbox.call = None
        now = self._proxy.now()
        while outbox.waiting and outbox.waiting[0].at <= now:
            self._pass_on(way, outbox)
        if outbox.waiting:
            wait = (outbox.waiting[0].at - now) / 1_000_000
            outbox.call = self._proxy.reactor.callLater(wait, self._flush, way)

    def _pass_on(self, way: Way, outbox: _Outbox) -> None:
        effect = outbox.waiting.popleft()
        other = self._ends[Way.ANSWER if way is Way.REQUEST else Way.REQUEST]
        source = self._ends[way]
        if isinstance(effect, Send):
            outbox.size -= len(effect.data)
            if other.pair is not None:
                other.transport.write(effect.data)
            if outbox.size <= HELD_BYTES_MAX and source.pair is not None:
                source.transport.resumeProducing()
        elif other.pair is not None:
            other.transport.loseConnection()


class Proxy:
    """Listens, and leads each connection to the machine through the rules."""

    def __init__(
        self,
        reactor: Any,  # noqa: ANN401 - reactors have no one type
        rules: Rules,
        target: tuple[str, int],
        tell: Callable[[Did], None],
    ) -> None:
        self.reactor, self.rules, self.tell = reactor, rules, tell
        self.open: set[_Pair] = set()
        self._target = target
        self._taken = 0
        self._place = ("127.0.0.1", 0)
        self._listening: IListeningPort | None = None
        self._again: IDelayedCall | None = None
        self._refuse_until = 0
        self._is_stopped = False
        self._started_at: float = reactor.seconds()

    def now(self) -> int:
        """Microseconds since the proxy was made."""
        return round((self.reactor.seconds() - self._started_at) * 1_000_000)

    def listen(self, host: str, port: int) -> int:
        """Take connections; the port, which the system chooses where 0 was given. Raises
        CannotListenError.
        """
        self._listening = self.reactor.listenTCP(
            port, Factory.forProtocol(lambda: _BankEnd(self)), interface=host
        )
        chosen: int = self._listening.getHost().port
        self._place = (host, chosen)
        return chosen

    def taken(self, bank: _End) -> None:
        """A connection came in."""
        self._taken += 1
        pair = _Pair(self, self._taken, bank)
        self.open.add(pair)
        pair.perform(pair.conversation.opened(self.now()))
        if not pair.conversation.is_over:
            Deferred.fromCoroutine(pair.open(*self._target))

    def refuse(self, until: int) -> None:
        """Do not listen until a time: whoever connects is refused by the system itself."""
        self._refuse_until = max(until, self._refuse_until)
        if self._listening is not None:
            listening, self._listening = self._listening, None
            stopped = maybeDeferred(listening.stopListening)
            stopped.addCallback(lambda _: self._listen_later())

    def stop(self) -> Deferred[Any]:
        """Take nothing new and end all; fires when nothing is listened to."""
        self._is_stopped = True
        if self._again is not None and self._again.active():
            self._again.cancel()
        listening, self._listening = self._listening, None
        stopped = maybeDeferred(listening.stopListening) if listening else maybeDeferred(lambda: None)
        for pair in tuple(self.open):
            pair.end()
        return stopped

    def _listen_later(self) -> None:
        if self._is_stopped:
            return
        wait = self._refuse_until - self.now()
        if wait > 0:
            self._again = self.reactor.callLater(wait / 1_000_000, self._listen_later)
        else:
            self.listen(*self._place)
