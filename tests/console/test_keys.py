"""`qianzhi keys`: the ceremony of two custodians, and that nothing but names and check values is printed."""

from __future__ import annotations

import os
from os import urandom
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from console.audit_entry import NotRecorded
from console.keys import keys
from fep.errors import FepError
from fep.keys.key_provider import KeyProvider
from fep.keys.keys import FRONT, SEAL, KeyKind, ZmkUnusable, checked, zmk_name
from fep.keys.keystore import Keystore, KeystoreError, MasterKey
from fep.operator.identity import at_keyboard
from fep.settings.config import load_settings
from ledger.book.front import FrontBook
from ledger.book.store import Store
from ledger.rules.seal import Sealer
from ledger.rules.secret import Secret
from protocol.keyblock import unwrap
from protocol.mac import aes_check_value, tdes_check_value
from tests.support import softhsm
from tests.support.builders import BANK
from tests.support.machine import (
    FRONT_KEY,
    MASTER_KEY,
    OTHER_BANK,
    SEAL_KEY,
    ZMK,
    records,
    write_settings,
)

ONE = bytes.fromhex("00112233445566778899aabbccddeeff")
TWO = bytes.fromhex("5a5b1c0dd3e4f5061728394a5b6c7d8e")
KEY = bytes(a ^ b for a, b in zip(ONE, TWO, strict=True))
SECRETS = (ONE, TWO, KEY, ZMK, FRONT_KEY, SEAL_KEY, MASTER_KEY)
NAME = zmk_name(BANK)
NAMES = ("Li Lei", "韩梅梅", "Wang Wu")


def ceremony(*parts: bytes, end: str = "y") -> str:
    """What custodians and witness type: each a component, that its check value is right, and a name."""
    typed = "".join(f"{part.hex()}\ny\n{name}\n" for name, part in zip(NAMES, parts, strict=False))
    return f"{typed}{end}\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write_settings(tmp_path, "sqlite:///front.db")
    return tmp_path / "qianzhi.toml"


def run(config: Path, *arguments: str, typed: str = "") -> Result:
    """Run the command; whatever comes of it, no secret is in what is printed or raised."""
    done = CliRunner().invoke(keys, [*arguments, "--config", str(config)], input=typed)
    text = f"{done.output} {done.exception!r} {getattr(done.exception, '__context__', None)!r}".lower()
    assert [secret for secret in SECRETS if secret.hex() in text or repr(secret)[2:-1].lower() in text] == []
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def without_its_entry(config: Path) -> None:
    """Take the first bank's entry out of the settings."""
    head, _, rest = config.read_text().partition("[[bank]]")
    config.write_text(head + "[[bank]]" + rest.partition("[[bank]]")[2])


def opened(config: Path) -> Keystore:
    return Keystore(config.with_name("keystore"), MasterKey(Secret(MASTER_KEY)))


def test_two_components_become_the_zmk_and_each_check_value_is_shown(config: Path) -> None:
    done = run(config, "load", NAME, "--replace", typed=ceremony(ONE, TWO))
    for known in (ONE, TWO, KEY):
        assert f"heck value {aes_check_value(known)}" in done.output
    assert opened(config)[NAME] == checked(KeyKind.AES, Secret(KEY))


def test_three_custodians_can_hold_it(config: Path) -> None:
    third = os.urandom(16)
    run(config, "load", NAME, "--parts", "3", "--replace", typed=ceremony(ONE, TWO, third))
    assert opened(config)[NAME].secret == Secret(bytes(a ^ b for a, b in zip(KEY, third, strict=True)))


def test_a_tdes_zmk_is_put_together_for_a_bank_of_x9_19(tmp_path: Path) -> None:
    write_settings(tmp_path, "sqlite:///front.db", mac="x9.19")
    odd = [bytes(byte ^ (byte.bit_count() % 2 == 0) for byte in part) for part in (ONE, TWO)]
    done = run(tmp_path / "qianzhi.toml", "load", NAME, "--replace", typed=ceremony(*odd))
    assert tdes_check_value(bytes(a ^ b for a, b in zip(*odd, strict=True))) in done.output
    assert opened(tmp_path / "x")[NAME].kind is KeyKind.TDES


