"""The names in a folder, on disk: what a rename or a new file needs to outlive a power cut.

The bytes of a file are not synced here; whoever writes it does that before.
"""

from __future__ import annotations

import os
from pathlib import Path


def sync_names(folder: Path) -> None:
    """Have the names that a folder holds on disk (fsync(2)). Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
