"""The banks' listeners on memory transports and a virtual clock: what one bank sends too fast waits with it
alone, and what it leaves unread is bounded for all its links together.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from fep.engine.commit import Engine
from fep.keys.key_provider import KeyProvider
from fep.links.connection import BankConnection
from fep.links.counterparty import Counterparty, Surroundings
from fep.links.key_desk import KeyDesk
from fep.links.misses import Misses
from fep.links.rate_limiter import PAUSE_SECONDS
from fep.links.receipt import Letterhead
from fep.links.request_parser import RequestParser
from fep.links.server import REFUSALS_A_SECOND, Server
from fep.settings.config import Settings
from fep.telemetry.event_log import EventLog
from fep.telemetry.refusals import Refusals
from fep.telemetry.statistics import Statistics
from firewall_rules.gateway import Gateway
from ledger.rules.request import Answer
from protocol.codec import Codec
from protocol.decline import FastDecline
from protocol.dialect import load
from protocol.framing import Frame, FrameReader, Framing, wrap
from protocol.mac import MacKey, MacMethod
from protocol.message import Message
from protocol.responses import Response
from tests.support.builders import BANK, message, request
from tests.support.machine import OTHER_BANK, write_settings

PORTS = {BANK: 7001, OTHER_BANK: 7002}
ECHO = {7: "1124101112", 70: "001"}


class Sockets(StringTransport):
    """A transport that a test can read, and that tells whether it is being read."""

    aborted = False

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802 - Twisted's name
        """Nothing to set."""

    def setTcpKeepAlive(self, enabled: bool) -> None:  # noqa: N802 - Twisted's name
        """Nothing to set."""

    def abortConnection(self) -> None:  # noqa: N802 - Twisted's name
        self.aborted = True

    def answers(self) -> list[str]:
        """DE 11 of what has been written since the last look."""
        return [CODEC.decode(frame.body).fields[11] for frame in self.frames()]

    def frames(self) -> list[Frame]:
        """What has been written since the last look."""
        frames = FrameReader(Framing.BE2).feed(self.value())
        self.clear()
        return frames


CODEC = Codec(load("ascii87"))


def ons(*numbers: int, bank: str = BANK) -> bytes:
    """Sign-on requests with these STANs, one after another: the only message that needs no key."""
    messages = (Message("0800", {**ECHO, 11: f"{number:06d}", 32: bank}) for number in numbers)
    return b"".join(wrap(Framing.BE2, CODEC.encode(echo)) for echo in messages)


def paid(number: int, key: MacKey, *, bank: str = BANK) -> bytes:
    """A collection, framed."""
    return wrap(Framing.BE2, CODEC.seal(message(de11=f"{number:06d}", de32=bank), key.mac))


class House:
    """A server whose clock and sockets are the test's."""

    def __init__(self, settings: Settings) -> None:
        self.clock, self.statistics = Clock(), Statistics()
        self.event_log = EventLog(lambda: 1, self.clock.seconds)
        key_provider = KeyProvider(settings.keystore)
        parties = {
            bank.code: Counterparty(
                bank,
                CODEC,
                FastDecline(CODEC),
                RequestParser(bank, key_provider.front_key, CODEC.dialect, settings.limits.key_days),
                key_provider.bank_keys(bank, os.urandom),
                Misses(bank.misses_a_minute, bank.misses_a_day),
                Letterhead(),
                None,
            )
            for bank in settings.bank
        }

        def in_thread(call: Callable[..., object], *arguments: object) -> Deferred[object]:
            raise AssertionError(f"nothing here reaches the book: {call}{arguments}")

        engine = Engine(
            committer=lambda _requests, _at: [],
            lookup=lambda _requests: [],
            call_in_thread=in_thread,
            clock=self.clock,
            now_us=lambda: 1,
            statistics=self.statistics,
            batch_limit=1,
            queue_limit=1,
            queue_seconds=0.5,
            retry_seconds=1,
            fenced=lambda: None,
        )
        moment = datetime(2026, 11, 24, 10, 11, 12, tzinfo=UTC)
        seconds = self.clock.seconds
        self.engine = engine
        around = Surroundings(
            engine,
            settings.limits,
            self.statistics,
            seconds,
            lambda: moment,
            moment.date,
            self.event_log,
            Refusals(seconds),
            KeyDesk(self.clock, lambda: 1, in_thread, 3),
        )
        self.server = Server(parties, around)
        self.server.start(Gateway(bank.allowance(PORTS[bank.code]) for bank in settings.bank), self.clock)

    def connect(self, bank: str = BANK) -> tuple[BankConnection, Sockets]:
        """A bank's connection and its socket."""
        protocol = self.server.admit("127.0.0.1", PORTS[bank])
        assert isinstance(protocol, BankConnection)
        ends = (IPv4Address("TCP", "127.0.0.1", port) for port in (PORTS[bank], 9))
        transport = Sockets(*ends)
        protocol.makeConnection(transport)
        return protocol, transport


