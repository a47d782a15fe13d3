"""A bank's dialect: a shipped one, or a file in which the machine can say everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from fep.settings.config import load_settings
from fep.settings.dialects import find_dialect, own_dialects, read_dialect, served_dialect
from ledger.files.settings import SettingsError
from protocol.dialect import load
from protocol.errors import DialectError

OWN = 'base = "bcd87"\n[elements]\n22 = { fill = "right 0" }\n'
DEAF = 'base = "bcd87"\n[elements]\n48 = { format = "n...322", text = false }\n'
SETTINGS = """[node]
dialects = "dialects"
name = "fep1"
database = "sqlite:///front.db"
[keystore]
file = "keystore"
master_key = "file:master.key"
[status]
port = 8580
[[bank]]
code = "1"
name = "one"
port = 8583
networks = ["192.0.2.0/24"]
transport = "plain"
dialect = "bank"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "dialects"
    path.mkdir()
    return path


def settings(folder: Path) -> Path:
    path = folder.parent / "qianzhi.toml"
    path.write_text(SETTINGS, encoding="utf-8")
    return path


def test_a_folder_beside_the_settings_holds_dialects_of_the_banks(folder: Path) -> None:
    (folder / "bank.toml").write_text(OWN, encoding="utf-8")
    read = load_settings(settings(folder))
    assert read.node.dialects == str(folder)
    dialect = served_dialect(read.bank[0].dialect, read.node.dialects)
    assert (dialect.name, dialect.spec["22"]["right_pad"]) == ("bank", "0")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no such dialect; there are"),
        ("base = 3", "bank.toml, line 1: base must be one of"),
        (DEAF, "dialect bank cannot be served: DE 48 is n...322, and the interface needs ans...999 of text"),
    ],
)
def test_settings_are_refused_with_a_dialect_that_cannot_be_served(
    folder: Path, text: str, reason: str
) -> None:
    if text:
        (folder / "bank.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"bank\[0\]\.dialect: ") as caught:
        load_settings(settings(folder))
    assert reason in str(caught.value)


def test_only_toml_files_are_dialects_and_none_has_a_shipped_name(folder: Path) -> None:
    (folder / "two.toml").write_text(OWN, encoding="utf-8")
    (folder / "README").write_text("", encoding="utf-8")
    assert own_dialects(str(folder)) == ("two",)
    assert own_dialects("") == ()
    (folder / "bcd87.toml").write_text(OWN, encoding="utf-8")
    with pytest.raises(DialectError, match="has the name of a shipped dialect"):
        find_dialect("bcd87", str(folder))


def test_a_shipped_dialect_needs_no_folder() -> None:
    assert find_dialect("bcd87", "", "2022") == load("bcd87", "2022")


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "cannot be read: No such file"), (b"# \xff", "is not UTF-8 at byte 2")]
)
def test_a_file_that_is_no_text_is_named(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "bank.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DialectError, match=f"bank.toml {reason}"):
        read_dialect(path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DialectError, match="gone cannot be read: No such file"):
        find_dialect("bank", str(tmp_path / "gone"))
