"""What a request to the status port must be before any page sees it: for a name of ours, and without a body.

A page from elsewhere can have an operator's browser ask this port, by a name that suddenly means this
machine's address (DNS rebinding): the Host is then that page's, and is not served. Nothing here takes a body,
so none is read, let alone kept. What is served does not belong here (`fep.status.port`).
"""

from __future__ import annotations

import io
from ipaddress import ip_address
from typing import Any, Final

from twisted.web import http
from twisted.web.pages import errorPage
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request, Site

IDLE_SECONDS: Final = 15
"""So long may a connection be silent before its request is whole, and between two requests."""
_REFUSED: Final = (
    b"HTTP/1.1 413 Content Too Large\r\n"
    b"connection: close\r\ncontent-type: text/plain\r\ncontent-length: 21\r\n\r\nno request has a body"
)
_MISDIRECTED: Final = 421
"""RFC 9110, 15.5.20: this server does not answer for that name."""


def is_ours(hosts: tuple[str, ...] | None, names: frozenset[str]) -> bool:
    """Whether a request's Host headers mean this machine: one of `names` (lower case), `localhost`, or an
    address, which no name server can change. None are an old client's (HTTP/1.0).
    """
    if hosts is None:
        return True
    if len(hosts) != 1:
        return False
    name = _without_port(hosts[0].strip().lower().removesuffix("."))
    return name == "localhost" or name in names or _is_address(name)


def _without_port(host: str) -> str:
    """`name:port` or `[v6]:port` without the port (RFC 3986, 3.2.2)."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


class _WithoutBody(Request):
    """A request that ends its connection as soon as its head says that a body follows."""

    _ends = False

    def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
        """Refuse a body of any length, and one of unknown length (None)."""
        self.content = io.BytesIO()
        if length != 0:
            self._ends = True
            transport: Any = self.channel.transport
            transport.write(_REFUSED)
            self.channel.loseConnection()

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Keep nothing: the connection is ending."""
        del data

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802 - Twisted's name
        """Serve the request, unless its connection is ending."""
        if not self._ends:
            super().requestReceived(command, path, version)


class GuardedSite(Site):
    """A site that serves its pages under `names` and under any address, and takes no body. It logs no
    requests: monitoring asks every few seconds, and each request would be a line.
    """

    requestFactory = _WithoutBody  # noqa: N815 - Twisted's name

    def __init__(self, root: Resource, names: frozenset[str], **options: Any) -> None:  # noqa: ANN401 - of Site, with its types
        super().__init__(root, timeout=IDLE_SECONDS, **options)
        self._names = names

    def getResourceFor(self, request: Request) -> IResource:  # noqa: N802 - Twisted's name
        """Return the page that is asked for; one that says 421 for a Host that is none of ours."""
        raw = request.requestHeaders.getRawHeaders(b"host")
        hosts = None if raw is None else tuple(host.decode("latin-1") for host in raw)
        if is_ours(hosts, self._names):
            page: IResource = super().getResourceFor(request)
            return page
        message = (
            "This is not served under that name: add it to status.names in the settings, or use an address."
        )
        return errorPage(_MISDIRECTED, "Misdirected Request", message)

    def log(self, request: http.Request) -> None:
        """Write nothing."""
