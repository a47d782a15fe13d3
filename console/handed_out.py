"""Files that the office makes for others to fetch: its group may read them, and nobody but its user writes.

A command's other files are their owner's alone. What a file holds is no business of this module.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Final

_FOLDER: Final = 0o750
_FILE: Final = 0o640


def make_folder(folder: Path) -> None:
    """Make a folder that the group may read, and those above it that are missing. One that is there stays as
    its owner has set it.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        path.chmod(_FOLDER)


def open_to_group(stream: BinaryIO) -> None:
    """Let the group read the file of an open stream."""
    os.fchmod(stream.fileno(), _FILE)


def write(path: Path, content: bytes) -> None:
    """Write a file that the group may read."""
    with path.open("wb") as stream:
        open_to_group(stream)
        stream.write(content)
