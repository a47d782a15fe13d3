"""The time of day in which a bank may open links, and how fast it may open them.

Pure: what time it is, is handed in, local time for people's hours and a running clock for the pace. The
settings' wording is read here, because both enforcers mean the same by it. Which zone is local, Beijing's
whatever the host's is, belongs to the caller.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time, timedelta

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
    """How fast one bank has opened links lately: a minute's worth at once, and that many a minute after.

    The same token bucket as nft's `limit rate N/minute burst N packets`: what is refused costs nothing.
    """

    def __init__(self) -> None:
        self._spent = 0.0
        self._seen = 0.0

    def take(self, a_minute: int | None, now: float) -> bool:
        """Count a new link in, unless it comes too fast; `now` in seconds of a clock that only goes on."""
        if a_minute is None:
            return True
        self._spent = max(0.0, self._spent - (now - self._seen) * a_minute / 60)
        self._seen = now
        if self._spent + 1 > a_minute:
            return False
        self._spent += 1
        return True
