"""The status page's live feed: a snapshot of the machine each second to every open page, as server-sent
events.

While no page is open, no snapshot is taken. The number of open pages is bounded, and a page that does not
read is dropped: its browser connects again by itself. Only connections and bytes; what a snapshot shows is
`fep.status.snapshot`'s.
"""

from __future__ import annotations

import json
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

WATCHERS_MAX: Final = 32
"""Pages open at once at most: more than an operations room has screens."""
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
        503 where WATCHERS_MAX pages are open.
        """
        if len(self._watchers) >= WATCHERS_MAX:
            protect(request)
            request.setResponseCode(503)
            request.setHeader(b"retry-after", b"30")
            request.setHeader(b"content-type", b"text/plain; charset=utf-8")
            return f"{WATCHERS_MAX} status pages are open: close one\n".encode()
        _describe(request)
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
                    cast("ITCPTransport", watcher.request.channel.transport).abortConnection()
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
    data = json.dumps(content, separators=(",", ":"))
    return f"event: {name}\ndata: {data}\n\n".encode()
