"""A relay in virtual time: who is read when, and how an end is told. Real sockets are in tests/cluster."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.error import ConnectionRefusedError as RefusedError
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from simulators.relay import End, Link, Relay
from tests.support.virtual_links import Transport


class Wire:
    """A relay of one link between two transports; the far one stands when `reached` is called."""

    def __init__(self, places: int = 1) -> None:
        self.reactor: Any = MemoryReactorClock()
        self.relay = Relay(self.reactor)
        self.link = Link(self.relay, lambda: [("127.0.0.1", 1)] * places)
        self.near, self.far = Transport(), Transport()
        self.link.near.makeConnection(self.near)

    def reached(self) -> None:
        self.reactor.tcpClients[-1][2].buildProtocol(None).makeConnection(self.far)

    def refused(self) -> None:
        self.reactor.tcpClients[-1][2].clientConnectionFailed(None, Failure(RefusedError()))

    def end_of(self, side: str) -> tuple[End, Transport, Transport]:
        """An end, its transport, and the other's."""
        if side == "near":
            return self.link.near, self.near, self.far
        return self.link.far, self.far, self.near


SIDES = pytest.mark.parametrize("side", ["near", "far"])


def test_a_caller_is_not_read_before_there_is_somebody_to_read_it() -> None:
    wire = Wire()
    assert wire.near.producerState == "paused"
    wire.reached()
    assert wire.near.producerState == "producing"
    wire.link.near.dataReceived(b"question")
    wire.link.far.dataReceived(b"answer")
    assert (wire.far.value(), wire.near.value()) == (b"question", b"answer")


@SIDES
@pytest.mark.parametrize("again", ["resumeProducing", "stopProducing"], ids=["has room again", "is gone"])
def test_who_is_read_slowly_is_not_sent_more_than_a_transport_takes_until_it_has_room_or_is_gone(
    side: str, again: str
) -> None:
    """Who was held by one that is gone is read again, so that its end is seen."""
    wire = Wire()
    wire.reached()
    _, transport, other = wire.end_of(side)
    transport.producer.pauseProducing()
    assert (other.producerState, transport.producerState) == ("paused", "producing")
    getattr(transport.producer, again)()
    assert other.producerState == "producing"


def test_who_is_held_for_two_reasons_is_read_when_neither_holds_it_any_more() -> None:
    wire = Wire()
    wire.reached()
    wire.link.near.hold("a reason of its own")
    wire.far.producer.pauseProducing()
    wire.link.near.release("a reason of its own")
    assert wire.near.producerState == "paused"
    wire.far.producer.resumeProducing()
    assert wire.near.producerState == "producing"


@SIDES
@pytest.mark.parametrize(("reason", "how"), [(ConnectionDone, "closed"), (ConnectionLost, "aborted")])
def test_an_end_is_told_as_it_came(side: str, reason: type[Exception], how: str) -> None:
    wire = Wire()
    wire.reached()
    end, _, other = wire.end_of(side)
    end.connectionLost(Failure(reason()))
    assert (other.disconnecting, other.disconnected) == (True, how == "aborted")
    if how == "closed":
        assert other.producer is None, "a transport that somebody fills is not closed before he stops"
    assert wire.link.is_over


def test_a_place_that_refuses_is_passed_over_and_who_finds_none_is_ended() -> None:
    wire = Wire(places=2)
    wire.refused()
    assert (wire.relay.passed_over, wire.near.disconnected) == (1, False)
    wire.refused()
    assert (wire.relay.passed_over, wire.near.disconnected) == (2, True)


def test_a_place_that_is_reached_when_the_caller_has_gone_is_left_again() -> None:
    wire = Wire()
    wire.link.near.connectionLost(Failure(ConnectionLost()))
    wire.reached()
    assert wire.far.disconnected


def test_stopping_ends_also_what_is_being_closed_and_nobody_reads() -> None:
    wire = Wire()
    wire.reached()
    wire.link.far.connectionLost(Failure(ConnectionDone()))
    assert (wire.near.disconnecting, wire.near.disconnected) == (True, False)
    wire.relay.stop()
    assert wire.near.disconnected
