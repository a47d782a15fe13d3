"""The BagIt part of a volume (RFC 8493): two manifests and the two files that say that it is a bag.

A manifest is the very input of `sha256sum -c`. BagIt wants the payload below data/ in one manifest and
everything else in the other, so the note signs both. Nothing that only our programs would understand belongs
here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from archive.volume.description import VolumeDescription
from archive.volume.names import NOTE, TAG_MANIFEST

PAYLOAD: Final = "data/"
BAG_TEXT: Final = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_OVERHEAD: Final = 64 + 2 + 1


def manifest(sums: Mapping[str, str]) -> str:
    """Return a manifest of SHA-256 (hex) by path, sorted by path."""
    return "".join(f"{sums[path]}  {path}\n" for path in sorted(sums, key=str.encode))


def manifest_bytes(paths: Sequence[str]) -> int:
    """Return how many bytes the manifest of these paths has."""
    return sum(_OVERHEAD + len(path.encode()) for path in paths)


def is_payload(path: str) -> bool:
    """Whether a file belongs into the manifest of the payload."""
    return path.startswith(PAYLOAD)


def is_tag(path: str) -> bool:
    """Whether a file belongs into the manifest of everything else: not that one itself, nor the note, which
    signs it.
    """
    return not is_payload(path) and path not in (TAG_MANIFEST, NOTE)


def info(description: VolumeDescription) -> str:
    """Return bag-info.txt."""
    return (
        f"Bagging-Date: {description.made[:10]}\n"
        f"External-Identifier: {description.volume}\n"
        f"Payload-Oxum: {description.payload}.{description.files}\n"
    )
