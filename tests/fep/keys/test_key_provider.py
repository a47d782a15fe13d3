"""The key provider: which key a bank's session keys travel under, and what a reload may change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fep.keys.key_provider import KeyProvider
from fep.keys.keys import FRONT, SEAL, KeyKind, checked, generated, zmk_name
from fep.keys.keystore import Keystore, KeystoreError, MasterKey
from fep.operator.control_client import ControlError, ask
from fep.settings.config import load_settings
from ledger.rules.secret import Secret
from protocol.message import Message
from simulators.processes import run
from tests.support.builders import BANK, message
from tests.support.machine import (
    FRONT_KEY,
    MASTER_KEY,
    SEAL_KEY,
    ZMK,
    Machine,
    load_front_book,
    write_settings,
)

pytestmark = pytest.mark.slow

OTHER_ZMK = bytes(range(100, 116))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    settings = write_settings(tmp_path, f"sqlite:///{tmp_path / 'front.db'}")
    load_front_book(settings)
    machine = Machine(settings)
    yield machine
    machine.stop()


def keystore(folder: Path) -> Keystore:
    return Keystore(folder / "keystore", MasterKey(Secret(MASTER_KEY)))


def test_a_reload_takes_another_zmk_and_a_link_that_is_open_stays(machine: Machine, tmp_path: Path) -> None:
    with machine.signed_on() as bank:
        key = checked(KeyKind.AES, Secret(OTHER_ZMK))
        keystore(tmp_path).put(zmk_name(BANK), key, os.urandom, replace=True)
        ask(Path(machine.settings.node.control), "reload")
        assert bank.ask(message()).fields[39] == "00"
        with machine.client() as renewed:
            renewed.zmk = OTHER_ZMK
            assert renewed.sign_on().fields[39] == "00"


@pytest.mark.parametrize(("name", "kind"), [(FRONT, KeyKind.BLAKE2B), (SEAL, KeyKind.ED25519)])
def test_another_front_or_seal_key_takes_a_restart(
    machine: Machine, tmp_path: Path, name: str, kind: KeyKind
) -> None:
    keystore(tmp_path).put(name, generated(kind, 32, os.urandom), os.urandom, replace=True)
    with pytest.raises(ControlError, match=f"another {name} key takes a restart"):
        ask(Path(machine.settings.node.control), "reload")
    with machine.signed_on() as bank:
        assert (
            bank.ask(Message("0800", {7: "1124101112", 11: "000002", 32: BANK, 70: "301"})).fields[39] == "00"
        )


def test_a_reload_with_a_damaged_keystore_changes_nothing(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "keystore").write_bytes(b"")
    with pytest.raises(ControlError, match="is no keystore"):
        ask(Path(machine.settings.node.control), "reload")
    with machine.signed_on() as bank:
        assert bank.ask(message()).fields[39] == "00"


def test_a_zmk_of_the_wrong_kind_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, "sqlite:///front.db")
    key = generated(KeyKind.TDES, 16, os.urandom)
    keystore(tmp_path).put(zmk_name(BANK), key, os.urandom, replace=True)
    with pytest.raises(KeystoreError, match="zmk/01020000 is a key for tdes, one for aes is needed"):
        KeyProvider(settings.keystore).bank_keys(settings.bank[0], os.urandom)


def test_a_bank_without_a_zmk_is_named(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, "sqlite:///front.db")
    keystore(tmp_path).remove(zmk_name(BANK), os.urandom)
    with pytest.raises(KeystoreError, match="there is no key zmk/01020000"):
        KeyProvider(load_settings(tmp_path / "qianzhi.toml").keystore).bank_keys(settings.bank[0], os.urandom)


@pytest.mark.parametrize("harm", ["another master key", "a flipped byte", "a master key in pieces"])
def test_a_machine_that_cannot_open_its_keystore_says_so_in_one_line_without_a_key(
    tmp_path: Path, harm: str
) -> None:
    write_settings(tmp_path, "sqlite:///front.db")
    master, sealed = tmp_path / "master.key", tmp_path / "keystore"
    if harm == "another master key":
        master.write_text(OTHER_ZMK.hex() * 2)
    elif harm == "a flipped byte":
        whole = sealed.read_bytes()
        sealed.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    else:
        master.write_text(MASTER_KEY.hex()[:-2])
    done = run("serve", str(tmp_path / "qianzhi.toml"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    known = (MASTER_KEY, OTHER_ZMK, ZMK, FRONT_KEY, SEAL_KEY)
    assert [secret for secret in known if secret.hex()[:32] in done.stderr.lower()] == []
