"""What changed lately: in order, counted where it happens again, bounded whatever happens."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from fep.telemetry.event_log import AGAIN_SECONDS, EVENTS_MAX, EventLog, Kind
from ledger.rules.beijing import BEIJING
from tests.support.builders import BANK
from tests.support.clocks import MovedClock


class Watch:
    """An event log, and the clock that it reads."""

    def __init__(self) -> None:
        self.clock = MovedClock(datetime(1970, 1, 1, 8, 0, 1, tzinfo=BEIJING))
        self.event_log = EventLog(self.clock.now_us, self.clock.seconds)

    def told(self, since: int = 0) -> list[tuple[Kind, str, str, int]]:
        return [(event.kind, event.bank, event.detail, event.count) for event in self.event_log.since(since)]


def test_events_are_told_in_order_from_a_number_on() -> None:
    watch = Watch()
    watch.event_log.note(Kind.STARTED)
    watch.event_log.note(Kind.SIGNED_ON, BANK)
    assert watch.told() == [(Kind.STARTED, "", "", 1), (Kind.SIGNED_ON, BANK, "", 1)]
    assert watch.told(since=1) == [(Kind.SIGNED_ON, BANK, "", 1)]
    assert watch.told(since=2) == []


def test_what_happens_again_within_a_minute_is_counted_with_the_first_time() -> None:
    watch = Watch()
    watch.event_log.note(Kind.BAD_MAC, BANK)
    watch.event_log.note(Kind.RELOAD)
    watch.clock.wait(AGAIN_SECONDS)
    watch.event_log.note(Kind.BAD_MAC, BANK)
    assert watch.told() == [(Kind.RELOAD, "", "", 1), (Kind.BAD_MAC, BANK, "", 2)]
    again = watch.event_log.since(2)
    assert [(event.number, event.since_us, event.at_us) for event in again] == [
        (3, 1_000_000, 1_000_000 * (1 + AGAIN_SECONDS))
    ]


def test_a_wall_clock_that_is_set_changes_neither_what_is_again_nor_how_long_ago_it_was() -> None:
    watch = Watch()
    watch.event_log.note(Kind.BAD_MAC, BANK)
    watch.clock.wait(AGAIN_SECONDS)
    watch.clock.set(8 * 3600)
    watch.event_log.note(Kind.BAD_MAC, BANK)
    assert watch.told() == [(Kind.BAD_MAC, BANK, "", 2)]
    watch.clock.wait(7)
    watch.clock.set(-9 * 3600)
    [event] = watch.event_log.since()
    assert watch.event_log.seconds_since(event) == 7


def test_what_happens_again_later_is_an_event_of_its_own() -> None:
    watch = Watch()
    watch.event_log.note(Kind.BAD_MAC, BANK)
    watch.clock.wait(AGAIN_SECONDS + 1)
    watch.event_log.note(Kind.BAD_MAC, BANK)
    assert watch.told() == [(Kind.BAD_MAC, BANK, "", 1), (Kind.BAD_MAC, BANK, "", 1)]


def test_another_bank_or_reason_is_another_event() -> None:
    watch = Watch()
    for bank, detail in ((BANK, "a"), (BANK, "b"), ("2", "a")):
        watch.event_log.note(Kind.LINK_DOWN, bank, detail)
    assert [count for *_, count in watch.told()] == [1, 1, 1]


def test_a_flood_of_one_thing_leaves_the_others_in_place() -> None:
    watch = Watch()
    watch.event_log.note(Kind.DAY, detail="20261124")
    for _ in range(EVENTS_MAX * 5):
        watch.event_log.note(Kind.REFUSED, detail="the address is not on the allowlist")
    assert [(kind, count) for kind, *_, count in watch.told()] == [(Kind.DAY, 1), (Kind.REFUSED, 500)]


def test_of_many_different_things_the_last_are_kept_and_nothing_more() -> None:
    watch = Watch()
    for number in range(EVENTS_MAX + 50):
        watch.event_log.note(Kind.LINK_DOWN, BANK, f"{number}")
    assert [detail for *_, detail, _ in watch.told()] == [f"{n}" for n in range(50, EVENTS_MAX + 50)]
    assert len(watch.event_log._latest) == EVENTS_MAX, "what is forgotten leaves no trace"
    assert len(watch.event_log._happened) == EVENTS_MAX
    watch.event_log.note(Kind.LINK_DOWN, BANK, "0")
    assert watch.told()[-1] == (Kind.LINK_DOWN, BANK, "0", 1)


steps = st.tuples(st.sampled_from(Kind), st.sampled_from("ab"), st.integers(0, AGAIN_SECONDS * 2))


@given(st.lists(steps, max_size=300))
def test_the_events_are_bounded_ordered_and_lose_no_time(taken: list[tuple[Kind, str, int]]) -> None:
    watch = Watch()
    for kind, bank, pause in taken:
        watch.clock.wait(pause)
        watch.event_log.note(kind, bank)
        event = watch.event_log.since()[-1]
        assert (event.kind, event.bank, event.detail, event.at_us) == (kind, bank, "", watch.clock.now_us())
    events = watch.event_log.since()
    assert len(events) <= EVENTS_MAX
    assert [event.number for event in events] == sorted({event.number for event in events})
    if len(events) < EVENTS_MAX:
        assert sum(event.count for event in events) == len(taken)
    assert len(watch.event_log._latest) <= len(events)
