"""index/files.txt and index/blocks.txt: each file of a volume by its number, its sums and its place.

A line of files.txt is a number, a size in bytes, the SHA-256 of the file, the SHA-256 of its lines in
blocks.txt, the byte at which it begins in the image, and the path. Numbers begin at 1 without a gap, in the
order of the paths. blocks.txt has one line for each block, file by file. Records may not be put here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from archive.errors import VolumeFault
from archive.volume.names import FILE_LIST
from archive.volume.sums import blocks_in
from qianzhi_errors.sentence import Sentence


class VolumeFile(NamedTuple):
    """One file of a volume. `blocks` is the SHA-256 (hex) of its lines in blocks.txt, `image_offset` the byte
    in the image at which it begins (0 for an empty file). What is made last has number 0 and no `blocks`.
    """

    number: int
    path: str
    bytes: int
    sha256: str
    blocks: str = ""
    image_offset: int = 0


_LINE: Final = re.compile(r"(\d{5}) (\d{10}) ([0-9a-f]{64}) ([0-9a-f]{64}) (\d{12}) (\S+)\n", re.ASCII)
_FIXED_BYTES: Final = 5 + 1 + 10 + 1 + 64 + 1 + 64 + 1 + 12 + 1 + 1


def text_of(files: Sequence[VolumeFile]) -> str:
    """Return the text of files.txt."""
    return "".join(
        f"{file.number:05} {file.bytes:010} {file.sha256} {file.blocks} {file.image_offset:012} {file.path}\n"
        for file in files
    )


def text_bytes(paths: Sequence[str]) -> int:
    """Return how many bytes the list of these files has, whatever their sums and places."""
    return sum(_FIXED_BYTES + len(path.encode()) for path in paths)


def parse(text: str) -> tuple[VolumeFile, ...]:
    """Return the files of a list. Raises VolumeFault for a line of another form or out of its order."""
    files: list[VolumeFile] = []
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        match = _LINE.fullmatch(line)
        if match is None or int(match[1]) != number:
            raise VolumeFault(
                FILE_LIST, Sentence("line {line}: {reason}", line=number, reason=Sentence("not of its form"))
            )
        files.append(VolumeFile(number, match[6], int(match[2]), match[3], match[4], int(match[5])))
    return tuple(files)


def first_block(files: Sequence[VolumeFile], number: int) -> int:
    """Return the line of blocks.txt, counted from 0, with which the file of this number begins."""
    return sum(blocks_in(file.bytes) for file in files[: number - 1])
