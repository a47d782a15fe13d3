"""Records read from a volume, each proved before it is given out, in milliseconds.

What proves a record, from the end backwards: the sums of the blocks that it lies in; the sum of its file's
lines in the list of blocks, which is in the list of files; the sum of that list, in the manifest; and the sum
of the manifest, in the note, which the caller has from elsewhere (the catalogue) and whose signature was
checked. So a byte that is wrong anywhere on the way is found, and no more is read than the blocks and a few
small files. Which copy is read next is not decided here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final

from archive.errors import VolumeFault
from archive.volume import file_list, names
from archive.volume.description import Note, parse_note
from archive.volume.file_list import VolumeFile, first_block
from archive.volume.index import Hit, Kind
from archive.volume.medium import Medium, opened
from archive.volume.sums import BLOCK_BYTES, BLOCK_LINE_BYTES, block_line, blocks_in
from qianzhi_errors.sentence import Sentence

SEALED: Final = "sealed/"
_FILES_KEPT: Final = 8
_SMALL_BYTES_MAX: Final = 64 * 1_048_576


class Volume:
    """A volume that is open on a medium. `files` are its numbered files."""

    def __init__(self, medium: Medium, note: str) -> None:
        self._medium = medium
        self.note: Note = parse_note(note)
        present = _text(medium, names.NOTE)
        if present != note:
            raise _other_volume(self.note, present)
        manifest = self._proved(names.TAG_MANIFEST, self.note.tag_manifest)
        listed = re.search(rf"^([0-9a-f]{{64}})  {names.FILE_LIST}$", manifest, re.MULTILINE)
        if listed is None:
            raise VolumeFault(names.TAG_MANIFEST, Sentence("it does not name {file}", file=names.FILE_LIST))
        self.files = file_list.parse(self._proved(names.FILE_LIST, listed[1]))
        self._block_lines = lru_cache(_FILES_KEPT)(self._proved_block_lines)

    def file(self, number: int) -> VolumeFile:
        """Return a file by its number. Raises VolumeFault where the volume has none of it."""
        if not 1 <= number <= len(self.files):
            raise VolumeFault(names.FILE_LIST, Sentence("it has no file {number}", number=number))
        return self.files[number - 1]

    def read(self, hit: Hit) -> bytes:
        """Return the record that a hit of an index leads to.

        Raises VolumeFault, and gives nothing, where the hit is not of this volume or does not lie within its
        file, where the medium cannot be read, and where a byte of the blocks is not what its sum says.
        """
        file = self.file(hit.file)
        if hit.volume != self.note.description.number:
            raise VolumeFault(file.path, Sentence("an index leads to it for another volume"))
        if hit.length < 1 or hit.offset + hit.length > file.bytes:
            raise VolumeFault(file.path, Sentence("an index leads to what does not lie within it"))
        first, last = hit.offset // BLOCK_BYTES, (hit.offset + hit.length - 1) // BLOCK_BYTES
        start = first * BLOCK_BYTES
        content = self._medium.read(file.path, start, min((last + 1) * BLOCK_BYTES, file.bytes) - start)
        lines = self._block_lines(file)
        for number in range(first, last + 1):
            at = (number - first) * BLOCK_BYTES
            expected = lines[number * BLOCK_LINE_BYTES : (number + 1) * BLOCK_LINE_BYTES]
            if block_line(content[at : at + BLOCK_BYTES]) != expected:
                raise VolumeFault(
                    file.path,
                    Sentence("block {block}: its bytes are not those of its sum", block=number + 1),
                )
        return content[hit.offset - start : hit.offset - start + hit.length]

    def record(self, kind: Kind, key: str, hit: Hit) -> bytes:
        """Return the record that a key was found to have. Raises VolumeFault as `read` does, and where it is
        another key's.
        """
        record = self.read(hit)
        path = self.file(hit.file).path
        if not is_of(kind, key, path, record):
            raise VolumeFault(path, Sentence("an index leads to another key's record"))
        return record

    def _proved(self, path: str, digest: str) -> str:
        text = _text(self._medium, path)
        if hashlib.sha256(text.encode()).hexdigest() != digest:
            raise VolumeFault(path, Sentence("its bytes are not those of its sum"))
        return text

    def _proved_block_lines(self, file: VolumeFile) -> bytes:
        offset = first_block(self.files, file.number) * BLOCK_LINE_BYTES
        length = blocks_in(file.bytes) * BLOCK_LINE_BYTES
        lines = self._medium.read(names.BLOCK_LIST, offset, length)
        if hashlib.sha256(lines).hexdigest() != file.blocks:
            raise VolumeFault(
                names.BLOCK_LIST, Sentence("the sums of {file} are not those of their sum", file=file.path)
            )
        return lines


def is_of(kind: Kind, key: str, path: str, record: bytes) -> bool:
    """Whether a record may be a key's: the key stands in it, with nothing before or behind that would make it
    another. Of a sealed line only its person, or its document, can be seen. A transaction's key has `_` in an
    index for each blank.
    """
    if path.startswith(SEALED) and kind not in (Kind.PERSON, Kind.DOCUMENT):
        return True
    place = record.replace(b" ", b"_") if kind is Kind.KEY else record
    return re.search(rb"(?<![0-9A-Za-z-])%s(?![0-9A-Za-z-])" % re.escape(key.encode()), place) is not None


@contextmanager
def open_volume(place: Path, note: str) -> Iterator[Volume]:
    """Yield the volume of this note on a folder, an image or a drive.

    `note` is the whole text of the volume.note that is expected. Raises VolumeFault where the medium has
    another volume or another edition of it, or where the files that prove the others are damaged.
    """
    with opened(place) as medium:
        yield Volume(medium, note)


def read(place: Path, note: str, hit: Hit) -> bytes:
    """Open a volume and return one record of it, as `Volume.read` says."""
    with open_volume(place, note) as volume:
        return volume.read(hit)


def read_note(place: Path) -> str:
    """Return the text of the volume.note on a medium; nothing of it is proved. Raises VolumeFault."""
    with opened(place) as medium:
        text = _text(medium, names.NOTE)
    parse_note(text)
    return text


def _text(medium: Medium, path: str) -> str:
    size = medium.size(path)
    if size > _SMALL_BYTES_MAX:
        raise VolumeFault(
            path, Sentence("{size} bytes; a file has at most {most}", size=size, most=_SMALL_BYTES_MAX)
        )
    try:
        return medium.read(path, 0, size).decode()
    except UnicodeDecodeError as error:
        raise VolumeFault(path, Sentence("not UTF-8")) from error


def _other_volume(expected: Note, present: str) -> VolumeFault:
    """Return the fault of a medium whose note is another, with what can be said of it."""
    wanted = expected.description.volume
    try:
        name = parse_note(present).description.volume
    except VolumeFault:
        reason = Sentence("it is not that of {volume}, or it is damaged", volume=wanted)
    else:
        reason = Sentence("this is {other}, and not {volume}", other=name, volume=wanted)
        if name == wanted:
            reason = Sentence("this is another edition of {volume}, or it is damaged", volume=wanted)
    return VolumeFault(names.NOTE, reason)
