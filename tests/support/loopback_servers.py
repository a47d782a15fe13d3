"""A mail server and a gateway on this machine's loopback, by TLS, that answer as they are told."""

from __future__ import annotations

import socketserver
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
import trustme

HOST = "127.0.0.1"


@contextmanager
def trusted(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """A server's TLS context whose authority is the system's for as long as this lasts."""
    authority = trustme.CA()
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    patch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST, "localhost").configure_cert(context)
    yield context


@contextmanager
def running(server: socketserver.BaseServer) -> Iterator[int]:
    """The port of a server that runs beside the test."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]  # type: ignore[index,misc]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class MailServer(socketserver.TCPServer):
    """A mail server with STARTTLS. `codes` are its answers by verb; 0 hangs up instead."""

    allow_reuse_address = True

    def __init__(self, context: ssl.SSLContext | None) -> None:
        super().__init__((HOST, 0), _Mail)
        self.context, self.codes, self.mails = context, dict[str, int](), list[bytes]()
        self.heard: list[str] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away."""


class _Mail(socketserver.StreamRequestHandler):
    server: MailServer

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def say(self, code: int, text: str = "ok") -> None:
        self.wfile.write(f"{code} {text}\r\n".encode())

    def handle(self) -> None:
        self.say(220)
        while line := self.rfile.readline():
            verb = line.split()[0].decode().rstrip(":").upper()
            self.server.heard.append(verb)
            if verb == "EHLO":
                offers = self.server.context and not isinstance(self.connection, ssl.SSLSocket)
                self.wfile.write(b"250-here\r\n" + (b"250 STARTTLS\r\n" if offers else b"250 AUTH PLAIN\r\n"))
            elif verb == "STARTTLS" and self.server.context:
                self.say(220)
                self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
            elif verb == "DATA":
                self.say(354)
                mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                if (code := self.server.codes.get("END", 250)) == 0:
                    return
                self.server.mails += [mail] if code == 250 else []
                self.say(code, "no such user jinsique@canary.example")
            elif verb == "AUTH":
                self.say(235)
            else:
                self.say(self.server.codes.get(verb, 250), "of jinsique@canary.example")


class Gateway(HTTPServer):
    """A gateway. `answers` are statuses and bodies, in their order, the last one for ever; a status of 0
    hangs up. `heard` are the requests: method and path, headers, body.
    """

    def __init__(self, context: ssl.SSLContext | None) -> None:
        super().__init__((HOST, 0), _Gateway)
        self.answers: list[tuple[int, bytes]] = [(200, b"{}")]
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away."""


class _Gateway(BaseHTTPRequestHandler):
    server: Gateway
    protocol_version: ClassVar[str] = "HTTP/1.1"

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.heard.append((f"{self.command} {self.path}", headers, self.rfile.read(length)))
        answers = self.server.answers
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self.close_connection = True
        if status == 0:
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET = answer  # noqa: N815 - as the standard library calls them

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - as the standard library has it
        """Log nothing."""
