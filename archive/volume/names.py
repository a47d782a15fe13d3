"""The files that every volume has, and which names a file on a volume may have.

A name must survive any system that reads discs: at most 31 characters of ASCII, no two that differ only in
their case. Only the Chinese README breaks this, on purpose. What is in a file may not be put here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from archive.errors import VolumeRefused
from qianzhi_errors.sentence import Sentence

NAME_MAX: Final = 31
"""Characters of a file's or a folder's name; a longer one is cut by ISO 9660 at level 3."""
FILE_BYTES_MAX: Final = 1_000_000_000
"""Above it, readers of disc images were found to err: a file is split by number before."""
FILES_MAX: Final = 99_999
"""What five digits in an index can number."""

DESCRIPTION: Final = "volume.txt"
NOTE: Final = "volume.note"
BAG: Final = "bagit.txt"
BAG_INFO: Final = "bag-info.txt"
MANIFEST: Final = "manifest-sha256.txt"
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
FILE_LIST: Final = "index/files.txt"
BLOCK_LIST: Final = "index/blocks.txt"
README_ZH: Final = "读我.txt"
MADE_LAST: Final = frozenset(
    {DESCRIPTION, NOTE, BAG, BAG_INFO, MANIFEST, TAG_MANIFEST, FILE_LIST, BLOCK_LIST}
)
"""What is made of all the other files: no number in the list of files, no place in an index."""

_NAME: Final = re.compile(rf"[A-Za-z0-9_-][A-Za-z0-9._-]{{0,{NAME_MAX - 1}}}")
_D_CHARACTER: Final = re.compile(r"[^A-Z0-9_]")


def files_below(folder: Path) -> tuple[str, ...]:
    """Return the paths of all files of a folder, within it, sorted by bytes.

    Raises VolumeRefused for what is neither file nor folder, such as a link.
    """
    found = []
    for path in folder.rglob("*"):
        within = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise VolumeRefused(within, Sentence("neither a file nor a folder"))
        if path.is_file():
            found.append(within)
    return tuple(sorted(found, key=str.encode))


def check_names(paths: Iterable[str]) -> None:
    """Raise VolumeRefused for the first path that a volume may not have."""
    seen: dict[str, str] = {}
    for path in paths:
        parts = path.split("/")
        for part in parts:
            if path != README_ZH and not _NAME.fullmatch(part):
                raise VolumeRefused(
                    path,
                    Sentence(
                        "a name on a volume has 1 to {most} of A-Z, a-z, 0-9, '.', '_' and '-', "
                        "and no '.' before",
                        most=NAME_MAX,
                    ),
                )
        for depth in range(1, len(parts) + 1):
            own = "/".join(parts[:depth])
            other = seen.setdefault(own.casefold(), own)
            if other != own:
                raise VolumeRefused(path, Sentence("differs from {other} only in its case", other=other))


def document_name(digest: str, ending: str) -> str:
    """Return the name under which a document lies on a volume: 24 of the 64 digits of its SHA-256 and its
    ending. The whole digest would be longer than a name may be; it stands in the index and the list of files.
    """
    return f"{digest[:24]}.{ending}"


def iso_name(part: str, taken: Collection[str], *, folder: bool) -> str:
    """Return a name in the letters of ISO 9660 for a reader that knows neither Rock Ridge nor Joliet.

    It is none of `taken`: a number takes the place of the last characters where two names become the same.
    """
    stem, _, ending = (part, "", "") if folder else part.upper().rpartition(".")
    if not stem:
        stem, ending = ending, ""
    stem, ending = _D_CHARACTER.sub("_", stem.upper()), _D_CHARACTER.sub("_", ending)
    stem = stem[: NAME_MAX - 1 - len(ending)]
    for number in range(1, FILES_MAX + 1):
        mark = f"_{number}" if number > 1 else ""
        own = stem[: NAME_MAX - 1 - len(ending) - len(mark)] + mark
        name = own if folder else f"{own}.{ending};1"
        if name not in taken:
            return name
    raise VolumeRefused(part, Sentence("too many names that differ only in signs"))
