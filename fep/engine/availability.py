"""Whether the database answers: what is known of it from the calls that went to it, and since when.

Pure: moments are handed in, in seconds of a monotonic clock and in microseconds of the wall clock. What is
done about a database that does not answer is the engine's business (`fep.engine.commit`).
"""

from __future__ import annotations

from typing import Final, NamedTuple

SILENT_SECONDS: Final = 5.0
"""Seconds after which a call that did not come back means that the database is silent. So long after its
first failure those who wait are told, instead of tried again one batch after the other."""


class Outage(NamedTuple):
    """The database does not answer: for `seconds`, since `since_us` (microseconds since 1970-01-01 UTC)."""

    seconds: float
    since_us: int

    @property
    def is_long(self) -> bool:
        """Whether it has lasted so long that nobody is kept waiting for its end."""
        return self.seconds >= SILENT_SECONDS


class Availability:
    """What the last calls say of the database. A call that is out for SILENT_SECONDS, or has failed because
    the database could not be used, begins an outage; only something that was written ends it.
    """

    def __init__(self) -> None:
        self._out: tuple[float, int] | None = None
        self._is_batch = False
        self._failing: tuple[float, int] | None = None

    def asked(self, at: float, at_us: int, *, is_batch: bool) -> None:
        """Note that a call goes out; `is_batch` if it may commit requests of banks."""
        self._out, self._is_batch = (at, at_us), is_batch

    def returned(self) -> None:
        """Note that the call came back, with whatever result."""
        self._out = None

    def failed(self, at: float, at_us: int) -> None:
        """Note that a call could not use the database."""
        self._failing = self._failing or (at, at_us)

    def worked(self) -> None:
        """Note that something was written."""
        self._failing = None

    def doubtful(self, at: float) -> bool:
        """Whether a batch has been out for SILENT_SECONDS: nobody knows now what becomes of it."""
        return self._is_batch and self._is_silent(at)

    def outage(self, at: float) -> Outage | None:
        """Return the outage at a moment; None while the database answers."""
        if self._failing is None and self._is_silent(at):
            self._failing = self._out
        return None if self._failing is None else Outage(at - self._failing[0], self._failing[1])

    def _is_silent(self, at: float) -> bool:
        return self._out is not None and at - self._out[0] >= SILENT_SECONDS
