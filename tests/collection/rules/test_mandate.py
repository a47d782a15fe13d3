"""What a mandate lets be collected, how often, and when it ends by itself."""

from __future__ import annotations

import pytest

from collection.rules.mandate import (
    Period,
    Purpose,
    is_over,
    period_allows,
    purpose_of,
    tail_of,
    unused_since,
)


def test_a_loan_is_collected_under_a_purpose_of_its_own() -> None:
    assert (purpose_of("500000"), purpose_of("502000")) == (Purpose.PREMIUM, Purpose.LOAN)


def test_the_tail_is_four_digits() -> None:
    assert tail_of("6222020000001234567") == "4567"


@pytest.mark.parametrize(
    ("period", "before", "due_date", "allowed"),
    [
        (Period.ANY, "20261201", "20261201", True),
        (Period.MONTH, "", "20261201", True),
        (Period.MONTH, "20261130", "20261201", True),
        (Period.MONTH, "20261201", "20261231", False),
        (Period.QUARTER, "20261001", "20261231", False),
        (Period.QUARTER, "20261031", "20270101", True),
        (Period.HALF_YEAR, "20260701", "20261231", False),
        (Period.HALF_YEAR, "20260731", "20270101", True),
        (Period.YEAR, "20251231", "20261130", False),
        (Period.YEAR, "20251231", "20261201", True),
    ],
)
def test_a_period_is_counted_by_months_of_due_dates(
    period: Period, before: str, due_date: str, allowed: bool
) -> None:
    assert period_allows(period, before, due_date) is allowed


def test_a_mandate_that_was_not_used_for_36_months_is_known() -> None:
    assert not unused_since("20231202", "20200101", "20261201")
    assert unused_since("20231201", "20200101", "20261201")
    assert not unused_since("", "20250101", "20261201")
    assert unused_since("", "20231130", "20261201")


def test_a_term_includes_its_last_day() -> None:
    assert (is_over("20261201", "20261201"), is_over("20261130", "20261201")) == (False, True)
    assert is_over("", "20261201") is False
