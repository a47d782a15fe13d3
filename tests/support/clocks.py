"""Wall clocks for tests: one that stands still, and one that a test moves along and sets.

Virtual: no test waits for them. The machine's own is fep.day.clock's.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from fep.day.clock import WallClock
from ledger.rules.beijing import BEIJING


def still(moment: datetime) -> WallClock:
    """A wall clock that always shows one moment, and a monotonic one that stands still with it."""
    now_us = round(moment.replace(tzinfo=BEIJING).timestamp() * 1_000_000)
    return WallClock(lambda: now_us, lambda: 0.0)


class MovedClock(WallClock):
    """A wall clock that shows Beijing time and that a test moves: `wait` moves both clocks, `set` the wall
    clock alone.
    """

    def __init__(self, moment: datetime) -> None:
        self._moment = moment.replace(tzinfo=BEIJING)
        self._passed = 0.0
        super().__init__(lambda: round(self._moment.timestamp() * 1_000_000), lambda: self._passed)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += seconds
        self._moment += timedelta(seconds=seconds)

    def wait_until(self, moment: datetime) -> None:
        """Let time pass until the clock shows a moment."""
        self.wait((moment.replace(tzinfo=BEIJING) - self._moment).total_seconds())

    def set(self, seconds: float) -> None:
        """Set the wall clock ahead, or back where that is negative."""
        self._moment += timedelta(seconds=seconds)
