"""`qianzhi bank`: list, add, disable, enable and test, and what each leaves in the settings and the audit
log.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from console.bank import bank
from console.main import cli
from fep.keys.keys import KeyKind, checked, zmk_name
from fep.keys.keystore import Keystore, MasterKey
from fep.settings.config import load_settings
from ledger.rules.secret import Secret
from protocol.framing_table import framing_of
from protocol.mac_table import mac_of
from tests.support.builders import BANK
from tests.support.machine import MASTER_KEY, OTHER_BANK, ZMK, records, write_settings

NEW = "01050000"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    return tmp_path / "qianzhi.toml"


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(bank, [*arguments, "--config", str(config)], env={"COLUMNS": "100"})


def add(config: Path, *more: str) -> Result:
    given = ("--name", "Third", "--port", "8590", "--network", "192.0.2.0/24", "--plain")
    return run(config, "add", NEW, *given, *more)


def entries(config: Path) -> dict[str, bool]:
    return {bank.code: bank.enabled for bank in load_settings(config).bank}


def test_list_says_what_each_entry_says_and_whether_its_key_is_there(config: Path) -> None:
    add(config)
    rows = {row["code"]: row for row in json.loads(run(config, "list", "--json").stdout)}
    key = checked(KeyKind.AES, Secret(ZMK)).check_value
    assert [rows[code]["key"] for code in (BANK, OTHER_BANK)] == [key, key]
    assert rows[NEW]["key"].startswith("missing: ")
    assert (rows[NEW]["enabled"], rows[NEW]["listens"]) == (False, "127.0.0.1:8590")
    words = run(config, "list").stdout
    for row in rows.values():
        assert row["code"] in words
        assert f"{row['framing']}, {row['dialect']}, {row['mac']}" in words
    assert words.count("disabled") == 1


def test_add_writes_an_entry_that_the_machine_takes_disabled_and_names_the_next_steps(config: Path) -> None:
    before = config.read_text()
    result = add(config)
    assert result.exit_code == 0
    assert config.read_text().startswith(before)
    assert entries(config) == {BANK: True, OTHER_BANK: True, NEW: False}
    for step in (f"keys load zmk/{NEW}", f"bank enable {NEW}", "firewall apply", "restart the machine"):
        assert step in result.stdout
    assert [record[1:] for record in records(config)] == [
        ("bank add", NEW, "asked"),
        ("bank add", NEW, "done"),
    ]


@pytest.mark.parametrize(
    "wrong", [("--network", "192.0.2.1/24"), ("--pin", "0" * 64), ("--name", "n" * 41), ("--name", "")]
)
def test_an_entry_that_the_machine_would_not_take_is_not_added(wrong: tuple[str, str], config: Path) -> None:
    before = config.read_text()
    failed = (
        add(config, *wrong)
        if wrong[0] != "--pin"
        else run(config, "add", NEW, "--name", "T", "--port", "8590", "--network", "192.0.2.0/24", *wrong)
    )
    assert str(failed.exception).startswith(f"{config}, as it would be: ")
    assert config.read_text() == before
    assert [record[3].partition(":")[0] for record in records(config)] == ["asked", "failed"]


def test_a_bank_is_added_with_parts_of_a_framing_and_of_a_mac(config: Path) -> None:
    framing = '{ length = "4hex", tpdu = true, header = ["echo 6", "fixed 01"], trailer = "03" }'
    mac = '{ algorithm = "x9.9", padding = 2, fields = [0, 3, 4] }'
    assert add(config, "--framing", framing, "--mac", mac).exit_code == 0
    entry = load_settings(config).bank[-1]
    assert (entry.framing, entry.mac) == (framing_of(framing), mac_of(mac))
    for option, said in (("--framing", '{ length = "9be" }'), ("--mac", "{ bytes = 5 }")):
        assert add(config, option, said).exit_code == 2


def test_a_bank_is_added_once(config: Path) -> None:
    add(config)
    before = config.read_text()
    assert add(config).exception is not None
    assert config.read_text() == before


def test_disable_and_enable_set_the_entry_and_are_written_down(config: Path) -> None:
    before = config.read_text()
    assert "qianzhi reload" in run(config, "disable", BANK).stdout
    assert entries(config) == {BANK: False, OTHER_BANK: True}
    assert "already" in run(config, "disable", BANK).stdout
    assert run(config, "enable", BANK).exit_code == 0
    assert entries(config) == {BANK: True, OTHER_BANK: True}
    assert config.read_text().replace("enabled = true\n", "") == before
    assert [record[1:] for record in records(config)] == [
        ("bank disable", BANK, "asked"),
        ("bank disable", BANK, "done"),
        ("bank enable", BANK, "asked"),
        ("bank enable", BANK, "done"),
    ]


def test_a_bank_without_its_key_is_not_enabled(config: Path, tmp_path: Path) -> None:
    add(config)
    refused = run(config, "enable", NEW)
    assert (refused.exit_code, entries(config)[NEW]) == (1, False)
    assert f"first: qianzhi keys load zmk/{NEW}" in refused.stderr
    Keystore(tmp_path / "keystore", MasterKey(Secret(MASTER_KEY))).put(
        zmk_name(NEW), checked(KeyKind.AES, Secret(ZMK)), bytes, replace=False
    )
    assert run(config, "enable", NEW).exit_code == 0
    assert entries(config)[NEW] is True


@pytest.mark.parametrize("command", ["disable", "enable", "test"])
def test_a_slip_in_a_code_is_answered_with_the_code_that_is_like_it(command: str, config: Path) -> None:
    result = run(config, command, BANK[:-1])
    assert result.exit_code == 2
    assert f"; did you mean {BANK!r}?" in result.stderr
    assert f"; there are {BANK}, {OTHER_BANK}" in run(config, command, "77").stderr


def test_test_says_step_by_step_what_keeps_the_bank_out(config: Path) -> None:
    result = run(config, "test", BANK, "--json")
    assert result.exit_code == 1
    assert [row["check"] for row in json.loads(result.stdout)][:3] == ["entry", "listener", "allowlist"]
    assert "no machine serves" in run(config, "test", BANK).stdout
    assert run(config, "test", BANK, "--from", "nowhere").exit_code == 2


@pytest.mark.parametrize(("typed", "wordings"), [("", [BANK, OTHER_BANK]), ("0103", [OTHER_BANK]), ("9", [])])
def test_a_shell_completes_the_codes_of_the_settings(typed: str, wordings: list[str], config: Path) -> None:
    complete = ShellComplete(cli, {}, "qianzhi", "_QIANZHI_COMPLETE")
    words = ["bank", "test", "--config", str(config)]
    assert [completion.value for completion in complete.get_completions(words, typed)] == wordings
    words[-1] = f"{config}.gone"
    assert complete.get_completions(words, typed) == []
    assert isinstance(bank, click.Group)
