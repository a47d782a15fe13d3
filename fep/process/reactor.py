"""The process's reactor, made to count by the monotonic clock: by itself Twisted's counts by the time of day,
and a clock that is set back keeps every timer, and every link, waiting for as long.

The only module that may import the real reactor. It is imported when asked for, since that installs it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred


def real_reactor() -> Any:  # noqa: ANN401 - reactors have no one type
    """The process's one reactor, whose `seconds`, and with it every timer, is the monotonic clock's."""
    from twisted.internet import reactor as installed  # noqa: PLC0415 - importing it installs it

    reactor: Any = installed
    if reactor.seconds is not time.monotonic:
        if reactor.getDelayedCalls():
            raise RuntimeError("the reactor has timers already, which count by the time of day")
        reactor.seconds = time.monotonic
    return reactor


def react(start: Callable[[Any], Deferred[Any]]) -> None:
    """Run the real reactor until what `start` gives has fired, then exit the process, as Twisted's does."""
    real_reactor()
    task.react(start)
