"""What the checkup says of the open day and of the calendar, as tables: settings, a date and a time in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from fep.day.cutover_clock import WHY, to_do
from fep.day.schedule import Obstacle
from fep.doctor.daycheck import on_calendar, on_day, on_holds
from fep.doctor.finding import Observation, Verdict
from fep.settings.config import BusinessDay
from ledger.book.hold import HeldBatch
from ledger.rules.beijing import BEIJING

DATE = "20261124"
ENDS = datetime(2026, 11, 24, 22, tzinfo=BEIJING)
BY_CLOCK, BY_HAND = BusinessDay(cutover="22:00"), BusinessDay()
SECOND = timedelta(seconds=1)
HAS_DUES = Observation(Verdict.OK, "business day 20261124 is open and has its dues")
NO_DUES = Observation(
    Verdict.WARN, "the dues of business day 20261124 are not loaded", "qianzhi book load FILE"
)
COMES = Observation(Verdict.OK, "cut-over: at 2026-11-24 22:00 in Beijing")
CUT_OVER = "qianzhi day cutover --date 20261124"
LATE = Observation(Verdict.BAD, "20261124 should have been cut over at 2026-11-24 22:00 in Beijing", CUT_OVER)
OPEN_ENDED = Observation(Verdict.OK, "cut-over: by an operator, no [day] cutover is set")
OVER = Observation(Verdict.WARN, "20261124 is over, and nobody has cut over", CUT_OVER)
MIDNIGHT = datetime(2026, 11, 25, tzinfo=BEIJING)


@pytest.mark.parametrize("is_loaded", [False, True])
@pytest.mark.parametrize(
    ("day", "now", "observation"),
    [
        (BY_CLOCK, ENDS - timedelta(hours=12), COMES),
        (BY_CLOCK, ENDS, COMES),
        (BY_CLOCK, ENDS + 60 * SECOND - timedelta.resolution, COMES),
        (BY_CLOCK, ENDS + 60 * SECOND, LATE),
        (BY_CLOCK, ENDS + timedelta(days=3), LATE),
        (BY_HAND, MIDNIGHT - SECOND, OPEN_ENDED),
        (BY_HAND, MIDNIGHT, OVER),
        (BY_HAND, MIDNIGHT + timedelta(days=3), OVER),
    ],
)
def test_an_open_day_has_its_dues_or_not_and_an_end(
    day: BusinessDay, now: datetime, observation: Observation, is_loaded: bool
) -> None:
    dues = HAS_DUES if is_loaded else NO_DUES
    assert list(on_day(day, DATE, now, "", is_loaded=is_loaded)) == [dues, observation]


@pytest.mark.parametrize("day", [BY_CLOCK, BY_HAND])
@pytest.mark.parametrize("is_loaded", [False, True])
def test_without_an_open_day_a_book_is_to_be_loaded(day: BusinessDay, is_loaded: bool) -> None:
    observation = Observation(Verdict.BAD, "no business day is open", "qianzhi book load FILE")
    assert list(on_day(day, "", ENDS, "dues", is_loaded=is_loaded)) == [observation]


@pytest.mark.parametrize("obstacle", Obstacle)
@pytest.mark.parametrize("day", [BY_CLOCK, BY_HAND])
def test_what_keeps_the_clock_from_a_cut_over_is_said_with_what_to_do(
    day: BusinessDay, obstacle: Obstacle
) -> None:
    wording = f"20261124 is not cut over by the clock: {WHY[obstacle]}"
    mend = to_do(obstacle, DATE)
    [_, observation] = on_day(day, DATE, ENDS, str(obstacle), is_loaded=True)
    assert observation == Observation(Verdict.BAD, wording, mend)


def test_an_observation_says_what_to_do_only_where_there_is_something() -> None:
    assert Observation(Verdict.OK, "said").mend == ""


def test_on_a_machine_in_another_zone_both_clocks_are_named() -> None:
    both = "at 2026-11-24 22:00 in Beijing, 2026-11-24 09:00 by this machine's clock"
    there = timezone(timedelta(hours=-5))
    [_, comes] = on_day(BY_CLOCK, DATE, ENDS.astimezone(there), "", is_loaded=True)
    [_, late] = on_day(BY_CLOCK, DATE, (ENDS + 60 * SECOND).astimezone(there), "", is_loaded=True)
    assert comes == Observation(Verdict.OK, f"cut-over: {both}")
    assert late == Observation(Verdict.BAD, f"20261124 should have been cut over {both}", CUT_OVER)


# Years that no library knows in these years.
THIS = BusinessDay(whole_years=(2097,))
BOTH = BusinessDay(whole_years=(2097, 2098))


def untold(verdict: str, year: int) -> Observation:
    mend = (
        f"list all its holidays and worked weekend days in [day] holidays and workdays, name {year} in"
        " whole_years; qianzhi reload"
    )
    return Observation(Verdict(verdict), f"nobody has told the holidays of {year}", mend)


@pytest.mark.parametrize(
    ("day", "date", "now", "observation"),
    [
        (
            THIS,
            "20971129",
            "2097-11-30 23:59",
            Observation(Verdict.OK, "business dates are known to the end of 2097"),
        ),
        (
            BOTH,
            "20971129",
            "2097-12-01 00:00",
            Observation(Verdict.OK, "business dates are known to the end of 2098"),
        ),
        (THIS, "20971129", "2097-12-01 00:00", untold("warn", 2098)),
        (THIS, "20971230", "2097-12-31 00:00", untold("warn", 2098)),
        (THIS, "20971231", "2097-12-31 00:00", untold("bad", 2098)),
        (THIS, "", "2097-12-30 00:00", untold("warn", 2098)),
        (THIS, "", "2097-12-31 00:00", untold("bad", 2098)),
        (THIS, "20971230", "2098-01-01 00:00", untold("warn", 2098)),
        (BY_HAND, "20971230", "2097-01-01 00:00", untold("bad", 2097)),
    ],
)
def test_a_year_that_is_to_be_told_is_named_and_bad_where_the_next_cut_over_needs_it(
    day: BusinessDay, date: str, now: str, observation: Observation
) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=BEIJING)
    assert on_calendar(day, date, moment) == on_calendar(day, date, moment.astimezone(UTC)) == observation


def test_a_batch_that_has_held_dues_for_a_week_is_named() -> None:
    since = int((ENDS - timedelta(days=7)).timestamp() * 1_000_000)
    held = (
        HeldBatch("B0000123", "91020000", DATE, since, 3, 360_000),
        HeldBatch("B0000124", "91020000", DATE, since + 1, 2, 240_000),
        HeldBatch("B0000125", "91020000", DATE, 0, 1, 120_000),
    )
    assert list(on_holds(held, ENDS)) == [
        Observation(Verdict.OK, "6 dues are held by 3 batches"),
        Observation(
            Verdict.WARN,
            "batch B0000123 has held dues for 7 days",
            "ask its bank for the results; no clock lets the dues go",
        ),
    ]
    assert list(on_holds((), ENDS)) == []