def test_a_component_is_asked_for_again_until_its_custodian_knows_its_check_value(config: Path) -> None:
    typed = f"{TWO.hex()}\nn\nnonsense\n{'00' * 16}\n0011\n{ONE.hex()}\ny\nLi\n{TWO.hex()}\ny\nHan\ny\n"
    done = run(config, "load", NAME, "--replace", typed=typed)
    assert done.output.count("type it again") == 3
    assert opened(config)[NAME].secret == Secret(KEY)


@pytest.mark.parametrize(
    "typed",
    [f"{ONE.hex()}\ny\nLi Lei\n", ceremony(ONE, TWO, end="n")],
    ids=["the second custodian leaves", "the bank's sheet has another check value"],
)
def test_a_ceremony_that_ends_early_stores_nothing(config: Path, typed: str) -> None:
    before = config.with_name("keystore").read_bytes()
    assert run(config, "load", NAME, "--replace", typed=typed).exit_code == 1
    assert config.with_name("keystore").read_bytes() == before


def test_equal_components_are_refused(config: Path) -> None:
    with pytest.raises(FepError, match="cancel each other out"):
        run(config, "load", NAME, "--replace", typed=ceremony(ONE, ONE))


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
    run(config, "generate", NAME, "--bytes", "32", "--replace", typed=NAME)
    assert len(opened(config)[NAME].secret) == 32
    without_its_entry(config)
    run(config, "remove", NAME, typed=NAME)
    assert NAME not in list(opened(config))


def test_a_rewrapped_keystore_opens_with_the_new_master_key_alone(config: Path) -> None:
    before = {name: opened(config)[name] for name in opened(config)}
    run(config, "rewrap", "file:new.key")
    with pytest.raises(KeystoreError, match="is sealed under the master key"):
        run(config, "list")
    config.write_text(config.read_text().replace("file:master.key", "file:new.key"))
    key_provider = KeyProvider(load_settings(config).keystore)
    assert key_provider.front_key.check_value == before[FRONT].check_value
    assert config.with_name("new.key").stat().st_mode & 0o777 == 0o600


def test_a_keystore_is_made_once_with_a_master_key_file(config: Path) -> None:
    with pytest.raises(KeystoreError, match="never overwritten"):
        run(config, "create")
    for name in ("keystore", "master.key"):
        config.with_name(name).unlink()
    run(config, "create")
    lines = run(config, "list").output.splitlines()
    assert [line.split()[0] for line in lines] == [FRONT, SEAL]


# The audit log.


def of_me(act: str, subject: str, *notes: str) -> list[tuple[str, ...]]:
    return [(at_keyboard(), act, subject, note) for note in notes]


def test_a_ceremony_is_written_down_with_names_and_check_values(config: Path) -> None:
    run(config, "load", NAME, "--replace", typed=ceremony(ONE, TWO))
    first, second, key = map(aes_check_value, (ONE, TWO, KEY))
    assert records(config) == of_me(
        "keys load",
        NAME,
        "asked",
        f"done: kind aes; custodians Li Lei {first}, 韩梅梅 {second}; check value {key}",
    )


def test_a_ceremony_that_ended_early_is_written_down_with_who_took_part(config: Path) -> None:
    run(config, "load", NAME, "--replace", typed=ceremony(ONE, TWO, end="n"))
    first, second, key = map(aes_check_value, (ONE, TWO, KEY))
    assert records(config)[1][3] == (
        f"failed: error Abort; kind aes; custodians Li Lei {first}, 韩梅梅 {second}; check value {key}"
    )


def test_custodians_are_two_people_with_names(config: Path) -> None:
    typed = f"{ONE.hex()}\ny\n \nLi2\nli\n{TWO.hex()}\ny\nLI\nHan\ny\n"
    done = run(config, "load", NAME, "--replace", typed=typed)
    assert done.output.count("that is no name") == 2
    assert "LI has brought a component already" in done.output
    first, second = map(aes_check_value, (ONE, TWO))
    assert f"custodians li {first}, Han {second}" in records(config)[1][3]


