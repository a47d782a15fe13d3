"""The status page's live feed: a snapshot of the machine each second to every open page, as server-sent
events.

While no page is open, no snapshot is taken. The number of open pages is bounded, and a page that does not
read is dropped: its browser connects again by itself. Only connections and bytes; what a snapshot shows is
`fep.status.snapshot`'s.
"""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final, cast

from twisted.internet.interfaces import IPushProducer, ITCPTransport
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from fep.status.alarms import alarms
from fep.status.snapshot import BANDS, Snapshot
from fep.status.webpage import protect, shipped
from fep.telemetry.event_log import EventLog
from ledger.rules.escaping import escaped

WATCHERS_MAX: Final = 32
"""Pages open at once at most: more than an operations room has screens."""
WATCHERS_PER_ADDRESS: Final = 8
"""Pages open at once from one address at most."""
_SEND_BUFFER: Final = 65_536
"""Bytes of a page's feed that the kernel takes, so that a page that does not read is soon seen to be behind.
"""
BEHIND_MAX: Final = 10
"""Seconds for which a page may leave unread what it was sent, before it is dropped."""
RETRY_MS: Final = 2000
"""Milliseconds after which a browser connects again when its feed has ended."""


@implementer(IPushProducer)
class Watcher:
    """One open page: whether its socket is full (`is_full`), and for how many seconds it has not read
    (`behind`).
    """

    def __init__(self, request: Request) -> None:
        self.request = request
        self.is_full = False
        self.behind = 0

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Note that the socket is full: send nothing for now."""
        self.is_full = True

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Note that the socket has drained."""
        self.is_full = False

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's name
        """Do nothing: the connection is being lost, and `notifyFinish` follows."""


class Feed(Resource):
    """The resource /feed. `snapshot` takes a snapshot; `rates` returns a bank's answers in each of the last
    seconds.
    """

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(
        self, snapshot: Callable[[], Snapshot], rates: Callable[[str], tuple[int, ...]], event_log: EventLog
    ) -> None:
        super().__init__()
        self._snapshot = snapshot
        self._rates = rates
        self._event_log = event_log
        self._watchers: dict[Request, Watcher] = {}
        self._sent_number = 0
        self._greeting = b""

    @property
    def watchers(self) -> int:
        """Return the number of open pages."""
        return len(self._watchers)

    def render_HEAD(self, request: Request) -> bytes:  # noqa: N802 - Twisted's name
        """Answer with the headers of a feed, and end."""
        _describe(request)
        return b""

    def render_GET(self, request: Request) -> bytes | int:  # noqa: N802 - Twisted's name
        """Begin a feed: everything first, then what changes each second, until the page is closed. Answers
        503 where WATCHERS_PER_ADDRESS pages of its address are open, or WATCHERS_MAX of all.
        """
        address = _address(request)
        if self._open_of(address) >= WATCHERS_PER_ADDRESS:
            return _full(request, f"{WATCHERS_PER_ADDRESS} status pages of this address are open: close one")
        if len(self._watchers) >= WATCHERS_MAX and not self._make_room(address):
            return _full(request, f"{WATCHERS_MAX} status pages are open: close one")
        _describe(request)
        _narrow(request)
        watcher = self._watchers[request] = Watcher(request)
        request.notifyFinish().addBoth(lambda _: self._watchers.pop(request, None))
        request.registerProducer(watcher, True)
        request.write(b"retry: %d\n\n" % RETRY_MS + self._hello())
        return NOT_DONE_YET

    def tick(self) -> None:
        """Send what is new to every open page. Called once a second, after the counters were read."""
        self._greeting = b""
        if not self._watchers:
            return
        news = self._news()
        for watcher in tuple(self._watchers.values()):
            if watcher.is_full:
                watcher.behind += 1
                if watcher.behind > BEHIND_MAX:
                    _abort(watcher.request)
            elif watcher.behind:
                watcher.behind = 0
                watcher.request.write(self._hello())  # it has missed seconds: all of it again
            else:
                watcher.request.write(news)

    def stop(self) -> None:
        """End every feed."""
        for watcher in tuple(self._watchers.values()):
            watcher.request.unregisterProducer()
            watcher.request.finish()

    def _open_of(self, address: str) -> int:
        return sum(_address(request) == address for request in self._watchers)

    def _make_room(self, address: str) -> bool:
        """Drop the oldest page of the address that has the most, if it has at least two more than the one
        that asks; return whether there is room now. So that no address keeps all others out.
        """
        most, number = Counter(map(_address, self._watchers)).most_common(1)[0]
        if number < self._open_of(address) + 2:
            return False
        oldest = next(request for request in self._watchers if _address(request) == most)
        del self._watchers[oldest]
        _abort(oldest)
        return True

    def _hello(self) -> bytes:
        """Return what a page begins with, made once a second at most, however many pages connect. What
        happens after it was made is in the next news.
        """
        if not self._greeting:
            snapshot = self._snapshot()
            rates = {bank.code: self._rates(bank.code) for bank in snapshot.banks}
            more = {"version": shipped().version, "bands": BANDS, "rates": rates}
            self._greeting = _message("hello", snapshot, more, self._event_log.since())
        return self._greeting

    def _news(self) -> bytes:
        events = self._event_log.since(self._sent_number)
        if events:
            self._sent_number = events[-1].number
        return _message("news", self._snapshot(), {}, events)


def _address(request: Request) -> str:
    """The address that the request came from; empty on a transport of another kind."""
    return str(getattr(request.getClientAddress(), "host", ""))


def _abort(request: Request) -> None:
    cast("ITCPTransport", request.channel.transport).abortConnection()


def _narrow(request: Request) -> None:
    """Have the kernel take no more than _SEND_BUFFER bytes of this connection's answers at once."""
    get_socket = getattr(request.channel.transport, "getHandle", None)
    if get_socket is not None:
        get_socket().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)


def _full(request: Request, why: str) -> bytes:
    protect(request)
    request.setResponseCode(503)
    request.setHeader(b"retry-after", b"30")
    request.setHeader(b"content-type", b"text/plain; charset=utf-8")
    return f"{why}\n".encode()


def _describe(request: Request) -> None:
    protect(request)
    request.setHeader(b"content-type", b"text/event-stream; charset=utf-8")
    request.setHeader(b"cache-control", b"no-store")


def _message(name: str, snapshot: Snapshot, more: dict[str, Any], events: tuple[Any, ...]) -> bytes:
    """Return one server-sent event. Its JSON is one line, so that no line break has to be escaped."""
    content = {
        "snapshot": asdict(snapshot),
        "alarms": [asdict(alarm) for alarm in alarms(snapshot)],
        "events": [asdict(event) for event in events],
        **more,
    }
    data = escaped(json.dumps(content, separators=(",", ":"), ensure_ascii=False), json=True)
    return f"event: {name}\ndata: {data}\n\n".encode()
