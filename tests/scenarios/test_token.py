"""A machine whose ZMKs are in a token that is slow or fails: who has signed on is served, and it recovers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import pytest

from fep.keys.keys import zmk_name
from fep.links.key_desk import SPARES
from fep.settings.config import load_settings
from ledger.rules.secret import Secret
from tests.support import softhsm
from tests.support.builders import BANK, inquiry, message
from tests.support.machine import OTHER_BANK, ZMK, Machine, load_front_book, write_settings

pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed")
pytestmark = pytest.mark.skipif(softhsm.missing() != "", reason=softhsm.missing())


class SlowToken:
    """Stands before every call that wraps a key: it can hang."""

    def __init__(self) -> None:
        self.answers = Event()
        self.answers.set()

    def wraps(self, wrap: Any) -> Any:  # noqa: ANN401 - an unbound method
        def slow(zmk: Any, *arguments: object) -> str:  # noqa: ANN401 - as above
            self.answers.wait(60)
            block: str = wrap(zmk, *arguments)
            return block

        return slow


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> SlowToken:
    """The token with both banks' ZMKs, and how it is slowed down."""
    from fep.keys.hsm import Token, TokenZmk
    from fep.keys.keys import KeyKind, checked

    softhsm.make_token()
    monkeypatch.setenv("QZ_PIN", softhsm.PIN)
    opened = Token(softhsm.MODULE, softhsm.LABEL, Secret(softhsm.PIN.encode()), writing=True)
    for bank in (BANK, OTHER_BANK):
        opened.put(zmk_name(bank), checked(KeyKind.AES, Secret(ZMK)), replace=True)
    opened.close()
    slow = SlowToken()
    monkeypatch.setattr(TokenZmk, "wrap", slow.wraps(TokenZmk.wrap))
    return slow


@pytest.fixture
def lacks_bank(token: SlowToken) -> SlowToken:
    """The token, from which the first bank's ZMK was taken."""
    with token_open() as opened:
        opened.remove(zmk_name(BANK))
    return token


@contextmanager
def token_open() -> Iterator[Any]:
    """The token, to be written."""
    from fep.keys.hsm import Token

    opened = Token(softhsm.MODULE, softhsm.LABEL, Secret(softhsm.PIN.encode()), writing=True)
    yield opened
    opened.close()


@pytest.fixture
def entry() -> str:
    """What the first bank's entry says beside what it must."""
    return ""


@pytest.fixture
def machine(tmp_path: Path, token: SlowToken, entry: str) -> Iterator[Machine]:
    database = f"sqlite:///{tmp_path / 'front.db'}"
    write_settings(tmp_path, database, limits="token_seconds = 1", entry=entry)
    config = tmp_path / "qianzhi.toml"
    lines = f'pkcs11_module = "{softhsm.MODULE}"\ntoken = "{softhsm.LABEL}"\npin = "env:QZ_PIN"\n'
    config.write_text(config.read_text().replace("[status]", f"{lines}[status]"))
    settings = load_settings(config)
    load_front_book(settings)
    machine = Machine(settings)
    yield machine
    token.answers.set()
    machine.stop()


def until_spares(machine: Machine) -> None:
    """Wait until the token has nothing more to do."""
    deadline, desk = monotonic() + 60, machine.service.key_desk
    while desk._began is not None or any(len(spares) < SPARES for spares in desk._spares.values()):
        assert monotonic() < deadline


def test_a_token_that_hangs_keeps_nobody_else_waiting_and_the_links_live(
    machine: Machine, token: SlowToken
) -> None:
    with machine.signed_on(OTHER_BANK) as other, machine.client() as bank:
        token.answers.clear()
        answers = [bank.sign_on().fields[39] for _ in range(4)]
        assert answers[-1] == "96"
        assert set(answers) <= {"00", "96"}  # the spare keys first
        assert other.ask(message(de32=OTHER_BANK)).fields[39] == "00"
        assert machine.until_ready(503).startswith("the token makes no session keys")
        token.answers.set()
        assert machine.until_ready(200) == "ok\n"
        assert bank.sign_on().fields[39] == "00"


def test_a_token_whose_session_is_lost_is_opened_anew(machine: Machine, token: SlowToken) -> None:
    assert token.answers.is_set()
    with machine.client() as bank:
        until_spares(machine)
        softhsm.log_out()
        answers = [bank.sign_on().fields[39] for _ in range(SPARES + 1)]
        assert answers[:SPARES] == ["00"] * SPARES
        assert answers[SPARES] in ("00", "96")  # the next try, a second later, may have come already
        machine.until_ready(200)
        assert bank.sign_on().fields[39] == "00"
        assert bank.ask(message()).fields[39] == "00"


def without_zmk(machine: Machine) -> list[str]:
    banks: list[str] = json.loads(machine.get("/status")[1])["banks_without_zmk"]
    return banks


@pytest.mark.usefixtures("lacks_bank")
def test_a_bank_whose_zmk_is_not_in_the_token_cannot_sign_on_and_the_machine_is_ready(
    machine: Machine,
) -> None:
    from fep.keys.keys import KeyKind, checked

    with machine.signed_on(OTHER_BANK) as other, machine.client() as bank:
        assert bank.sign_on().fields[39] == "96"
        assert machine.until_ready(200) == "ok\n"
        assert without_zmk(machine) == [BANK]
        assert other.ask(message(de32=OTHER_BANK)).fields[39] == "00"
        with token_open() as opened:
            opened.put(zmk_name(BANK), checked(KeyKind.AES, Secret(ZMK)))
        deadline = monotonic() + 60
        while without_zmk(machine):
            assert monotonic() < deadline
        assert bank.sign_on().fields[39] == "00"


def test_a_reload_asks_the_token_beside_the_reactor(machine: Machine, token: SlowToken) -> None:
    from fep.operator.control_client import ask

    assert os.environ["QZ_PIN"] == softhsm.PIN
    ask(Path(machine.settings.node.control), "reload")
    with machine.client() as bank:
        assert bank.sign_on().fields[39] == "00"
    assert token.answers.is_set()


@pytest.mark.parametrize("entry", ['keys_made_by = "bank"'])
def test_a_banks_own_key_is_opened_in_the_token(machine: Machine, token: SlowToken) -> None:
    assert token.answers.is_set()
    with machine.client() as bank:
        assert bank.bring_key(zmk=bytes(range(16))).fields[44] == "KEY BLOCK: OTHER ZMK"
        assert bank.bring_key().fields[39] == "00"
        assert bank.ask(message()).fields[39] == "00"
        assert bank.bring_key("101").fields[39] == "00"
        assert bank.ask(inquiry()).fields[39] == "00"
        assert machine.until_ready(200) == "ok\n"
