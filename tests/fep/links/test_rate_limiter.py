"""A bank's rate under a virtual clock: shaped over all its links, in turn, never lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from fep.links.rate_limiter import BURST_SECONDS, PAUSE_SECONDS, RateLimiter


class Line:
    """A link with so many messages that wait."""

    def __init__(self, name: str, messages: int, handed_on: list[str]) -> None:
        self.name, self.messages, self.handed_on = name, messages, handed_on

    def take_one(self) -> bool:
        self.messages -= 1
        self.handed_on.append(self.name)
        return self.messages > 0


def always() -> bool:
    return True


def taken_at_once(rate_limiter: RateLimiter) -> int:
    count = 0
    while rate_limiter.take():
        count += 1
    return count


def test_a_tenth_of_a_seconds_worth_at_once_and_then_no_more() -> None:
    clock = Clock()
    rate_limiter = RateLimiter(100, clock, always)
    assert taken_at_once(rate_limiter) == 10
    clock.advance(0.05)
    assert taken_at_once(rate_limiter) == 5
    clock.advance(3600)
    assert taken_at_once(rate_limiter) == 10


def test_a_bank_of_one_message_a_second_may_send_that_one() -> None:
    clock = Clock()
    rate_limiter = RateLimiter(1, clock, always)
    assert taken_at_once(rate_limiter) == 1
    clock.advance(1)
    assert taken_at_once(rate_limiter) == 1


class Refusing:
    """A bank's links each of whose messages comes to a recorded refusal, and how often it had to wait."""

    def __init__(self, a_minute: int) -> None:
        self.clock, self.taken, self.held = Clock(), 0, 0
        self.rate_limiter = RateLimiter(1000, self.clock, always, a_minute, self._hold)

    def _hold(self) -> None:
        self.held += 1

    def take_one(self) -> bool:
        self.taken += 1
        self.rate_limiter.refused()
        return True

    def at_once(self, *, refused: bool = True) -> int:
        """How many messages are taken in at once, each refused or each approved."""
        count = 0
        while count < 1_000 and self.rate_limiter.take():
            count += 1
            if refused:
                self.rate_limiter.refused()
        return count


def test_a_minutes_refusals_are_recorded_and_then_a_message_is_taken_for_each_that_is_due() -> None:
    bank = Refusing(60)
    for _ in range(3):
        bank.at_once()
        bank.clock.advance(0)
    assert (bank.at_once(), bank.held > 0) == (0, True)
    bank.rate_limiter.wait(bank)
    before = bank.taken
    bank.clock.pump([0.5] * 20)
    assert bank.taken - before == 10, "one a second, and none is lost"


def test_what_is_approved_costs_no_refusal_and_waits_only_where_none_is_left() -> None:
    bank = Refusing(6)
    assert bank.at_once(refused=False) == 100
    bank.clock.advance(1)
    assert bank.at_once() == 6
    bank.clock.advance(1)
    assert (bank.at_once(refused=False), bank.held) == (0, 2)
    bank.clock.advance(9)
    assert bank.at_once(refused=False) == 100


def test_refusals_of_messages_that_were_under_way_are_owed() -> None:
    bank = Refusing(60)
    for _ in range(90):
        bank.rate_limiter.refused()
    bank.clock.advance(30)
    assert bank.at_once() == 0
    bank.clock.advance(1)
    assert bank.at_once() == 1


def test_another_rate_of_refusals_holds_from_then_on() -> None:
    bank = Refusing(60)
    for _ in range(60):
        bank.rate_limiter.refused()
    bank.rate_limiter.set_rates(1000, 6000)
    bank.clock.advance(1)
    assert bank.at_once() == 100


def test_links_that_wait_are_taken_in_turn_at_the_banks_rate() -> None:
    clock, handed_on = Clock(), list[str]()
    rate_limiter = RateLimiter(100, clock, always)
    taken_at_once(rate_limiter)
    for name, messages in (("a", 4), ("b", 2)):
        rate_limiter.wait(Line(name, messages, handed_on))
    clock.pump([PAUSE_SECONDS] * 4)
    assert handed_on == ["a", "b", "a", "b"]
    clock.pump([PAUSE_SECONDS] * 9)
    assert handed_on == ["a", "b", "a", "b", "a", "a"]
    assert clock.getDelayedCalls() == []


def test_a_slow_bank_s_links_are_looked_at_when_its_next_token_is_there_and_not_before() -> None:
    clock, handed_on = Clock(), list[str]()
    rate_limiter = RateLimiter(2, clock, always)
    taken_at_once(rate_limiter)
    rate_limiter.wait(Line("a", 3, handed_on))
    looks = []
    while clock.getDelayedCalls():
        (call,) = clock.getDelayedCalls()
        looks.append((round(call.getTime(), 6), len(handed_on)))
        clock.advance(call.getTime() - clock.seconds())
    assert looks == [(PAUSE_SECONDS, 0), (0.5, 0), (1.0, 1), (1.5, 2)]


def test_tokens_that_came_while_there_was_no_room_need_not_be_waited_for() -> None:
    clock, handed_on, room = Clock(), list[str](), [True]
    rate_limiter = RateLimiter(1, clock, lambda: room[0])
    taken_at_once(rate_limiter)
    room[0] = False
    rate_limiter.wait(Line("a", 1, handed_on))
    clock.pump([PAUSE_SECONDS, 5])
    room[0] = True
    clock.advance(PAUSE_SECONDS)
    assert handed_on == ["a"]


def test_nobody_passes_those_who_wait() -> None:
    clock, handed_on = Clock(), list[str]()
    rate_limiter = RateLimiter(100, clock, always)
    taken_at_once(rate_limiter)
    rate_limiter.wait(Line("a", 1, handed_on))
    clock.rightNow += 1  # time passed, and the reactor has not come to it yet
    assert not rate_limiter.take()
    clock.advance(0)
    assert handed_on == ["a"]
    assert rate_limiter.take()


def test_where_there_is_no_room_a_link_waits_and_no_token_is_spent() -> None:
    clock, handed_on, room = Clock(), list[str](), [False]
    rate_limiter = RateLimiter(20, clock, lambda: room[0])
    assert not rate_limiter.take()
    rate_limiter.wait(Line("a", 3, handed_on))
    clock.advance(1)
    assert handed_on == []
    room[0] = True
    clock.advance(PAUSE_SECONDS)
    assert handed_on == ["a", "a"]


def test_a_lost_link_waits_no_more() -> None:
    clock, handed_on = Clock(), list[str]()
    rate_limiter = RateLimiter(10, clock, always)
    taken_at_once(rate_limiter)
    line = Line("a", 5, handed_on)
    rate_limiter.wait(line)
    rate_limiter.forget(line)
    rate_limiter.forget(line)
    clock.advance(1)
    assert handed_on == []


@given(st.integers(1, 5000), st.lists(st.floats(0, 0.5), min_size=1, max_size=40))
def test_no_window_takes_more_than_its_rate_and_a_burst(a_second: int, gaps: list[float]) -> None:
    clock = Clock()
    rate_limiter = RateLimiter(a_second, clock, always)
    total, elapsed = taken_at_once(rate_limiter), 0.0
    for gap in gaps:
        clock.advance(gap)
        elapsed += gap
        total += taken_at_once(rate_limiter)
        assert total <= max(1.0, a_second * BURST_SECONDS) + elapsed * a_second + 1e-6
