"""The proxy itself: sockets on both sides of a `Conversation`, and the times at which its effects fall due.

Decides nothing about bytes. Time comes from the reactor; what was done is handed to `tell`, never a byte of
it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from simulators.chaos.conversation import Abort, Close, Conversation, Did, Effect, Refuse, Send
from simulators.chaos.rules import Rules, Way
from simulators.relay import End, Link, Place, Relay

HELD_BYTES_MAX = 1_048_576
"""What waits on one way for its time; beyond it no more is read from whoever sends."""
_WAITING = "too much waits for its time"


class _Outbox:
    """The effects of one way that are not due yet, in order."""

    def __init__(self) -> None:
        self.waiting: deque[Send | Close] = deque()
        self.size = 0
        self.call: IDelayedCall | None = None


class _Pair(Link):
    """Two ends and the conversation between them."""

    def __init__(self, proxy: Proxy, number: int) -> None:
        super().__init__(proxy, lambda: (proxy.target,))
        self._proxy = proxy
        self.conversation = Conversation(proxy.rules, number)
        self._sources = {Way.REQUEST: self.near, Way.ANSWER: self.far}
        self._outboxes = {way: _Outbox() for way in Way}
        self._abort: IDelayedCall | None = None

    def _way(self, end: End) -> Way:
        """The way of bytes that come in at an end."""
        return Way.REQUEST if end is self.near else Way.ANSWER

    def opened(self) -> None:
        """The rules may refuse it."""
        self.perform(self.conversation.opened(self._proxy.now()))

    def heard(self, end: End, data: bytes) -> None:
        """Bytes came in at an end."""
        way = self._way(end)
        self.perform(self.conversation.heard(way, data, self._proxy.now()))
        if end.is_open and self._outboxes[way].size > HELD_BYTES_MAX:
            end.hold(_WAITING)

    def lost(self, end: End, *, in_order: bool) -> None:
        """An end has closed. The other is told behind what is on its way, at once after an abort, never on a
        half-open way.
        """
        is_told_at_once = not in_order and not self.conversation.is_half_open(self._way(end))
        if is_told_at_once or not self.other(end).is_open:
            self.end()
            return
        self.perform(self.conversation.ended(self._way(end), self._proxy.now()))

    def perform(self, effects: tuple[Effect, ...]) -> None:
        """Carry out effects, each when it is due."""
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
        """End both ways at once and drop what waits."""
        calls = [self._abort, *(outbox.call for outbox in self._outboxes.values())]
        for call in calls:
            _cancel(call)
        super().end()

    def _abort_at(self, at: int) -> None:
        """Send the last bytes before a cut first: an abort would throw them away."""
        wait = at - self._proxy.now()
        if wait > 0:
            self._abort = self._proxy.reactor.callLater(wait / 1_000_000, self.end_after_bytes)
        else:
            self.end_after_bytes()

    def end_after_bytes(self) -> None:
        """Write what is due, then end both ways."""
        for way in Way:
            self._flush(way)
        self._close(self.near, self.far)

    def _close(self, *ends: End) -> None:
        for end in ends:
            end.close()
        if not (self.near.is_open or self.far.is_open):
            self.end()

    def _flush(self, way: Way) -> None:
        """Pass on what is due on this way, and schedule the next."""
        outbox = self._outboxes[way]
        _cancel(outbox.call)
        outbox.call = None
        now = self._proxy.now()
        while outbox.waiting and outbox.waiting[0].at <= now:
            self._pass_on(way, outbox)
        if outbox.waiting:
            wait = (outbox.waiting[0].at - now) / 1_000_000
            outbox.call = self._proxy.reactor.callLater(wait, self._flush, way)

    def _pass_on(self, way: Way, outbox: _Outbox) -> None:
        effect = outbox.waiting.popleft()
        source = self._sources[way]
        if isinstance(effect, Close):
            self._close(self.other(source))
            return
        outbox.size -= len(effect.data)
        self.other(source).write(effect.data)
        if outbox.size <= HELD_BYTES_MAX:
            source.release(_WAITING)


class Proxy(Relay):
    """Listens, and leads each connection to the machine through the rules."""

    def __init__(
        self,
        reactor: Any,  # noqa: ANN401 - reactors have no one type
        rules: Rules,
        target: Place,
        tell: Callable[[Did], None],
    ) -> None:
        super().__init__(reactor)
        self.rules, self.target, self.tell = rules, target, tell
        self._numbers = count(1)
        self._place = ("127.0.0.1", 0)
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
        chosen = self.take(host, port, lambda: _Pair(self, next(self._numbers)))
        self._place = (host, chosen)
        return chosen

    def refuse(self, until: int) -> None:
        """Stop listening until a time: the operating system then refuses connections."""
        self._refuse_until = max(until, self._refuse_until)
        if self._ports:
            self.close().addCallback(lambda _: self._listen_later())

    def stop(self) -> Deferred[Any]:
        """Take nothing new and end all; fires when nothing is listened to."""
        self._is_stopped = True
        _cancel(self._again)
        return super().stop()

    def _listen_later(self) -> None:
        if self._is_stopped:
            return
        wait = self._refuse_until - self.now()
        if wait > 0:
            self._again = self.reactor.callLater(wait / 1_000_000, self._listen_later)
        else:
            self.listen(*self._place)


def _cancel(call: IDelayedCall | None) -> None:
    """Cancel a call if it is still pending."""
    if call is not None and call.active():
        call.cancel()
