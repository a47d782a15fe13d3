"""A bank's budget of misses: answers 25 (no such policy) and 76 (wrong identity number).

A teller mistypes now and then; a bank with many misses is searching for policies or for somebody's number.
Pure: times are handed in, in seconds of a monotonic clock. What is refused to a bank that has spent its
budget does not belong here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MINUTE_SECONDS: Final = 60.0
DAY_SECONDS: Final = 86_400.0


@dataclass(slots=True)
class _Window:
    """A counter that starts again `seconds` after the first miss that it counted."""

    seconds: float
    began_at: float = 0.0
    count: int = 0

    def add(self, now: float) -> None:
        if self.at(now) == 0:
            self.began_at, self.count = now, 0
        self.count += 1

    def at(self, now: float) -> int:
        return self.count if now - self.began_at < self.seconds else 0


@dataclass(slots=True)
class Misses:
    """One bank's budget: at most `a_minute` misses in a minute and `a_day` in 24 hours, from its settings."""

    a_minute: int
    a_day: int
    _minute: _Window = field(default_factory=lambda: _Window(MINUTE_SECONDS))
    _day: _Window = field(default_factory=lambda: _Window(DAY_SECONDS))

    def add(self, now: float) -> None:
        """Count one miss at `now`."""
        self._minute.add(now)
        self._day.add(now)

    def is_spent(self, now: float) -> bool:
        """Whether the budget of the minute or that of the day is used up."""
        return self._minute.at(now) >= self.a_minute or self._day.at(now) >= self.a_day

    def to_show(self, now: float) -> int:
        """How many misses to show to operators: those of the day, once half of either budget is used up; else
        0.
        """
        is_half = 2 * self._minute.at(now) >= self.a_minute or 2 * self._day.at(now) >= self.a_day
        return self._day.at(now) if is_half else 0
