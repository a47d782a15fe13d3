"""The program's own sources as one tar, the same bytes each time, for the volume that it makes.

Whoever doubts how a volume was made reads there what made it. Only the packages that archive are in it: no
front-end, no simulators, no settings and no key.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

PACKAGES: Final = ("archive", "customers", "ledger", "office", "protocol", "qianzhi_errors", "receipts")
_COMPILED: Final = "__pycache__"


@cache
def sources() -> bytes:
    """Return the tar: every file of the packages, by name, without owners and times."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for package in PACKAGES:
            for path, content in _files(files(package), package):
                member = tarfile.TarInfo(path)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def _files(folder: Traversable, above: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = f"{above}/{entry.name}"
        if entry.is_file():
            yield path, entry.read_bytes()
        elif entry.name != _COMPILED:
            yield from _files(entry, path)
