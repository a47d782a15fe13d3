"""Files that are whole and on disk under their name, or not there at all.

Whatever a step of sealing writes, it writes here: next to the place under `.new`, synced, then renamed. What
is written may not be put here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from archive.errors import FileNotWritten
from ledger.files.synced_folder import sync_names
from qianzhi_errors.system import system_reason


@contextmanager
def written(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that stands under `path` once the block has ended, synced with its folder.

    Raises FileNotWritten for what the system refuses (a full disk). After that, or any other error in the
    block, what was written is removed, and what stood under `path` before is as it was.
    """
    fresh = path.with_name(f"{path.name}.new")
    try:
        with fresh.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        sync_names(path.parent)
    except OSError as error:
        _drop(fresh)
        raise FileNotWritten(str(path), system_reason(error)) from error
    except BaseException:
        _drop(fresh)
        raise


def write(path: Path, content: bytes) -> None:
    """Write a file whole. Raises FileNotWritten as `written` does."""
    with written(path) as file:
        file.write(content)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, if they are not there. Raises FileNotWritten."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileNotWritten(str(path), system_reason(error)) from error


def _drop(path: Path) -> None:
    with suppress(OSError):  # a second error would hide the first
        path.unlink(missing_ok=True)
