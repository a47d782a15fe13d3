"""The real reactor counts by a clock that nobody sets."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from twisted.internet import reactor as installed

from fep.process.reactor import real_reactor


def test_the_reactor_counts_by_the_monotonic_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    reactor = real_reactor()
    assert reactor is installed
    assert reactor.seconds is time.monotonic
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert abs(reactor.seconds() - time.monotonic()) < 60
    assert real_reactor() is reactor


def test_a_reactor_with_timers_by_the_time_of_day_is_refused() -> None:
    program = "\n".join(
        (
            "from twisted.internet import reactor",
            "from fep.process.reactor import real_reactor",
            "reactor.callLater(1, print)",
            "real_reactor()",
        )
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "RuntimeError: the reactor has timers already" in done.stderr


PROGRAM = """
import atexit
import os
import signal
import sys

from twisted.internet.defer import Deferred

from fep.process.reactor import react

OUTCOME = sys.argv[1]


def tell(moment):
    print(moment)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        if OUTCOME != "unasked":
            os.kill(os.getpid(), number)


def start(reactor):
    ended = Deferred()

    def shutting():
        tell("shutting")
        if OUTCOME == "failed":
            ended.errback(RuntimeError("a link was cut"))
        if OUTCOME == "ended":
            ended.callback(None)

    reactor.addSystemEventTrigger("before", "shutdown", shutting)
    reactor.callWhenRunning(tell, "running")
    if OUTCOME == "unasked":
        reactor.callWhenRunning(ended.errback, RuntimeError("a fault"))
    tell("starting")
    return ended


atexit.register(tell, "over")
react(start, 7)
"""


@pytest.mark.parametrize(("outcome", "code"), [("pending", 7), ("failed", 7), ("ended", 0)])
def test_a_program_ends_once_however_many_signals_come_and_when(outcome: str, code: int) -> None:
    done = subprocess.run(
        ["env", "--default-signal=INT", sys.executable, "-c", PROGRAM, outcome],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.split(), done.stderr) == (["starting", "running", "shutting", "over"], "")
    assert done.returncode == code


def test_a_failure_that_no_signal_explains_is_logged() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "unasked"], capture_output=True, text=True, check=False
    )
    assert "RuntimeError: a fault" in done.stderr
    assert done.returncode == 1