@pytest.fixture
def slow(tmp_path: Path) -> House:
    """One bank may send ten messages a second, so one at once; the other what is usual."""
    return House(write_settings(tmp_path, "sqlite:///none.db", entry="messages_a_second = 10"))


def test_what_comes_too_fast_is_read_later_whole_and_in_order(slow: House) -> None:
    link, socket = slow.connect()
    link.dataReceived(ons(1, 2, 3, 4))
    assert (socket.answers(), socket.producerState) == (["000001"], "paused")
    slow.clock.pump([0.01] * 21)
    assert (socket.answers(), socket.producerState) == (["000002", "000003"], "paused")
    slow.clock.pump([0.01] * 10)
    assert (socket.answers(), socket.producerState) == (["000004"], "producing")


def test_all_links_of_a_bank_share_its_rate_and_another_bank_does_not_wait(slow: House) -> None:
    first, paused = slow.connect()
    second, behind = slow.connect()
    other, unhurt = slow.connect(OTHER_BANK)
    first.dataReceived(ons(1, 2, 3))
    second.dataReceived(ons(4, 5))
    other.dataReceived(ons(*range(6, 20), bank=OTHER_BANK))
    assert (paused.answers(), behind.answers(), len(unhurt.answers())) == (
        ["000001"],
        [],
        14,
    )
    slow.clock.pump([0.01] * 31)
    assert (paused.answers(), behind.answers()) == (["000002", "000003"], ["000004"])


def test_a_frame_that_is_late_because_we_did_not_read_is_not_late(slow: House) -> None:
    link, socket = slow.connect()
    data = ons(*range(1, 200))
    link.dataReceived(data[:-1])
    slow.clock.pump([0.125] * 196)
    assert (socket.producerState, slow.statistics.closed_links) == ("paused", {})
    slow.clock.advance(0.125)
    assert socket.producerState == "producing"
    slow.clock.pump([1.0] * 9)
    assert not socket.disconnecting
    slow.clock.pump([1.0] * 2)
    assert slow.statistics.closed_links == {(BANK, "a frame was not complete in time"): 1}


def test_a_bad_frame_ends_the_link_after_those_before_it_however_long_they_wait(slow: House) -> None:
    link, socket = slow.connect()
    link.dataReceived(ons(1, 2, 3) + b"\xff\xff")
    link.dataReceived(ons(4))
    assert not socket.disconnecting
    slow.clock.pump([0.1] * 3)
    assert (socket.answers(), socket.disconnecting) == (["000001", "000002", "000003"], True)


def test_a_frame_longer_than_the_settings_allow_ends_its_link(tmp_path: Path) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db", limits="frame_bytes = 256"))
    link, socket = house.connect()
    link.dataReceived((256).to_bytes(2))
    assert not socket.disconnecting
    link, socket = house.connect()
    link.dataReceived((257).to_bytes(2))
    assert socket.disconnecting


def test_where_the_queue_is_full_so_many_are_told_at_once_and_the_rest_wait(tmp_path: Path) -> None:
    """As many as may be refused until one looks again; another bank, with nothing waiting, has room."""
    house = House(write_settings(tmp_path, "sqlite:///none.db", entry="messages_a_second = 100000"))
    link, socket = house.connect()
    other, unhurt = house.connect(OTHER_BANK)
    house.engine.offer(request(), lambda _: None, lambda: None)
    once = int(REFUSALS_A_SECOND * PAUSE_SECONDS)
    link.dataReceived(ons(*range(1, once + 50)))
    assert (len(socket.answers()), socket.producerState) == (once, "paused")
    other.dataReceived(ons(*range(1, 60), bank=OTHER_BANK))
    assert (len(unhurt.answers()), unhurt.producerState) == (59, "producing")


