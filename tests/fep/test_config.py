"""Settings: every mistake is named with file, key and reason, before anything starts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fep.config import load_settings
from fep.install import InstallError, install
from ledger.settings import SettingsError

BANK = """
[[bank]]
code = "{code}"
name = "A bank"
port = {port}
networks = {networks}
transport = "plain"
{more}
"""
HEAD = """
[node]
name = "fep1"
database = "sqlite:///front.db"
[keystore]
file = "keystore"
master_key = "file:master.key"
[status]
port = 8580
"""


NOW = datetime(2026, 11, 24, tzinfo=UTC)


NOW = datetime(2026, 11, 24, tzinfo=UTC)


def bank(code: str = "1", port: int = 8583, networks: str = '["192.0.2.0/24"]', more: str = "") -> str:
    return BANK.format(code=code, port=port, networks=networks, more=more)


def faults(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "qianzhi.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as raised:
        load_settings(path)
    assert all(line.startswith(f"{path}: ") for line in str(raised.value).splitlines())
    return [str(fault) for fault in raised.value.faults]


def test_good_settings_are_rooted_in_their_own_folder(tmp_path: Path) -> None:
    path = tmp_path / "qianzhi.toml"
    path.write_text(HEAD + bank())
    settings = load_settings(path)
    assert settings.node.database == f"sqlite:///{tmp_path / 'front.db'}"
    assert settings.keystore.file == str(tmp_path / "keystore")
    assert settings.keystore.master_key == f"file:{tmp_path / 'master.key'}"
    assert (settings.bank[0].framing, settings.bank[0].dialect, settings.bank[0].mac) == (
        "2be",
        "ascii87",
        "aes-cmac",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD + bank(more='framming = "2be"'), "bank[0].framming: is no setting; did you mean 'framing'?"),
        (HEAD + bank(more='dialect = "ascii"'), "bank[0].dialect: no such dialect; there are"),
        (HEAD + bank(more='mac = "des"'), "bank[0].mac: Input should be 'aes-cmac' or 'x9.19'"),
        (HEAD + bank(more='transactions = ["5000"]'), "bank[0].transactions: '5000' is no processing code"),
        (HEAD + bank(networks='["192.0.2.1/24"]'), "bank[0].networks: 192.0.2.1/24 has host bits set"),
        (HEAD + bank(networks="[]"), "bank[0].networks: "),
        (HEAD + bank(port=99999), "bank[0].port: Input should be less than or equal to 65535"),
        (HEAD + bank(port=8580), "bank[0].port: is the status port"),
        (HEAD + bank() + bank("01", 8584), "bank[1].code: 01 is bank[0] already"),
        (HEAD + bank() + bank("2"), "bank.networks: 192.0.2.0/24 on port 8583 belongs to both 1 and 2"),
        (HEAD + bank().replace('transport = "plain"', ""), "bank[0].pins: is missing"),
        (HEAD + bank().replace('transport = "plain"', ""), "tls: is missing"),
        (HEAD + "[limits]\nbatch = 9999\n" + bank(), "limits.batch: "),
        (
            HEAD + "[limits]\nbatch = 256\nqueue = 10\n" + bank(),
            "limits.batch: cannot be larger than limits.queue",
        ),
        (HEAD, "bank: is missing"),
        (HEAD.replace("file:", "") + bank(), "keystore.master_key: String should match pattern"),
        (HEAD.replace("[status]", 'token = "t"\n[status]') + bank(), "keystore.token: pkcs11_module, token"),
        ("", "node: is missing"),
        ("[node", "is not TOML: "),
        (HEAD.replace('"fep1"', "1") + bank(), "node.name: Input should be a valid string"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, expected: str) -> None:
    assert any(fault.startswith(expected) for fault in faults(tmp_path, text))


def test_settings_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load_settings(tmp_path / "nothing.toml")


def test_an_installation_serves_and_is_never_overwritten(tmp_path: Path) -> None:
    path = install(tmp_path, lambda count: bytes(range(count)), NOW, first_port=8583, status_port=8580)
    settings = load_settings(path)
    assert [entry.port for entry in settings.bank] == [8583, 8584, 8585]
    for name in ("keystore", "master.key"):
        assert (tmp_path / "keys" / name).stat().st_mode & 0o777 == 0o600
    with pytest.raises(InstallError, match="nothing was changed"):
        install(tmp_path, bytes, NOW, first_port=1, status_port=2)
    path.unlink()
    with pytest.raises(InstallError, match="never overwritten"):
        install(tmp_path, bytes, NOW, first_port=1, status_port=2)
