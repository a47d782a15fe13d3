"""The sample book: the same for the same seed, good by the file's own rules, credible, and nobody's."""

from __future__ import annotations

from collections import Counter
from datetime import date
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.files.bookfile import Book, parse, write
from ledger.files.sample import POLICIES_MAX, make

DATE = "20261124"


def book(seed: int = 1, policies: int = 2000, business_date: str = DATE) -> Book:
    return parse(b"".join(write(business_date, make(Random(seed), policies, business_date))))


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    policies=st.integers(0, 200),
    day=st.dates(date(1990, 1, 1), date(2099, 12, 31)),
)
def test_any_sample_is_a_good_file_of_that_many_policies(seed: int, policies: int, day: date) -> None:
    sample = book(seed, policies, f"{day:%Y%m%d}")
    assert len(sample.policies) == policies


def test_the_same_seed_makes_the_same_bytes_and_another_one_others() -> None:
    assert book(seed=7).digest == book(seed=7).digest
    assert book(seed=7).digest != book(seed=8).digest


def test_policies_come_one_at_a_time() -> None:
    entries = make(Random(1), POLICIES_MAX, DATE)
    assert next(entries).policy.policy != next(entries).policy.policy


def test_no_identity_number_can_be_a_real_persons() -> None:
    numbers = [due.beneficiary for due in book().dues if due.beneficiary]
    assert len(numbers) > 100
    assert {number[:2] for number in numbers} == {"00"}


def test_shares_of_states_and_of_dues_a_policy_are_as_meant() -> None:
    sample = book(policies=10_000)
    states = Counter(policy.state for policy in sample.policies)
    dues_of = Counter(due.policy for due in sample.dues)
    counts = Counter(dues_of[policy.policy] for policy in sample.policies)
    benefits = sum(due.kind == "benefit" for due in sample.dues)
    for count, percent in [
        (states["lapsed"], 3),
        (states["pending"], 2),
        (counts[0], 5),
        (counts[1], 87),
        (counts[2], 8),
        (benefits, 12),
    ]:
        assert abs(count - percent * 100) < 200


def test_lapsed_policies_are_overdue_and_pending_ones_await_their_first_premium() -> None:
    sample = book()
    states = {policy.policy: policy.state for policy in sample.policies}
    assert {due.code for due in sample.dues if states[due.policy] == "pending"} == {"501000"}
    assert all(due.due_date < "20260925" for due in sample.dues if states[due.policy] == "lapsed")


def test_amounts_are_credible() -> None:
    dues = book().dues
    renewals = [due.amount for due in dues if due.code == "500000"]
    assert 30_000 <= min(renewals) <= max(renewals) <= 2_000_000
    assert sum(amount % 100 == 0 for amount in renewals) > 0.8 * len(renewals)
    benefits = [due.amount for due in dues if due.kind == "benefit"]
    assert 100_000 <= min(benefits) <= max(benefits) <= 20_000_000


@pytest.mark.parametrize(
    ("policies", "day"),
    [
        (-1, DATE),
        (POLICIES_MAX + 1, DATE),
        (1, "20260230"),
        (1, "19891231"),
        (1, "21000101"),
        (1, "2026-11-24"),
    ],
)
def test_a_sample_that_cannot_be_good_is_refused_before_its_first_policy(policies: int, day: str) -> None:
    with pytest.raises(ValueError, match=r"sample|business date|day"):
        make(Random(1), policies, day)
