"""The fair queue: whoever holds less than its share is never turned away, and a bank's own order holds.

And how long it may be.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fep.engine.queue import ALWAYS_TAKEN, FairQueue, QueueBound

BANKS = st.sampled_from("ABCD")


def filled(limit: int, banks: str) -> FairQueue[str]:
    """A queue with an item for each letter, named by its bank and number."""
    queue: FairQueue[str] = FairQueue(limit)
    for number, bank in enumerate(banks):
        assert queue.put(bank, f"{bank}{number}") is None
    return queue


def test_a_batch_takes_one_of_each_bank_in_turn() -> None:
    queue = filled(9, "AAAAABBC")
    assert queue.take(5) == ["A0", "B5", "C7", "A1", "B6"]
    assert queue.take(9) == ["A2", "A3", "A4"]
    assert (queue.take(9), len(queue)) == ([], 0)


def test_in_a_full_queue_the_youngest_of_the_longest_line_gives_way() -> None:
    queue = filled(4, "AAAB")
    assert queue.put("B", "B9") == "A2"
    assert queue.put("A", "A9") == "A9"
    assert queue.take(9) == ["A0", "B3", "A1", "B9"]


def test_the_newcomer_gives_way_where_its_place_would_only_change_who_has_most() -> None:
    assert filled(2, "AB").put("C", "C9") == "C9"
    assert filled(2, "AA").put("B", "B9") == "A1"


def test_a_banks_share_is_the_queue_divided_among_those_who_wait() -> None:
    assert filled(4, "AAA").has_room("A")
    assert not filled(4, "AAAA").has_room("A")
    assert filled(4, "AAAA").has_room("B")
    assert not filled(4, "AAB").has_room("A")
    assert filled(4, "AAB").has_room("B")
    assert not filled(5, "AAB").has_room("A")
    assert not filled(1, "A").has_room("A")
    assert FairQueue[str](1).has_room("A")
    assert filled(1, "A").has_room("B")


@given(
    st.integers(1, 12),
    st.lists(st.one_of(BANKS, st.integers(1, 6)), max_size=60),
)
def test_nothing_is_lost_none_is_out_of_its_banks_order_and_a_small_share_is_safe(
    limit: int, steps: list[str | int]
) -> None:
    queue: FairQueue[tuple[str, int]] = FairQueue(limit)
    given_in: list[tuple[str, int]] = []
    out: list[tuple[str, int]] = []
    evicted: list[tuple[str, int]] = []
    for number, step in enumerate(steps):
        if isinstance(step, int):
            out += queue.take(step)
            continue
        gone = {*out, *evicted}
        held = Counter(item[0] for item in given_in if item not in gone)
        given_in.append((step, number))
        refuses = queue.refuses(step)
        way = queue.put(step, (step, number))
        assert refuses == (way == (step, number))
        if way is None:
            continue
        evicted.append(way)
        assert sum(held.values()) == limit
        most = max(held.values())
        if way == (step, number):
            assert most <= held[step] + 1
        else:
            assert held[way[0]] == most > held[step] + 1
    assert len(queue) == len(given_in) - len(out) - len(evicted) <= limit
    out += queue.take(limit)
    assert sorted([*out, *evicted]) == sorted(given_in)
    for bank in "ABCD":
        numbers = [number for code, number in out if code == bank]
        assert numbers == sorted(numbers)


def test_a_queue_that_is_shortened_refuses_until_it_has_emptied_so_far() -> None:
    queue = filled(4, "AAAA")
    queue.limit = 2
    assert queue.refuses("A")
    assert not queue.refuses("B")  # one of A's gives way
    queue.take(3)
    assert (queue.put("A", "A8"), queue.put("A", "A9")) == (None, "A9")


def after(queue_bound: QueueBound, *batches: tuple[int, float]) -> int:
    """How many may wait after batches of so many, each so many seconds before the next."""
    at = 0.0
    for size, seconds in batches:
        queue_bound.batch_begins(size, at)
        at += seconds
    queue_bound.batch_begins(0, at)
    return queue_bound.places


def test_so_many_may_wait_as_are_decided_in_the_time() -> None:
    assert after(QueueBound(0.5, 500, 9_000)) == 9_000
    assert after(QueueBound(0.5, 500, 9_000), (500, 0.125)) == 2_000
    assert after(QueueBound(0.5, 500, 9_000), *[(500, 0.125)] * 5, *[(250, 0.125)] * 6) == 1_000


def test_one_slow_batch_changes_nothing_and_five_of_nine_do() -> None:
    queue_bound = QueueBound(0.5, 500, 9_000)
    assert after(queue_bound, *[(500, 0.125)] * 9, *[(500, 30.0)] * 4) == 2_000
    assert after(queue_bound, (500, 30.0)) == 500


def test_small_batches_and_those_after_a_rest_tell_nothing() -> None:
    queue_bound = QueueBound(0.5, 500, 9_000)
    assert after(queue_bound, (249, 0.125)) == 9_000
    queue_bound.batch_begins(500, 100.0)
    queue_bound.nothing_waits()
    queue_bound.batch_begins(500, 200.0)
    assert queue_bound.places == 9_000


def test_the_first_batch_and_one_after_a_rest_tell_nothing_however_small_a_full_one_is() -> None:
    queue_bound = QueueBound(0.5, 1, 9_000)
    queue_bound.batch_begins(1, 100.0)
    queue_bound.nothing_waits()
    queue_bound.batch_begins(1, 200.0)
    assert queue_bound.places == 9_000


def test_batches_of_one_moment_tell_nothing() -> None:
    assert after(QueueBound(0.5, 500, 9_000), (500, 0.0)) == 9_000


def test_a_batch_may_always_wait_and_never_more_than_the_limit() -> None:
    assert after(QueueBound(0.5, 500, 9_000), (500, 1_000.0)) == 500
    assert after(QueueBound(0.5, 8, 9_000), (8, 1_000.0)) == ALWAYS_TAKEN == 256
    assert after(QueueBound(0.5, 8, 20), (8, 1_000.0)) == 20
    assert after(QueueBound(0.5, 500, 9_000), (500, 0.001)) == 9_000
