"""When a business day ends, and whether the clock may end it without a person.

Pure: takes moments, the open day, the settings' hour and what is known; returns a moment, a reason or
nothing. A business date and its hour of cut-over are Beijing's, whatever zone the host is in. Who asks, and
what is done then, does not belong here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

from ledger.rules.beijing import BEIJING
from qianzhi_errors.sentence import Sentence

LATE_SECONDS: Final = 60
"""Seconds after its hour from which a day counts as late: the clock tries each second, so something keeps
it.
"""
SETTLE_SECONDS: Final = 30
"""Seconds that a new process leaves the host's clock to be set, before it ends a day by that clock."""
_NOON: Final = "12:00"


class Obstacle(StrEnum):
    """Why the clock does not end a business day whose hour has come. A person looks, and ends it."""

    CLOCK = "clock"
    """The wall clock jumped, and nobody has said that it is right."""
    CALENDAR = "calendar"
    """Nobody has told which business date comes next."""
    DUES = "dues"
    """The open date's dues are not loaded: it has not been a business day yet."""
    LATE = "late"
    """The hour is long past: the machine was off, or its clock is wrong, or nobody came."""
    NEAR = "near"
    """The last cut-over is not long enough ago."""


class Rule(NamedTuple):
    """What the settings say about ending a day by the clock: at `hour` (HH:MM in Beijing), not later than
    `late_hours` after it, and not within `apart_hours` of the last cut-over.
    """

    hour: str
    late_hours: int
    apart_hours: int


class Known(NamedTuple):
    """What is known at one look. `clock_fault` says why the wall clock is not trusted, empty while it is;
    `is_next_known` that the calendar has the next business date; `is_loaded` that the open date's dues are
    there; `last_closed_at` is when a day was last closed, by the book, None if none was. `seconds` are
    monotonic: since the process saw that cut-over (`is_seen`), or else since the process began.
    """

    now: datetime
    business_date: str
    clock_fault: str
    is_next_known: bool
    is_loaded: bool
    last_closed_at: datetime | None
    seconds: float
    is_seen: bool


def is_hour(text: str) -> bool:
    """Whether a business day can end at this hour (HH:MM). From 12:00 on it is an hour of the day's own
    date, from 00:00 to 05:59 of the morning after; in between nobody could say which is meant.
    """
    return _NOON <= text <= "23:59" or text <= "05:59"


def closes_at(business_date: str, hour: str | None) -> datetime:
    """Return when a business day (YYYYMMDD) ends: at `hour` of its own date, or of the morning after for an
    hour of the night; without an hour, at the end of its date.
    """
    day = datetime.fromisoformat(business_date).replace(tzinfo=BEIJING)
    if hour is None:
        return day + timedelta(days=1)
    return day + timedelta(days=int(hour < _NOON), hours=int(hour[:2]), minutes=int(hour[3:]))


def seconds_left(now: datetime, business_date: str, hour: str | None) -> int:
    """Return the whole seconds from `now` until a business day ends, rounded up; 0 or negative once it
    should have.
    """
    return -int((now - closes_at(business_date, hour)) // timedelta(seconds=1))


def objection(now: datetime, business_date: str, hour: str | None) -> str:
    """Return why an operator must say `--early` to close this business day at `now`; empty where that is
    not needed. A day without an hour may be closed as soon as its date has begun.
    """
    at = now.astimezone(BEIJING)
    if business_date > f"{at:%Y%m%d}":
        return Sentence(
            "business day {business_date} has not begun: it is {now} in Beijing",
            business_date=business_date,
            now=f"{at:%Y-%m-%d %H:%M}",
        )
    if hour is not None and seconds_left(now, business_date, hour) > 0:
        ends = closes_at(business_date, hour)
        return Sentence(
            "business day {business_date} ends at {ends}, and it is {now} in Beijing",
            business_date=business_date,
            ends=f"{ends:%Y-%m-%d %H:%M}",
            now=f"{at:%Y-%m-%d %H:%M}",
        )
    return ""


def obstacle(facts: Known, rule: Rule) -> Obstacle | None:
    """Return why the clock does not end the open day though its hour has come; None where nothing forbids
    it.

    By these rules the clock never ends two days in a row: the next day's hour is a day away, and a clock
    that says otherwise meets NEAR, or DUES.
    """
    if facts.clock_fault:
        return Obstacle.CLOCK
    if not facts.is_next_known:
        return Obstacle.CALENDAR
    if not facts.is_loaded:
        return Obstacle.DUES
    if facts.now - closes_at(facts.business_date, rule.hour) > timedelta(hours=rule.late_hours):
        return Obstacle.LATE
    if not _is_apart(facts, rule):
        return Obstacle.NEAR
    return None


def _is_apart(facts: Known, rule: Rule) -> bool:
    """Whether the last cut-over is `apart_hours` ago: by the monotonic clock where it has counted since
    then, or has counted that long already; else by the book and the wall clock.
    """
    apart = timedelta(hours=rule.apart_hours)
    if timedelta(seconds=facts.seconds) >= apart:
        return True
    if facts.is_seen:
        return False
    return facts.last_closed_at is None or facts.now - facts.last_closed_at >= apart
