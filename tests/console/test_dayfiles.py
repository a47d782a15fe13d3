"""A bank's day file is taken only from whoever the settings name, and only if nobody else can change it."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Final

import pytest

from console.dayfiles import opener
from office.config import Settings
from office.errors import FileRefused

BANK: Final = "01020000"
DATE: Final = "20261124"
ME: Final = pwd.getpwuid(os.getuid()).pw_name
NOBODY: Final = pwd.getpwnam("nobody")
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can leave a file as somebody else")


def settings(tmp_path: Path, file_owner: str = "") -> Settings:
    office = {"database": "x", "front": "y", "seal_key": "0" * 64, "files": str(tmp_path)}
    bank = {"code": BANK, "name": "x", "file_owner": file_owner}
    return Settings.model_validate({"office": office, "bank": [bank]})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / f"{BANK}.{DATE}.txt"
    path.write_bytes(b"lines")
    path.chmod(0o640)
    return path


def content(tmp_path: Path, file_owner: str = "") -> bytes:
    opened = opener(settings(tmp_path, file_owner))(BANK, DATE)
    assert opened is not None
    with opened as file:
        return file.read()


def test_a_file_that_is_not_there_yet_is_none(tmp_path: Path) -> None:
    assert opener(settings(tmp_path))(BANK, DATE) is None


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o644])
def test_a_file_that_its_owner_alone_can_change_is_taken(tmp_path: Path, path: Path, mode: int) -> None:
    path.chmod(mode)
    assert content(tmp_path) == b"lines"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o660, 0o666])
def test_a_file_that_others_can_change_is_refused(tmp_path: Path, path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(FileRefused, match="can be changed by others"):
        content(tmp_path)


def test_a_file_of_the_user_whom_the_settings_name_is_taken(tmp_path: Path, path: Path) -> None:
    assert content(tmp_path, ME) == b"lines"


def test_a_file_of_another_user_is_refused(tmp_path: Path, path: Path) -> None:
    with pytest.raises(FileRefused, match=f"is {ME}'s; the settings have bank-a leave"):
        content(tmp_path, "bank-a")


@needs_root
def test_a_file_that_another_bank_left_is_refused(tmp_path: Path, path: Path) -> None:
    os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    assert content(tmp_path, "nobody") == b"lines"
    with pytest.raises(FileRefused, match="is nobody's"):
        content(tmp_path, ME)


def test_a_link_is_refused_wherever_it_leads(tmp_path: Path, path: Path) -> None:
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileRefused, match="cannot be opened"):
        content(tmp_path)
    (tmp_path / "elsewhere").unlink()
    with pytest.raises(FileRefused, match="cannot be opened"):
        content(tmp_path)


def test_what_is_no_plain_file_is_refused_and_not_waited_for(tmp_path: Path, path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(FileRefused, match="is no plain file"):
        content(tmp_path)
    path.unlink()
    path.mkdir(0o700)
    with pytest.raises(FileRefused, match="cannot be opened: Is a directory"):
        content(tmp_path)
