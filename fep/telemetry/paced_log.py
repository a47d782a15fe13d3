"""The log of one link, or of one kind of refusals: an entry a second at most, with how many were left out.

What a bank can make happen again and again must not fill a disk. Nothing is decided here about what is worth
an entry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.logger import Logger, LogLevel

PACE_SECONDS: Final = 1.0
"""Seconds from one entry to the next, at least."""


class PacedLog:
    """Writes to a log at a bounded pace. `seconds` is the reactor's clock."""

    def __init__(self, log: Logger, seconds: Callable[[], float]) -> None:
        self._log = log
        self._seconds = seconds
        self._next_at = float("-inf")
        self._left_out = 0

    def info(self, form: str, **values: object) -> None:
        """Log what an operator may want to know, or count it as left out."""
        self._emit(LogLevel.info, form, values)

    def warn(self, form: str, **values: object) -> None:
        """Log what an operator should look at, or count it as left out."""
        self._emit(LogLevel.warn, form, values)

    def end(self) -> None:
        """Log how many entries were left out since the last one, if any were."""
        if self._left_out:
            self._log.warn("{left_out} entries like the last were left out", left_out=self._left_out)
            self._left_out = 0

    def _emit(self, level: LogLevel, form: str, values: dict[str, object]) -> None:
        now = self._seconds()
        if now < self._next_at:
            self._left_out += 1
            return
        self._next_at = now + PACE_SECONDS
        if self._left_out:
            form, values = form + "; {left_out} more were left out", {**values, "left_out": self._left_out}
            self._left_out = 0
        self._log.emit(level, form, **values)
