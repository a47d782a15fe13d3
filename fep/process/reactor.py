"""The process's reactor, made to count by the monotonic clock. Twisted's own counts by the time of day: a
clock that is set back by an hour would delay every timer, and with it every link, by an hour (decision 0018).

The only module that may import the real reactor. It does so when it is asked for one, since the import
installs it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred


def real_reactor() -> Any:  # noqa: ANN401 - reactors have no one type
    """The process's one reactor. Its `seconds`, and so every timer, counts by the monotonic clock. Raises
    RuntimeError if timers were set before.
    """
    from twisted.internet import reactor as installed  # noqa: PLC0415 - importing it installs it

    reactor: Any = installed
    if reactor.seconds is not time.monotonic:
        if reactor.getDelayedCalls():
            raise RuntimeError("the reactor has timers already, which count by the time of day")
        reactor.seconds = time.monotonic
    return reactor


def react(start: Callable[[Any], Deferred[Any]]) -> None:
    """Run the real reactor until the Deferred that `start` returns has fired, then exit the process, as
    Twisted's `react` does.
    """
    real_reactor()
    task.react(start)
