"""The settings name a key of a witness that is none, and clerks may what the archive asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.config import Settings, load_settings
from archive.errors import NotAllowed
from archive.install import install
from archive.log.note import SignatureType, public_half
from ledger.files.settings import SettingsError

WITNESS = public_half("bank.example/witness", bytes(32), SignatureType.COSIGNATURE)


def settings(folder: Path, *lines: str) -> Settings:
    """New settings, with more lines in [archive]."""
    path = folder / "archive.toml"
    if not path.exists():
        install(folder, folder / "office.toml", None)
    text = path.read_text(encoding="utf-8")
    head, _section, rest = text.partition("\n[archive]\n")
    path.with_name("changed.toml").write_text(
        "".join((head, "\n[archive]\n", *(f"{line}\n" for line in lines), rest)), encoding="utf-8"
    )
    return load_settings(path.with_name("changed.toml"))


def test_witnesses_are_keys_of_cosignatures(tmp_path: Path) -> None:
    assert settings(tmp_path, f'witness = ["{WITNESS.text}"]').archive.witnesses == (WITNESS,)
    signer = public_half("bank.example/witness", bytes(32))
    for text, fault in (
        ("bank.example/witness", "key 2: a key is NAME"),
        (f"other{WITNESS.text}", "key 2: the key's id"),
        (signer.text, "key 2 is not one of cosignatures"),
    ):
        with pytest.raises(SettingsError, match=fault):
            settings(tmp_path, f'witness = ["{WITNESS.text}", "{text}"]')


def test_a_clerk_may_what_the_settings_say_and_no_more(tmp_path: Path) -> None:
    given = settings(tmp_path)
    given.check_may("li", "destroy")
    with pytest.raises(NotAllowed, match="'zhao' may not destroy; these may: li, wang"):
        given.check_may("zhao", "destroy")
