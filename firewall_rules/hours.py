"""The hours of the day in which a bank may open links, and how fast it may open them.

Pure: the time is handed in, local time for the hours and seconds of a clock that never goes back for the
pace. The wording of the settings is read here, because both enforcers must mean the same by it. The caller
decides which time is local: Beijing's, whatever the host's is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import time, timedelta

from firewall_rules.token_bucket import TokenBucket
from qianzhi_errors.sentence import Sentence

_DAY = 1440
_DAY_SECONDS = _DAY * 60
_WRITTEN = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])").fullmatch


@dataclass(frozen=True, slots=True)
class Hours:
    """Open from minute `opens` of the local day up to, not including, minute `closes`. If `closes` is earlier
    than `opens`, the hours pass midnight.
    """

    opens: int
    closes: int

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Return the hours written `06:00-23:30`. Raises ValueError with the reason."""
        match = _WRITTEN(text)
        if match is None:
            raise ValueError(Sentence('{text!r} are no hours: write them as "06:00-23:30"', text=text))
        opens, closes = (int(match[n]) * 60 + int(match[n + 1]) for n in (1, 3))
        if opens >= _DAY or closes > _DAY:
            raise ValueError(
                Sentence(
                    "{text!r} passes the end of the day: 24:00 is the latest end, 23:59 the latest start",
                    text=text,
                )
            )
        if opens == closes:
            raise ValueError(
                Sentence("{text!r} begins when it ends: leave hours out for the whole day", text=text)
            )
        return cls(opens, closes)

    def include(self, at: time) -> bool:
        """Tell whether a link may be opened at this local time."""
        minute = at.hour * 60 + at.minute
        if self.opens < self.closes:
            return self.opens <= minute < self.closes
        return minute >= self.opens or minute < self.closes

    def closed(self, utc_offset: timedelta) -> tuple[tuple[int, int], ...]:
        """Return the closed time as ranges of seconds of the day in UTC, first and last second; no range
        passes midnight.

        The kernel knows UTC only. nft would turn a range over midnight into "not between", and so leave out
        its two ends.
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
        self._paced: tuple[int, TokenBucket] | None = None
        """The links a minute of the last call, and their bucket."""

    def take(self, a_minute: int | None, now: float) -> bool:
        """Count a new link; False if it comes too fast. `a_minute`: links a minute, None for no limit; `now`:
        seconds of a clock that never goes back.
        """
        if a_minute is None:
            return True
        if self._paced is None or self._paced[0] != a_minute:
            self._paced = a_minute, TokenBucket.per_minute(a_minute, now)
        return self._paced[1].take(now)
