"""The addresses behind the names of a database's servers, looked up for a bounded time.

A resolver whose servers do not answer keeps whoever asks for half a minute, or for ever. So a name is looked
up in a thread of its own, one at a time for each name, and waited for LOOKUP_SECONDS. No driver is loaded
here, and nothing is connected to.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from ipaddress import ip_address
from threading import Lock, Thread
from typing import Any, Final

from ledger.errors import LedgerError
from qianzhi_errors.sentence import Sentence, listed

LOOKUP_SECONDS: Final = 5
"""Seconds for which the names of one connection are waited for, all together."""
_PORT: Final = "5432"


class Unresolved(LedgerError):
    """No server's name has an address, or none came in time; the text has each name."""


class HostNames:
    """Looks names up. `look_up` blocks, and returns what socket.getaddrinfo does."""

    def __init__(
        self, look_up: Callable[..., Any] = socket.getaddrinfo, seconds: int = LOOKUP_SECONDS
    ) -> None:
        self._look_up = look_up
        self._seconds = seconds
        self._lock = Lock()
        self._under_way: dict[str, Future[tuple[str, ...]]] = {}

    def with_addresses(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return libpq's parameters with an address (`hostaddr`) for each host that is named: a host with
        several has several entries. Raises Unresolved where none of the hosts has an address in time.
        """
        hosts = str(given.get("host") or "").split(",")
        if given.get("hostaddr") or not any(map(is_name, hosts)):
            return dict(given)
        ports = str(given.get("port") or _PORT).split(",")
        pending = {host: self._begin(host) for host in hosts if is_name(host)}
        wait(pending.values(), self._seconds)
        servers: list[tuple[str, str, str]] = []
        faults: list[str] = []
        for place, host in enumerate(hosts):
            port = ports[place % len(ports)]
            try:
                found = self._addresses(host, pending[host]) if host in pending else (_literal(host),)
            except Unresolved as fault:
                faults.append(fault.args[0])
            else:
                servers += [(host, address, port) for address in found]
        if not servers:
            raise Unresolved(listed(faults, "{first}; {rest}"))
        named, addresses, of_each = (",".join(column) for column in zip(*servers, strict=True))
        return {**given, "host": named, "hostaddr": addresses, "port": of_each}

    def _begin(self, host: str) -> Future[tuple[str, ...]]:
        """Return the look-up of a name that is under way; begin one where there is none."""
        with self._lock:
            looked_up = self._under_way.get(host)
            if looked_up is None:
                looked_up = self._under_way[host] = Future()
                Thread(target=self._run, args=(host, looked_up), name=f"look up {host}", daemon=True).start()
            return looked_up

    def _run(self, host: str, looked_up: Future[tuple[str, ...]]) -> None:
        try:
            found = self._look_up(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            looked_up.set_exception(error)
        else:
            looked_up.set_result(tuple(dict.fromkeys(str(entry[4][0]) for entry in found)))
        finally:
            with self._lock:
                del self._under_way[host]

    def _addresses(self, host: str, looked_up: Future[tuple[str, ...]]) -> tuple[str, ...]:
        if not looked_up.done():
            words = Sentence(
                "the name {host} was not resolved within {seconds} s", host=host, seconds=self._seconds
            )
            raise Unresolved(words)
        try:
            return looked_up.result()
        except (OSError, UnicodeError) as error:
            words = Sentence("the name {host} has no address: {reason}", host=host, reason=str(error))
            raise Unresolved(words) from None


def is_name(host: str) -> bool:
    """Return whether a host of a database URL must be looked up: it is no address and no socket's folder."""
    if not host or host.startswith(("/", "@")):
        return False
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def _literal(host: str) -> str:
    """The `hostaddr` of a host that is not looked up: an address is its own, a socket's folder has none."""
    return "" if not host or host.startswith(("/", "@")) else host
