"""The engine's queue: bounded, first come first served within a bank, in turn among banks.

Pure: items go in under a bank's code and come out; moments are handed in, in seconds. What an item is, and
what becomes of an item that had to give way, is the engine's business (decision 0013).
"""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Final, Generic, TypeVar

T = TypeVar("T")

ALWAYS_TAKEN: Final = 256
"""Items that may wait however slow the batches are: with fewer no batch would be half full, and the bound
would never learn that the batches are fast again."""
_BATCHES_SEEN: Final = 9
"""Batches over which the median rate is taken: one slow batch (a pause of the disk) does not move it, five
slow ones (a slow disk) do."""


class QueueBound:
    """How many items may wait, so that none waits longer than `seconds`: `places` of them.

    The rate is the median of the last _BATCHES_SEEN batches that were at least half full; smaller ones say
    nothing about a crowd, since their fixed cost is shared by few. `places` is at most `limit`, at least
    `batch` and at least ALWAYS_TAKEN.
    """

    def __init__(self, seconds: float, batch: int, limit: int) -> None:
        self._seconds = seconds
        self._full_enough = (batch + 1) // 2
        self._least, self._most = max(batch, ALWAYS_TAKEN), limit
        self._rates: deque[float] = deque(maxlen=_BATCHES_SEEN)
        self._size, self._begun_at = 0, 0.0
        self.places = limit

    def batch_begins(self, size: int, at: float) -> None:
        """Note that a batch of `size` begins at `at`: the batch before it took from its begin until then."""
        if self._size >= self._full_enough and at > self._begun_at:
            self._rates.append(self._size / (at - self._begun_at))
            decided = int(median(self._rates) * self._seconds)
            self.places = min(self._most, max(self._least, decided))
        self._size, self._begun_at = size, at

    def nothing_waits(self) -> None:
        """Note that the queue is empty: when the next batch begins says nothing about the last one."""
        self._size = 0


class FairQueue(Generic[T]):
    """A queue of at most `limit` items in which no bank can crowd out another.

    While the queue is full, a new item takes the place of the youngest item of the bank that has most
    waiting, unless its own bank would then have most. So a bank that holds less than its share is never
    turned away.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._size = 0
        self._lines: dict[str, deque[T]] = {}
        self._turns: deque[str] = deque()

    def __len__(self) -> int:
        return self._size

    def put(self, bank: str, item: T) -> T | None:
        """Take an item. Returns the item that has to give way, which may be `item` itself, or None."""
        line = self._lines.get(bank)
        if self._size < self.limit:
            evicted = None
        else:
            longest = self._longest()
            if len(longest) <= (len(line) if line else 0) + 1:
                return item
            evicted = longest.pop()  # the longest line holds two or more, so it does not become empty
            self._size -= 1
        if line is None:
            line = self._lines[bank] = deque()
            self._turns.append(bank)
        line.append(item)
        self._size += 1
        return evicted

    def refuses(self, bank: str) -> bool:
        """Whether `put` would return an item of this bank instead of taking it."""
        if self._size < self.limit:
            return False
        line = self._lines.get(bank)
        return len(self._longest()) <= (len(line) if line else 0) + 1

    def _longest(self) -> deque[T]:
        return max(self._lines.values(), key=len)

    def has_room(self, bank: str) -> bool:
        """Whether a bank has less waiting than its share: the limit divided by the banks that wait, itself
        included.
        """
        line = self._lines.get(bank)
        sharers = len(self._lines) + (line is None)
        return (len(line) if line else 0) < max(1, self.limit // sharers)

    def take(self, count: int) -> list[T]:
        """Remove and return up to `count` items: one of each waiting bank in turn, until there are enough."""
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
