"""What there is to say of the open business day and of the calendar on this machine, for the checkup.

Pure: the settings, what the book and the serving process say, and the time in; remarks out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal, NamedTuple

from fep.day.cutover_clock import TO_DO, WHY
from fep.day.schedule import LATE_SECONDS, Obstacle, closes_at, seconds_left
from fep.settings.config import BusinessDay
from ledger.rules.beijing import BEIJING
from ledger.rules.calendar import CalendarUnknown


class Remark(NamedTuple):
    """One thing to say; `mend` says what to do, and is empty where nothing is to be done."""

    verdict: Literal["ok", "warn", "bad"]
    said: str
    mend: str = ""


def on_day(day: BusinessDay, date: str, now: datetime, waits: str, *, is_loaded: bool) -> Iterator[Remark]:
    """What to say of the open business day `date`, empty where none is open. `now` has the host's zone;
    `waits` is the obstacle that the serving process names, or empty.
    """
    if not date:
        yield Remark("bad", "no business day is open", "qianzhi book load FILE")
        return
    if is_loaded:
        yield Remark("ok", f"business day {date} is open and has its dues")
    else:
        yield Remark("warn", f"the dues of business day {date} are not loaded", "qianzhi book load FILE")
    yield _end_of(day, date, now, waits)


def _end_of(day: BusinessDay, date: str, now: datetime, waits: str) -> Remark:
    left = seconds_left(now, date, day.cutover)
    by_hand = f"qianzhi day cutover --date {date}"
    if waits:
        why = Obstacle(waits)
        return Remark("bad", f"{date} is not cut over by the clock: {WHY[why]}", TO_DO[why].format(date=date))
    if day.cutover is None:
        over = Remark("warn", f"{date} is over, and nobody has cut over", by_hand)
        return over if left <= 0 else Remark("ok", "cut-over: by an operator, no [day] cutover is set")
    ends = _on_both_clocks(closes_at(date, day.cutover), now)
    if left <= -LATE_SECONDS:
        return Remark("bad", f"{date} should have been cut over at {ends}", by_hand)
    return Remark("ok", f"cut-over: at {ends}")


def _on_both_clocks(moment: datetime, now: datetime) -> str:
    """A moment in Beijing, and on this machine's clock where that is in another zone."""
    there = f"{moment:%Y-%m-%d %H:%M} in Beijing"
    if now.utcoffset() == BEIJING.utcoffset(None):
        return there
    return f"{there}, {moment.astimezone(now.tzinfo):%Y-%m-%d %H:%M} by this machine's clock"


def on_calendar(day: BusinessDay, date: str, now: datetime) -> Remark:
    """What to say of the years whose business dates are known; `date` is the open business date, or empty."""
    calendar, today = day.calendar(), f"{now.astimezone(BEIJING):%Y%m%d}"
    year = calendar.missing_year(today)
    if year is None:
        known = calendar.first_unknown_year(today) - 1
        return Remark("ok", f"business dates are known to the end of {known}")
    mend = (
        f"list all its holidays and worked weekend days in [day] holidays and workdays, name {year} in"
        " whole_years; qianzhi reload"
    )
    verdict: Literal["bad", "warn"] = "bad" if _is_needed(day, date or today) else "warn"
    return Remark(verdict, f"nobody has told the holidays of {year}", mend)


def _is_needed(day: BusinessDay, date: str) -> bool:
    """Whether the next cut-over fails for want of it."""
    try:
        day.calendar().next_business_date(date)
    except CalendarUnknown:
        return True
    return False
