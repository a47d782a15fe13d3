"""A bank that makes the session keys, over real sockets: sign-on, payments, changes of keys, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulators.bank import Bank
from simulators.beliefs import State
from simulators.profile import profile_of
from tests.support.builders import inquiry, message
from tests.support.machine import (
    OTHER_BANK,
    Machine,
    load_front_book,
    reactor,
    wait_for,
    write_settings,
)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine whose first bank makes the keys."""
    database = f"sqlite:///{tmp_path / 'front.db'}"
    settings = write_settings(tmp_path, database, mac="x9.19", entry='keys_made_by = "bank"')
    load_front_book(settings)
    machine = Machine(settings)
    yield machine
    machine.stop()


def test_a_key_of_the_banks_carries_payments_and_is_changed_in_service(machine: Machine) -> None:
    with machine.client() as bank, machine.signed_on(OTHER_BANK) as other:
        assert bank.ask(message()).fields[44] == "SIGN ON FIRST"
        assert bank.bring_key(zmk=bytes(range(16))).fields[44] == "KEY BLOCK: OTHER ZMK"
        assert bank.bring_key().fields[39] == "00"
        assert bank.ask(message()).fields[39] == "00"
        old = bank.key
        assert old is not None
        assert bank.bring_key("101", bytes(range(16))).fields[44] == "KEY BLOCK: OTHER ZMK"
        assert bank.ask(inquiry()).fields[39] == "00"
        assert bank.bring_key("101").fields[39] == "00"
        bank.send_body(bank.codec.seal(inquiry(), old.mac))  # on its way when the key was changed
        assert bank.receive().fields[39] == "00"
        assert bank.ask(inquiry()).fields[39] == "00"
        assert other.ask(inquiry(de32=OTHER_BANK)).fields[39] == "00"


def test_a_simulated_bank_makes_the_keys_of_all_its_links(machine: Machine) -> None:
    settings = machine.settings
    profile = profile_of(settings, settings.bank[0], machine.port())
    assert profile.makes_keys

    async def session() -> tuple[State, str]:
        bank = Bank(profile, reactor, lambda: datetime(2026, 11, 24, 10, 11, 12, tzinfo=UTC), 20)
        await bank.connect(2)
        paid = await bank.settle("500000", "P1", 120_000)
        await bank.change_keys()
        receipt = await bank.receipt(paid.receipt)
        await bank.sign_off()
        return paid.state, receipt.fields[39]

    assert wait_for(session) == (State.DONE, "00")
