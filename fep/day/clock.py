"""The wall clock, watched: it stamps and tells the hours of the day, Beijing's in whatever zone the host is.
Once it has jumped it is not trusted.

No duration is counted by it: they are the reactor's, which counts by a monotonic clock (fep.process.reactor).
The wall clock is held against that one each time that it is read. Nothing is decided here but whether it
jumped; who is told, and what then waits for a person, others say.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from threading import Lock
from typing import Final

from ledger.rules.beijing import beijing

JUMP_US: Final = 2_000_000
"""A wall clock that is off by more, against the monotonic one, was set."""
SLEW_DIVISOR: Final = 10
"""A clock that is put right little by little gains or loses less than a tenth: chrony, the
fastest, a twelfth. So much is followed, and is no jump however long it goes on."""
_SECOND_US: Final = 1_000_000
_APART_US: Final = 100_000
DATED_SECONDS: Final = 1
"""How long a date that was looked up is taken for today's."""
_READINGS: Final = 5
"""A process that is made to wait between its two looks at the clocks looks again."""


def followed(offset_us: int, reference_us: int, passed_us: int) -> int:
    """How far the wall clock is ahead of the monotonic one, as far as it could go there little by little from
    `reference_us` in `passed_us`; all in microseconds.
    """
    most = max(0, passed_us // SLEW_DIVISOR)
    return reference_us + max(-most, min(most, offset_us - reference_us))


class WallClock:
    """The wall clock. `wall_us` gives microseconds since 1970-01-01 UTC, `seconds` is a monotonic clock. It
    may be read in any thread.
    """

    def __init__(self, wall_us: Callable[[], int], seconds: Callable[[], float]) -> None:
        self.seconds = seconds
        self.jumps = 0
        self._wall_us = wall_us
        self._fault = ""
        self._lock = Lock()
        passed_us, wall = self._both()
        self._looked_us = passed_us
        self._reference_us = self._trusted_us = wall - passed_us
        self._dated_at, self._date = seconds(), self.now().date()

    def now_us(self) -> int:
        """The time in microseconds since 1970-01-01 UTC."""
        with self._lock:
            return self._look()

    def now(self) -> datetime:
        """The time of day in Beijing."""
        return beijing(self.now_us())

    def today(self) -> date:
        """The date in Beijing, as it was within the last second: a thousand messages of it ask for one."""
        now = self.seconds()
        if now - self._dated_at >= DATED_SECONDS:
            self._dated_at, self._date = now, self.now().date()
        return self._date

    def fault(self) -> str:
        """Why the time is not to be trusted, until a person has said that it is right; empty while it is."""
        with self._lock:
            self._look()
            return self._fault

    def distrust(self, fault: str) -> None:
        """Take up what an earlier process saw, and nobody has accepted since."""
        with self._lock:
            self._fault = fault

    def accept(self) -> None:
        """Trust the time as it is now: a person has said that it is right."""
        with self._lock:
            self._look()
            self._trusted_us = self._reference_us
            self._fault = ""

    def _look(self) -> int:
        """Read the time, and see whether it jumped since it was read last."""
        passed_us, wall = self._both()
        offset = wall - passed_us
        reference = followed(offset, self._reference_us, passed_us - self._looked_us)
        self._looked_us = passed_us
        self._reference_us = reference
        if abs(offset - reference) > JUMP_US:
            self._reference_us = offset
            self.jumps += 1
            self._fault = _said(offset - self._trusted_us)
        elif not self._fault:
            self._trusted_us = reference
        return wall

    def _both(self) -> tuple[int, int]:
        """The monotonic and the wall clock, of one moment, in microseconds."""
        before = self.seconds()
        wall, after = self._wall_us(), self.seconds()
        for _ in range(_READINGS - 1):
            if (after - before) * _SECOND_US <= _APART_US:
                break
            before = after
            wall, after = self._wall_us(), self.seconds()
        return round(after * _SECOND_US), wall


def _said(ahead_us: int) -> str:
    seconds = round(ahead_us / _SECOND_US)
    if abs(ahead_us) <= JUMP_US:
        return "the wall clock jumped, and is back where it was"
    return f"the wall clock jumped {abs(seconds)} s {'ahead' if seconds > 0 else 'back'}"
