"""The operators' port: page, health, readiness, figures, metrics. Read-only, over HTTP, on a listener of its
own.

Shows what `fep.telemetry.statistics` counted and what the links say of themselves. Nothing here changes
anything, and no customer's data passes through. The page's files are `fep.status.webpage`'s, what it shows
`fep.status.snapshot`'s.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from twisted.web import http
from twisted.web.pages import notFound
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request, Site

from fep.day.clock import WallClock
from fep.engine.commit import Engine
from fep.links.server import Server
from fep.status.feed import Feed
from fep.status.snapshot import State
from fep.status.webpage import PageResource, StaticResource, protect, shipped
from fep.telemetry.statistics import LATENCY_BOUNDS_US, Statistics
from protocol.responses import Response

_MICROSECONDS = 1_000_000
_UNREADY: Mapping[State, str] = MappingProxyType(
    {
        State.SERVING: "",
        State.STOPPED: "not serving",
        State.DOUBT: "the outcome of a batch is unknown; the database is being asked",
        State.NO_DAY: "no business day is open: run `qianzhi book load FILE`",
    }
)
_WATCHED: Final = (Response.UNAVAILABLE.value, Response.FAULT.value)
_FAILURES: Final = ("Conflict", "Fenced", "OutcomeUnknown", "Unavailable")
"""What is watched for is there from the beginning, at 0: a series that begins at 1 shows no rise."""


class Source:
    """What the port shows, gathered from the parts that know it."""

    def __init__(
        self, node: str, server: Server, engine: Engine, statistics: Statistics, clock: WallClock
    ) -> None:
        self.node = node
        self.server = server
        self.engine = engine
        self.statistics = statistics
        self.clock = clock
        self.serving = False

    def state(self) -> State:
        """Whether transactions are taken now."""
        if not self.serving:
            return State.STOPPED
        if self.engine.in_doubt:
            return State.DOUBT
        return State.SERVING if self.engine.business_date else State.NO_DAY

    def unready(self) -> str:
        """Why no transaction can be taken now; empty when it can."""
        return _UNREADY[self.state()]

    def snapshot(self) -> dict[str, Any]:
        """The figures as JSON-able values; latencies in microseconds."""
        statistics = self.statistics
        return {
            "node": self.node,
            "ready": not self.unready(),
            "unready": self.unready(),
            "business_date": self.engine.business_date,
            "clock": self.clock.fault(),
            "links": [_link(connection.link) for connection in self.server.connections],
            "outcomes": [
                {"bank": bank, "mti": mti, "response": response, "count": count}
                for (bank, mti, response), count in sorted(statistics.outcomes.items())
            ],
            "replays": statistics.replays,
            "mac_failures": dict(statistics.mac_failures),
            "refused_connections": statistics.refused_connections,
            "closed_links": [
                {"bank": bank, "reason": reason, "count": count}
                for (bank, reason), count in sorted(statistics.closed_links.items())
            ],
            "queue": self.engine.queued,
            "batches": statistics.batches,
            "batched": statistics.batched,
            "recent_batches": list(statistics.recent_batches),
            "failed_batches": dict(statistics.failed_batches),
            "undelivered": statistics.undelivered,
            "latency_us": {
                "count": statistics.latency.count,
                "p50": statistics.latency.quantile_us(50),
                "p99": statistics.latency.quantile_us(99),
            },
        }


def _link(link: Any) -> dict[str, Any]:  # noqa: ANN401 - fep.links.link.Link; its module is not this one's to import
    return {"bank": link.bank.code, "state": link.session.state(), "idle_seconds": int(link.idle_seconds())}


class FigureCollector(Collector):
    """The same figures for Prometheus."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def collect(self) -> Iterable[Metric]:
        """Each figure as a metric family, read at the moment of the scrape."""
        source, statistics = self._source, self._source.statistics
        links = source.server.links_by_bank()
        outcomes = CounterMetricFamily(
            "qianzhi_answers", "Answers given.", labels=("bank", "mti", "response")
        )
        watched = {(bank, mti, code) for bank, mti, _ in statistics.outcomes for code in _WATCHED}
        for labels, count in (dict.fromkeys(sorted(watched), 0) | statistics.outcomes).items():
            outcomes.add_metric(labels, count)
        yield outcomes
        closed = Counter(dict.fromkeys(links, 0))
        for (bank, _), count in statistics.closed_links.items():
            closed[bank] += count
        bad = dict.fromkeys(links, 0) | statistics.mac_failures
        failed = dict.fromkeys(_FAILURES, 0) | statistics.failed_batches
        yield from (
            _labelled(CounterMetricFamily, "qianzhi_mac_failures", "Bad or missing MACs.", "bank", bad),
            _labelled(GaugeMetricFamily, "qianzhi_links", "Open links.", "bank", links),
            _labelled(CounterMetricFamily, "qianzhi_closed_links", "Links that we ended.", "bank", closed),
            _labelled(
                CounterMetricFamily, "qianzhi_failed_batches", "Attempts that failed.", "error", failed
            ),
        )
        yield CounterMetricFamily(
            "qianzhi_refused_connections",
            "Connections closed before a byte was read.",
            value=statistics.refused_connections,
        )
        yield GaugeMetricFamily(
            "qianzhi_in_doubt", "1 while a batch's outcome is unknown.", value=int(source.engine.in_doubt)
        )
        yield CounterMetricFamily("qianzhi_batches", "Batches on disk.", value=statistics.batches)
        yield CounterMetricFamily("qianzhi_batched", "Requests in batches on disk.", value=statistics.batched)
        yield CounterMetricFamily("qianzhi_replays", "First answers given again.", value=statistics.replays)
        yield CounterMetricFamily(
            "qianzhi_undelivered", "Answers that could not be sent.", value=statistics.undelivered
        )
        yield GaugeMetricFamily(
            "qianzhi_queue", "Requests that wait for a batch.", value=source.engine.queued
        )
        yield GaugeMetricFamily(
            "qianzhi_ready", "1 if transactions are taken.", value=int(not source.unready())
        )
        yield GaugeMetricFamily(
            "qianzhi_clock_distrusted",
            "1 while the wall clock has jumped and nobody has accepted it.",
            value=int(bool(source.clock.fault())),
        )
        yield CounterMetricFamily(
            "qianzhi_clock_jumps",
            "Jumps of the wall clock against the monotonic one.",
            value=source.clock.jumps,
        )
        yield self._latency(statistics)

    @staticmethod
    def _latency(statistics: Statistics) -> Metric:
        family = HistogramMetricFamily("qianzhi_latency_seconds", "From a request's arrival to its answer.")
        running, buckets = 0, []
        for bound, count in zip((*LATENCY_BOUNDS_US, None), statistics.latency.buckets, strict=True):
            running += count
            buckets.append(("+Inf" if bound is None else str(bound / _MICROSECONDS), running))
        family.add_metric((), buckets, sum_value=statistics.latency.total_us / _MICROSECONDS)
        return family


