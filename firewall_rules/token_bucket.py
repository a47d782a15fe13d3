"""A token bucket: how often something may happen, evenly over time, with a limited burst.

Pure: the time is handed in, in seconds of a clock that never goes back. What a token stands for (a new
link, a message, a refusal), the owner of the bucket decides.
"""

from __future__ import annotations


class TokenBucket:
    """`a_second` tokens a second, `depth` tokens at most; full at first.

    The same bucket as nft's `limit rate N/minute burst N packets`: what is refused takes no token.
    """

    __slots__ = ("_a_second", "_depth", "_seen", "_tokens")

    def __init__(self, a_second: float, depth: float, now: float) -> None:
        """Take the rate in tokens a second, the depth in tokens, and the time in seconds."""
        self._seen = now
        self._tokens = depth
        self.set_rate(a_second, depth)

    @classmethod
    def per_minute(cls, number: int, now: float) -> TokenBucket:
        """Return the bucket of `number` tokens a minute, all of which may be taken at once."""
        return cls(number / 60, number, now)

    def set_rate(self, a_second: float, depth: float) -> None:
        """Continue at another rate and depth, with the tokens that there are."""
        self._a_second = a_second
        self._depth = depth

    def has_one(self, now: float) -> bool:
        """Tell whether there is a token at `now`."""
        self._tokens = min(self._depth, self._tokens + (now - self._seen) * self._a_second)
        self._seen = now
        return self._tokens >= 1

    def take(self, now: float) -> bool:
        """Take a token; False if there is none at `now`."""
        if not self.has_one(now):
            return False
        self._tokens -= 1
        return True

    def owe(self) -> None:
        """Take a token for something that has already happened, even if there is none."""
        self._tokens -= 1

    def lacking(self, now: float) -> float:
        """Return the seconds from `now` until there is a token; 0 if there is one."""
        return max(0.0, self._seen + (1 - self._tokens) / self._a_second - now)
