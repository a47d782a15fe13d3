"""One thread beside the reactor's for calls that may never come back, such as a token's.

Unlike a pool's, it keeps no process from ending: nothing can end a call that hangs in somebody's library.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

STOP_SECONDS = 2


class SideThread:
    """Runs functions one after the other. `reactor` is where results are delivered; the thread begins with
    the first call.
    """

    def __init__(self, reactor: Any, name: str) -> None:  # noqa: ANN401 - reactors are told apart by interfaces
        self._reactor = reactor
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name=name, daemon=True)

    def run(self, function: Callable[..., Any], *arguments: object) -> Deferred[Any]:
        """Run a function. Fires in the reactor's thread with its result, or fails with what it raises."""
        outcome: Deferred[Any] = Deferred(lambda _: None)

        def call() -> None:
            try:
                result = function(*arguments)
            except BaseException:
                result = Failure()
            self._reactor.callFromThread(_deliver, outcome, result)

        if not self._thread.is_alive():
            self._thread.start()
        self._calls.put(call)
        return outcome

    def stop(self, last: Callable[[], None]) -> None:
        """Make one last call and end; a call that hangs is waited for STOP_SECONDS at most."""
        if not self._thread.is_alive():
            last()
            return
        self._calls.put(last)
        self._calls.put(None)
        self._thread.join(STOP_SECONDS)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def _deliver(outcome: Deferred[Any], result: object) -> None:
    """Fire a Deferred, unless whoever waited has given it up."""
    if not outcome.called:
        outcome.callback(result)
