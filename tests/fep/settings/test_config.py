"""Settings: every mistake is named with file, key and reason, before anything starts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fep.settings.config import load_served_settings, load_settings
from fep.setup.install import InstallError, install
from ledger.files.settings import SettingsError

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

CHANNEL = '[[channel]]\ncode = "{}"\nname = "batch"\n'
"""A channel's section: it cannot have a port."""


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
    assert (str(settings.bank[0].framing), settings.bank[0].dialect, str(settings.bank[0].mac)) == (
        "2be",
        "ascii87",
        "aes-cmac",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD + bank(more='framming = "2be"'), "bank[0].framming: is no setting; did you mean 'framing'?"),
        (HEAD + bank(more='dialect = "ascii"'), "bank[0].dialect: no such dialect; there are "),
        (
            HEAD + bank(more='mac = "des"'),
            "bank[0].mac: there is no such algorithm; there are",
        ),
        (HEAD + bank(more="mac = { bytes = 3 }"), "bank[0].mac: a MAC has 4 or 8 bytes"),
        (
            HEAD + bank(more='framing = "3be-x"'),
            "bank[0].framing: there is no framing '3be-x'",
        ),
        (
            HEAD + bank(more='framing = { length = "9be" }'),
            "bank[0].framing: length: there is no",
        ),
        (
            HEAD
            + "[limits]\nframe_bytes = 256\n"
            + bank(more=f"framing = {{ keep_alive = '{'00' * 257}' }}"),
            "bank[0].framing: keep_alive: is of 257 bytes, and a message has 256 at most: limits.frame_bytes",
        ),
        (HEAD + bank(more='gb18030 = "2022"'), "bank[0].gb18030: dialect ascii87 has no text in GB 18030"),
        (HEAD + bank(more='transactions = ["5000"]'), "bank[0].transactions: '5000' is no processing code"),
        (HEAD + bank(networks='["192.0.2.1/24"]'), "bank[0].networks: 192.0.2.1/24 has host bits set"),
        (HEAD + bank(more='host = "fep1"'), "bank[0].host: give an address of this machine"),
        (HEAD + bank(networks="[]"), "bank[0].networks: "),
        (HEAD + bank(port=99999), "bank[0].port: Input should be less than or equal to 65535"),
        (HEAD + bank(port=8580), "bank[0].port: is the status port"),
        (HEAD + bank() + bank("01", 8584), "bank[1].code: 01 is bank[0] already"),
        (HEAD + bank() + CHANNEL.format("01"), "channel[0].code: 01 is bank[0] already"),
        (
            HEAD + bank() + CHANNEL.format("9") + CHANNEL.format("09"),
            "channel[1].code: 09 is channel[0] already",
        ),
        (HEAD + bank() + CHANNEL.format("9") + "port = 8585\n", "channel[0].port: "),
        (HEAD + bank() + bank("2"), "bank.networks: 192.0.2.0/24 on port 8583 belongs to both 1 and 2"),
        (HEAD + bank().replace('transport = "plain"', ""), "bank[0].pins: is missing"),
        (HEAD + bank().replace('transport = "plain"', ""), "tls: is missing"),
        (HEAD + "[limits]\nbatch = 9999\n" + bank(), "limits.batch: "),
        (
            HEAD + "[limits]\nbatch = 256\nqueue = 10\n" + bank(),
            "limits.batch: cannot be larger than limits.queue",
        ),
        (HEAD.replace("file:", "") + bank(), "keystore.master_key: String should match pattern"),
        (HEAD.replace("[status]", 'token = "t"\n[status]') + bank(), "keystore.token: pkcs11_module, token"),
        ("", "node: is missing"),
        ("[node", "is not TOML: "),
        (HEAD.replace('"fep1"', "1") + bank(), "node.name: Input should be a valid string"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, expected: str) -> None:
    assert any(fault.startswith(expected) for fault in faults(tmp_path, text))


def test_settings_without_a_bank_can_be_read_and_not_served(tmp_path: Path) -> None:
    path = tmp_path / "qianzhi.toml"
    path.write_text(HEAD)
    assert load_settings(path).bank == ()
    with pytest.raises(SettingsError, match="bank: there is none to serve; first: qianzhi bank add"):
        load_served_settings(path)
    path.write_text(HEAD + bank())
    assert load_served_settings(path) == load_settings(path)


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


