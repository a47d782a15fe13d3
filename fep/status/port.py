"""The operators' port over HTTP: the page, its feed, health, readiness, figures and metrics. Read-only.

Builds the site from its resources. It listens on an address of its own, away from the banks' ports
(`fep.service`), and nothing that it serves changes the machine. The figures are `fep.status.source`'s, the
metrics `fep.status.metrics`'s, the page's files `fep.status.webpage`'s; which requests are served at all,
`fep.status.guard` says; no figure is computed here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from twisted.web.pages import notFound
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request, Site

from fep.status.feed import Feed
from fep.status.guard import GuardedSite
from fep.status.metrics import StatisticsCollector
from fep.status.source import Source
from fep.status.webpage import PageResource, StaticResource, protect, shipped


class _Page(Resource):
    """One read-only page for GET and HEAD. `content` returns its media type and its body."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, content: Callable[[Request], tuple[str, bytes]]) -> None:
        super().__init__()
        self._content = content

    def render_GET(self, request: Request) -> bytes:  # noqa: N802 - Twisted's name
        """Return the page, which may not be cached."""
        protect(request)
        kind, body = self._content(request)
        request.setHeader(b"content-type", kind.encode())
        request.setHeader(b"cache-control", b"no-store")
        return body


class _Root(Resource):
    """The root of the site, which answers for every path that has no resource of its own."""

    def getChild(self, _path: bytes, _request: Request) -> IResource:  # noqa: N802 - Twisted's name
        """Return a 404 page that names the pages that exist."""
        return notFound(message="Try /status, /healthz, /readyz or /metrics, or the page at /.")


def status_site(source: Source, feed: Feed, names: Iterable[str], *others: Collector) -> Site:
    """Return the site with the page at /, /feed, /healthz, /readyz, /status and /metrics, served under
    `names` and under addresses. The metrics are those of the source and of `others`.
    """
    registry = CollectorRegistry()
    for collector in (StatisticsCollector(source), *others):
        registry.register(collector)

    def health(_request: Request) -> tuple[str, bytes]:
        return "text/plain", b"ok\n"

    def ready(request: Request) -> tuple[str, bytes]:
        unready = source.unready()
        if unready:
            request.setResponseCode(503)
        text = "; ".join(filter(None, (unready or "ok", source.clock.fault())))
        return "text/plain; charset=utf-8", f"{text}\n".encode()

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
    return GuardedSite(root, frozenset(name.lower() for name in names))
