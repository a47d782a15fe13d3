"""The engine's queue: bounded, first come first served within a bank, in turn among banks.

Pure: items go in under a bank's code and come out, and durations are handed in. What an item is, and what
becomes of one that had to give way, is the engine's business.
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Final, Generic, TypeVar

T = TypeVar("T")

ALWAYS_TAKEN: Final = 256
"""So many may wait however slow the batches are: fewer would fill none, and nobody would learn that they are
fast again."""
_BATCHES_SEEN: Final = 9
"""A pause of the disk is one slow batch: the median of nine does not see it, but a slow disk after five."""


class QueueBound:
    """How many may wait, so that none waits longer than `seconds`: as many as are decided in that time.

    At most `limit`; at least a batch, or ALWAYS_TAKEN. Learns from the batches that are full at least by
    half: what small ones cost each request tells nothing of a crowd.
    """

    def __init__(self, seconds: float, batch: int, limit: int) -> None:
        self._seconds = seconds
        self._full_enough = (batch + 1) // 2
        self._least, self._most = max(batch, ALWAYS_TAKEN), limit
        self._paces: deque[float] = deque(maxlen=_BATCHES_SEEN)
        self._size, self._begun_at = 0, 0.0
        self.places = limit

    def batch_begins(self, size: int, at: float) -> None:
        """A batch of `size` begins: the one before is over, with all that the others waited for."""
        if self._size >= self._full_enough and at > self._begun_at:
            self._paces.append(self._size / (at - self._begun_at))
            can = int(median(self._paces) * self._seconds)
            self.places = min(self._most, max(self._least, can))
        self._size, self._begun_at = size, at

    def nothing_waits(self) -> None:
        """The next batch does not follow the last one at once, and tells nothing of it."""
        self._size = 0


class FairQueue(Generic[T]):
    """A queue of at most `limit` items in which no bank can crowd out another.

    While it is full, a newcomer takes the place of the youngest item of the bank that has most waiting,
    unless that would only change who has most: so a bank that holds less than its share is never turned
    away.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._size = 0
        self._lines: dict[str, deque[T]] = {}
        self._turns: deque[str] = deque()

    def __len__(self) -> int:
        return self._size

    def put(self, bank: str, item: T) -> T | None:
        """Take an item; the one that has to give way for it (it may be `item` itself), or None."""
        line = self._lines.get(bank)
        if self._size < self.limit:
            evicted = None
        else:
            longest = self._longest()
            if len(longest) <= (len(line) if line else 0) + 1:
                return item
            evicted = longest.pop()  # at least one is left: the longest holds two or more
            self._size -= 1
        if line is None:
            line = self._lines[bank] = deque()
            self._turns.append(bank)
        line.append(item)
        self._size += 1
        return evicted

    def refuses(self, bank: str) -> bool:
        """Whether `put` would give an item of this bank back."""
        if self._size < self.limit:
            return False
        line = self._lines.get(bank)
        return len(self._longest()) <= (len(line) if line else 0) + 1

    def _longest(self) -> deque[T]:
        return max(self._lines.values(), key=len)

    def has_room(self, bank: str) -> bool:
        """Whether a bank has less waiting than its share: the queue, divided among those who wait."""
        line = self._lines.get(bank)
        sharers = len(self._lines) + (line is None)
        return (len(line) if line else 0) < max(1, self.limit // sharers)

    def take(self, count: int) -> list[T]:
        """Up to `count` items: one of each bank that waits, in turn, until there are enough."""
        taken: list[T] = []
        while self._turns and len(taken) < count:
            bank = self._turns.popleft()
            line = self._lines[bank]
            taken.append(line.popleft())
            if line:
                self._turns.append(bank)
            else:
                del self._lines[bank]
        self._size -= len(taken)
        return taken
