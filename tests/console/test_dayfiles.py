"""A bank's day file is taken only from whoever the settings name, and only if nobody else can change it."""

from __future__ import annotations

import os
import pwd
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from console.dayfiles import digest_of, listed, opener
from ledger.errors import BankFileError, Problem
from office.config import Settings
from office.errors import FileRefused

BANK: Final = "01020000"
DATE: Final = "20261124"
ME: Final = pwd.getpwuid(os.getuid()).pw_name
NOBODY: Final = pwd.getpwnam("nobody")
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can leave a file as somebody else")


NOW: Final = 2_000_000_000_000_000
"""A moment long after any file of these tests was changed, in microseconds."""


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
    opened = opener(settings(tmp_path, file_owner), lambda: NOW)(BANK, DATE)
    assert opened is not None
    with opened as file:
        return file.read()


def test_a_file_that_is_not_there_yet_is_none(tmp_path: Path) -> None:
    assert opener(settings(tmp_path), lambda: NOW)(BANK, DATE) is None


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


def changed_us(path: Path) -> int:
    return path.stat().st_mtime_ns // 1000


@pytest.mark.parametrize(("seconds", "said"), [(5, "changed 5 s ago, so it may still be arriving"), (60, "")])
def test_a_fault_of_a_young_file_may_be_that_it_is_still_arriving(
    tmp_path: Path, path: Path, seconds: int, said: str
) -> None:
    opened = opener(settings(tmp_path), lambda: changed_us(path) + seconds * 1_000_000)(BANK, DATE)
    fault = BankFileError((Problem(1, "", "the trailer is missing"),))
    assert opened is not None
    with (
        pytest.raises(FileRefused if said else BankFileError, match=said or "the trailer is missing"),
        opened,
    ):
        raise fault


def test_a_file_that_changes_while_it_is_read_is_refused_at_its_end(tmp_path: Path, path: Path) -> None:
    opened = opener(settings(tmp_path), lambda: NOW)(BANK, DATE)
    assert opened is not None
    with opened as file:
        assert file.read(2) == b"li"
        with path.open("ab") as more:
            more.write(b" and more")
        assert file.read(100) == b"nes and more"
        with pytest.raises(FileRefused, match="changed while it was read"):
            file.read(100)


def test_a_link_and_a_folder_in_the_place_of_a_file_are_called_so(tmp_path: Path, path: Path) -> None:
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileRefused, match="cannot be opened: it is a link"):
        content(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(FileRefused, match=r"no plain file|Is a directory"):
        content(tmp_path)


def test_all_that_lies_in_the_folder_is_listed_by_its_kind(tmp_path: Path, path: Path) -> None:
    (tmp_path / "down").mkdir()
    (tmp_path / "link").symlink_to(path)
    os.mkfifo(tmp_path / "pipe")
    entries = {entry.name: entry for entry in listed(settings(tmp_path))}
    kinds = {name: entry.kind for name, entry in entries.items()}
    assert kinds == {path.name: "file", "down": "folder", "link": "link", "pipe": "other"}
    assert entries[path.name].size == 5
    assert entries[path.name].changed_at >= changed_us(path)


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="gone cannot be read: No such file or directory"):
        listed(settings(tmp_path / "gone"))


def test_the_digest_of_a_file_in_the_folder_and_of_none(tmp_path: Path, path: Path) -> None:
    digest = digest_of(settings(tmp_path))
    assert digest(path.name) == sha256(b"lines").hexdigest()
    assert digest("nothing") == ""
