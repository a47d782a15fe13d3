"""The oracle's own count of answers 25 and 76: when a bank must wait, and when nobody can know."""

from __future__ import annotations

import pytest

from simulators.world.budget import Budget
from simulators.world.reading import Ask
from simulators.world.rules import Book, Due


def after(*times: float, a_minute: int = 2, a_day: int = 100) -> Budget:
    budget = Budget(a_minute, a_day)
    for time in times:
        budget.missed(time)
    return budget


@pytest.mark.parametrize(
    ("budget", "spent_at", "free_at"),
    [
        (after(10.0, 20.0), (20.0, 69.9), (19.9, 70.0, 500.0)),
        (after(10.0, 80.0), (), (80.0, 100.0)),
        (after(10.0, 80.0, 90.0), (90.0, 139.0), (89.0, 140.0)),
        (after(10.0, 100.0, 200.0, a_day=3), (200.0, 86_409.0), (199.0, 86_410.0)),
    ],
)
def test_a_bank_waits_from_the_last_it_may_have_until_its_minute_or_day_is_over(
    budget: Budget, spent_at: tuple[float, ...], free_at: tuple[float, ...]
) -> None:
    for time in (*spent_at, *free_at):
        is_spent = time in spent_at
        assert budget.is_spent(time) is budget.may_wait(time, time) is is_spent


def test_what_came_before_the_last_one_had_not_to_wait_and_may_have() -> None:
    budget = after(10.0, 20.0)
    assert (budget.must_wait(21.0, 30.0), budget.must_wait(20.0, 30.0)) == (True, False)
    assert (budget.must_wait(21.0, 70.0), budget.may_wait(15.0, 30.0)) == (False, True)
    assert not budget.may_wait(11.0, 19.0)


def test_once_an_answer_was_lost_everything_may_be_and_nothing_must() -> None:
    budget = after(10.0, 20.0)
    budget.lost()
    assert budget.may_wait(0.0, 1.0)
    assert not budget.must_wait(21.0, 30.0)
    assert not budget.is_spent(21.0)


@pytest.mark.parametrize(
    ("ask", "waits"),
    [
        (Ask("0100", "104", code="310000"), True),
        (Ask("0200", "104", code="260000"), True),
        (Ask("0220", "104", code="260000"), True),
        (Ask("0220", "104", code="260000", is_done=True), False),
        (Ask("0200", "104", code="500000"), False),
        (Ask("0400", "104", code="260000"), False),
        (Ask("0500", "104"), False),
        (Ask("", "104", fault="40"), False),
    ],
)
def test_inquiries_wait_and_payouts_that_are_to_be_allowed_first(ask: Ask, *, waits: bool) -> None:
    assert ask.waits is waits


def test_only_a_locked_due_can_be_unlocked_and_then_it_is_as_before() -> None:
    book = Book("20261124", {}, {}, {}, {})
    for name, guesses in (("B1", 4), ("B2", 5)):
        book.dues[name] = Due(name, "P1", "260000", "20261124", 1, "X", guesses=guesses)
    assert [book.unlock(name) for name in ("B1", "B2", "B2", "GONE")] == [False, True, False, True]
    assert (book.dues["B2"].guesses, book.dues["B1"].guesses, book.changed) == (0, 4, {"B2"})
