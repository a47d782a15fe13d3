"""The token bucket: full at first, never deeper than it is, and what is refused costs nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall_rules.token_bucket import TokenBucket


def test_it_is_full_at_first_and_fills_at_its_rate_up_to_its_depth() -> None:
    bucket = TokenBucket(2, 3, 100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(100.5), bucket.take(100.5)] == [True, False]
    assert [bucket.take(200.0) for _ in range(4)] == [True, True, True, False]


def test_it_tells_how_long_a_token_is_awaited() -> None:
    bucket = TokenBucket(4, 1, 0.0)
    assert bucket.lacking(0.0) == 0
    assert bucket.take(0.0)
    assert [bucket.lacking(0.0), bucket.lacking(0.125), bucket.lacking(9.0)] == [0.25, 0.125, 0]
    assert [bucket.has_one(0.125), bucket.has_one(0.25), bucket.has_one(0.25)] == [False, True, True]


def test_what_is_owed_is_filled_up_first() -> None:
    bucket = TokenBucket(1, 1, 0.0)
    for _ in range(3):
        bucket.owe()
    assert bucket.lacking(0.0) == 3
    assert [bucket.take(2.5), bucket.take(3.0)] == [False, True]


def test_another_rate_and_depth_hold_at_once() -> None:
    bucket = TokenBucket(1, 4, 0.0)
    bucket.set_rate(10, 2)
    assert [bucket.take(0.0) for _ in range(3)] == [True, True, False]
    assert [bucket.take(0.05), bucket.take(0.1)] == [False, True]


@given(
    st.integers(1, 50),
    st.integers(1, 20),
    st.lists(st.floats(0, 3, allow_nan=False), max_size=60),
)
def test_no_stretch_of_time_has_more_than_its_depth_and_its_rate(
    a_second: int, depth: int, gaps: list[float]
) -> None:
    bucket, now, taken = TokenBucket(a_second, depth, 0.0), 0.0, []
    for gap in gaps:
        now += gap
        if bucket.take(now):
            taken.append(now)
    for first, begin in enumerate(taken):
        for count, end in enumerate(taken[first:], start=1):
            assert count <= depth + (end - begin) * a_second + 1e-6


@pytest.mark.parametrize("now", [0.0, 0.2])
def test_what_is_refused_takes_no_token(now: float) -> None:
    bucket = TokenBucket(1, 1, 0.0)
    assert bucket.take(0.0)
    assert [bucket.take(now) for _ in range(100)] == [False] * 100
    assert bucket.take(1.0)


def test_a_bucket_of_a_minute_is_full_at_first_and_again_a_minute_later() -> None:
    bucket = TokenBucket.per_minute(3, 0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [True] * 3 + [False]
    assert [bucket.take(20.0), bucket.take(20.0)] == [True, False]
    assert [bucket.take(80.0) for _ in range(4)] == [True] * 3 + [False]
