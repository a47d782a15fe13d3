"""`qianzhi dialect`: what there is, what a file says, and how captured messages fare in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from console.dialect import dialect
from fep.settings.dialects import read_dialect
from protocol.codec import Codec
from protocol.dialect import shipped
from protocol.message import Message
from tests.support.builders import message
from tests.support.canary import CARD
from tests.support.machine import write_settings
from tests.support.messages import CODECS

OWN = 'base = "ascii87"\n[elements]\n22 = { format = "n 4" }\n'
RAW = CODECS["ascii87"].encode(message(groups=(("PN", "P1"),), de2=CARD))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(dialect, arguments, env={"COLUMNS": "120"})


def as_json(*arguments: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(run(*arguments, "--json").stdout)


def written(folder: Path, text: str = OWN, name: str = "bank.toml") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def captured(folder: Path, *messages: bytes) -> str:
    lines = ["# captured", "", *(f"{raw.hex(' ')}  # as it came" for raw in messages)]
    return written(folder, "\n".join(lines), "messages.hex")


def test_the_shipped_dialects_are_listed_without_settings(tmp_path: Path) -> None:
    config = str(tmp_path / "gone.toml")
    listed = as_json("list", "--config", config)
    assert [one["name"] for one in listed] == list(shipped())
    assert not any(one["obstacles"] for one in listed)
    assert all(name in run("list", "--config", config).stdout for name in shipped())


def test_a_file_of_the_folder_that_is_no_dialect_is_listed_with_its_fault_and_the_others_are(
    tmp_path: Path,
) -> None:
    write_settings(tmp_path, "sqlite:///none.db")
    config = tmp_path / "qianzhi.toml"
    folder = tmp_path / "dialects"
    folder.mkdir()
    (folder / "gone.toml").mkdir()
    for name, text in (("good", OWN), ("typo", OWN.replace("format", "fromat")), ("bom", f"\ufeff{OWN}")):
        written(folder, text, f"{name}.toml")
    config.write_text(config.read_text().replace("[node]", f'[node]\ndialects = "{folder}"'))
    listed = {one["name"]: one["obstacles"] for one in as_json("list", "--config", str(config))}
    assert {name: len(listed[name]) for name in ("good", "typo", "bom", "gone")} == {
        "good": 0,
        "typo": 1,
        "bom": 0,
        "gone": 1,
    }
    assert "'fromat' is no key of it" in listed["typo"][0]
    assert all(listed[name] == [] for name in shipped())


def test_every_element_of_a_file_is_shown(tmp_path: Path) -> None:
    elements = as_json("show", written(tmp_path))
    assert [one["number"] for one in elements] == list(range(1, 129))
    assert elements[21]["format"] == "n 4"
    assert "Point of service entry mode" in run("show", "ascii87").stdout


SUBFIELDS = """base = "ascii87"
[elements]
127 = { format = "b......999999", bitmap = "hex-ascii" }
[subfields.127]
2 = { name = "Switch key", format = "ans..32" }
"""


def test_a_subfield_is_shown_behind_its_element_and_told_in_a_message(tmp_path: Path) -> None:
    file = written(tmp_path, SUBFIELDS)
    shown = [one for one in as_json("show", file) if one["number"] == 127]
    assert [(one["subfield"], one["format"], one["length"]) for one in shown] == [
        (None, "b......999999", "6 ascii"),
        (2, "ans..32", "2 ascii"),
    ]
    assert shown[0]["encoding"] == "its own bitmap, hex-ascii"
    assert "127.2" in run("show", file).stdout
    raw = Codec(read_dialect(Path(file))).encode(Message("0800", {}, {127: {2: "SECRET"}}))
    unknown = raw.replace(b"4000", b"4400")
    result = run("check", file, captured(tmp_path, raw, unknown))
    assert "line 3: 0800 DE 127 127.2: reads, and is written alike" in result.stdout
    assert (
        "line 4: 0800 DE 127: byte 27: expected bit 6 not set: DE 127 has no such subfield" in result.stdout
    )
    assert "SECRET" not in result.stdout


def test_a_file_that_says_nothing_wrong_is_in_order(tmp_path: Path) -> None:
    result = run("check", written(tmp_path))
    assert (result.exit_code, result.stdout) == (0, "bank is in order\n")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bcd87.toml", "has the name of a shipped dialect"),
        ("bank.txt", "has another name than a dialect file, which ends in .toml"),
        ("bank", "has another name than a dialect file, which ends in .toml"),
        ("bank.TOML", "has another name than a dialect file, which ends in .toml"),
        ("bank.toml.bak", "has another name than a dialect file, which ends in .toml"),
    ],
)
def test_a_file_whose_name_the_settings_could_never_load_is_not_in_order(
    tmp_path: Path, name: str, reason: str
) -> None:
    checked = run("check", written(tmp_path, name=name))
    assert (checked.exit_code, "is in order" in checked.output) == (1, False)
    assert reason in " ".join(checked.output.split())


def test_a_message_that_is_written_alike_is_told_by_its_numbers(tmp_path: Path) -> None:
    result = run("check", written(tmp_path), captured(tmp_path, RAW))
    assert result.exit_code == 0
    assert "line 3: 0200 DE 2 3 4 7 11 12 13 32 37 41 42 48 49: reads, and is written alike" in result.stdout
    assert CARD not in result.stdout


def test_the_first_wrong_byte_is_named_and_is_the_exit_code(tmp_path: Path) -> None:
    result = run("check", written(tmp_path), captured(tmp_path, RAW, RAW[:30]))
    assert result.exit_code == 1
    assert "line 4: 0200: byte 30: expected" in result.stdout
    assert "1 of 2 messages are not read and written alike" in result.stderr


def test_bytes_before_the_mti_are_skipped(tmp_path: Path) -> None:
    result = run("check", written(tmp_path), captured(tmp_path, b"\0\x60" + RAW), "--skip", "2")
    assert result.exit_code == 0


def test_a_line_that_is_no_hex_is_named(tmp_path: Path) -> None:
    messages = written(tmp_path, f"{RAW.hex()}\n12 3g\n", "messages.hex")
    result = run("check", written(tmp_path), messages)
    assert result.exit_code == 1
    assert "messages.hex, line 2: no hex digits" in result.stderr


def test_a_dialect_that_the_machine_cannot_serve_in_says_which_element(tmp_path: Path) -> None:
    file = written(tmp_path, 'base = "bcd87"\n[elements]\n48 = { format = "n...322", text = false }')
    result = run("check", file)
    assert result.exit_code == 1
    assert "DE 48 is n...322, and the interface needs ans...999 of text" in result.stdout
    assert "the machine cannot serve a bank in this dialect" in result.stderr
