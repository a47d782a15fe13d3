"""The time of day in which a bank may open links, and how fast it may open them.

Pure: what time it is, is handed in, local time for people's hours and a running clock for the pace. The
settings' wording is read here, because both enforcers mean the same by it. Which zone is local, Beijing's
whatever the host's is, belongs to the caller.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time, timedelta

from firewall_rules.token_bucket import TokenBucket

_DAY = 1440
_DAY_SECONDS = _DAY * 60
_WRITTEN = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])").fullmatch


@dataclass(frozen=True, slots=True)
class Hours:
    """Open from minute `opens` of the local day until before minute `closes`, over midnight if that is
    earlier.
    """

    opens: int
    closes: int

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Read `06:00-23:30`. Raises ValueError with the reason."""
        found = _WRITTEN(text)
        if found is None:
            raise ValueError(f'{text!r} are no hours: write them as "06:00-23:30"')
        opens, closes = (int(found[n]) * 60 + int(found[n + 1]) for n in (1, 3))
        if opens >= _DAY or closes > _DAY:
            raise ValueError(
                f"{text!r} passes the end of the day: 24:00 is the latest end, 23:59 the latest start"
            )
        if opens == closes:
            raise ValueError(f"{text!r} begins when it ends: leave hours out for the whole day")
        return cls(opens, closes)

    def include(self, at: time) -> bool:
        """Whether a link may be opened at this local time."""
        minute = at.hour * 60 + at.minute
        if self.opens < self.closes:
            return self.opens <= minute < self.closes
        return minute >= self.opens or minute < self.closes

    def closed(self, utc_offset: timedelta) -> tuple[tuple[int, int], ...]:
        """The closed time as first and last seconds of the day in UTC, none of which passes midnight.

        The kernel knows only UTC. A range over midnight would be left to nft, which turns it into "not
        between" and then leaves out its two ends.
        """
        length = (self.opens - self.closes) % _DAY * 60
        first = (self.closes * 60 - int(utc_offset.total_seconds())) % _DAY_SECONDS
        last = first + length - 1
        if length == 0:
            return ()
        if last < _DAY_SECONDS:
            return ((first, last),)
        return ((0, last - _DAY_SECONDS), (first, _DAY_SECONDS - 1))


class Pace:
    """How fast one bank may open links: a minute's worth at once, and then that many a minute.

    At another rate it begins again with a minute's worth, as nft does when its rules are loaded again.
    """

    def __init__(self) -> None:
        self._a_minute = 0
        self._bucket = TokenBucket(0, 0, 0)

    def take(self, a_minute: int | None, now: float) -> bool:
        """Count a new link; False if it comes too fast. `a_minute`: links a minute, None for no limit; `now`:
        seconds of a clock that never goes back.
        """
        if a_minute is None:
            return True
        if a_minute != self._a_minute:
            self._a_minute = a_minute
            self._bucket = TokenBucket(a_minute / 60, a_minute, now)
        return self._bucket.take(now)
