"""Token buckets per bank: how fast its messages are read, over all its links together (decision 0013).

Shapes, never refuses: a bank that sends faster than its settings allow, for which the queue has no room, or
that has more refusals recorded than its settings allow (each is an entry that is kept for weeks) is read
later. Its bytes wait in its own sockets, and other banks are not affected. Knows no message and no socket;
the clock is handed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from firewall_rules.token_bucket import TokenBucket

BURST_SECONDS = 0.1
"""A bucket holds the tokens of this many seconds: a bank that was silent may send so many messages at once.
"""
MINUTE_SECONDS = 60
PAUSE_SECONDS = 0.01
"""The least seconds between two looks at the links that wait: a timer for each message would cost more than
the message."""


class Waiter(Protocol):
    """A connection with messages that wait to be handed on."""

    def take_one(self) -> bool:
        """Hand on one message. Returns whether another waits behind it."""


class RateLimiter:
    """One bank's two buckets, of messages a second and of recorded refusals a minute, and the queue of its
    links that wait for a token or for room.

    `has_room` tells whether a message that is handed on now has a place to go; `held` is called each time
    that a message has to wait because of refusals.
    """

    def __init__(
        self,
        a_second: int,
        clock: IReactorTime,
        has_room: Callable[[], bool],
        refusals_a_minute: int = 1_000_000,
        held: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._has_room = has_room
        self._waiting: deque[Waiter] = deque()
        self._call: IDelayedCall | None = None
        self._held = held
        now = clock.seconds()
        self._bucket = TokenBucket(a_second, _depth(a_second), now)
        self._refusals = TokenBucket(refusals_a_minute / MINUTE_SECONDS, max(1.0, refusals_a_minute), now)

    def set_rates(self, a_second: int, refusals_a_minute: int) -> None:
        """Go on at other rates."""
        self._bucket.set_rate(a_second, _depth(a_second))
        self._refusals.set_rate(refusals_a_minute / MINUTE_SECONDS, max(1.0, refusals_a_minute))

    def refused(self) -> None:
        """Count a recorded refusal of this bank."""
        self._refusals.owe()

    def take(self) -> bool:
        """Take a token for one message. Returns False if it has to wait: then call `wait` with its link."""
        return not self._waiting and self._take()

    def wait(self, link: Waiter) -> None:
        """Let `link` hand on its messages one by one, in turn with the bank's other links that wait."""
        self._waiting.append(link)
        if self._call is None:
            self._call = self._clock.callLater(PAUSE_SECONDS, self._turn)

    def forget(self, link: Waiter) -> None:
        """Let `link` wait no more: it is lost, or nothing waits in it."""
        if link in self._waiting:
            self._waiting.remove(link)

    def _take(self) -> bool:
        now = self._clock.seconds()
        if not self._refusals.has_one(now):
            self._held()
            return False
        return self._has_room() and self._bucket.take(now)

    def _turn(self) -> None:
        """Hand on one message of each waiting link in turn, as long as there are tokens and room."""
        self._call = None
        while self._waiting and self._take():
            link = self._waiting.popleft()
            if link.take_one():
                self._waiting.append(link)
        if self._waiting:
            now = self._clock.seconds()
            seconds = max(PAUSE_SECONDS, self._bucket.lacking(now), self._refusals.lacking(now))
            self._call = self._clock.callLater(seconds, self._turn)


def _depth(a_second: float) -> float:
    """Return the messages that a bank may send at once: what BURST_SECONDS bring, and one at least."""
    return max(1.0, a_second * BURST_SECONDS)
