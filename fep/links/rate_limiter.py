"""How fast one bank's messages are taken in, over all its links together.

Shapes, never refuses: a bank that sends faster than its entry allows, or for which there is no room, is read
later, its bytes wait in its own sockets, and nobody else waits with it. So is one that has more refusals
recorded than its entry allows: an entry is kept for weeks. Knows no message and no socket; time is handed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from firewall_rules.token_bucket import TokenBucket

BURST_SECONDS = 0.1
"""A bucket holds what this long brings: a bank that was silent may have so much taken in at once."""
MINUTE_SECONDS = 60
PAUSE_SECONDS = 0.01
"""Those who wait are looked at no oftener than this: a timer for each message would cost more than it."""


class Waiter(Protocol):
    """A link with messages that wait for their turn."""

    def take_one(self) -> bool:
        """Take in one message; whether another waits behind it."""


class RateLimiter:
    """One bank's buckets, of messages a second and of recorded refusals a minute, and its links that wait for
    a token or for room, in turn.

    `has_room` tells whether what is taken in now has a place to go; `held` is told each time that a message
    has to wait because of refusals.
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
        """Count a refusal of this bank's that was recorded."""
        self._refusals.owe()

    def take(self) -> bool:
        """Whether a message may be taken in now; if not, let its link wait."""
        return not self._waiting and self._take()

    def wait(self, link: Waiter) -> None:
        """Have `link` take in its messages one by one, as the bank's rate allows."""
        self._waiting.append(link)
        if self._call is None:
            self._call = self._clock.callLater(PAUSE_SECONDS, self._turn)

    def forget(self, link: Waiter) -> None:
        """`link` waits no more: it is lost, or has been emptied."""
        if link in self._waiting:
            self._waiting.remove(link)

    def _take(self) -> bool:
        now = self._clock.seconds()
        if not self._refusals.has_one(now):
            self._held()
            return False
        return self._has_room() and self._bucket.take(now)

    def _turn(self) -> None:
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
