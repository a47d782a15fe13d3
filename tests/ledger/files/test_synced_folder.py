"""A folder's names are synced by a handle of the folder itself, which is closed in any case."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ledger.files.synced_folder import sync_names


def test_the_folder_itself_is_synced_and_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []

    def fsync(handle: int) -> None:
        synced.append((handle, os.fstat(handle)))
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="Input/output error"):
        sync_names(tmp_path)
    ((handle, status),) = synced
    assert (stat.S_ISDIR(status.st_mode), status.st_ino) == (True, tmp_path.stat().st_ino)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)


def test_what_is_no_folder_is_not_synced(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        sync_names(tmp_path / "file")
