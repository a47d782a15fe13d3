"""How many breaks a date may have before two people are asked."""

from __future__ import annotations

import pytest

from office.matching.tolerance import Tolerance


@pytest.mark.parametrize(
    ("lines", "allowed"),
    [(0, 10), (1, 10), (50, 10), (54, 10), (55, 11), (499, 99), (500, 100), (505, 100), (1_000_000, 100)],
)
def test_a_date_may_have_a_few_breaks_then_a_part_of_its_lines_and_never_more_than_the_most(
    lines: int, allowed: int
) -> None:
    assert Tolerance(100, 20, 10).allowed(lines) == allowed


def test_the_most_holds_for_the_few_too() -> None:
    assert Tolerance(3, 20, 10).allowed(1_000) == 3
    assert Tolerance(0, 100, 0).allowed(1_000) == 0
    assert Tolerance(100, 0, 0).allowed(1_000) == 0
