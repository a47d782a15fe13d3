"""A relay before a database that can fall silent: it takes bytes, acknowledges them, and passes nothing on.

What a stopped server or a network that drops everything looks like from this end: no connection is refused
and none is closed. What was kept back is passed on when it speaks again, as a network does.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread

from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import make_url

_LOOK_SECONDS = 0.02


class SilentRelay:
    """Relays TCP connections to `place`, a host and port or the path of a socket."""

    def __init__(self, place: tuple[str, int] | str) -> None:
        self._place = place
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._speaks, self._ends, self._passing = Event(), Event(), Lock()
        self._speaks.set()
        self._others: dict[socket.socket, socket.socket] = {}
        self._thread = Thread(target=self._relay, daemon=True)
        self._thread.start()

    def fall_silent(self) -> None:
        """Pass nothing on from now on, in either direction."""
        with self._passing:
            self._speaks.clear()

    def speak(self) -> None:
        """Pass on again, and first what was kept back."""
        self._speaks.set()

    def stop(self) -> None:
        """End every connection."""
        self._ends.set()
        self._thread.join()

    def _relay(self) -> None:
        with selectors.DefaultSelector() as selector, self._listening:
            selector.register(self._listening, selectors.EVENT_READ)
            while not self._ends.is_set():
                if not self._speaks.wait(_LOOK_SECONDS):
                    continue
                for key, _ in selector.select(_LOOK_SECONDS):
                    with self._passing:
                        if self._speaks.is_set():
                            self._serve(selector, key.fileobj)
            for end in tuple(self._others):
                end.close()

    def _serve(self, selector: selectors.BaseSelector, end: object) -> None:
        if end is self._listening:
            self._take(selector)
        elif isinstance(end, socket.socket):
            self._pass_on(selector, end)

    def _take(self, selector: selectors.BaseSelector) -> None:
        near, _ = self._listening.accept()
        if isinstance(self._place, str):
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._place)
        else:
            far = socket.create_connection(self._place)
        self._others |= {near: far, far: near}
        for end in (near, far):
            selector.register(end, selectors.EVENT_READ)

    def _pass_on(self, selector: selectors.BaseSelector, end: socket.socket) -> None:
        if end not in self._others:
            return
        try:
            data = end.recv(65536)
        except ConnectionError:
            data = b""
        other = self._others[end]
        if data:
            with suppress(OSError):
                other.sendall(data)
            return
        for closed in (end, other):
            selector.unregister(closed)
            del self._others[closed]
            closed.close()


@contextmanager
def relayed(database: str) -> Iterator[tuple[SilentRelay, str]]:
    """Context manager: a relay before a PostgreSQL database, and the URL of the database behind it."""
    url = make_url(database)
    given = conninfo_to_dict(url.set(drivername="postgresql").render_as_string(hide_password=False))
    host, port = str(given["host"]), int(given.get("port") or 5432)
    relay = SilentRelay(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port))
    try:
        behind = url.difference_update_query(("host",)).set(host="127.0.0.1", port=relay.port)
        yield relay, behind.render_as_string(hide_password=False)
    finally:
        relay.stop()
