"""One guard around what a link does: whatever goes wrong there ends that link alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from twisted.logger import LogEvent, globalLogPublisher

from fep.links.connection import CLOSE_SECONDS, FAULT, BankConnection
from fep.links.deadlines import Deadlines
from fep.links.link import Link
from fep.links.network_management import CUTOVER
from fep.links.response_builder import render
from ledger.rules.request import Answer
from protocol.mac import MacKey
from protocol.responses import Response
from tests.fep.links.test_server import House, Sockets, ons, paid
from tests.support.builders import BANK
from tests.support.machine import OTHER_BANK, write_settings

VALUE = "6222020200112233445"


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Of the bank one link may be open, and ten messages a second, so one at once."""
    return House(write_settings(tmp_path, "sqlite:///none.db", entry="links = 1\nmessages_a_second = 10"))


@pytest.fixture
def logged() -> list[LogEvent]:
    """What has been logged since."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield events  # type: ignore[misc] - a fixture
    globalLogPublisher.removeObserver(events.append)


def broken(*_: object, **__: object) -> NoReturn:
    raise ValueError(VALUE)


def signed_on(house: House) -> tuple[BankConnection, Sockets, MacKey]:
    link, socket = house.connect()
    link.dataReceived(ons(1))
    house.clock.advance(1)
    key = link.link.session.keys.current
    assert key is not None
    socket.clear()
    return link, socket, key


def is_over(house: House, link: BankConnection, socket: Sockets) -> None:
    """Assert that the link was ended for a fault, and that its slot is free once the socket has gone."""
    assert socket.disconnecting
    assert house.statistics.closed_links == {(BANK, FAULT): 1}
    assert house.statistics.link_faults == {BANK: 1}
    link.connectionLost()
    assert house.server.links_by_bank()[BANK] == 0
    again, socket = house.connect()
    house.clock.advance(1)
    again.dataReceived(ons(7))
    assert socket.answers() == ["000007"]


def decided(house: House, link: BankConnection, key: MacKey) -> None:
    link.dataReceived(paid(2, key))
    [waiting] = house.engine._queue.take(9)
    waiting.deliver(Answer(Response.APPROVED))


ACTS: dict[str, tuple[object, str, Callable[[House, BankConnection, MacKey], None]]] = {
    "reading": (Link, "received", lambda _, link, key: link.dataReceived(paid(2, key))),
    "answering": (render, "", decided),
    "a timer": (Deadlines, "missed", lambda house, _, __: house.clock.advance(1)),
    "an announcement": (Link, "ask", lambda house, _, __: house.server.announce(CUTOVER)),
    "stopping": (Link, "stop", lambda house, _, __: house.server.drain()),
}


@pytest.mark.parametrize("act", ACTS)
def test_whatever_goes_wrong_in_a_link_ends_that_link_alone(
    house: House, logged: list[LogEvent], monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    other, unhurt = house.connect(OTHER_BANK)
    link, socket, key = signed_on(house)
    owner, name, go = ACTS[act]
    with monkeypatch.context() as patched:
        if name:
            whole = getattr(owner, name)

            def mine_alone(self: object, *arguments: object) -> object:
                theirs = (other.link, other.link._deadlines)
                return whole(self, *arguments) if self in theirs else broken()

            patched.setattr(owner, name, mine_alone)
        else:
            patched.setattr("fep.links.answering.render", broken)
        go(house, link, key)
    [failure] = [event for event in logged if "log_failure" in event]
    assert (failure["bank"], failure["host"], failure["reason"]) == (BANK, "127.0.0.1", FAULT)
    assert VALUE not in str(failure["log_format"])
    assert not [event for event in logged if event["log_level"].name == "warn"], "it is logged once"
    assert not unhurt.disconnecting
    is_over(house, link, socket)


def test_an_answer_that_fails_is_counted_as_one_that_was_not_delivered(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, _, key = signed_on(house)
    monkeypatch.setattr("fep.links.answering.render", broken)
    decided(house, link, key)
    assert house.statistics.undelivered == 1


def test_a_link_that_is_held_back_is_no_zombie_when_its_frame_goes_wrong(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, socket, key = signed_on(house)
    link.dataReceived(ons(2) + paid(3, key) + paid(4, key))
    assert socket.producerState == "paused"
    with monkeypatch.context() as patched:
        patched.setattr(Link, "received", broken)
        house.clock.pump([0.1] * 3)
    is_over(house, link, socket)


def test_the_other_links_that_wait_go_on_when_one_of_them_goes_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db", entry="messages_a_second = 10"))
    (first, _), (second, waiting) = house.connect(), house.connect()
    first.dataReceived(ons(1, 2))
    second.dataReceived(ons(3, 4))
    whole = Link.received
    monkeypatch.setattr(
        Link, "received", lambda self, frame: broken() if self is first.link else whole(self, frame)
    )
    house.clock.pump([0.1] * 5)
    assert waiting.answers() == ["000003", "000004"]


def test_a_link_that_does_not_end_after_we_closed_it_is_cut_off(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As TLS, whose other side never says that it has seen the end."""
    link, socket, key = signed_on(house)
    with monkeypatch.context() as patched:
        patched.setattr(Link, "received", broken)
        link.dataReceived(paid(2, key))
    house.clock.pump([1.0] * (CLOSE_SECONDS - 1))
    assert not socket.aborted
    house.clock.pump([1.0] * 2)
    assert socket.aborted
