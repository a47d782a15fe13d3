"""A bank that is disabled: at a reload its links end, its address is refused; enabled again, it is in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fep.operator.control_client import ask
from fep.settings.editor import replace_settings, with_enabled
from tests.support.builders import BANK, message
from tests.support.machine import OTHER_BANK, Machine, load_front_book, write_settings


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    load_front_book(settings)
    machine = Machine(settings)
    yield machine
    machine.stop()


def reload(machine: Machine, code: str, *, enabled: bool) -> None:
    path = machine.settings.keystore.path.with_name("qianzhi.toml")
    replace_settings(path, with_enabled(path.read_text(), code, enabled=enabled))
    ask(Path(machine.settings.node.control), "reload")


def test_its_links_end_its_address_is_refused_and_others_go_on(machine: Machine) -> None:
    with machine.signed_on() as bank, machine.signed_on(OTHER_BANK) as other:
        reload(machine, BANK, enabled=False)
        assert bank.is_closed()
        with machine.client() as again:
            assert again.is_closed()
        assert other.ask(message(de32=OTHER_BANK)).fields[39] == "00"
        reload(machine, BANK, enabled=True)
        with machine.signed_on() as back:
            assert back.ask(message(de48="PN002P9")).fields[39] == "25"
    ended = machine.service.statistics.closed_links
    assert ended[BANK, "the bank was disabled in the settings"] == 1


def test_a_disabled_bank_needs_no_key_to_start_with(tmp_path: Path) -> None:
    write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    path = tmp_path / "qianzhi.toml"
    renamed = path.read_text().replace(f'"{OTHER_BANK}"', '"01090000"')
    settings = replace_settings(path, with_enabled(renamed, "01090000", enabled=False))
    load_front_book(settings)
    machine = Machine(settings)
    try:
        with machine.client("01090000") as client:
            assert client.is_closed()
        with machine.signed_on() as bank:
            assert bank.ask(message()).fields[39] == "00"
    finally:
        machine.stop()


def test_the_firewall_leaves_out_a_disabled_bank(tmp_path: Path) -> None:
    write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    path = tmp_path / "qianzhi.toml"
    text = path.read_text().replace("port = 0", "port = 9001", 1)
    for port in (9002, 9003):
        text = text.replace("port = 0", f"port = {port}", 1)
    text = text.replace("127.0.0.0/8", "192.0.2.0/24", 1)
    settings = replace_settings(path, with_enabled(text, BANK, enabled=False))
    assert [allowance.bank for allowance in settings.policy().banks] == [OTHER_BANK]
    assert [allowance.bank for allowance in settings.allowances()] == [BANK, OTHER_BANK]
