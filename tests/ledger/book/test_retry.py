"""Attempts are made as often as allowed, and only after the errors that allow another."""

from __future__ import annotations

import pytest

from ledger.book.retry import retried
from ledger.errors import Conflict, OutcomeUnknown, Unavailable


class Steps:
    """A call that raises these errors one after another, and then returns how often it was called."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.calls


def test_a_call_that_succeeds_is_made_once() -> None:
    assert retried(Steps(), 3, Conflict) == 1


def test_a_call_is_made_again_after_each_error_that_allows_it() -> None:
    assert retried(Steps(Conflict("1"), OutcomeUnknown("2")), 3, Conflict, OutcomeUnknown) == 3


def test_the_last_attempts_error_is_raised() -> None:
    steps = Steps(Conflict("1"), Conflict("2"), Conflict("3"))
    with pytest.raises(Conflict, match="3"):
        retried(steps, 3, Conflict)
    assert steps.calls == 3


def test_any_other_error_is_raised_at_once() -> None:
    steps = Steps(Conflict("1"), Unavailable("2"))
    with pytest.raises(Unavailable, match="2"):
        retried(steps, 5, Conflict)
    assert steps.calls == 2


def test_one_attempt_is_made_where_one_is_allowed() -> None:
    steps = Steps(Conflict("1"))
    with pytest.raises(Conflict):
        retried(steps, 1, Conflict)
    assert steps.calls == 1
