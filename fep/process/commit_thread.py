"""The thread in which the book is written, as the engine is given it: one call after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool


class Threads(Protocol):
    """Runs functions that block, one after the other, outside the reactor's thread."""

    def start(self) -> None:
        """Become ready to run functions."""

    def run(self, function: Callable[..., Any], *arguments: object) -> Deferred[Any]:
        """Run a function. Fires with what it returns, or fails with what it raises."""

    def stop(self) -> None:
        """Finish what runs, and end the threads."""


class CommitThread:
    """The commit thread: one real thread, so that the book has one writer at a time."""

    def __init__(self, reactor: Any) -> None:  # noqa: ANN401 - reactors are told apart by interfaces
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=1, maxthreads=1, name="commit")
        self.start = self._pool.start
        self.stop = self._pool.stop

    def run(self, function: Callable[..., Any], *arguments: object) -> Deferred[Any]:
        """Run a function in the thread. Fires in the reactor's thread when it has ended."""
        return deferToThreadPool(self._reactor, self._pool, function, *arguments)
