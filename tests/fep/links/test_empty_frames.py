"""Frames without a message: what a bank's settings make of them, and how many a link may send."""

from __future__ import annotations

from pathlib import Path

import pytest

from fep.links.connection import EMPTY_FRAMES_A_MINUTE, TOO_MANY_EMPTY
from protocol.framing import FrameReader, wrap
from protocol.message import Message
from tests.fep.links.test_server import CODEC, House, Sockets, ons
from tests.support.builders import BANK
from tests.support.machine import write_settings

EMPTY = b"\x00\x00"


def house_of(tmp_path: Path, entry: str) -> House:
    return House(write_settings(tmp_path, "sqlite:///none.db", entry=entry))


def written(socket: Sockets) -> bytes:
    data = bytes(socket.value())
    socket.clear()
    return data


@pytest.mark.parametrize("entry", ["", 'idle = "ignore"'])
def test_empty_frames_are_passed_over_unless_the_settings_say_otherwise(tmp_path: Path, entry: str) -> None:
    link, socket = house_of(tmp_path, entry).connect()
    link.dataReceived(EMPTY + ons(1) + EMPTY + EMPTY[:1])
    link.dataReceived(EMPTY[1:] + ons(2))
    assert (socket.answers(), socket.disconnecting) == (["000001", "000002"], False)


def test_an_empty_frame_is_echoed_where_the_settings_say_so(tmp_path: Path) -> None:
    link, socket = house_of(tmp_path, 'idle = "echo"').connect()
    link.dataReceived(EMPTY)
    link.dataReceived(EMPTY * 2)
    assert written(socket) == EMPTY * 3


@pytest.mark.parametrize(
    ("sent", "echoed"), [("0000", "0000"), ("00056000031234", "00056012340003")], ids=["bare", "with TPDU"]
)
def test_an_echo_has_a_tpdu_where_the_empty_frame_had_one(tmp_path: Path, sent: str, echoed: str) -> None:
    settings = write_settings(tmp_path, "sqlite:///none.db", entry='idle = "echo"', framing="2be-tpdu")
    link, socket = House(settings).connect()
    link.dataReceived(bytes.fromhex(sent))
    assert written(socket).hex() == echoed


PARTS = '{ length = "4hex", counts_itself = true, tpdu = true, header = "echo 2", keep_alive = "50494E47" }'


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        (b"000F\x60\x00\x03\x12\x34hsPING", b"000F\x60\x12\x34\x00\x03hsPING"),
        (b"000B\x60\x00\x03\x12\x34hs", b"000B\x60\x12\x34\x00\x03hs"),
        (b"0009\x60\x00\x03\x12\x34", b"0009\x60\x12\x34\x00\x03"),
        (b"0004", b"0004"),
        (b"0000", b"0000"),
    ],
    ids=["agreed pattern", "no message", "TPDU alone", "length alone", "length of zero"],
)
def test_a_sign_of_life_in_a_framing_of_parts_is_echoed_as_it_came(
    tmp_path: Path, sent: bytes, echoed: bytes
) -> None:
    settings = write_settings(tmp_path, "sqlite:///none.db", entry='idle = "echo"', framing=PARTS)
    link, socket = House(settings).connect()
    link.dataReceived(sent)
    assert written(socket) == echoed


def test_an_agreed_pattern_ends_the_link_where_signs_of_life_are_not_taken(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, "sqlite:///none.db", entry='idle = "close"', framing=PARTS)
    house = House(settings)
    link, socket = house.connect()
    link.dataReceived(b"000F\x60\x00\x03\x12\x34hsPING")
    assert socket.disconnecting
    assert house.statistics.closed_links == {(BANK, "the message is a sign of life, which is not taken"): 1}


def test_an_empty_frame_ends_the_link_where_the_settings_say_so(tmp_path: Path) -> None:
    house = house_of(tmp_path, 'idle = "close"')
    link, socket = house.connect()
    link.dataReceived(ons(1) + EMPTY)
    assert (socket.answers(), socket.disconnecting) == (["000001"], True)
    assert house.statistics.closed_links == {(BANK, "the message is empty"): 1}


@pytest.mark.parametrize("idle", ["ignore", "echo"])
def test_a_flood_of_empty_frames_ends_the_link(tmp_path: Path, idle: str) -> None:
    house = house_of(tmp_path, f'idle = "{idle}"')
    link, socket = house.connect()
    link.dataReceived(EMPTY * EMPTY_FRAMES_A_MINUTE)
    assert not socket.disconnecting
    link.dataReceived(EMPTY * 10_000)
    assert socket.disconnecting
    assert house.statistics.closed_links == {(BANK, TOO_MANY_EMPTY): 1}
    echoes = EMPTY_FRAMES_A_MINUTE if idle == "echo" else 0
    assert written(socket) == EMPTY * echoes


def test_a_host_that_polls_each_second_is_never_too_fast(tmp_path: Path) -> None:
    house = house_of(tmp_path, "")
    link, socket = house.connect()
    link.dataReceived(ons(1))
    for _ in range(3 * EMPTY_FRAMES_A_MINUTE):
        link.dataReceived(EMPTY)
        house.clock.advance(1)
    assert not socket.disconnecting


def test_an_empty_frame_is_a_sign_of_life(tmp_path: Path) -> None:
    """No echo of ours is asked for on a link that polls."""
    house = House(write_settings(tmp_path, "sqlite:///none.db", limits="idle_seconds = 10"))
    link, socket = house.connect()
    link.dataReceived(ons(1))
    socket.clear()
    for _ in range(6):
        house.clock.pump([1.0] * 5)
        link.dataReceived(EMPTY)
    assert written(socket) == b""


def test_what_we_ask_of_our_own_accord_goes_with_the_head_of_our_last_answer(tmp_path: Path) -> None:
    house = House(write_settings(tmp_path, "sqlite:///none.db", framing=PARTS))
    link, socket = house.connect()
    sign_on = Message("0800", {7: "1124101112", 11: "000001", 32: BANK, 70: "001"})
    came, ours = b"\x60\x00\x03\x12\x34hs", b"\x60\x12\x34\x00\x03hs"
    link.dataReceived(wrap(link.link.bank.framing, CODEC.encode(sign_on), came))
    link.ask("301")
    framing = link.link.bank.framing
    assert [frame.head for frame in FrameReader(framing).feed(written(socket))] == [ours, ours]
