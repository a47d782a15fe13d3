"""Counts the answers 25 and 76 that a bank has had from the process that serves, and says if it must wait.

A minute and a day begin with the first such answer in them. Imports nothing of the machine's. After an
answer to a connection that was gone the count is not known; then nothing is judged until another process
serves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

MISSES = frozenset({"25", "76"})
_MINUTE, _DAY = 60.0, 86_400.0


class Spell(NamedTuple):
    """A time in which a bank must wait: its first and its last virtual second."""

    since: float
    until: float


@dataclass(slots=True)
class _Span:
    """A limit of so many misses in so many seconds, counted from the first of them."""

    seconds: float
    most: int
    began_at: float = float("-inf")
    count: int = 0

    def add(self, now: float) -> Spell | None:
        """Count one miss; the spell that it starts, if it is one too many."""
        if now - self.began_at >= self.seconds:
            self.began_at, self.count = now, 0
        self.count += 1
        return Spell(now, self.began_at + self.seconds) if self.count >= self.most else None


@dataclass(slots=True)
class Budget:
    """The answers 25 and 76 that one bank has had from one process. Moments in virtual seconds."""

    a_minute: int
    a_day: int
    is_known: bool = True
    _spells: list[Spell] = field(default_factory=list)
    _spans: tuple[_Span, _Span] = field(init=False)

    def __post_init__(self) -> None:
        self._spans = _Span(_MINUTE, self.a_minute), _Span(_DAY, self.a_day)

    def missed(self, now: float) -> None:
        """Count an answer 25 or 76 that is not a repeat."""
        self._spells += [spell for span in self._spans if (spell := span.add(now)) is not None]

    def lost(self) -> None:
        """Note that an answer went to a connection that was gone: from now on the budget is not known."""
        self.is_known = False

    def may_wait(self, begin: float, end: float) -> bool:
        """Whether the bank may have had to wait at some time between two moments."""
        return not self.is_known or any(spell.since <= end and spell.until > begin for spell in self._spells)

    def is_spent(self, now: float) -> bool:
        """Whether the bank has to wait now."""
        return self.is_known and any(spell.since <= now < spell.until for spell in self._spells)

    def must_wait(self, begin: float, end: float) -> bool:
        """Whether the bank had to wait all the time between two moments."""
        return self.is_known and any(spell.since < begin and spell.until > end for spell in self._spells)
