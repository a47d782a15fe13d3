"""The timetable of a due: who is told what on which date."""

from __future__ import annotations

from collection.rules.dunning import DueNow, StepKind, Timetable, grace_end, steps_of, steps_on

TIMETABLE = Timetable()
OPEN = DueNow("20260301", is_open=True)


def told(due: DueNow) -> list[tuple[str, str, int]]:
    return [(step.date, step.kind.value, step.days) for step in steps_of(due, TIMETABLE)]


def test_the_timetable_of_a_due_that_is_never_paid() -> None:
    assert told(OPEN) == [
        ("20260130", "notice", -30),
        ("20260224", "notice", -5),
        ("20260316", "reminder", 15),
        ("20260331", "reminder", 30),
        ("20260415", "reminder", 45),
        ("20260425", "reminder", 55),
        ("20260425", "task", 55),
        ("20260430", "lapsed", 60),
        ("20260507", "reinstate", 7),
        ("20260530", "reinstate", 30),
        ("20261027", "reinstate", 180),
        ("20271221", "reinstate", 600),
    ]
    assert grace_end("20260301", TIMETABLE) == "20260430"


def test_the_day_after_each_failed_attempt_says_why() -> None:
    due = OPEN._replace(failed_on=("20260302", "20260306"))
    assert [step for step in told(due) if step[1] == "failed"] == [
        ("20260303", "failed", 2),
        ("20260307", "failed", 6),
    ]


def test_who_is_being_collected_from_is_not_reminded() -> None:
    kinds = {step.kind for step in steps_of(OPEN._replace(in_collection=True), TIMETABLE)}
    assert not kinds & {StepKind.REMINDER, StepKind.TASK}
    assert {StepKind.NOTICE, StepKind.LAPSED} <= kinds


def test_nobody_is_told_of_a_due_that_is_settled() -> None:
    assert steps_of(OPEN._replace(is_open=False), TIMETABLE) == ()


def test_the_steps_of_one_date() -> None:
    assert [step.kind for step in steps_on(OPEN, "20260425", TIMETABLE)] == ["reminder", "task"]
    assert steps_on(OPEN, "20260426", TIMETABLE) == ()
