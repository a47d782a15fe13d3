"""Settings: every mistake is named with file, key and reason, before anything starts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fep.config import load_settings
from fep.install import InstallError, install
from fep.keys import KeyFileError, read_key_file
from ledger.settings import SettingsError

BANK = """
[[bank]]
code = "{code}"
name = "A bank"
port = {port}
networks = {networks}
transport = "plain"
zmk_file = "zmk"
{more}
"""
HEAD = """
[node]
name = "fep1"
database = "sqlite:///front.db"
front_key_file = "front.key"
seal_key_file = "seal.key"
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
    assert settings.bank[0].zmk_file == str(tmp_path / "zmk")
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


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        ("00" * 16, 0o644, "others can read it; run chmod 600"),
        ("00" * 15, 0o600, "holds 15 bytes, 16 or 24 are needed"),
        ("xx" * 16, 0o600, "is not a line of hex digits"),
        ("\xe9", 0o600, "is not a line of hex digits"),
    ],
)
def test_a_key_file_that_cannot_be_used_is_never_quoted(
    tmp_path: Path, content: str, mode: int, says: str
) -> None:
    path = tmp_path / "zmk"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=says) as raised:
        read_key_file(path, (16, 24))
    assert content not in str(raised.value)


def test_an_installation_serves_and_is_never_overwritten(tmp_path: Path) -> None:
    path = install(tmp_path, lambda count: bytes(range(count)), NOW, first_port=8583, status_port=8580)
    settings = load_settings(path)
    assert [entry.port for entry in settings.bank] == [8583, 8584, 8585]
    assert (tmp_path / "keys" / "front.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(InstallError, match="nothing was changed"):
        install(tmp_path, bytes, NOW, first_port=1, status_port=2)
    path.unlink()
    with pytest.raises(InstallError, match="never overwritten"):
        install(tmp_path, bytes, NOW, first_port=1, status_port=2)