def day(tmp_path: Path, lines: str) -> list[str]:
    """What is wrong with these lines of [day]; nothing where they can be meant."""
    path = tmp_path / "qianzhi.toml"
    path.write_text(f"{HEAD}[day]\n{lines}\n{bank()}")
    try:
        load_settings(path)
    except SettingsError as error:
        return [str(fault) for fault in error.faults]
    return []


@pytest.mark.parametrize("hour", ["12:00", "22:00", "23:30", "23:59", "00:00", "00:30", "05:59"])
def test_an_hour_of_the_evening_or_the_night_can_be_meant(tmp_path: Path, hour: str) -> None:
    assert day(tmp_path, f'cutover = "{hour}"') == []


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (
            '"06:00"',
            "06:00 is in the morning: a business day ends from 12:00 on of its own date, or until 05:59",
        ),
        ('"11:59"', "11:59 is in the morning"),
        ('"24:00"', 'is no hour of Beijing: write "HH:MM", midnight as "00:00"'),
        ('"22:60"', "is no hour of Beijing"),
        ('"9:30"', "is no hour of Beijing"),
        ('"22:00:00"', "is no hour of Beijing"),
        ('"22:00 "', "is no hour of Beijing"),
        ('"22:00\\n"', "is no hour of Beijing"),
        ('"２２:00"', "is no hour of Beijing"),
        ('"22:00+08:00"', "is no hour of Beijing"),
        ('""', "is no hour of Beijing"),
        ("2200", "Input should be a valid string"),
        ("22:00:00", "Input should be a valid string"),
    ],
)
def test_an_hour_that_cannot_be_meant_is_refused_with_the_reason(
    tmp_path: Path, value: str, why: str
) -> None:
    [fault] = day(tmp_path, f"cutover = {value}")
    assert fault.startswith(f"day.cutover: {why}")


WHOLE_2098 = (
    'holidays = ["20980101", "20980203", "20980204", "20980501", "20981001", "20981002", "20981003"]\n'
    "whole_years = [2098]"
)


@pytest.mark.parametrize(
    "lines",
    [
        "",
        'holidays = ["20261230"]',
        'holidays = ["20261230", "20261230"]',
        'workdays = ["20261226"]',
        "late_hours = 1\napart_hours = 18",
        WHOLE_2098,
        WHOLE_2098 + '\nworkdays = ["20261226", "20980201"]',
    ],
)
def test_a_calendar_that_can_be_meant_is_taken(tmp_path: Path, lines: str) -> None:
    assert day(tmp_path, lines) == []


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ('holidays = ["20260229"]', "day.holidays: '20260229' is no date: write YYYYMMDD"),
        ('holidays = ["2026-12-30"]', "day.holidays: '2026-12-30' is no date: write YYYYMMDD"),
        ('workdays = ["20261301"]', "day.workdays: '20261301' is no date: write YYYYMMDD"),
        ("workdays = [20261230]", "day.workdays[0]: Input should be a valid string"),
        (
            'holidays = ["20261230"]\nworkdays = ["20261230"]',
            "day.workdays: 20261230 is in holidays too",
        ),
        (
            'holidays = ["20980101"]',
            "day.whole_years: lacks 2098, of which holidays or workdays name a date and nothing else is"
            " known: list all of its holidays and worked weekend days, and name it here",
        ),
        (
            WHOLE_2098.replace('"20980501", ', ""),
            "day.holidays: 20980501 is free by law, and whole_years says that 2098 is whole",
        ),
        (
            WHOLE_2098.replace('"20980203", "20980204", ', ""),
            "day.holidays: the Spring Festival of 2098 is missing, and whole_years says that 2098 is whole",
        ),
        ("whole_years = [27]", "day.whole_years[0]: Input should be greater than or equal to 2004"),
        ('whole_years = ["2027"]', "day.whole_years[0]: Input should be a valid integer"),
        ("late_hours = 0", "day.late_hours: Input should be greater than or equal to 1"),
        ("apart_hours = 24", "day.apart_hours: Input should be less than or equal to 18"),
    ],
)
def test_a_calendar_that_cannot_be_meant_is_refused_with_the_reason(
    tmp_path: Path, lines: str, fault: str
) -> None:
    assert day(tmp_path, lines) == [fault]
