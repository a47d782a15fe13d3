"""The wall clock, watched: it stamps entries and gives Beijing's time of day. Once it has jumped it is not
trusted.

Each time that it is read it is compared with a monotonic clock. No duration is measured by it: those are
the reactor's, which counts by the monotonic clock (fep.process.reactor). Nothing is decided here but
whether the clock jumped: `fep.day.clock_watch` tells people, `fep.day.schedule.obstacle` keeps the cut-over
waiting, and `fep.operator.operations` the retirement.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from threading import Lock
from typing import Final

from ledger.rules.beijing import beijing
from qianzhi_errors.sentence import Sentence, phrase

JUMP_US: Final = 2_000_000
"""Microseconds: a wall clock that moves by more against the monotonic one was set, which is a jump."""
SLEW_DIVISOR: Final = 10
"""A clock that is slewed gains or loses less than a tenth of the time that passes; chrony, the fastest, a
twelfth. So much is followed, and is no jump however long it goes on.
"""
_SECOND_US: Final = 1_000_000
_APART_US: Final = 100_000
"""Microseconds between two monotonic readings within which the wall clock's reading between them counts."""
DATED_SECONDS: Final = 1
"""Seconds for which a date that was looked up is taken for today's."""
_AHEAD: Final = phrase("the wall clock jumped {seconds} s ahead")
_BACK: Final = phrase("the wall clock jumped {seconds} s back")
_BACK_AGAIN: Final = phrase("the wall clock jumped, and is back where it was")
_READINGS_MORE: Final = 4
"""How often both clocks are read again where the process was kept waiting between them."""


def followed(offset_us: int, reference_us: int, passed_us: int) -> int:
    """Return the offset of the wall clock from the monotonic one that a slew explains: `offset_us`, or as
    near to it as a slew gets from `reference_us` in `passed_us`. All in microseconds.
    """
    most = max(0, passed_us // SLEW_DIVISOR)
    return reference_us + max(-most, min(most, offset_us - reference_us))


class WallClock:
    """The wall clock. `wall_us` returns microseconds since 1970-01-01 UTC, `seconds` is a monotonic clock.
    `jumps` counts the jumps since the process began. It may be read in any thread.
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
        """Return the time in microseconds since 1970-01-01 UTC."""
        with self._lock:
            return self._look()

    def now(self) -> datetime:
        """Return the date and time in Beijing."""
        return beijing(self.now_us())

    def today(self) -> date:
        """Return the date in Beijing, as it was within the last second: each message asks for it, a
        thousand a second.
        """
        now = self.seconds()
        if now - self._dated_at >= DATED_SECONDS:
            self._dated_at, self._date = now, self.now().date()
        return self._date

    def fault(self) -> str:
        """Return why the time is not trusted, until a person has accepted it; empty while it is trusted."""
        with self._lock:
            self._look()
            return self._fault

    def distrust(self, fault: str) -> None:
        """Distrust the time for a fault that an earlier process saw and nobody has accepted since."""
        with self._lock:
            self._fault = fault

    def accept(self) -> None:
        """Trust the time as it is now, because a person has said that it is right."""
        with self._lock:
            self._look()
            self._trusted_us = self._reference_us
            self._fault = ""

    def _look(self) -> int:
        """Return the time in microseconds, and note a jump since it was last read."""
        passed_us, wall = self._both()
        offset = wall - passed_us
        reference = followed(offset, self._reference_us, passed_us - self._looked_us)
        self._looked_us = passed_us
        self._reference_us = reference
        if abs(offset - reference) > JUMP_US:
            self._reference_us = offset
            self.jumps += 1
            self._fault = _jump_text(offset - self._trusted_us)
        elif not self._fault:
            self._trusted_us = reference
        return wall

    def _both(self) -> tuple[int, int]:
        """Return the monotonic and the wall clock of one moment, in microseconds."""
        before = self.seconds()
        wall, after = self._wall_us(), self.seconds()
        for _ in range(_READINGS_MORE):
            if (after - before) * _SECOND_US <= _APART_US:
                break
            before = after
            wall, after = self._wall_us(), self.seconds()
        return round(after * _SECOND_US), wall


def _jump_text(ahead_us: int) -> str:
    """Return in words where a clock that jumped stands, `ahead_us` microseconds from where it was trusted."""
    seconds = round(ahead_us / _SECOND_US)
    if abs(ahead_us) <= JUMP_US:
        return Sentence(_BACK_AGAIN)
    if seconds > 0:
        return Sentence(_AHEAD, seconds=seconds)
    return Sentence(_BACK, seconds=-seconds)


def fault_of(note: str) -> str:
    """Return the fault that an audit record has as a plain text: the Sentence that it was, or the text."""
    for pattern in (_AHEAD, _BACK, _BACK_AGAIN):
        fitted = re.fullmatch(pattern.replace("{seconds}", "(?P<seconds>[0-9]+)"), note)
        if fitted:
            return Sentence(pattern, **fitted.groupdict())
    return note
