"""The doctor's checks of the open business day, of what batches hold, and of the calendar.

Pure: takes the settings, what the book and the serving process say, and the time; returns observations.
Reading them belongs to `fep.doctor.checkup`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from fep.day.cutover_clock import WHY, to_do
from fep.day.schedule import LATE_SECONDS, Obstacle, closes_at, seconds_left
from fep.doctor.finding import Observation, Verdict
from fep.settings.config import BusinessDay
from ledger.book.hold import HeldBatch
from ledger.rules.beijing import BEIJING
from ledger.rules.calendar import CalendarUnknown
from qianzhi_errors.sentence import Sentence


def on_day(
    day: BusinessDay, date: str, now: datetime, waits: str, *, is_loaded: bool
) -> Iterator[Observation]:
    """Yield what there is to say of the open business day `date` (YYYYMMDD; empty where no day is open).
    `now` is in the host's zone; `waits` is the name of the obstacle that the serving process reports, or
    empty.
    """
    if not date:
        yield Observation(Verdict.BAD, Sentence("no business day is open"), "qianzhi book load FILE")
        return
    if is_loaded:
        yield Observation(Verdict.OK, Sentence("business day {date} is open and has its dues", date=date))
    else:
        yield Observation(
            Verdict.WARN,
            Sentence("the dues of business day {date} are not loaded", date=date),
            "qianzhi book load FILE",
        )
    yield _end_of(day, date, now, waits)


HOLD_DAYS: Final = 7
"""A batch that holds dues for longer than a bank's answer may take: somebody should ask for it."""


def on_holds(held: Sequence[HeldBatch], now: datetime) -> Iterator[Observation]:
    """Yield what there is to say of the dues that batches hold, if any do. `now` has its zone."""
    if not held:
        return
    count = sum(batch.lines for batch in held)
    yield Observation(
        Verdict.OK, Sentence("{dues} dues are held by {batches} batches", dues=count, batches=len(held))
    )
    for batch in held:
        days = int((now.timestamp() - batch.held_at / 1_000_000) // 86_400)
        if batch.held_at and days >= HOLD_DAYS:
            yield Observation(
                Verdict.WARN,
                Sentence("batch {batch} has held dues for {days} days", batch=batch.batch, days=days),
                Sentence("ask its bank for the results; no clock lets the dues go"),
            )


def _end_of(day: BusinessDay, date: str, now: datetime, waits: str) -> Observation:
    left = seconds_left(now, date, day.cutover)
    by_hand = f"qianzhi day cutover --date {date}"
    if waits:
        why = Obstacle(waits)
        return Observation(
            Verdict.BAD,
            Sentence("{date} is not cut over by the clock: {why}", date=date, why=WHY[why]),
            to_do(why, date),
        )
    if day.cutover is None:
        over = Observation(
            Verdict.WARN, Sentence("{date} is over, and nobody has cut over", date=date), by_hand
        )
        return (
            over
            if left <= 0
            else Observation(Verdict.OK, Sentence("cut-over: by an operator, no [day] cutover is set"))
        )
    ends = _on_both_clocks(closes_at(date, day.cutover), now)
    if left <= -LATE_SECONDS:
        return Observation(
            Verdict.BAD, Sentence("{date} should have been cut over at {ends}", date=date, ends=ends), by_hand
        )
    return Observation(Verdict.OK, Sentence("cut-over: at {ends}", ends=ends))


def _on_both_clocks(moment: datetime, now: datetime) -> str:
    """Return a moment as Beijing's clock has it, and as this machine's has it where its zone is another."""
    there = f"{moment:%Y-%m-%d %H:%M}"
    if now.utcoffset() == BEIJING.utcoffset(None):
        return Sentence("{moment} in Beijing", moment=there)
    return Sentence(
        "{moment} in Beijing, {here} by this machine's clock",
        moment=there,
        here=f"{moment.astimezone(now.tzinfo):%Y-%m-%d %H:%M}",
    )


def on_calendar(day: BusinessDay, date: str, now: datetime) -> Observation:
    """Return what there is to say of the years whose holidays are known. `date` is the open business date,
    or empty. The verdict is BAD where the next cut-over would fail for want of a year.
    """
    calendar, today = day.calendar(), f"{now.astimezone(BEIJING):%Y%m%d}"
    year = calendar.missing_year(today)
    if year is None:
        last_year = calendar.first_unknown_year(today) - 1
        return Observation(
            Verdict.OK, Sentence("business dates are known to the end of {last_year}", last_year=last_year)
        )
    mend = Sentence(
        "list all its holidays and worked weekend days in [day] holidays and workdays, name {year} in"
        " whole_years; qianzhi reload",
        year=year,
    )
    verdict = Verdict.BAD if _is_needed(day, date or today) else Verdict.WARN
    return Observation(verdict, Sentence("nobody has told the holidays of {year}", year=year), mend)


def _is_needed(day: BusinessDay, date: str) -> bool:
    """Whether the date after `date` cannot be computed, so that the next cut-over would fail."""
    try:
        day.calendar().next_business_date(date)
    except CalendarUnknown:
        return True
    return False