def test_a_transaction_whose_fate_cannot_be_learnt_ends_its_link_without_an_answer(tmp_path: Path) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db"))
    link, socket = house.connect()
    link.dataReceived(ons(1))
    key = link.link.session.keys.current
    assert key is not None
    socket.clear()
    link.dataReceived(paid(2, key))
    [waiting] = house.engine._queue.take(9)
    waiting.give_up()
    assert (socket.disconnecting, socket.frames()) == (True, [])
    waiting.deliver(Answer(Response.APPROVED))
    assert socket.frames() == [], "nothing follows"


def test_a_clock_that_was_set_back_brings_no_old_key_to_life(tmp_path: Path) -> None:
    """The wall clock says 24 November; the business day that is open says that this is long ago."""
    house = House(write_settings(tmp_path, "sqlite:///none.db"))
    house.engine.business_date = "20270110"
    link, socket = house.connect()
    link.dataReceived(ons(1))
    key = link.link.session.keys.current
    assert key is not None
    socket.clear()
    link.dataReceived(paid(2, key))
    [frame] = socket.frames()
    answer = CODEC.decode(frame.body)
    assert (answer.fields[39], answer.fields[44]) == ("30", "DE 7 not within 31 days")


class Crowded:
    """A link that has signed on at a machine whose queue of one is taken."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.link, self.socket = house.connect()
        self.link.dataReceived(ons(1))
        key = self.link.link.session.keys.current
        assert key is not None
        self.key = key
        self.socket.clear()
        house.engine.offer(request(), lambda _: None, lambda: None)

    def told(self, data: bytes) -> list[tuple[str, str]]:
        """MTI and DE 39 of the answers, each with a good MAC."""
        self.link.dataReceived(data)
        answers = []
        for frame in self.socket.frames():
            answer = CODEC.decode(frame.body)
            split = CODEC.mac_of(frame.body, answer)
            assert split is not None
            assert self.key.verify(*split)
            answers.append((answer.mti, answer.fields[39]))
        return answers


@pytest.fixture
def crowded(tmp_path: Path) -> Crowded:
    entry = "messages_a_second = 100000"
    return Crowded(House(write_settings(tmp_path, "sqlite:///none.db", entry=entry)))


@pytest.fixture
def undecoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What has been decoded since."""
    decoded: list[bytes] = []
    real = Codec.decode

    def decode(self: Codec, data: bytes) -> Message:
        decoded.append(data)
        return real(self, data)

    monkeypatch.setattr(Codec, "decode", decode)
    return decoded


@pytest.mark.parametrize("date", ["", "20261124"])
def test_a_transaction_without_a_place_is_refused_as_it_would_be_if_it_were_decoded(
    crowded: Crowded, undecoded: list[bytes], monkeypatch: pytest.MonkeyPatch, date: str
) -> None:
    crowded.house.engine.business_date = date
    data = b"".join(paid(number, crowded.key) for number in range(1, 4))
    crowded.link.dataReceived(data)
    short = crowded.socket.frames()
    assert (len(short), undecoded) == (3, [])
    assert crowded.house.statistics.outcomes == {(BANK, "0800", "00"): 1, (BANK, "0200", "91"): 3}
    monkeypatch.setattr(FastDecline, "scan", lambda *_: None)
    crowded.link.dataReceived(data)
    assert (crowded.socket.frames(), len(undecoded)) == (short, 3)
    assert crowded.house.statistics.outcomes == {(BANK, "0800", "00"): 1, (BANK, "0200", "91"): 6}


def test_without_a_place_what_is_not_authentic_or_no_transaction_is_answered_as_ever(
    crowded: Crowded,
) -> None:
    wrong = MacKey(MacMethod.AES_CMAC, bytes(16))
    echo = CODEC.seal(Message("0800", {**ECHO, 11: "000009", 32: BANK, 70: "301"}), crowded.key.mac)
    unknown = CODEC.seal(message("0600"), crowded.key.mac)
    assert crowded.told(paid(2, wrong)) == [("0210", "63")]
    assert crowded.told(paid(3, crowded.key, bank=OTHER_BANK)) == [("0210", "63")]
    assert crowded.told(wrap(Framing.BE2, echo)) == [("0810", "00")]
    assert crowded.told(wrap(Framing.BE2, unknown)) == [("0610", "40")]
    assert crowded.told(paid(4, crowded.key)) == [("0210", "91")]


