"""Holds a medium against what the catalogue knows of its volume, file by file, and copies files out of it.

A medium is a mounted folder, an image or a drive. What is wrong is named; what follows for the copy, the
caller decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from archive.catalogue.volumes import CatalogueFile
from archive.errors import VolumeFault
from archive.volume.medium import Medium, opened
from archive.volume.writing import make_folder, written
from qianzhi_errors.sentence import Sentence

_BLOCK_BYTES: Final = 1 << 20


def faults_of(place: Path, files: Iterable[CatalogueFile]) -> Iterator[str]:
    """Yield what is wrong with files of a medium: those that cannot be read, or have another digest."""
    try:
        with opened(place) as medium:
            for file in files:
                try:
                    digest = hashlib.sha256()
                    for block in _blocks(medium, file):
                        digest.update(block)
                except VolumeFault as fault:
                    yield str(fault)
                else:
                    if digest.hexdigest() != file.sha256:
                        yield Sentence("{file} is not what was sealed", file=file.path)
    except VolumeFault as fault:
        yield str(fault)


def copy_out(place: Path, files: Iterable[CatalogueFile], folder: Path) -> None:
    """Copy files of a medium below a folder. Raises VolumeFault where one is not what was sealed."""
    with opened(place) as medium:
        for file in files:
            target, digest = folder.joinpath(file.path), hashlib.sha256()
            make_folder(target.parent)
            with written(target) as out:
                for block in _blocks(medium, file):
                    digest.update(block)
                    out.write(block)
                if digest.hexdigest() != file.sha256:
                    raise VolumeFault(str(place), Sentence("{file} is not what was sealed", file=file.path))


def whole_digest(place: Path) -> str:
    """The SHA-256 (hex) of an image as a file."""
    with place.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _blocks(medium: Medium, file: CatalogueFile) -> Iterator[bytes]:
    for start in range(0, file.bytes, _BLOCK_BYTES):
        yield medium.read(file.path, start, min(_BLOCK_BYTES, file.bytes - start))
