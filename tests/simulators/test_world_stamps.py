"""The world's judge of stamps finds each thing that a clock which is set could spoil, and draws every kind of
time.
"""

from __future__ import annotations

from datetime import datetime

from simulators.world.fixture import CALENDARS, DATES
from simulators.world.stamps import AuditRow, Stamps
from simulators.world.walltime import draw

MINUTE_US = 60_000_000


def judge() -> tuple[Stamps, list[str]]:
    violations: list[str] = []
    return Stamps(violations.append), violations


def act(name: str, at: int = 0, by: str = "machine", subject: str = "20261124") -> AuditRow:
    return AuditRow(1, at, by, name, subject, "")


def test_stamps_that_go_on_or_stay_are_right_and_one_that_goes_back_is_not() -> None:
    stamps, violations = judge()
    for at in (5, 5, 9):
        stamps.stamped("entry", at)
    stamps.acted(act("load", 9))
    assert violations == []
    stamps.stamped("entry 4", 8)
    assert violations == ["entry 4 is stamped 1 us before what was written before it"]


def test_a_cut_over_by_a_clock_that_was_set_is_wrong_until_it_is_accepted() -> None:
    for is_told in (False, True):
        stamps, violations = judge()
        stamps.clock_set(40, 1.0, "")
        if is_told:
            stamps.acted(act("clock jump"))
        stamps.acted(act("cutover", by="operator"))
        assert violations == []
        stamps.acted(act("cutover"))
        assert len(violations) == 1
    stamps, violations = judge()
    stamps.clock_set(40, 1.0, "")
    for name in ("clock jump", "clock accept", "cutover"):
        stamps.acted(act(name))
    assert violations == []


def test_a_cut_over_that_was_due_before_the_clock_was_set_may_have_been_under_way() -> None:
    stamps, violations = judge()
    stamps.clock_set(40, 1.0, "20261124")
    stamps.acted(act("cutover"))
    assert violations == []
    stamps.acted(act("cutover", subject="20261125"))
    assert len(violations) == 1


def test_a_jump_must_be_written_down_and_none_that_was_not() -> None:
    stamps, violations = judge()
    stamps.acted(act("clock jump"))
    assert violations == ["a jump of the clock is written down, and nobody set it"]
    stamps, violations = judge()
    stamps.clock_set(40, 1.0, "")
    stamps.finish(20.0)
    assert violations == []
    stamps.finish(40.0)
    assert violations == ["the clock jumped, and nothing was written down"]
    stamps, violations = judge()
    stamps.clock_set(40, 1.0, "")
    stamps.clock_set(-39, 1.1, "")
    stamps.finish(40.0)
    assert violations == [], "set ahead and back before anybody looked"
    stamps, violations = judge()
    stamps.clock_set(40, 1.0, "")
    stamps.ended()
    stamps.finish(40.0)
    assert violations == [], "the process was gone first"


def test_a_machine_serves_behind_its_book_by_a_minute_or_by_a_persons_word() -> None:
    stamps, violations = judge()
    stamps.stamped("entry", 2 * MINUTE_US)
    stamps.began(MINUTE_US)
    stamps.refused(MINUTE_US - 1)
    assert violations == []
    stamps.refused(MINUTE_US)
    stamps.began(MINUTE_US - 1)
    assert len(violations) == 2
    stamps.acted(act("clock accept", 2 * MINUTE_US))
    stamps.began(0)
    assert len(violations) == 2
    stamps.stamped("entry", 2 * MINUTE_US + 1)
    stamps.began(0)
    assert len(violations) == 3


def test_the_wall_clock_is_set_both_ways_and_runs_cross_new_year_and_29_february() -> None:
    runs = [draw(seed, 120.0, 7, by_clock=bool(seed % 2)) for seed in range(300)]
    assert {run.dates for run in runs} == {DATES, *CALENDARS}
    steps = [setting.seconds for run in runs for setting in run.settings]
    assert {abs(step) for step in steps} == {1.0, 40.0, 3600.0, 28800.0}
    assert {step > 0 for step in steps} == {True, False}
    assert {setting.word_after is None for run in runs for setting in run.settings} == {True, False}
    assert all(abs(sum(setting.seconds for setting in run.settings)) <= 12 * 3600 for run in runs)
    assert runs[1].hour in ("22:00", "23:59")
    assert {run.start_at for run in runs if run.hour is None} == {
        datetime.fromisoformat(f"{date}T{at}")
        for date, at in (
            ("20261124", "21:59"),
            ("20251231", "23:58"),
            ("20240228", "23:58"),
            ("20240229", "23:58"),
        )
    }
