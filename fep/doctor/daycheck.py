"""The doctor's checks of the open business day and of the calendar.

Pure: takes the settings, what the book and the serving process say, and the time; returns observations.
Reading them belongs to `fep.doctor.checkup`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from fep.day.cutover_clock import TO_DO, WHY
from fep.day.schedule import LATE_SECONDS, Obstacle, closes_at, seconds_left
from fep.doctor.finding import Observation, Verdict
from fep.settings.config import BusinessDay
from ledger.rules.beijing import BEIJING
from ledger.rules.calendar import CalendarUnknown


def on_day(
    day: BusinessDay, date: str, now: datetime, waits: str, *, is_loaded: bool
) -> Iterator[Observation]:
    """Yield what there is to say of the open business day `date` (YYYYMMDD; empty where no day is open).
    `now` is in the host's zone; `waits` is the name of the obstacle that the serving process reports, or
    empty.
    """
    if not date:
        yield Observation(Verdict.BAD, "no business day is open", "qianzhi book load FILE")
        return
    if is_loaded:
        yield Observation(Verdict.OK, f"business day {date} is open and has its dues")
    else:
        yield Observation(
            Verdict.WARN, f"the dues of business day {date} are not loaded", "qianzhi book load FILE"
        )
    yield _end_of(day, date, now, waits)


def _end_of(day: BusinessDay, date: str, now: datetime, waits: str) -> Observation:
    left = seconds_left(now, date, day.cutover)
    by_hand = f"qianzhi day cutover --date {date}"
    if waits:
        why = Obstacle(waits)
        return Observation(
            Verdict.BAD, f"{date} is not cut over by the clock: {WHY[why]}", TO_DO[why].format(date=date)
        )
    if day.cutover is None:
        over = Observation(Verdict.WARN, f"{date} is over, and nobody has cut over", by_hand)
        return (
            over
            if left <= 0
            else Observation(Verdict.OK, "cut-over: by an operator, no [day] cutover is set")
        )
    ends = _on_both_clocks(closes_at(date, day.cutover), now)
    if left <= -LATE_SECONDS:
        return Observation(Verdict.BAD, f"{date} should have been cut over at {ends}", by_hand)
    return Observation(Verdict.OK, f"cut-over: at {ends}")


def _on_both_clocks(moment: datetime, now: datetime) -> str:
    """Return a moment as Beijing's clock has it, and as this machine's has it where its zone is another."""
    there = f"{moment:%Y-%m-%d %H:%M} in Beijing"
    if now.utcoffset() == BEIJING.utcoffset(None):
        return there
    return f"{there}, {moment.astimezone(now.tzinfo):%Y-%m-%d %H:%M} by this machine's clock"


def on_calendar(day: BusinessDay, date: str, now: datetime) -> Observation:
    """Return what there is to say of the years whose holidays are known. `date` is the open business date,
    or empty. The verdict is BAD where the next cut-over would fail for want of a year.
    """
    calendar, today = day.calendar(), f"{now.astimezone(BEIJING):%Y%m%d}"
    year = calendar.missing_year(today)
    if year is None:
        last_year = calendar.first_unknown_year(today) - 1
        return Observation(Verdict.OK, f"business dates are known to the end of {last_year}")
    mend = (
        f"list all its holidays and worked weekend days in [day] holidays and workdays, name {year} in"
        " whole_years; qianzhi reload"
    )
    verdict = Verdict.BAD if _is_needed(day, date or today) else Verdict.WARN
    return Observation(verdict, f"nobody has told the holidays of {year}", mend)


def _is_needed(day: BusinessDay, date: str) -> bool:
    """Whether the date after `date` cannot be computed, so that the next cut-over would fail."""
    try:
        day.calendar().next_business_date(date)
    except CalendarUnknown:
        return True
    return False
