"""Entries of settings: one is added or set, all else stays, and what is not understood is left alone."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fep.settings.editor import EntryError, replace_settings, with_enabled, with_entry
from ledger.files.settings import SettingsError
from tests.support.builders import BANK
from tests.support.machine import OTHER_BANK, write_settings

TEXT = """# ours
[node]      # here
name = "fep1"

[[bank]]    # the first
code = "1"  # DE 32
networks = [
  "192.0.2.0/24",  # branch
]

[[bank]]
enabled = true   # since May
code = "2"

[status]
port = 1
"""


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("code", ["1", "2"])
def test_only_the_entry_that_is_named_is_set_and_comments_stay(code: str, enabled: bool) -> None:
    changed = with_enabled(TEXT, code, enabled=enabled)
    word = str(enabled).lower()
    if code == "2":
        assert changed == TEXT.replace("enabled = true ", f"enabled = {word} ")
    else:
        assert changed == TEXT.replace("# branch\n]\n", f"# branch\n]\nenabled = {word}\n")
    banks = {entry["code"]: entry for entry in tomllib.loads(changed)["bank"]}
    assert banks[code]["enabled"] is enabled


@pytest.mark.parametrize("first", [True, False])
def test_set_and_set_back_is_what_it_was(first: bool) -> None:
    once = with_enabled(TEXT, "2", enabled=first)
    assert with_enabled(with_enabled(once, "2", enabled=not first), "2", enabled=first) == once


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (TEXT, "3"),
        (TEXT.replace('code = "2"', 'code = "1"'), "1"),
        ('bank = [{ code = "1" }]\n', "1"),
        (TEXT + '\n[[bank]]\ncode = "3"\n', "1"),
        ('[[bank]]\ncode = "1"\n[bank.extra]\n', "2"),
        ("[[bank]\n", "1"),
    ],
)
def test_what_is_not_understood_is_left_to_a_person(text: str, code: str) -> None:
    with pytest.raises(EntryError):
        with_enabled(text, code, enabled=False)


@pytest.mark.parametrize("behind", ["", TEXT[TEXT.index("[status]") :]])
@pytest.mark.parametrize("end", ["", "\n", "\n\n\n"])
def test_an_entry_is_added_behind_the_others_after_a_blank_line(behind: str, end: str) -> None:
    entry = {"code": "3", "name": 'a "b" \\ 建', "enabled": False, "port": 7, "networks": ["::1/128"]}
    before = TEXT[: TEXT.index("\n[status]")]
    text = (f"{before}\n{behind}" if behind else before).rstrip("\n") + end
    changed = with_entry(text, entry)
    assert changed == (
        f'{before}\n[[bank]]\ncode = "3"\nname = "a \\"b\\" \\\\ 建"\nenabled = false\nport = 7\n'
        f'networks = ["::1/128"]\n' + (f"\n{behind}" if behind else "")
    )
    assert tomllib.loads(changed)["bank"][-1] == entry
    assert tomllib.loads(with_enabled(changed, "3", enabled=True))["bank"][-1] == {**entry, "enabled": True}


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n"])
def test_the_first_entry_is_added_at_the_end(end: str) -> None:
    text = f'# ours\n[status]\nport = 1\n\n# [[bank]]\n# code = "2"{end}'
    changed = with_entry(text, {"code": "1", "networks": ["::1/128"]})
    assert changed == f'{text.rstrip()}\n\n[[bank]]\ncode = "1"\nnetworks = ["::1/128"]\n'
    assert with_entry(changed, {"code": "3"}) == f'{changed}\n[[bank]]\ncode = "3"\n'


def test_what_only_looks_like_an_entry_is_none() -> None:
    text = '[[bank]]\ncode = "1"\nname = """\n[[bank]]\n"""\n'
    assert with_enabled(text, "1", enabled=False) == text + "enabled = false\n"


@given(st.text(max_size=30), st.lists(st.text(max_size=10), max_size=3))
def test_any_text_is_written_so_that_it_reads_the_same(name: str, networks: list[str]) -> None:
    entry = {"code": "3", "name": name, "networks": networks}
    try:
        name.encode()
        "".join(networks).encode()
    except UnicodeEncodeError:
        return
    assert tomllib.loads(with_entry(TEXT, entry))["bank"][-1] == entry


def test_an_entry_goes_into_no_list_of_another_form() -> None:
    with pytest.raises(EntryError):
        with_entry("bank = []\n", {"code": "1"})


def test_a_file_is_replaced_whole_if_the_machine_would_take_it(tmp_path: Path) -> None:
    write_settings(tmp_path, f"sqlite:///{tmp_path}/front.db")
    path = tmp_path / "qianzhi.toml"
    path.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    before = path.read_text()
    settings = replace_settings(link, with_enabled(before, OTHER_BANK, enabled=False))
    assert [(bank.code, bank.enabled) for bank in settings.bank] == [(BANK, True), (OTHER_BANK, False)]
    assert (path.stat().st_mode & 0o777, link.is_symlink()) == (0o640, True)
    good = path.read_text()
    with pytest.raises(SettingsError):
        replace_settings(path, good.replace("[status]", "[statsu]"))
    assert path.read_text() == good
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "keystore",
        "link.toml",
        "master.key",
        "qianzhi.toml",
    ]
