"""The live feed on memory transports and a virtual clock: bounded, dropped when not read, and not drawn while
nobody watches.
"""

from __future__ import annotations

import json
from itertools import count
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import Site

from fep.status.feed import BEHIND_MAX, WATCHERS_MAX, WATCHERS_PER_ADDRESS, Feed, _message
from fep.status.snapshot import Snapshot
from fep.status.webpage import POLICY, shipped
from fep.telemetry.event_log import EventLog, Kind
from tests.support.builders import BANK
from tests.support.snapshots import OTHER, snapshot

GONE = Failure(ConnectionDone())


class Transport(StringTransport):
    """A transport that ends at once when it is aborted, as a socket does."""

    aborted = False

    def abortConnection(self) -> None:  # noqa: N802 - Twisted's name
        self.aborted = True


class Stage:
    """A feed, its site, and how often a snapshot was drawn."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.event_log = EventLog(lambda: 5, lambda: 5.0)
        self.drawn = 0
        self._hosts = count(1)
        self.feed = Feed(self._paint, lambda bank: (1, 2, 3) if bank == BANK else (), self.event_log)
        root = Resource()
        root.putChild(b"feed", self.feed)
        self.site = Site(root, reactor=self.clock)

    def _paint(self) -> Snapshot:
        self.drawn += 1
        return snapshot(rate=self.drawn)

    def watch(self, method: str = "GET", address: str | None = None) -> tuple[Transport, Any]:
        """Ask for the feed, from an address of its own unless one is given: the transport and the channel."""
        host = f"192.0.2.{next(self._hosts)}" if address is None else address
        transport, channel = Transport(peerAddress=IPv4Address("TCP", host, 1)), self.site.buildProtocol(None)
        channel.makeConnection(transport)
        channel.dataReceived(f"{method} /feed HTTP/1.0\r\n\r\n".encode())
        return transport, channel


def events(transport: StringTransport) -> list[tuple[str, Any]]:
    """What was sent since this was last asked, as a browser would read it."""
    text = transport.value().decode().replace("\r\n\r\n", "\n\n", 1)
    transport.clear()
    blocks = [block.split("\n") for block in text.split("\n\n") if block.startswith("event: ")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def test_a_feed_begins_with_everything_and_goes_on_with_what_is_new() -> None:
    stage = Stage()
    stage.event_log.note(Kind.STARTED)
    transport, _ = stage.watch()
    [(name, hello)] = events(transport)
    assert hello["version"] == shipped().version
    assert (name, hello["rates"], hello["bands"]) == ("hello", {BANK: [1, 2, 3], OTHER: []}, [1, 7, 30])
    assert [event["kind"] for event in hello["events"]] == ["started"]
    assert (hello["snapshot"]["rate"], hello["alarms"]) == (1, [])
    stage.feed.tick()
    stage.event_log.note(Kind.RELOAD)
    stage.feed.tick()
    stage.feed.tick()
    stream = events(transport)
    assert [(name, news["snapshot"]["rate"]) for name, news in stream] == [
        ("news", 2),
        ("news", 3),
        ("news", 4),
    ]
    assert [[event["kind"] for event in news["events"]] for _, news in stream] == [
        ["started"],
        ["reload"],
        [],
    ]


def test_one_picture_serves_every_page() -> None:
    stage = Stage()
    transports = [stage.watch()[0] for _ in range(3)]
    before = stage.drawn
    stage.feed.tick()
    assert stage.drawn == before + 1
    assert len({transport.value()[-200:] for transport in transports}) == 1


def test_pages_that_come_in_the_same_second_are_greeted_with_one_picture_and_miss_nothing() -> None:
    stage = Stage()
    stage.watch()
    stage.event_log.note(Kind.RELOAD)
    late, _ = stage.watch()
    assert stage.drawn == 1
    stage.feed.tick()
    (_, hello), (_, news) = events(late)
    assert [[event["kind"] for event in message["events"]] for message in (hello, news)] == [[], ["reload"]]
    later, _ = stage.watch()
    assert [event["kind"] for event in events(later)[0][1]["events"]] == ["reload"]


def test_a_feed_that_nobody_watches_draws_nothing() -> None:
    stage = Stage()
    stage.feed.tick()
    assert stage.drawn == 0
    _, channel = stage.watch()
    channel.connectionLost(GONE)
    drawn = stage.drawn
    stage.feed.tick()
    assert (stage.feed.watchers, stage.drawn) == (0, drawn)


def test_one_page_too_many_is_told_so_and_finds_its_place_when_another_is_closed() -> None:
    stage = Stage()
    channels = [stage.watch()[1] for _ in range(WATCHERS_MAX)]
    refused, _ = stage.watch()
    assert refused.value().startswith(b"HTTP/1.0 503 ")
    assert b"Retry-After: 30\r\n" in refused.value()
    assert stage.feed.watchers == WATCHERS_MAX
    channels[0].connectionLost(GONE)
    accepted, _ = stage.watch()
    assert accepted.value().startswith(b"HTTP/1.0 200 ")


def test_one_address_has_no_more_than_its_share_of_the_pages() -> None:
    stage = Stage()
    for _ in range(WATCHERS_PER_ADDRESS):
        assert stage.watch(address="192.0.2.200")[0].value().startswith(b"HTTP/1.0 200 ")
    assert stage.watch(address="192.0.2.200")[0].value().startswith(b"HTTP/1.0 503 ")
    assert stage.watch(address="192.0.2.201")[0].value().startswith(b"HTTP/1.0 200 ")
    assert stage.feed.watchers == WATCHERS_PER_ADDRESS + 1


def test_where_all_places_are_taken_the_oldest_page_of_the_address_that_has_most_gives_way() -> None:
    stage = Stage()
    few = [stage.watch()[0] for _ in range(WATCHERS_MAX - WATCHERS_PER_ADDRESS)]
    many = [stage.watch(address="192.0.2.200")[0] for _ in range(WATCHERS_PER_ADDRESS)]
    accepted, _ = stage.watch(address="192.0.2.201")
    assert accepted.value().startswith(b"HTTP/1.0 200 ")
    assert [transport.aborted for transport in many] == [True] + [False] * (WATCHERS_PER_ADDRESS - 1)
    assert not any(transport.aborted for transport in few)
    assert stage.feed.watchers == WATCHERS_MAX


def test_nobody_gives_way_to_an_address_that_has_nearly_as_many() -> None:
    stage = Stage()
    for host in range(WATCHERS_MAX // 2):
        for _ in range(2):
            stage.watch(address=f"192.0.2.{100 + host}")
    assert stage.watch(address="192.0.2.100")[0].value().startswith(b"HTTP/1.0 503 ")
    assert stage.watch(address="192.0.2.200")[0].value().startswith(b"HTTP/1.0 200 ")
    assert stage.watch(address="192.0.2.200")[0].value().startswith(b"HTTP/1.0 503 ")


def test_a_page_that_does_not_read_is_sent_nothing_and_dropped_in_time() -> None:
    stage = Stage()
    slow, _ = stage.watch()
    quick, _ = stage.watch()
    slow.clear()
    slow.producer.pauseProducing()
    for _ in range(BEHIND_MAX):
        stage.feed.tick()
    assert (slow.value(), slow.aborted) == (b"", False)
    stage.feed.tick()
    assert (slow.value(), slow.aborted, quick.aborted) == (b"", True, False)
    assert len(events(quick)) == 1 + BEHIND_MAX + 1


def test_a_page_that_reads_again_gets_everything_again() -> None:
    stage = Stage()
    transport, _ = stage.watch()
    transport.producer.pauseProducing()
    stage.feed.tick()
    transport.producer.resumeProducing()
    events(transport)
    stage.feed.tick()
    stage.feed.tick()
    assert [name for name, _ in events(transport)] == ["hello", "news"]


def test_the_feed_says_that_it_may_not_be_kept() -> None:
    stage = Stage()
    for method in ("GET", "HEAD"):
        transport, _ = stage.watch(method)
        head, _, body = transport.value().decode().partition("\r\n\r\n")
        assert head.startswith("HTTP/1.0 200 ")
        assert "\r\nContent-Type: text/event-stream; charset=utf-8" in head
        assert "\r\nCache-Control: no-store" in head
        assert f"\r\nContent-Security-Policy: {POLICY}" in head
        assert (body == "") is (method == "HEAD")
    assert stage.feed.watchers == 1, "a HEAD begins no feed"


def test_when_the_machine_stops_every_feed_ends() -> None:
    stage = Stage()
    transport, _ = stage.watch()
    stage.feed.stop()
    assert (transport.disconnecting, stage.feed.watchers) == (True, 0)


def test_a_page_is_sent_escapes_for_what_is_not_seen() -> None:
    """They are there when the page has parsed them: its text shows them."""
    drawn = snapshot(node="fep\u202e\u2028")
    sent = _message("all", drawn, {"words": "张\u200b三"}, ())
    assert not set("\u202e\u2028\u200b") & set(sent.decode())
    content = json.loads(sent.decode().split("data: ")[1])
    assert (content["snapshot"]["node"], content["words"]) == ("fep\\u202e\\u2028", "张\\u200b三")