def _labelled(
    family: type[CounterMetricFamily | GaugeMetricFamily],
    name: str,
    documentation: str,
    label: str,
    counts: Mapping[str, int],
) -> Metric:
    made = family(name, documentation, labels=(label,))
    for value, count in counts.items():
        made.add_metric((value,), count)
    return made


class _Page(Resource):
    """One read-only page: GET and HEAD, whatever its content."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, content: Callable[[Request], tuple[str, bytes]]) -> None:
        super().__init__()
        self._content = content

    def render_GET(self, request: Request) -> bytes:  # noqa: N802 - Twisted's name
        """The page, never cached."""
        protect(request)
        kind, body = self._content(request)
        request.setHeader(b"content-type", kind.encode())
        request.setHeader(b"cache-control", b"no-store")
        return body


class _Root(Resource):
    """What is under no other name."""

    def getChild(self, _path: bytes, _request: Request) -> IResource:  # noqa: N802 - Twisted's name
        """Name the pages that there are."""
        return notFound(message="Try /status, /healthz, /readyz or /metrics, or the page at /.")


class _Unlogged(Site):
    """A site whose requests are no news: monitoring asks every few seconds, and each would be a line."""

    def log(self, request: http.Request) -> None:
        """Write nothing."""


def status_site(source: Source, feed: Feed, *others: Collector) -> Site:
    """The site with the page at /, its feed, /healthz, /readyz, /status and /metrics; `others` add to the
    last.
    """
    registry = CollectorRegistry()
    for collector in (FigureCollector(source), *others):
        registry.register(collector)

    def health(_request: Request) -> tuple[str, bytes]:
        return "text/plain", b"ok\n"

    def ready(request: Request) -> tuple[str, bytes]:
        unready = source.unready()
        if unready:
            request.setResponseCode(503)
        said = "; ".join(filter(None, (unready or "ok", source.clock.fault())))
        return "text/plain; charset=utf-8", f"{said}\n".encode()

    def status(_request: Request) -> tuple[str, bytes]:
        return "application/json", json.dumps(source.snapshot(), indent=1).encode() + b"\n"

    def metrics(_request: Request) -> tuple[str, bytes]:
        return CONTENT_TYPE_LATEST, generate_latest(registry)

    root = _Root()
    for name, page in (("healthz", health), ("readyz", ready), ("status", status), ("metrics", metrics)):
        root.putChild(name.encode(), _Page(page))
    assets = shipped()
    root.putChild(b"", PageResource(assets.page))
    root.putChild(b"static", StaticResource(assets))
    root.putChild(b"feed", feed)
    return _Unlogged(root)
