"""Rates and windows are differences of what was counted, and nothing else."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fep.telemetry.rates import LATENCY_SECONDS, SECONDS, History, Reading, read
from fep.telemetry.statistics import LATENCY_BOUNDS_US, Statistics, together
from tests.support.builders import BANK

OTHER = "01030000"


def test_a_second_without_an_answer_is_nought_and_one_with_three_is_three() -> None:
    statistics = Statistics()
    history = History(statistics)
    for answers in (0, 3, 1):
        for _ in range(answers):
            statistics.answered(BANK, "0200", "00")
        history.take()
    assert history.rates(BANK) == (0, 3, 1)
    assert history.rates(OTHER) == (0, 0, 0)
    assert (history.last.answers[BANK], history.before.answers[BANK]) == (4, 3)


def test_network_management_is_no_transaction() -> None:
    statistics = Statistics()
    history = History(statistics)
    statistics.answered(BANK, "0800", "00")
    statistics.answered(BANK, "0100", "25")
    history.take()
    assert history.rates(BANK) == (1,)
    assert dict(history.last.responses) == {"25": 1}


def test_a_reading_has_each_counter_as_it_is_and_keeps_it() -> None:
    statistics = Statistics()
    for bank, mti, response in (
        *((BANK, "0200", "00"), (BANK, "0200", "25"), (BANK, "0100", "25")),
        *((OTHER, "0400", "25"), (OTHER, "0800", "00")),
    ):
        statistics.answered(bank, mti, response)
    statistics.answered(BANK, "0200", "25")
    statistics.mac_failures[BANK] += 2
    statistics.held_back[OTHER] += 3
    statistics.refused_connections = 4
    statistics.batch_done(6)
    statistics.batch_done(7)
    reading = read(statistics)
    expected = Reading({BANK: 4, OTHER: 1}, {"00": 1, "25": 4}, {BANK: 2}, {OTHER: 3}, 4, 2, 13)
    assert reading == expected
    statistics.answered(BANK, "0200", "00")
    statistics.mac_failures[BANK] += 1
    statistics.held_back[OTHER] += 1
    assert reading == expected


def test_the_reading_of_a_second_ago_is_the_latest_where_there_is_no_other() -> None:
    statistics = Statistics()
    history = History(statistics)
    assert history.before is history.last is history.first
    seen = [history.last]
    for refused in (1, 2, 3):
        statistics.refused_connections = refused
        history.take()
        assert (history.before, history.last.refused) == (seen[-1], refused)
        seen.append(history.last)
    assert history.first is seen[0]


def test_a_history_begins_with_what_was_counted_before_it() -> None:
    statistics = Statistics()
    statistics.answered(BANK, "0200", "00")
    statistics.latencies[BANK].add(150)
    history = History(statistics)
    assert (history.last.answers, history.p99_us([BANK])) == ({BANK: 1}, None)
    history.take()
    assert (history.rates(BANK), history.p99_us([BANK])) == ((0,), None)


def test_rates_go_back_five_minutes_and_latencies_one() -> None:
    assert (SECONDS, LATENCY_SECONDS) == (300, 60)


def test_what_is_older_than_five_minutes_is_no_longer_lately() -> None:
    statistics = Statistics()
    history = History(statistics)
    statistics.mac_failures[BANK] += 1
    history.take()
    for _ in range(SECONDS - 1):
        history.take()
    assert history.last.mac_failures[BANK] - history.first.mac_failures.get(BANK, 0) == 1
    history.take()
    assert history.last.mac_failures[BANK] - history.first.mac_failures.get(BANK, 0) == 0
    assert len(history.rates(BANK)) == SECONDS


def test_the_99th_percentile_is_that_of_the_last_minute() -> None:
    statistics = Statistics()
    history = History(statistics)
    for _ in range(100):
        statistics.latencies[BANK].add(900_000)
    history.take()
    for _ in range(LATENCY_SECONDS - 1):
        assert history.p99_us([BANK]) == 1_000_000
        history.take()
    assert history.p99_us([BANK]) == 1_000_000
    history.take()
    assert history.p99_us([BANK]) is None, "a minute later nothing is left of it"
    statistics.latencies[OTHER].add(150)
    history.take()
    assert (history.p99_us([BANK]), history.p99_us([OTHER, BANK])) == (None, 200)


def test_one_slow_answer_of_a_hundred_is_not_seen() -> None:
    statistics = Statistics()
    history = History(statistics)
    statistics.latencies[BANK].add(100, 99)
    statistics.latencies[BANK].add(900_000)
    history.take()
    assert history.p99_us([BANK]) == 100


counts = st.dictionaries(st.sampled_from((BANK, OTHER)), st.lists(st.integers(0, 9_000_000), max_size=30))


@given(st.lists(counts, min_size=1, max_size=8))
def test_every_answer_is_in_exactly_one_second(seconds: list[dict[str, list[int]]]) -> None:
    statistics, counted = Statistics(), Counter[str]()
    history = History(statistics)
    for second in seconds:
        for bank, latencies in second.items():
            for latency in latencies:
                statistics.answered(bank, "0200", "00")
                statistics.latencies[bank].add(latency)
                counted[bank] += 1
        history.take()
        assert history.rates(BANK)[-1] == len(second.get(BANK, ()))
    assert {bank: sum(history.rates(bank)) for bank in (BANK, OTHER)} == {
        bank: counted[bank] for bank in (BANK, OTHER)
    }
    assert statistics.latency.count == counted.total()
    assert history.p99_us([BANK, OTHER]) == statistics.latency.quantile_us(99)


@given(st.lists(st.integers(0, 9_000_000)), st.lists(st.integers(0, 9_000_000)))
def test_histograms_together_are_the_histogram_of_all(ours: list[int], theirs: list[int]) -> None:
    parts, whole = Statistics(), Statistics()
    for bank, latencies in ((BANK, ours), (OTHER, theirs)):
        for latency in latencies:
            parts.latencies[bank].add(latency)
            whole.latencies[BANK].add(latency)
    merged = together(parts.latencies.values())
    assert (merged.buckets, merged.total_us) == (whole.latency.buckets, whole.latency.total_us)
    assert len(merged.buckets) == len(LATENCY_BOUNDS_US) + 1
