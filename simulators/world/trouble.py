"""What the world has caused lately, and so explains: the oracle takes it for no fault of the machine.

Kinds are words of the world's own: `down` (the database failed), `silent` (it had a call for too long) and
`refused` (it refused a batch). What an answer should have been does not belong here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

_EXCUSED_SECONDS = 30.0


@dataclass(slots=True)
class Trouble:
    """When each kind of trouble came last, in virtual seconds of `now`."""

    now: Callable[[], float]
    _last: dict[str, float] = field(default_factory=dict)

    def note(self, kind: str) -> None:
        """Note that the world has caused this now."""
        self._last[kind] = self.now()

    def ever(self, kind: str) -> bool:
        """Whether this ever came."""
        return kind in self._last

    def lately(self, *kinds: str) -> bool:
        """Whether one of these came in the last seconds, so that what follows from it is excused."""
        return any(self.now() - self._last[kind] < _EXCUSED_SECONDS for kind in kinds if kind in self._last)
