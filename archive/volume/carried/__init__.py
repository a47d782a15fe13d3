"""What every volume carries besides what is kept: how to read it, and a program that checks it.

The texts are for whoever holds the disc and nothing else, in thirty years. They may say nothing that needs
another file of ours to be understood.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from archive.volume.names import README_ZH

_CARRIED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "README.txt": "README.txt",
        README_ZH: "README-zh.txt",
        "FORMAT.txt": "FORMAT.txt",
        "tools/verify.py": "verify.py",
    }
)
"""Path on the volume -> file of this package."""
SOURCES: Final = "tools/sources.tar"


def carried_files(sources: bytes) -> dict[str, bytes]:
    """Return the bytes of each file by its path on the volume; the tar of the sources if there is one."""
    carried = {path: files(__name__).joinpath(own).read_bytes() for path, own in _CARRIED.items()}
    return carried | {SOURCES: sources} if sources else carried
