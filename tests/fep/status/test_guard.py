"""Which requests to the status port are served at all: by their Host, and without a body."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.web.resource import Resource
from twisted.web.server import Request

from fep.status.guard import IDLE_SECONDS, GuardedSite, is_ours

NAMES = frozenset({"fep1.ops.example", "fep1"})


@pytest.mark.parametrize(
    "hosts",
    [
        None,
        ("127.0.0.1:8590",),
        ("127.0.0.1",),
        ("192.0.2.7:1",),
        ("[::1]:8590",),
        ("[2001:db8::1]",),
        ("localhost",),
        ("LocalHost:8590",),
        ("fep1:9100",),
        ("FEP1.ops.example.",),
        (" fep1.ops.example.:8590 ",),
    ],
)
def test_addresses_localhost_and_names_of_the_settings_are_ours(hosts: tuple[str, ...] | None) -> None:
    assert is_ours(hosts, NAMES)


@pytest.mark.parametrize(
    "hosts",
    [
        (),
        ("",),
        ("evil.example",),
        ("evil.example:8590",),
        ("fep1.evil.example",),
        ("fep1 ", "fep1"),
        ("127.0.0.1.evil.example",),
        ("127.0.0.1@evil.example",),
        ("localhost.evil.example",),
        ("xfep1",),
        ("fep1/x",),
        ("[::1.evil.example]",),
        ("[evil.example]",),
    ],
)
def test_any_other_name_is_not_ours(hosts: tuple[str, ...]) -> None:
    assert not is_ours(hosts, NAMES)


@given(st.text())
def test_any_text_is_judged(host: str) -> None:
    assert is_ours((host,), frozenset()) in (True, False)


class _Page(Resource):
    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[bytes] = []

    def render_GET(self, request: Request) -> bytes:  # noqa: N802 - Twisted's name
        self.bodies.append(request.content.read())
        return b"page"

    render_POST = render_GET  # noqa: N815 - Twisted's name


class _Socket(StringTransport):
    """A transport that may be paused while it ends, as a socket may."""

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's name
        if not self.disconnecting:
            super().pauseProducing()


def answer(*parts: bytes) -> tuple[bytes, _Page, StringTransport]:
    """What a site answers to bytes that come in these parts."""
    page, transport = _Page(), _Socket()
    channel = GuardedSite(page, NAMES, reactor=Clock()).buildProtocol(None)
    channel.makeConnection(transport)
    for part in parts:
        channel.dataReceived(part)
    return transport.value(), page, transport


def test_a_request_for_a_name_of_ours_is_served() -> None:
    text, page, _ = answer(b"GET / HTTP/1.1\r\nHost: fep1:1\r\n\r\n")
    assert text.startswith(b"HTTP/1.1 200 ")
    assert page.bodies == [b""]


@pytest.mark.parametrize("head", [b"Host: evil.example", b"Host: fep1\r\nHost: evil.example", b"Host:"])
def test_a_request_for_another_name_gets_421_and_no_page(head: bytes) -> None:
    text, page, _ = answer(b"GET / HTTP/1.1\r\n" + head + b"\r\n\r\n")
    assert text.startswith(b"HTTP/1.1 421 ")
    assert page.bodies == []
    assert b"evil" not in text


@pytest.mark.parametrize("method", [b"GET", b"POST", b"PUT"])
@pytest.mark.parametrize(
    "head", [b"Content-Length: 200000000", b"Content-Length: 1", b"Transfer-Encoding: chunked"]
)
def test_a_request_with_a_body_is_refused_before_any_of_it_is_read(method: bytes, head: bytes) -> None:
    begin = method + b" / HTTP/1.1\r\nHost: fep1\r\n" + head + b"\r\n\r\n"
    text, page, transport = answer(begin, b"5\r\n12345\r\n0\r\n\r\n", b"x" * 100_000)
    assert text.startswith(b"HTTP/1.1 413 ")
    assert text.count(b"HTTP/1.1 ") == 1
    assert (page.bodies, transport.disconnecting) == ([], True)


def test_a_body_of_no_bytes_is_none() -> None:
    text, page, _ = answer(b"GET / HTTP/1.1\r\nHost: fep1\r\nContent-Length: 0\r\n\r\n")
    assert text.startswith(b"HTTP/1.1 200 ")
    assert page.bodies == [b""]


def test_a_connection_that_does_not_finish_its_request_is_ended() -> None:
    clock, transport = Clock(), StringTransport()
    channel = GuardedSite(_Page(), NAMES, reactor=clock).buildProtocol(None)
    channel.callLater = clock.callLater
    channel.makeConnection(transport)
    channel.dataReceived(b"GET / HTTP/1.1\r\n")
    clock.advance(IDLE_SECONDS)
    assert transport.disconnecting
