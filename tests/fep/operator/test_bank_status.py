"""How a bank stands with the process that serves: as its listeners decide, and told of that bank alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fep.operator.bank_status import BankStatus, Trouble, bank_status
from tests.fep.links.test_server import PORTS, House, ons
from tests.support.builders import BANK
from tests.support.machine import OTHER_BANK, write_settings

HOME = "127.0.0.1"


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A server that lets in two links a bank."""
    return House(write_settings(tmp_path, "sqlite:///none.db", entry="links = 2"))


def stands(house: House, host: str = HOME) -> BankStatus:
    return bank_status(house.server, house.event_log, BANK, (host, PORTS[BANK]), house.clock.seconds())


def test_a_bank_that_never_came_would_be_let_in(house: House) -> None:
    assert stands(house) == BankStatus(BANK, "", {}, None, (), "", 0)


def test_its_links_are_told_by_state_and_when_it_was_heard_also_after_they_are_gone(house: House) -> None:
    link, _ = house.connect()
    link.dataReceived(ons(1))
    house.connect()
    house.connect(OTHER_BANK)
    house.clock.advance(12)
    full = "has as many links as it may"
    assert stands(house)._replace(trouble=()) == BankStatus(
        BANK, full, {"signed on": 1, "connected": 1}, 12, (), "", 0
    )
    link.dataReceived(ons(2))
    link.connectionLost()
    house.clock.advance(1)
    assert stands(house).trouble == (), "a bank that leaves is none"
    assert (stands(house).refusal, stands(house).links, stands(house).heard_seconds) == (
        "",
        {"connected": 1},
        1,
    )


def test_what_is_asked_opens_no_link_and_is_no_trouble(house: House) -> None:
    assert [stands(house) for _ in range(100)] == [stands(house)] * 100
    assert (house.server.connections, house.statistics.refused_connections) == (set(), 0)


def test_its_trouble_is_told_with_its_reason_and_age_and_no_other_bank_s(house: House) -> None:
    for bank in (BANK, OTHER_BANK):
        link, _ = house.connect(bank)
        link.end(f"a reason of {bank}")
        link.connectionLost()
    house.clock.advance(3)
    house.connect()
    house.connect()
    for _ in range(2):
        assert house.server.admit(HOME, PORTS[BANK]) is None
    house.clock.advance(4)
    assert stands(house).trouble == (
        Trouble("link_down", f"a reason of {BANK}", 1, 7),
        Trouble("refused", "has as many links as it may", 2, 4),
    )


def test_a_stranger_at_its_port_is_told_with_the_address_and_at_no_other(house: House) -> None:
    assert house.server.admit("192.0.2.77", PORTS[BANK]) is None
    assert house.server.admit("192.0.2.78", PORTS[OTHER_BANK]) is None
    house.connect()
    house.connect()
    assert house.server.admit(HOME, PORTS[BANK]) is None
    house.clock.advance(5)
    status = stands(house, "192.0.2.79")
    assert (status.owner, status.refusal) == ("", "the address is not on the allowlist")
    assert (status.stranger, status.stranger_seconds) == ("192.0.2.77", 5)
    assert "192.0.2" not in repr(house.event_log.since())


def test_it_is_the_same_after_the_control_socket(house: House) -> None:
    house.connect()
    house.connect()
    assert house.server.admit(HOME, PORTS[BANK]) is None
    status = stands(house)
    assert status.trouble
    assert BankStatus.from_answer(json.loads(json.dumps(status._asdict()))) == status
