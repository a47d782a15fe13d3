"""What the machine counts of itself: each counter and each bound of the latencies, as tables."""

from __future__ import annotations

import pytest

from fep.telemetry.statistics import LATENCY_BOUNDS_US, LatencyHistogram, Statistics, quantile_us, together

BOUNDS = (
    *(100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000),
    *(100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000),
)
NOTHING = [0] * 16


def with_one(place: int, count: int = 1) -> list[int]:
    return [count if at == place else 0 for at in range(16)]


def test_the_bounds_are_three_to_a_decade() -> None:
    assert LATENCY_BOUNDS_US == BOUNDS


def test_a_histogram_begins_with_nothing() -> None:
    new = LatencyHistogram()
    assert (new.buckets, new.total_us, new.count, new.quantile_us(99)) == (NOTHING, 0, 0, None)


@pytest.mark.parametrize(
    ("latency_us", "place"),
    [(0, 0), (100, 0), (101, 1), (200, 1), (4_999_999, 14), (5_000_000, 14), (5_000_001, 15)],
)
def test_a_latency_is_counted_under_the_least_bound_that_it_does_not_exceed(
    latency_us: int, place: int
) -> None:
    single, many = LatencyHistogram(), LatencyHistogram()
    single.add(latency_us)
    many.add(latency_us, 3)
    many.add(latency_us)
    assert (single.buckets, single.total_us, single.count) == (with_one(place), latency_us, 1)
    assert (many.buckets, many.total_us, many.count) == (with_one(place, 4), 4 * latency_us, 4)


@pytest.mark.parametrize(
    ("counts", "percent", "bound"),
    [
        ([], 99, None),
        ([0, 0, 0], 99, None),
        ([1], 99, 100),
        ([99, 1], 99, 100),
        ([98, 2], 99, 200),
        ([989, 11], 99, 200),
        ([990, 10], 99, 100),
        ([100, 1], 99, 100),
        ([1, 1], 50, 100),
        ([1, 2], 50, 200),
        ([0, 1, 0, 1], 50, 200),
        ([0, 1, 0, 1], 51, 1_000),
        ([1, 0, 1], 100, 500),
        (with_one(14), 99, 5_000_000),
        (with_one(15), 99, 5_000_000),
    ],
)
def test_a_quantile_is_the_bound_below_which_so_many_lie(
    counts: list[int], percent: int, bound: int | None
) -> None:
    assert quantile_us(counts, percent) == bound
    histogram = LatencyHistogram()
    histogram.buckets = counts
    assert histogram.quantile_us(percent) == bound


def test_histograms_are_added_bound_by_bound() -> None:
    first, second = LatencyHistogram(), LatencyHistogram()
    first.add(100, 2)
    second.add(100)
    second.add(150)
    whole = together([first, second])
    assert (whole.buckets, whole.total_us) == ([3, 1, *NOTHING[2:]], 450)
    assert (together([]).buckets, together([]).total_us) == (NOTHING, 0)


def test_a_process_begins_with_nothing_counted() -> None:
    counted = vars(Statistics())
    assert {name for name, value in counted.items() if value} == set()
    zero = ("refused_connections", "replays", "undelivered", "batches", "batched")
    assert {name: counted[name] for name in zero} == dict.fromkeys(zero, 0)
    assert counted["recent_batches"].maxlen == 256


def test_each_counter_begins_by_itself_where_something_is_first_counted() -> None:
    statistics = Statistics()
    for counter in (statistics.mac_failures, statistics.held_back, statistics.failed_batches):
        counter["01020000"] += 1
        assert counter["01020000"] == 1
    statistics.closed_links["01020000", "timeout"] += 1
    statistics.latencies["01020000"].add(150)
    statistics.latencies["01030000"].add(150)
    assert statistics.latency.buckets == with_one(1, 2)
    assert statistics.closed_links == {("01020000", "timeout"): 1}


def test_answers_are_counted_by_bank_mti_and_response() -> None:
    statistics = Statistics()
    for bank, response in (("1", "00"), ("1", "00"), ("1", "25"), ("2", "00")):
        statistics.answered(bank, "0200", response)
    assert statistics.outcomes == {("1", "0200", "00"): 2, ("1", "0200", "25"): 1, ("2", "0200", "00"): 1}


def test_batches_are_counted_with_their_sizes() -> None:
    statistics = Statistics()
    for size in (3, 5):
        statistics.batch_done(size)
    assert (statistics.batches, statistics.batched, list(statistics.recent_batches)) == (2, 8, [3, 5])
