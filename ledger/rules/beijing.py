"""The one time that the business lives by: Beijing's, in whatever zone a host is.

Pure. No clock is read here, and nothing is said of which business date an hour belongs to
(`fep.day.schedule`).
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Final

BEIJING: Final = timezone(timedelta(hours=8))
"""The one time of mainland China; without summer time since 1991."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=BEIJING) + timedelta(hours=8)


def beijing(now_us: int) -> datetime:
    """A moment given in microseconds since 1970-01-01 UTC, in Beijing."""
    return _EPOCH + timedelta(microseconds=now_us)
