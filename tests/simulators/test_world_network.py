"""The simulated network: order, cuts, half-open connections, hosts that end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from simulators.world.network import CALM, Host, Network, SortedClock, Weather


class Told(Protocol):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.data = b""
        self.ends: list[type[BaseException] | None] = []

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self.data += data

    def connectionLost(self, reason: Failure | None = None) -> None:  # type: ignore[override]  # noqa: N802
        self.ends.append(reason.type if reason else None)


class Pair:
    """A client and a server, connected."""

    def __init__(self, weather: Weather = CALM, seed: str = "1") -> None:
        self.trace: list[tuple[Any, ...]] = []
        self.network = Network(seed, weather, lambda *event: self.trace.append(event))
        self.here, self.there = Host(self.network, "here"), Host(self.network, "there")
        self.taken: list[Told] = []
        factory = Factory.forProtocol(Told)
        factory.buildProtocol = self._take  # type: ignore[method-assign]
        self.there.listenTCP(9000, factory)
        self.client = Told()
        self.network.connect(self.here, 9000, self.client, "10.0.0.1")
        self.run(200)

    def _take(self, _address: object) -> Told:
        self.taken.append(Told())
        return self.taken[-1]

    @property
    def server(self) -> Told:
        return self.taken[0]

    def run(self, seconds: float = 1.0) -> None:
        until = self.network.clock.seconds() + seconds
        while self.network.clock.calls and self.network.clock.calls[0].getTime() <= until:
            self.network.step()
        self.network.clock.rightNow = until


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_bytes_come_whole_and_in_order_however_they_are_split(seed: str) -> None:
    pair = Pair(Weather(split=1.0, stall=0.3), seed)
    sent = b"".join(bytes([n]) * 40 for n in range(20))
    for n in range(20):
        pair.client.transport.write(bytes([n]) * 40)
    pair.run(2000)
    assert pair.server.data == sent
    assert len([event for event in pair.trace if event[0] == "machine got"]) > 20


def test_a_cut_leaves_a_beginning_and_both_are_told() -> None:
    lengths = set()
    for seed in ("1", "2", "3"):
        pair = Pair(Weather(cut=1.0), seed)
        pair.client.transport.write(b"0123456789" * 10)
        pair.run()
        assert (b"0123456789" * 10).startswith(pair.server.data)
        assert (pair.client.ends, pair.server.ends) == ([ConnectionLost], [ConnectionLost])
        lengths.add(len(pair.server.data))
    assert lengths - {100} != set(), "nothing was ever lost"


def test_a_half_open_connection_is_found_out_by_who_writes() -> None:
    pair = Pair(Weather(cut=1.0, half_open=1.0))
    pair.client.transport.write(b"x")
    pair.run()
    assert (pair.client.ends, pair.server.ends) == ([], [])
    pair.server.transport.write(b"y")
    pair.run()
    assert (pair.client.ends, pair.server.ends) == ([], [ConnectionLost])


def test_what_was_written_before_a_close_comes_before_it() -> None:
    pair = Pair(Weather(stall=1.0))
    pair.client.transport.write(b"last words")
    pair.client.transport.loseConnection()
    pair.run(100)
    assert (pair.server.data, pair.server.ends) == (b"last words", [ConnectionDone])


def test_nothing_is_called_on_a_host_that_has_ended() -> None:
    pair = Pair()
    called: list[int] = []
    pair.there.callLater(0.5, called.append, 1)
    pair.client.transport.write(b"too late")
    pair.there.kill()
    pair.run(10)
    assert (called, pair.server.data, pair.server.ends, pair.client.ends) == ([], b"", [], [ConnectionLost])


def test_who_does_not_read_is_given_it_later() -> None:
    pair = Pair()
    pair.server.transport.pauseProducing()
    pair.client.transport.write(b"abc")
    pair.client.transport.loseConnection()
    pair.run()
    assert (pair.server.data, pair.server.ends) == (b"", [])
    pair.server.transport.resumeProducing()
    pair.run()
    assert (pair.server.data, pair.server.ends) == (b"abc", [ConnectionDone])


def test_a_ghost_says_all_again() -> None:
    pair = Pair(Weather(ghost=1.0))
    pair.client.transport.write(b"once")
    pair.run()
    assert [server.data for server in pair.taken] == [b"once", b"once"]


def moves(*move: str) -> st.SearchStrategy[list[tuple[str, int, int]]]:
    """What is done with a clock: with how many seconds, and to which call."""
    return st.lists(st.tuples(st.sampled_from(move), st.integers(0, 4), st.integers(0, 9)), max_size=30)


def called_in_order(clock: Clock, done: list[tuple[str, int, int]]) -> list[tuple[float, int]]:
    """What was called, and when, as calls are asked for, moved and taken back; each asks for another."""
    called: list[tuple[float, int]] = []
    calls: list[IDelayedCall] = []

    def ring(number: int) -> None:
        called.append((clock.seconds(), number))
        if number % 3 == 0:
            clock.callLater(0, called.append, (clock.seconds(), -number))

    for move, seconds, which in done:
        call = calls[which % len(calls)] if calls else None
        if move == "ask":
            calls.append(clock.callLater(seconds, ring, len(calls)))
        elif move == "go on":
            go_on(clock, seconds)
        elif call is not None and call.active():
            if move == "cancel":
                call.cancel()
            else:
                call.reset(seconds if move == "sooner" else seconds + 5)
    go_on(clock, 100)
    return called


def go_on(clock: Clock, seconds: float) -> None:
    until = clock.seconds() + seconds
    while clock.calls and (due := min(call.getTime() for call in clock.calls)) <= until:
        if isinstance(clock, SortedClock):
            clock.next_moment()
        else:
            clock.advance(max(0.0, due - clock.seconds()))
    clock.rightNow = until


@given(moves("ask", "cancel", "go on"))
def test_the_virtual_clock_calls_what_twisteds_calls_in_the_same_order(
    done: list[tuple[str, int, int]],
) -> None:
    assert called_in_order(SortedClock(), done) == called_in_order(Clock(), done)


@given(moves("ask", "sooner", "later", "cancel", "go on"))
def test_a_call_that_was_moved_is_called_at_its_new_time(done: list[tuple[str, int, int]]) -> None:
    # In which order calls of one moment come is Twisted's own affair once they were moved.
    assert sorted(called_in_order(SortedClock(), done)) == sorted(called_in_order(Clock(), done))
