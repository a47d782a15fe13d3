"""`qianzhi keys`: the ceremony of two custodians, and that nothing but names and check values is printed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from console.keys import keys
from fep.config import load_settings
from fep.errors import FepError
from fep.keys import FRONT, SEAL, Kind, Secret, checked, zmk_name
from fep.keystore import Keystore, KeystoreError, MasterKey
from fep.vault import Vault
from ledger.seal import Sealer
from protocol.keyblock import unwrap
from protocol.mac import aes_check_value, tdes_check_value
from tests import softhsm
from tests.builders import BANK
from tests.machine import FRONT_KEY, MASTER_KEY, OTHER_BANK, SEAL_KEY, ZMK, write_settings

ONE = bytes.fromhex("00112233445566778899aabbccddeeff")
TWO = bytes.fromhex("5a5b1c0dd3e4f5061728394a5b6c7d8e")
KEY = bytes(a ^ b for a, b in zip(ONE, TWO, strict=True))
SECRETS = (ONE, TWO, KEY, ZMK, FRONT_KEY, SEAL_KEY, MASTER_KEY)
NAME = zmk_name(BANK)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write_settings(tmp_path, "sqlite:///front.db")
    return tmp_path / "qianzhi.toml"


def run(config: Path, *arguments: str, typed: str = "") -> Result:
    """Run the command; whatever comes of it, no secret is in what is printed or raised."""
    done = CliRunner().invoke(keys, [*arguments, "--config", str(config)], input=typed)
    text = f"{done.output} {done.exception!r} {getattr(done.exception, '__context__', None)!r}".lower()
    assert [one for one in SECRETS if one.hex() in text or repr(one)[2:-1].lower() in text] == []
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def opened(config: Path) -> Keystore:
    return Keystore(config.with_name("keystore"), MasterKey(Secret(MASTER_KEY)))


def test_two_components_become_the_zmk_and_each_check_value_is_shown(config: Path) -> None:
    done = run(config, "load", NAME, "--replace", typed=f"{ONE.hex()}\ny\n{TWO.hex()}\ny\ny\n")
    for known in (ONE, TWO, KEY):
        assert f"heck value {aes_check_value(known)}" in done.output
    assert opened(config)[NAME] == checked(Kind.AES, Secret(KEY))


def test_three_custodians_can_hold_it(config: Path) -> None:
    third = os.urandom(16)
    typed = "".join(f"{part.hex()}\ny\n" for part in (ONE, TWO, third))
    run(config, "load", NAME, "--parts", "3", "--replace", typed=typed + "y\n")
    assert opened(config)[NAME].secret == Secret(bytes(a ^ b for a, b in zip(KEY, third, strict=True)))


def test_a_tdes_zmk_is_put_together_for_a_bank_of_x9_19(tmp_path: Path) -> None:
    write_settings(tmp_path, "sqlite:///front.db", mac="x9.19")
    odd = [bytes(byte ^ (byte.bit_count() % 2 == 0) for byte in part) for part in (ONE, TWO)]
    typed = "".join(f"{part.hex()}\ny\n" for part in odd)
    done = run(tmp_path / "qianzhi.toml", "load", NAME, "--replace", typed=typed + "y\n")
    assert tdes_check_value(bytes(a ^ b for a, b in zip(*odd, strict=True))) in done.output
    assert opened(tmp_path / "x")[NAME].kind is Kind.TDES


def test_a_component_is_asked_for_again_until_its_custodian_knows_its_check_value(config: Path) -> None:
    typed = f"{TWO.hex()}\nn\nnonsense\n{'00' * 16}\n0011\n{ONE.hex()}\ny\n{TWO.hex()}\ny\ny\n"
    done = run(config, "load", NAME, "--replace", typed=typed)
    assert done.output.count("type it again") == 3
    assert opened(config)[NAME].secret == Secret(KEY)


@pytest.mark.parametrize(
    "typed",
    [f"{ONE.hex()}\ny\n", f"{ONE.hex()}\ny\n{TWO.hex()}\ny\nn\n"],
    ids=["the second custodian leaves", "the bank's sheet has another check value"],
)
def test_a_ceremony_that_ends_early_stores_nothing(config: Path, typed: str) -> None:
    before = config.with_name("keystore").read_bytes()
    assert run(config, "load", NAME, "--replace", typed=typed).exit_code == 1
    assert config.with_name("keystore").read_bytes() == before


def test_equal_components_are_refused(config: Path) -> None:
    with pytest.raises(FepError, match="cancel each other out"):
        run(config, "load", NAME, "--replace", typed=f"{ONE.hex()}\ny\n" * 2)


def test_a_key_is_not_replaced_unless_that_is_said_and_nobody_types_in_vain(config: Path) -> None:
    for command in (("load", NAME), ("generate", NAME), ("generate", FRONT)):
        with pytest.raises(KeystoreError, match="--replace"):
            run(config, *command)
    with pytest.raises(FepError, match="no bank of the settings"):
        run(config, "load", "zmk/99")


def test_the_list_has_names_kinds_and_check_values(config: Path) -> None:
    lines = run(config, "list").output.splitlines()
    assert lines == [
        f"front blake2b {opened(config)[FRONT].check_value}",
        f"seal ed25519 {Sealer(SEAL_KEY).public}",
        f"{NAME} aes {aes_check_value(ZMK)}",
        f"{zmk_name(OTHER_BANK)} aes {aes_check_value(ZMK)}",
    ]


def test_the_public_half_of_the_seal_key_is_exported_and_no_other(config: Path) -> None:
    assert run(config, "export-public", SEAL).output == f"{Sealer(SEAL_KEY).public}\n"
    assert run(config, "export-public", FRONT).exit_code == 2


def test_a_key_is_generated_and_removed(config: Path) -> None:
    run(config, "generate", NAME, "--bytes", "32", "--replace")
    assert len(opened(config)[NAME].secret) == 32
    assert run(config, "remove", NAME, typed="n\n").exit_code == 1
    run(config, "remove", NAME, "--yes")
    assert NAME not in list(opened(config))


def test_a_rewrapped_keystore_opens_with_the_new_master_key_alone(config: Path) -> None:
    before = {name: opened(config)[name] for name in opened(config)}
    run(config, "rewrap", "file:new.key")
    with pytest.raises(KeystoreError, match="is sealed under the master key"):
        run(config, "list")
    config.write_text(config.read_text().replace("file:master.key", "file:new.key"))
    vault = Vault(load_settings(config).keystore)
    assert vault.front_key.check_value == before[FRONT].check_value
    assert config.with_name("new.key").stat().st_mode & 0o777 == 0o600


def test_a_keystore_is_made_once_with_a_master_key_file(config: Path) -> None:
    with pytest.raises(KeystoreError, match="never overwritten"):
        run(config, "create")
    for name in ("keystore", "master.key"):
        config.with_name(name).unlink()
    run(config, "create")
    lines = run(config, "list").output.splitlines()
    assert [line.split()[0] for line in lines] == [FRONT, SEAL]


@pytest.mark.skipif(softhsm.missing() != "", reason=softhsm.missing())
def test_a_zmk_goes_into_the_token_and_its_bank_is_served_from_there(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    softhsm.make_token()
    monkeypatch.setenv("QZ_PIN", softhsm.PIN)
    token = f'pkcs11_module = "{softhsm.MODULE}"\ntoken = "{softhsm.LABEL}"\npin = "env:QZ_PIN"\n'
    config.write_text(config.read_text().replace("[status]", f"{token}[status]"))
    done = run(config, "load", NAME, "--replace", typed=f"{ONE.hex()}\ny\n{TWO.hex()}\ny\ny\n")
    assert softhsm.PIN not in done.output
    assert f"{NAME} aes {aes_check_value(KEY)} in token {softhsm.LABEL}" in run(config, "list").output
    settings = load_settings(config)
    vault = Vault(settings.keystore)
    session = vault.bank_keys(settings.bank[0], os.urandom).fresh()
    assert len(unwrap(KEY, session.block, settings.bank[0].mac)) == 16
    assert opened(config)[NAME].secret == Secret(ZMK), "the keystore's own is not touched"
    vault.close()
    run(config, "remove", NAME, "--yes")
    with pytest.raises(FepError, match="0 keys"):
        Vault(settings.keystore).bank_keys(settings.bank[0], os.urandom)