def test_bad_macs_are_counted_without_a_place_too_and_a_good_one_ends_the_row(crowded: Crowded) -> None:
    wrong = MacKey(MacMethod.AES_CMAC, bytes(16))
    data = b"".join([*(paid(n, wrong) for n in range(4)), paid(5, crowded.key), paid(6, wrong)])
    assert crowded.told(data) == [*[("0210", "63")] * 4, ("0210", "91"), ("0210", "63")]
    assert crowded.house.statistics.mac_failures == {BANK: 5}
    assert not crowded.socket.disconnecting
    crowded.told(b"".join(paid(n, wrong) for n in range(4)))
    assert crowded.socket.disconnecting


def test_a_link_that_has_not_signed_on_is_told_so_even_without_a_place(crowded: Crowded) -> None:
    link, socket = crowded.house.connect()
    link.dataReceived(paid(2, crowded.key))
    assert [CODEC.decode(frame.body).fields[39] for frame in socket.frames()] == ["63"]


def test_a_link_that_has_signed_off_or_is_stopping_is_told_so_even_without_a_place(crowded: Crowded) -> None:
    off = CODEC.seal(Message("0800", {**ECHO, 11: "000009", 32: BANK, 70: "002"}), crowded.key.mac)
    assert crowded.told(wrap(Framing.BE2, off) + paid(2, crowded.key)) == [("0810", "00"), ("0210", "63")]
    crowded.house.server.drain()
    crowded.link.dataReceived(paid(3, crowded.key))
    assert [CODEC.decode(frame.body).fields[44] for frame in crowded.socket.frames()] == ["STOPPING"]


def test_a_stop_answers_what_waits_at_once(slow: House) -> None:
    link, socket = slow.connect()
    link.dataReceived(ons(1, 2, 3))
    slow.server.drain()
    assert (socket.answers(), socket.producerState) == (["000001", "000002", "000003"], "producing")


def test_a_lost_link_leaves_nothing_behind_that_waits(slow: House) -> None:
    link, _ = slow.connect()
    link.dataReceived(ons(1, 2, 3))
    link.connectionLost()
    slow.clock.pump([0.1] * 5)
    assert slow.statistics.outcomes == {(BANK, "0800", "00"): 1}
    again, socket = slow.connect()
    again.dataReceived(ons(7))
    assert socket.answers() == ["000007"]


def test_a_reload_changes_a_banks_rate_for_the_links_that_it_has(slow: House, tmp_path: Path) -> None:
    link, socket = slow.connect()
    faster = House(write_settings(tmp_path, "sqlite:///none.db", entry="messages_a_second = 100"))
    slow.server.replace(faster.server._gateway, faster.server._counterparties)
    slow.clock.advance(1)
    link.dataReceived(ons(*range(1, 20)))
    assert len(socket.answers()) == 10


def test_each_bank_of_the_settings_has_its_links_counted_and_one_that_left_while_it_has_some(
    slow: House,
) -> None:
    assert slow.server.links_by_bank() == {BANK: 0, OTHER_BANK: 0}
    link, _ = slow.connect()
    parties = {OTHER_BANK: slow.server._counterparties[OTHER_BANK]}
    slow.server._counterparties = parties
    assert slow.server.links_by_bank() == {BANK: 1, OTHER_BANK: 0}
    link.connectionLost()
    assert slow.server.links_by_bank() == {OTHER_BANK: 0}


def test_what_a_banks_links_leave_unread_is_bounded_for_all_of_them_together(tmp_path: Path) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db", limits="unsent_bytes = 65536"))
    links = [house.connect() for _ in range(3)]
    for link, _ in links:
        link.pauseProducing()
        link.send(bytes(20_000))
    first, crowded_socket = links[0]
    first.send(bytes(5_000))
    assert not crowded_socket.aborted
    first.send(bytes(1_000))
    assert crowded_socket.aborted
    first.connectionLost()
    links[1][0].send(bytes(20_000))
    links[2][0].resumeProducing()
    links[1][0].send(bytes(20_000))
    assert [socket.aborted for _, socket in links] == [True, False, False]


def test_another_banks_unread_answers_are_its_own(tmp_path: Path) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db", limits="unsent_bytes = 65536"))
    for bank in (BANK, OTHER_BANK):
        link, socket = house.connect(bank)
        link.pauseProducing()
        link.send(bytes(60_000))
        assert not socket.aborted
