"""A bank's budget of answers that tell it only what is not so, on a clock that is handed in."""

from __future__ import annotations

import pytest

from fep.links.misses import DAY_SECONDS, MINUTE_SECONDS, Misses


def after(times: list[float], a_minute: int = 4, a_day: int = 100) -> Misses:
    misses = Misses(a_minute, a_day)
    for time in times:
        misses.add(time)
    return misses


@pytest.mark.parametrize(
    ("count", "is_spent", "shown"), [(0, False, 0), (1, False, 0), (2, False, 2), (3, False, 3), (4, True, 4)]
)
def test_the_budget_of_a_minute(count: int, is_spent: bool, shown: int) -> None:
    misses = after([1000.0] * count)
    assert (misses.is_spent(1000.0), misses.to_show(1000.0)) == (is_spent, shown)


@pytest.mark.parametrize(
    ("count", "is_spent", "shown"), [(1, False, 0), (2, False, 0), (3, False, 3), (4, False, 4), (5, True, 5)]
)
def test_the_budget_of_a_day_of_an_odd_number_is_told_from_its_larger_half(
    count: int, is_spent: bool, shown: int
) -> None:
    misses = after([1000.0] * count, a_minute=100, a_day=5)
    assert (misses.is_spent(1000.0), misses.to_show(1000.0)) == (is_spent, shown)


@pytest.mark.parametrize(("later", "is_spent"), [(59.9, True), (60.0, False), (61.0, False)])
def test_a_minute_counts_from_the_first_in_it(later: float, is_spent: bool) -> None:
    misses = after([1000.0, 1010.0, 1020.0, 1030.0])
    assert misses.is_spent(1000.0 + later) is is_spent


@pytest.mark.parametrize(("later", "shown"), [(86_399.0, 3), (86_400.0, 0)])
def test_a_day_counts_from_the_first_in_it(later: float, shown: int) -> None:
    assert after([1000.0, 2000.0, 3000.0], a_day=4).to_show(1000.0 + later) == shown


def test_a_new_minute_begins_with_the_first_after_the_old_one() -> None:
    misses = after([1000.0, 1001.0, 1002.0, 1070.0, 1071.0])
    assert (misses.is_spent(1071.0), misses.to_show(1071.0)) == (False, 5)
    misses.add(1128.0)
    misses.add(1129.0)
    assert (misses.is_spent(1129.0), misses.is_spent(1130.0)) == (True, False)


@pytest.mark.parametrize(("count", "shown"), [(2, 0), (3, 3)])
def test_half_of_an_odd_minute_and_of_an_even_day_is_told_from_its_first(count: int, shown: int) -> None:
    assert after([1000.0] * count, a_minute=5, a_day=100).to_show(1000.0) == shown
    assert after([1000.0] * count, a_minute=100, a_day=6).to_show(1000.0) == shown


def test_each_bank_has_a_budget_of_its_own() -> None:
    spent, other = after([5.0] * 4), after([])
    assert (spent.is_spent(5.0), other.is_spent(5.0)) == (True, False)


def test_a_minute_and_a_day_are_what_they_are_called() -> None:
    assert (MINUTE_SECONDS, DAY_SECONDS) == (60, 24 * 60 * 60)
