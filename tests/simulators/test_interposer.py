"""What sits between a bank and the machine, in virtual time: frames as the script rules, and ends."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.error import ConnectionRefusedError as RefusedError
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from protocol.framing import Framing, wrap
from protocol.mac import MacMethod
from simulators.certify.interposer import Fate, Interposed, Interposer, Relayed, Ruling
from simulators.certify.terms import Terms
from tests.support.builders import BANK
from tests.support.machine import ZMK
from tests.support.virtual_links import CODEC, Transport

ONE, OTHER = (wrap(Framing.BE2, body) for body in (b"no message", b"nor this"))


class Wire:
    """One link; the script rules `ruling` on every frame, and keeps what it is told."""

    def __init__(self, ruling: Ruling) -> None:
        self.ruling = ruling
        self.calls: list[tuple[str, ...]] = []
        self.reactor: Any = MemoryReactorClock()
        terms = Terms(BANK, "127.0.0.1", 0, Framing.BE2, "ascii87", MacMethod.AES_CMAC, ZMK)
        interposer = Interposer(self.reactor, terms, CODEC, self, self.reactor)
        interposer.machine_port = 8583
        self.link = Interposed(interposer, 1)
        self.near, self.far = Transport(), Transport()
        self.link.near.makeConnection(self.near)

    def reached(self) -> Wire:
        self.reactor.tcpClients[-1][2].buildProtocol(None).makeConnection(self.far)
        return self

    # The script.

    def opened(self, link: Interposed) -> None:
        self.calls.append(("opened",))

    def closed(self, link: Interposed, by: str) -> None:
        self.calls.append(("closed", by))

    def garbled(self, link: Interposed, reason: str) -> None:
        self.calls.append(("garbled",))

    def from_bank(self, link: Interposed, relayed: Relayed) -> Ruling:
        self.calls.append(("bank", relayed.body.decode()))
        return self.ruling

    def from_machine(self, link: Interposed, relayed: Relayed) -> Ruling:
        self.calls.append(("machine", relayed.body.decode()))
        return self.ruling


def test_behind_a_frame_in_which_the_link_is_cut_nothing_was_said() -> None:
    wire = Wire(Ruling(Fate.CUT)).reached()
    wire.link.far.dataReceived(ONE + OTHER)
    assert wire.calls == [("opened",), ("machine", "no message"), ("closed", "stand")]
    assert (wire.near.value(), wire.far.value()) == (ONE[: len(ONE) // 2], b"")
    assert (wire.near.disconnecting, wire.far.disconnecting) == (True, True)


def test_a_frame_that_is_held_back_goes_on_when_its_time_comes_and_what_is_behind_it_at_once() -> None:
    wire = Wire(Ruling(Fate.HELD, seconds=35)).reached()
    wire.link.near.dataReceived(ONE)
    wire.ruling = Ruling()
    wire.link.near.dataReceived(OTHER)
    assert wire.far.value() == OTHER
    wire.reactor.advance(35)
    assert wire.far.value() == OTHER + ONE


def test_a_frame_that_is_held_back_is_forgotten_when_the_link_is_over() -> None:
    wire = Wire(Ruling(Fate.HELD, seconds=35)).reached()
    wire.link.near.dataReceived(ONE)
    wire.link.near.connectionLost(Failure(ConnectionDone()))
    wire.reactor.advance(35)
    assert wire.far.value() == b""
    assert wire.calls[-1] == ("closed", "bank")


def test_bytes_that_are_no_frame_end_both_sides_behind_the_frames_before_them() -> None:
    wire = Wire(Ruling()).reached()
    wire.link.near.dataReceived(ONE + b"\xff\xff")
    assert wire.calls[1:] == [("bank", "no message"), ("garbled",), ("closed", "stand")]
    assert wire.far.value() == ONE
    assert (wire.near.disconnecting, wire.far.disconnecting) == (True, True)


def test_a_machine_that_takes_no_connection_ends_the_bank_s() -> None:
    wire = Wire(Ruling())
    wire.reactor.tcpClients[-1][2].clientConnectionFailed(None, Failure(RefusedError()))
    assert wire.calls == [("opened",), ("closed", "machine")]
    assert wire.near.disconnecting
