"""Who is believed to have sent a message, and what becomes of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from fep.links.network_management import ECHO, SIGN_ON
from protocol.mac import MacKey, MacMethod
from tests.fep.links.test_network_management import Line
from tests.fep.links.test_server import House
from tests.support.builders import BANK
from tests.support.machine import OTHER_BANK, write_settings

WRONG = MacKey(MacMethod.AES_CMAC, bytes(16))
BAD_MACS = 3


@pytest.fixture
def line(tmp_path: Path) -> Line:
    """A link that has signed on, at a machine that closes it at the third bad MAC in a row."""
    settings = write_settings(tmp_path, "sqlite:///none.db", limits=f"bad_macs = {BAD_MACS}")
    signed_on = Line(House(settings))
    signed_on.ask(SIGN_ON)
    return signed_on


@pytest.mark.parametrize(
    ("bank", "mac", "reason"),
    [
        (BANK, "none", "MAC MISSING"),
        (BANK, "wrong", "MAC WRONG"),
        (OTHER_BANK, "right", "DE 32: OTHER BANK"),
        (OTHER_BANK, "wrong", "MAC WRONG"),
    ],
)
def test_63_says_what_is_wrong(line: Line, bank: str, mac: str, reason: str) -> None:
    keys = {"none": None, "wrong": WRONG, "right": line.key}
    answer = line.ask(ECHO, bank=bank, key=keys[mac])
    assert (answer.fields[39], answer.fields[44]) == ("63", reason)


def test_a_bank_code_with_and_without_zeros_is_the_same_bank(line: Line) -> None:
    assert line.ask(ECHO, bank=BANK.zfill(11), key=line.key).fields[39] == "00"


def test_so_many_bad_macs_in_a_row_close_the_link(line: Line) -> None:
    for _ in range(BAD_MACS - 1):
        line.ask(ECHO, key=WRONG)
    assert not line.socket.disconnecting
    line.ask(ECHO)
    assert line.socket.disconnecting
    assert line.house.statistics.mac_failures == {BANK: BAD_MACS}
    assert line.house.statistics.closed_links == {(BANK, "too many bad MACs in a row"): 1}


def test_a_good_mac_ends_the_row(line: Line) -> None:
    for key in (WRONG, WRONG, line.key, WRONG, WRONG):
        line.ask(ECHO, key=key)
    assert not line.socket.disconnecting
    assert line.house.statistics.mac_failures == {BANK: 4}


def test_a_right_mac_of_another_bank_is_no_bad_mac_and_ends_the_row(line: Line) -> None:
    for bank, key in ((BANK, WRONG), (BANK, WRONG), (OTHER_BANK, line.key), (BANK, WRONG)):
        line.ask(ECHO, bank=bank, key=key)
    assert not line.socket.disconnecting
    assert line.house.statistics.mac_failures == {BANK: 3}
