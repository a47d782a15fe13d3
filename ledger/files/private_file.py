"""A private file: for its owner alone, on disk under its name whole or not at all.

What is written is the caller's business, and so is what becomes of an error.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from ledger.files.synced_folder import sync_names

_MODE: Final = 0o600


def write_private(path: Path, content: bytes) -> None:
    """Write a file that its owner alone may read; one of the same name is replaced. Makes the folder if it is
    missing. Raises OSError, and then what stood there before is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
    sync_names(path.parent)
