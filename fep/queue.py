"""The engine's queue: bounded, first come first served within a bank, in turn among banks.

Pure: items go in under a bank's code and come out. What an item is, and what becomes of one that had to give
way, is the engine's business.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class FairQueue(Generic[T]):
    """A queue of at most `limit` items in which no bank can crowd out another.

    While it is full, a newcomer takes the place of the youngest item of the bank that has most waiting,
    unless that would only change who has most: so a bank that holds less than its share is never turned
    away.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._lines: dict[str, deque[T]] = {}
        self._turns: deque[str] = deque()

    def __len__(self) -> int:
        return self._size

    def put(self, bank: str, item: T) -> T | None:
        """Take an item; the one that has to give way for it (it may be `item` itself), or None."""
        line = self._lines.get(bank)
        if self._size < self._limit:
            evicted = None
        else:
            longest = max(self._lines.values(), key=len)
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

    def has_room(self, bank: str) -> bool:
        """Whether a bank has less waiting than its share: the queue, divided among those who wait."""
        line = self._lines.get(bank)
        sharers = len(self._lines) + (line is None)
        return (len(line) if line else 0) < max(1, self._limit // sharers)

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
