"""`qianzhi keys` with the settings of a program inside: its own keys, and none of the front-end machine's."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from console.inside_keys import ACCOUNT, ARCHIVE, FILES, PERSON, PERSONS, RECEIPT, inside_keys, inside_secret
from console.keys import keys
from fep.errors import FepError
from fep.keys.key_provider import open_keystore
from fep.keys.keys import KeyKind, KeyRefused
from fep.keys.keystore import Keystore, KeystoreError
from fep.operator.identity import at_keyboard
from ledger.files.settings import SettingsError
from ledger.rules.seal import Sealer
from tests.support.machine import Books, write_settings

KEYSTORE = '[keystore]\nfile = "inside.keystore"\nmaster_key = "file:inside.master"\n'
OFFICE = (
    f'[office]\ndatabase = "sqlite:///office.db"\nfront = "sqlite:///front.db"\nseal_key = "{"0" * 64}"\n'
    f'[[bank]]\ncode = "1"\nname = "x"\n'
)
PROGRAMS = {
    "office": OFFICE,
    "archive": "[archive]\nprefix = 'QZ'\n",
    "customers": "[customers]\nx = 1\n",
    "collection": "[collection]\nx = 1\n",
}


@pytest.fixture
def office(tmp_path: Path) -> Path:
    return settings(tmp_path, "office")


def settings(folder: Path, program: str) -> Path:
    path = folder / f"{program}.toml"
    path.write_text(PROGRAMS[program] + KEYSTORE)
    return path


def run(config: Path, *arguments: str, typed: str = "") -> Result:
    """Run the command; whatever comes of it, no secret of the keystore is in what is printed."""
    done = CliRunner().invoke(keys, [*arguments, "--config", str(config)], input=typed)
    with suppress(FepError, SettingsError):  # sealed anew, or not there
        keystore = opened(config)
        secrets = [keystore[name].secret.reveal().hex() for name in keystore]
        assert [secret for secret in secrets if secret in done.output.lower()] == []
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def opened(config: Path) -> Keystore:
    inside = inside_keys(config)
    assert inside is not None
    return open_keystore(inside.keystore)


@pytest.mark.parametrize(
    ("program", "kinds"),
    [
        ("office", {RECEIPT: "ed25519"}),
        ("archive", {ARCHIVE: "ed25519"}),
        ("customers", {PERSON: "blake2b", PERSONS: "aes"}),
        ("collection", {ACCOUNT: "blake2b", FILES: "aes"}),
    ],
)
def test_each_program_has_keys_of_its_own(tmp_path: Path, program: str, kinds: dict[str, str]) -> None:
    config = settings(tmp_path, program)
    run(config, "create")
    assert {name: str(opened(config)[name].kind) for name in opened(config)} == kinds
    assert {len(opened(config)[name].secret) for name in kinds} == {32}
    assert [line.split()[:2] for line in run(config, "list").output.splitlines()] == [
        list(pair) for pair in sorted(kinds.items())
    ]
    with pytest.raises(KeystoreError, match="a key is never overwritten"):
        run(config, "create")


def test_a_program_takes_its_key_from_there(office: Path) -> None:
    run(office, "create")
    inside = inside_keys(office)
    assert inside is not None
    secret = inside_secret(inside.keystore, RECEIPT, KeyKind.ED25519)
    assert run(office, "export-public", RECEIPT).output == f"{Sealer(secret.reveal()).public}\n"
    with pytest.raises(KeystoreError, match="is a key for ed25519, one for aes is needed"):
        inside_secret(inside.keystore, RECEIPT, KeyKind.AES)


def test_a_signing_key_is_followed_by_another_once_its_name_is_typed(office: Path) -> None:
    run(office, "create")
    first = run(office, "export-public", RECEIPT).output
    with pytest.raises(KeystoreError, match="--replace"):
        run(office, "generate", RECEIPT)
    assert run(office, "generate", RECEIPT, "--replace", typed="y\n").exit_code == 1
    assert run(office, "export-public", RECEIPT).output == first
    run(office, "generate", RECEIPT, "--replace", typed=f"{RECEIPT}\n")
    assert run(office, "export-public", RECEIPT).output != first


@pytest.mark.parametrize("name", [PERSON, PERSONS])
def test_a_key_that_opens_what_is_kept_is_never_replaced(tmp_path: Path, name: str) -> None:
    config = settings(tmp_path, "customers")
    run(config, "create")
    with pytest.raises(KeyRefused, match="is not replaced"):
        run(config, "generate", name, "--replace", typed=f"{name}\n")
    assert run(config, "export-public", name).exit_code == 2


@pytest.mark.parametrize("name", ["seal", "front", "zmk/01020000", ARCHIVE])
def test_no_program_has_another_ones_keys(office: Path, name: str) -> None:
    run(office, "create")
    with pytest.raises(KeyRefused, match="there are receipt"):
        run(office, "generate", name)
    assert run(office, "export-public", name).exit_code == 2


def test_a_key_that_an_older_keystore_lacks_is_added(tmp_path: Path) -> None:
    run(settings(tmp_path, "archive"), "create")
    customers = settings(tmp_path, "customers")  # which here has the same keystore
    run(customers, "generate", PERSON)
    assert list(opened(customers)) == [ARCHIVE, PERSON]


def test_a_keystore_inside_is_sealed_under_another_master_key(office: Path) -> None:
    run(office, "create")
    before = run(office, "list").output
    run(office, "rewrap", "file:new.master")
    office.write_text(office.read_text().replace("inside.master", "new.master"))
    assert run(office, "list").output == before


def test_the_office_writes_down_who_did_what_to_a_key(office: Path) -> None:
    run(office, "create")
    run(office, "generate", RECEIPT, "--replace", typed="no\n")
    books = Books(f"sqlite:///{office.with_name('office.db')}")
    try:
        rows = books.rows(
            "SELECT by, act, subject, note FROM audit_log WHERE act LIKE 'keys%' ORDER BY number"
        )
    finally:
        books.close()
    me = at_keyboard()
    assert [tuple(row) for row in rows] == [
        (me, "keys create", "", "asked"),
        (me, "keys create", "", "done"),
        (me, "keys generate", RECEIPT, "asked"),
        (me, "keys generate", RECEIPT, "failed: Abort"),
    ]


def test_settings_without_a_keystore_say_so(office: Path) -> None:
    office.write_text(OFFICE)
    with pytest.raises(SettingsError, match="keystore: is missing"):
        run(office, "list")


def test_the_settings_of_a_front_end_machine_are_none_of_a_program_inside(tmp_path: Path) -> None:
    write_settings(tmp_path, "sqlite:///front.db")
    assert inside_keys(tmp_path / "qianzhi.toml") is None
    assert inside_keys(tmp_path / "nowhere.toml") is None
