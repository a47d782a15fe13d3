"""The wall clock: what is a jump, what is none, and who ends the distrust."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from fep.day.clock import DATED_SECONDS, JUMP_US, WallClock, followed
from ledger.rules.beijing import BEIJING
from tests.support.clocks import MovedClock, still
from tests.support.time_zones import ELSEWHERE, in_zone

NOON = datetime(2026, 11, 24, 12, tzinfo=BEIJING)
HOUR = 3600


@pytest.mark.parametrize(
    ("seconds", "fault"),
    [
        (-40, "the wall clock jumped 40 s back"),
        (-HOUR, "the wall clock jumped 3600 s back"),
        (8 * HOUR, "the wall clock jumped 28800 s ahead"),
        (2.1, "the wall clock jumped 2 s ahead"),
        (2.000001, "the wall clock jumped 2 s ahead"),
        (-2.1, "the wall clock jumped 2 s back"),
        (2, ""),
        (-2, ""),
    ],
)
def test_a_wall_clock_that_was_set_is_not_trusted(seconds: float, fault: str) -> None:
    clock = MovedClock(NOON)
    clock.set(seconds)
    assert clock.fault() == fault
    clock.wait(1)
    assert clock.fault() == fault, "it stays so until a person has accepted it"
    assert clock.jumps == bool(fault)


def test_a_jump_is_seen_by_whoever_reads_the_time_first() -> None:
    clock = MovedClock(NOON)
    clock.set(HOUR)
    assert clock.now() == NOON + timedelta(hours=1)
    assert clock.jumps == 1
    assert clock.fault()


def test_a_new_date_is_known_within_a_second_however_it_came() -> None:
    clock = MovedClock(NOON)
    assert clock.today() == NOON.date()
    clock.wait(12 * HOUR)
    assert clock.today() == NOON.date() + timedelta(1)
    clock.set(-24 * HOUR)
    clock.wait(DATED_SECONDS)
    assert clock.today() == NOON.date()


def test_a_date_is_looked_up_once_a_second() -> None:
    clock = MovedClock(NOON)
    clock.wait(12 * HOUR - 0.5)
    assert clock.today() == NOON.date()
    clock.wait(0.75)
    assert clock.today() == NOON.date(), "a new day, and a second has not passed"
    clock.wait(0.25)
    assert clock.today() == NOON.date() + timedelta(1)
    assert DATED_SECONDS == 1


def test_time_that_passes_unread_is_no_jump() -> None:
    clock = MovedClock(NOON)
    for seconds in (0, 0.001, 1, 90, 40 * 86_400):
        clock.wait(seconds)
        assert clock.fault() == ""


@pytest.mark.parametrize("direction", [1, -1])
def test_a_clock_put_right_little_by_little_has_not_jumped(direction: int) -> None:
    clock = MovedClock(NOON)
    for _ in range(1000):
        clock.wait(1)
        clock.set(direction * 0.0833)
        assert clock.fault() == ""


@pytest.mark.parametrize("step", [1, -1, 0.5, -0.5])
def test_many_small_steps_are_a_jump(step: float) -> None:
    clock = MovedClock(NOON)
    for _ in range(10):
        clock.wait(1)
        clock.set(step)
    assert clock.fault()


def test_a_clock_that_stands_still_is_not_trusted() -> None:
    clock = MovedClock(NOON)
    for _ in range(4):
        clock.wait(1)
        clock.set(-1)
    assert clock.fault()


def test_jumps_add_up_and_being_back_is_no_trust() -> None:
    clock = MovedClock(NOON)
    clock.set(HOUR)
    clock.fault()
    clock.set(HOUR)
    assert clock.fault() == "the wall clock jumped 7200 s ahead"
    clock.set(-2 * HOUR)
    assert clock.fault() == "the wall clock jumped, and is back where it was"
    assert clock.jumps == 3


def test_what_was_gained_little_by_little_is_no_part_of_a_jump() -> None:
    clock = MovedClock(NOON)
    for _ in range(100):
        clock.wait(1)
        clock.set(0.08)
        assert clock.fault() == ""
    clock.set(10)
    assert clock.fault() == "the wall clock jumped 10 s ahead"


def test_a_jump_soon_after_a_long_time_is_one() -> None:
    clock = MovedClock(NOON)
    clock.wait(HOUR)
    assert clock.fault() == ""
    clock.wait(1)
    clock.set(3)
    assert clock.fault() == "the wall clock jumped 3 s ahead"


@pytest.mark.parametrize(
    ("off", "fault"),
    [
        (0, "the wall clock jumped, and is back where it was"),
        (2, "the wall clock jumped, and is back where it was"),
        (-2, "the wall clock jumped, and is back where it was"),
        (3, "the wall clock jumped 3 s ahead"),
    ],
)
def test_a_jump_is_told_from_the_time_that_was_trusted_last_however_often_it_is_read(
    off: int, fault: str
) -> None:
    clock = MovedClock(NOON)
    clock.set(HOUR)
    for _ in range(3):
        assert clock.fault() == "the wall clock jumped 3600 s ahead"
        clock.wait(1)
    clock.set(off - HOUR)
    assert clock.fault() == fault


def test_a_jump_right_after_a_time_was_accepted_is_told_from_that_one() -> None:
    clock = MovedClock(NOON)
    clock.set(8 * HOUR)
    clock.accept()
    clock.set(-HOUR)
    assert clock.fault() == "the wall clock jumped 3600 s back"


def test_once_accepted_it_is_trusted_until_it_jumps_again() -> None:
    clock = MovedClock(NOON)
    clock.set(8 * HOUR)
    clock.accept()
    assert clock.fault() == ""
    clock.wait(5)
    assert clock.fault() == ""
    clock.set(-8 * HOUR)
    assert clock.fault() == "the wall clock jumped 28800 s back"


def test_what_an_earlier_process_saw_is_taken_up_until_it_is_accepted() -> None:
    clock = MovedClock(NOON)
    clock.distrust("the wall clock jumped 3 s back")
    clock.wait(100)
    assert clock.fault() == "the wall clock jumped 3 s back"
    clock.accept()
    assert clock.fault() == ""


@pytest.mark.parametrize(
    ("at", "pauses", "readings"),
    [
        (1_000.0, [], 1),
        (0.0, [0.1], 1),
        (0.0, [0.1000005], 2),
        (1_000.0, [30.0, 0.05], 2),
        (1_000.0, [30.0, 30.0, 30.0], 4),
        (1_000.0, [30.0] * 6, 5),
    ],
)
def test_a_process_that_is_made_to_wait_between_the_clocks_looks_again_five_times_at_the_most(
    at: float, pauses: list[float], readings: int
) -> None:
    """`pauses` are the seconds between a look at the wall clock and the next at the monotonic one, now."""
    passed, left, walls = [at], list[float](), list[int]()

    def wall_us() -> int:
        walls.append(round(passed[-1] * 1_000_000))
        passed.append(passed[-1] + (left.pop(0) if left else 0.0))
        return walls[-1]

    clock = WallClock(wall_us, lambda: passed[-1])
    left += pauses
    walls.clear()
    assert clock.now_us() == walls[-1]
    assert len(walls) == readings


def test_a_process_that_is_stopped_between_its_looks_at_the_clocks_has_seen_no_jump() -> None:
    clock = MovedClock(NOON)
    stops = [0.0, 0.0, 3600.0]

    def seconds() -> float:
        clock.wait(stops.pop() if stops else 0.0)
        return clock._passed

    watched = WallClock(clock._wall_us, seconds)
    assert watched.fault() == ""


@pytest.mark.parametrize("zone", ELSEWHERE)
def test_the_time_is_beijings_to_the_microsecond_in_whatever_zone_the_host_is(zone: str) -> None:
    now_us = 1_764_000_000_123_457
    with in_zone(zone):
        clock = WallClock(lambda: now_us, lambda: 0.0)
        now = clock.now()
    assert now == datetime(2025, 11, 25, 0, 0, 0, 123_457, tzinfo=BEIJING)
    assert (now.hour, f"{now:%m%d%H%M%S}") == (0, "1125000000")
    assert clock.now_us() == now_us
    assert still(NOON).now() == NOON


@pytest.mark.parametrize(
    ("offset", "reference", "passed", "reached"),
    [
        (0, 0, 0, 0),
        (5, 0, 100, 5),
        (50, 0, 100, 10),
        (50, 0, 109, 10),
        (50, 0, 0, 0),
        (-50, 0, 100, -10),
        (50, 45, 100, 50),
        (50, 0, -100, 0),
        (JUMP_US, 0, 10 * JUMP_US, JUMP_US),
    ],
)
def test_the_offset_is_followed_by_a_tenth_of_the_time(
    offset: int, reference: int, passed: int, reached: int
) -> None:
    assert followed(offset, reference, passed) == reached
