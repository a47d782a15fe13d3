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
