"""A relay before a machine that loses answers, silently or with the link; all else passes.

For framing `2be` and dialects whose MTI is ASCII, over plain TCP. It reads no more of a message than its MTI.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Thread


class LosingRelay:
    """Relays to a port on loopback. The first answer of each MTI in `silenced` goes nowhere; the first of
    each in `cut` neither, and its link ends. `requests` are the MTIs that came from the bank, in order.
    """

    def __init__(self, port: int, silenced: Iterable[str], cut: Iterable[str]) -> None:
        self._machine = port
        self._silenced, self._cut = set(silenced), set(cut)
        self.requests: list[str] = []
        self._ends: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def stop(self) -> None:
        """End every connection, and wait for what relays them."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._threads.pop(0).join()
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                bank, _ = self._listening.accept()
                machine = socket.create_connection(("127.0.0.1", self._machine))
                self._ends += [bank, machine]
                for source, target, passes in (
                    (bank, machine, self._asked),
                    (machine, bank, self._answered),
                ):
                    thread = Thread(target=_relay, args=(source, target, passes), daemon=True)
                    self._threads.append(thread)
                    thread.start()

    def _asked(self, mti: str) -> bool:
        self.requests.append(mti)
        return True

    def _answered(self, mti: str) -> bool:
        """Whether an answer is passed on. Raises ConnectionError where its link is to end."""
        if mti in self._cut:
            self._cut.remove(mti)
            raise ConnectionError
        if mti in self._silenced:
            self._silenced.remove(mti)
            return False
        return True


def _relay(source: socket.socket, target: socket.socket, passes: Callable[[str], bool]) -> None:
    """Pass frames on as long as both ends stand, each that `passes` lets through; then end both."""
    with suppress(OSError), source.makefile("rb") as stream:
        while length := stream.read(2):
            body = stream.read(int.from_bytes(length))
            if passes(body[:4].decode("ascii")):
                target.sendall(length + body)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
