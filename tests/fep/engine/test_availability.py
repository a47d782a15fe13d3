"""When the database counts as away, and since when: virtual seconds."""

from __future__ import annotations

from fep.engine.availability import Availability, Outage


def test_a_call_that_is_out_for_5_seconds_is_an_outage_since_it_went_out() -> None:
    availability = Availability()
    availability.asked(100.0, 7, is_batch=True)
    assert (availability.outage(104.9), availability.doubtful(104.9)) == (None, False)
    assert (availability.outage(105.0), availability.doubtful(105.0)) == (Outage(5.0, 7), True)


def test_only_a_batch_that_is_out_is_in_doubt() -> None:
    availability = Availability()
    availability.asked(100.0, 7, is_batch=False)
    assert (availability.outage(105.0), availability.doubtful(105.0)) == (Outage(5.0, 7), False)


def test_a_call_that_comes_back_in_time_is_none() -> None:
    availability = Availability()
    availability.asked(100.0, 7, is_batch=True)
    availability.returned()
    assert (availability.outage(200.0), availability.doubtful(200.0)) == (None, False)


def test_a_failure_begins_an_outage_that_only_something_written_ends() -> None:
    availability = Availability()
    availability.failed(100.0, 7)
    availability.failed(101.0, 8)
    availability.asked(102.0, 9, is_batch=False)
    availability.returned()
    assert availability.outage(103.0) == Outage(3.0, 7)
    availability.worked()
    assert availability.outage(103.0) is None


def test_silence_that_was_seen_lasts_until_something_is_written() -> None:
    availability = Availability()
    availability.asked(100.0, 7, is_batch=True)
    assert availability.outage(106.0) == Outage(6.0, 7)
    availability.returned()
    assert (availability.outage(107.0), availability.doubtful(107.0)) == (Outage(7.0, 7), False)
    availability.worked()
    assert availability.outage(108.0) is None


def test_an_outage_is_long_after_5_seconds() -> None:
    assert [Outage(seconds, 0).is_long for seconds in (0.0, 4.9, 5.0, 80.0)] == [False, False, True, True]