@pytest.mark.parametrize(
    ("arguments", "act", "subject"),
    [
        (("generate", NAME, "--replace"), "keys generate", NAME),
        (("generate", FRONT, "--replace"), "keys generate", FRONT),
        (("generate", SEAL, "--replace"), "keys generate", SEAL),
        (("remove", SEAL), "keys remove", SEAL),
        (("rewrap", "file:new.key"), "keys rewrap", ""),
    ],
)
def test_what_is_done_to_a_key_is_written_down_before_and_after(
    config: Path, arguments: tuple[str, ...], act: str, subject: str
) -> None:
    run(config, *arguments, typed=subject)
    before, after = records(config)
    assert [before] == of_me(act, subject, "asked")
    assert after[:3] == (at_keyboard(), act, subject)
    assert after[3].startswith("done")


def test_what_was_refused_is_written_down_and_a_name_that_is_none_is_not(config: Path) -> None:
    for arguments in (("generate", NAME), ("generate", ONE.hex()), ("remove", "zmk/99")):
        with pytest.raises(FepError):
            run(config, *arguments)
    assert records(config) == [
        *of_me("keys generate", NAME, "asked", "failed: error KeystoreError; kind aes"),
        *of_me("keys generate", "", "asked", "failed: error KeyRefused"),
        *of_me("keys remove", "zmk/99", "asked", "failed: error KeystoreError"),
    ]


def test_the_first_keys_are_the_first_act_of_a_book_made_for_them(config: Path) -> None:
    for name in ("keystore", "master.key"):
        config.with_name(name).unlink()
    assert not config.with_name("front.db").exists()
    run(config, "create")
    settings = load_settings(config)
    master = MasterKey.read(settings.keystore.master_key).check_value
    assert records(config) == of_me("keys create", "", "asked", f"done: master key {master}")
    store = Store(settings.node.database)
    FrontBook(store, KeyProvider(settings.keystore).front_key.check_value, urandom).create()
    store.close()


@pytest.mark.parametrize(
    "arguments",
    [
        ("create",),
        ("load", NAME, "--replace"),
        ("generate", NAME, "--replace"),
        ("remove", NAME),
        ("rewrap", "file:new.key"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_written_down_is_not_done(config: Path, arguments: tuple[str, ...]) -> None:
    if arguments == ("create",):
        config.with_name("keystore").unlink()
        config.with_name("master.key").unlink()
    files = {path: path.read_bytes() for path in config.parent.iterdir()}
    store = Store(load_settings(config).node.database)  # another process has the book
    with pytest.raises(NotRecorded, match=r"nothing was done, since it cannot be written down: .* in use"):
        run(config, *arguments, typed=ceremony(ONE, TWO))
    store.close()
    kept = {path: path.read_bytes() for path in files}
    assert kept == files
    assert [path.name for path in config.parent.iterdir() if path not in files] == ["front.db.lock"]


@pytest.mark.skipif(softhsm.missing() != "", reason=softhsm.missing())
def test_a_zmk_goes_into_the_token_and_its_bank_is_served_from_there(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    softhsm.make_token()
    monkeypatch.setenv("QZ_PIN", softhsm.PIN)
    token = f'pkcs11_module = "{softhsm.MODULE}"\ntoken = "{softhsm.LABEL}"\npin = "env:QZ_PIN"\n'
    config.write_text(config.read_text().replace("[status]", f"{token}[status]"))
    done = run(config, "load", NAME, "--replace", typed=ceremony(ONE, TWO))
    assert softhsm.PIN not in done.output
    assert f"{NAME} aes {aes_check_value(KEY)} in token {softhsm.LABEL}" in run(config, "list").output
    settings = load_settings(config)
    key_provider = KeyProvider(settings.keystore)
    session = key_provider.bank_keys(settings.bank[0], os.urandom).fresh()
    assert len(unwrap(KEY, session.block, settings.bank[0].mac)) == 16
    assert opened(config)[NAME].secret == Secret(ZMK), "the keystore's own is not touched"
    key_provider.close()
    without_its_entry(config)
    run(config, "remove", NAME, typed=NAME)
    keys = KeyProvider(settings.keystore).bank_keys(settings.bank[0], os.urandom)
    with pytest.raises(ZmkUnusable, match="0 keys"):
        keys.fresh()
