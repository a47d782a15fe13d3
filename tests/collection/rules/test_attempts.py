"""On which date a due is tried next: the rule holds for every history, and some dates worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collection.rules.attempts import RETRIED, Pace, Tried, Waiting, last_date, next_attempt
from ledger.rules.calendar import Calendar, CalendarUnknown

CALENDAR = Calendar()
CLASSES = (*sorted(RETRIED), "account", "mandate", "unknown")
PACE = Pace()


def day(text: str) -> date:
    return date.fromisoformat(text)


def working_days(first: str, last: str) -> int:
    """The working days after the first date, up to the last."""
    span = (day(last) - day(first)).days
    dates = (f"{day(first) + timedelta(after):%Y%m%d}" for after in range(1, span + 1))
    return sum(map(CALENDAR.is_business_date, dates))


dates = st.dates(date(2025, 1, 2), date(2026, 9, 1)).map(lambda given: f"{given:%Y%m%d}")
paces = st.builds(
    Pace,
    attempts_max=st.integers(1, 8),
    gap_days=st.integers(1, 6),
    paydays=st.lists(st.integers(1, 28), max_size=5, unique=True).map(tuple),
    grace_days=st.integers(10, 90),
    result_margin_days=st.integers(0, 4),
    result_days=st.integers(0, 3),
)
histories = st.lists(st.tuples(st.integers(0, 70), st.sampled_from(CLASSES)), max_size=7)


@given(dates, histories, paces, st.integers(-5, 60), st.frozensets(st.integers(1, 31), max_size=2))
def test_the_rule_holds_for_every_history(
    due_date: str, told: list[tuple[int, str]], pace: Pace, later: int, paid_on: frozenset[int]
) -> None:
    history = [Tried(f"{day(due_date) + timedelta(days):%Y%m%d}", klass) for days, klass in told]
    not_before = f"{day(due_date) + timedelta(later):%Y%m%d}"
    tried = next_attempt(history, Waiting(due_date, not_before, paid_on), CALENDAR, pace)
    if len(history) >= pace.attempts_max or any(past.klass not in RETRIED for past in history):
        assert tried is None
    if tried is None:
        return
    assert CALENDAR.is_business_date(tried)
    assert tried >= max(due_date, not_before)
    assert all((day(tried) - day(past.date)).days >= max(1, pace.gap_days) for past in history)
    grace_ends = f"{day(due_date) + timedelta(pace.grace_days):%Y%m%d}"
    assert working_days(tried, grace_ends) >= pace.result_days + pace.result_margin_days
    again = next_attempt(list(reversed(history)), Waiting(due_date, not_before, paid_on), CALENDAR, pace)
    assert again == tried  # only what happened counts, not in which order it is told


@given(dates, st.lists(st.sampled_from(sorted(RETRIED)), max_size=8), paces)
def test_a_due_is_tried_until_its_attempts_or_its_days_are_used_up(
    due_date: str, classes: list[str], pace: Pace
) -> None:
    history: list[Tried] = []
    for klass in classes:
        tried = next_attempt(history, Waiting(due_date, due_date), CALENDAR, pace)
        if tried is None:
            break
        history.append(Tried(tried, klass))
    tried_on = [past.date for past in history]
    assert tried_on == sorted(set(tried_on))
    assert len(history) <= pace.attempts_max


def test_the_first_attempt_is_the_due_date_or_the_first_working_day_after_it() -> None:
    for due_date, expected in (("20260615", "20260615"), ("20260613", "20260615"), ("20261001", "20261008")):
        assert next_attempt([], Waiting(due_date, "20260101"), CALENDAR, PACE) == expected


def test_later_attempts_come_after_paydays() -> None:
    history = [Tried("20260601", "funds")]
    expected = ["20260608", "20260611", "20260616", "20260622", "20260626"]
    for wanted in expected:
        assert next_attempt(history, Waiting("20260601", "20260601"), CALENDAR, PACE) == wanted
        history.append(Tried(wanted, "funds"))
    assert next_attempt(history, Waiting("20260601", "20260601"), CALENDAR, PACE) is None  # six are all


def test_a_day_on_which_the_mandate_paid_before_comes_into_question() -> None:
    history = [Tried("20260601", "funds")]
    waiting = Waiting("20260601", "20260601", frozenset({3}))
    assert next_attempt(history, waiting, CALENDAR, PACE) == "20260603"


def test_a_failure_of_account_or_mandate_or_an_unknown_outcome_ends_the_attempts() -> None:
    for klass in ("account", "mandate", "unknown", ""):
        history = [Tried("20260601", klass), Tried("20260608", "funds")]
        assert next_attempt(history, Waiting("20260601", "20260601"), CALENDAR, PACE) is None, klass
    no_more = [Tried("20260601", "funds", retry=False)]  # the bank's code says so
    assert next_attempt(no_more, Waiting("20260601", "20260601"), CALENDAR, PACE) is None


def test_the_last_attempts_result_comes_two_working_days_before_the_grace_ends() -> None:
    # The grace ends on Friday 31 July: the result comes on Wednesday 29, of an attempt on Tuesday 28.
    assert last_date("20260601", CALENDAR, PACE) == "20260728"
    history = [Tried("20260726", "funds")]
    assert next_attempt(history, Waiting("20260601", "20260601"), CALENDAR, PACE) == "20260728"
    history = [Tried("20260727", "funds")]
    assert next_attempt(history, Waiting("20260601", "20260601"), CALENDAR, PACE) is None


def test_a_year_that_is_not_known_is_never_guessed_but_the_days_before_it_are_used() -> None:
    assert last_date("20261115", CALENDAR, PACE) == "20261228"
    with pytest.raises(CalendarUnknown):
        next_attempt([], Waiting("20270115", "20270101"), CALENDAR, PACE)
