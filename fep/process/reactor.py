"""The process's reactor, made to count by the monotonic clock. Twisted's own counts by the time of day: a
clock that is set back by an hour would delay every timer, and with it every link, by an hour (decision 0018).

The only module that may import the real reactor. It does so when it is asked for one, since the import
installs it.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NoReturn

from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.logger import Logger, globalLogBeginner
from twisted.python.failure import Failure

_log = Logger()
_ENDING: Final = (signal.SIGINT, signal.SIGTERM)
"""The signals that ask a program to end."""


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


def react(start: Callable[[Any], Deferred[Any]], interrupted: int = 0) -> NoReturn:
    """Run the real reactor until the Deferred that `start` returns has fired, or SIGINT or SIGTERM has come,
    and exit the process: with 0, with the code of a SystemExit, with 1 after another failure, which is
    logged, or with `interrupted` where a signal came first.

    From the first signal on no other does anything, so that whatever the program does to end is done: for
    Twisted's own `react` each stops the reactor once more, which is an error. What fails from then on, as
    every link does that the reactor cuts, is of the ending, and not logged.
    """
    reactor = real_reactor()
    before = {number: signal.getsignal(number) for number in _ENDING}
    asked: list[int] = []
    codes: list[Any] = []

    def ask(number: int, _frame: object) -> None:
        if not asked:
            asked.append(number)
            reactor.callFromThread(end)

    def end() -> None:
        globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)
        _stop(reactor)

    def fired(result: object) -> None:
        is_of_the_ending = asked and isinstance(result, Failure) and not result.check(SystemExit)
        codes.append(interrupted if is_of_the_ending else _exit_code(result))
        reactor.callWhenRunning(_stop, reactor)

    for number in _ENDING:
        signal.signal(number, ask)
    start(reactor).addBoth(fired)
    reactor.run(installSignalHandlers=False)
    for number, handler in before.items():
        signal.signal(number, signal.SIG_IGN if asked else handler)
    sys.exit(codes[0] if codes else interrupted)


def _stop(reactor: Any) -> None:  # noqa: ANN401 - reactors have no one type
    with suppress(ReactorNotRunning):  # it is ending already
        reactor.stop()


def _exit_code(result: object) -> Any:  # noqa: ANN401 - whatever a SystemExit holds
    """The exit code for what a program's Deferred gave; a failure that is no SystemExit is logged."""
    if not isinstance(result, Failure):
        return 0
    if isinstance(result.value, SystemExit):
        return result.value.code
    _log.failure("the program failed", failure=result)
    return 1
