"""How a bank stands with the process that serves: as its listeners decide, and told of that bank alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fep.operator.bank_status import BankStatus, Trouble, TurnedAway, bank_status
from tests.fep.links.test_server import PORTS, House, ons
from tests.support.builders import BANK
from tests.support.machine import OTHER_BANK, write_settings

HOME = "127.0.0.1"


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A server that lets in three new links a minute, of which one may sign on."""
    return House(write_settings(tmp_path, "sqlite:///none.db", entry="links = 1\nnew_links_a_minute = 3"))


def stands(house: House, host: str = HOME) -> BankStatus:
    return bank_status(house.server, house.event_log, BANK, (host, PORTS[BANK]), house.clock.seconds())


def test_a_bank_that_never_came_would_be_let_in(house: House) -> None:
    assert stands(house) == BankStatus(BANK, "", {}, None, (), (), ())


def test_its_links_are_told_by_state_and_when_it_was_heard_also_after_they_are_gone(house: House) -> None:
    link, _ = house.connect()
    link.dataReceived(ons(1))
    house.connect()
    house.connect(OTHER_BANK)
    house.clock.advance(8)
    assert stands(house) == BankStatus(BANK, "", {"signed on": 1, "connected": 1}, 8, (), (), ())
    link.dataReceived(ons(2))
    link.connectionLost()
    house.clock.advance(1)
    assert stands(house).trouble == (), "a bank that leaves is none"
    assert (stands(house).links, stands(house).heard_seconds) == ({"connected": 1}, 1)


def test_what_is_asked_opens_no_link_and_is_no_trouble(house: House) -> None:
    assert [stands(house) for _ in range(100)] == [stands(house)] * 100
    assert (house.server.connections, house.statistics.refused_connections) == (set(), 0)


def test_its_trouble_is_told_with_its_reason_and_age_and_no_other_bank_s(house: House) -> None:
    for bank in (BANK, OTHER_BANK):
        link, _ = house.connect(bank)
        link.dataReceived(ons(1, bank=bank))
        link.end(f"a reason of {bank}")
        link.connectionLost()
    house.clock.advance(7)
    assert stands(house).trouble == (Trouble("link_down", f"a reason of {BANK}", 1, 7),)


def test_each_refusal_is_told_with_its_reason_and_address_and_is_no_trouble_besides(house: House) -> None:
    link, _ = house.connect()
    link.dataReceived(ons(1, bank=OTHER_BANK))
    link.end("a reason")
    house.connect(OTHER_BANK)[0].end("another's")
    house.clock.advance(3)
    house.connect()
    house.connect()
    for _ in range(2):
        assert house.server.admit(HOME, PORTS[BANK], 4711) is None
    house.clock.advance(4)
    assert (stands(house).trouble, stands(house).refusals) == (
        (),
        (
            TurnedAway("sign-on refused: 63 DE 32: OTHER BANK", HOME, 9, "", 1, 7),
            TurnedAway("a reason", HOME, 9, "", 1, 7),
            TurnedAway("opens links too fast", HOME, 4711, "", 2, 4),
        ),
    )


def test_strangers_at_its_port_are_told_with_the_address_and_none_at_another(house: House) -> None:
    assert house.server.admit("192.0.2.77", PORTS[BANK], 4711) is None
    assert house.server.admit("192.0.2.78", PORTS[OTHER_BANK], 4712) is None
    house.clock.advance(5)
    status = stands(house, "192.0.2.79")
    why = "the address is not on the allowlist"
    assert (status.owner, status.refusal) == ("", why)
    assert status.strangers == (TurnedAway(why, "192.0.2.77", 4711, "", 1, 5),)
    assert "192.0.2" not in repr(house.event_log.since())


def test_it_is_the_same_after_the_control_socket(house: House) -> None:
    link, _ = house.connect()
    link.dataReceived(ons(1))
    link.end("a reason")
    assert house.server.admit("192.0.2.77", PORTS[BANK], 4711) is None
    house.connect()[0].end("a reason")
    status = stands(house)
    assert status.refusals
    assert status.strangers
    assert BankStatus.from_answer(json.loads(json.dumps(status._asdict()))) == status
