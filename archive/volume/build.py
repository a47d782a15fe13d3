"""A staged folder becomes a volume: indexes, list of files, manifests and the signed note.

The folder holds what is to be kept (data/, sealed/, log/, keys/, previous.txt); everything else of a volume
is made here, the same bytes each time. So a step that was killed is run again from its beginning. A document
is staged under `names.document_name`. What is to be kept, and when, may not be put here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from archive.errors import FileNotWritten, VolumeRefused
from archive.volume import bag, file_list, names
from archive.volume.carried import carried_files
from archive.volume.description import FIRST, Note, VolumeDescription
from archive.volume.file_list import VolumeFile
from archive.volume.image import plan
from archive.volume.index import IndexRow, Kind, Place, index_path, write_indexes
from archive.volume.sums import BLOCK_LINE_BYTES, blocks_in, sums_of
from archive.volume.writing import make_folder, write, written
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.system import system_reason

_INDEXES: Final = frozenset(map(index_path, Kind))
_SIGNATURE_BYTES: Final = 92
"""Base64 of a key's id (4 bytes) and an Ed25519 signature (64 bytes)."""


class Completed(NamedTuple):
    """A complete volume: its description with its counts, the whole text of its volume.note, the SHA-256
    (hex) of both manifests, its numbered `files` in order, the `tags` that are made last and have number 0,
    and the bytes that its image will have.
    """

    description: VolumeDescription
    note: str
    manifest: str
    tag_manifest: str
    files: tuple[VolumeFile, ...]
    tags: tuple[VolumeFile, ...]
    image_bytes: int

    @property
    def all_files(self) -> tuple[VolumeFile, ...]:
        """Every file of the volume, for `image.check`."""
        return self.files + self.tags


def complete(
    folder: Path,
    description: VolumeDescription,
    rows: Iterable[IndexRow],
    sign: Callable[[bytes], str],
    sources: bytes = b"",
) -> Completed:
    """Make a volume of a staged folder, in place. `rows` are read once, in any order.

    `sign` gets the text of the note and returns the whole signed note, under the name of the description's
    log. `sources` is the tar of the sources, if they are to be on the volume. The description's `files`,
    `payload` and `sources` are made here, whatever they were.

    Raises VolumeRefused where a name, a size, a row or a field cannot be, and FileNotWritten for a full disk;
    what was staged is as it was then.
    """
    _clear(folder)
    for path, content in carried_files(sources).items():
        make_folder(folder.joinpath(path).parent)
        write(folder.joinpath(path), content)
    paths = _numbered(folder)
    write_indexes(folder, description.number, rows, _places(folder, paths))
    files = _summed(folder, paths)
    payload = [file.bytes for file in files if bag.is_payload(file.path)]
    if not payload:
        raise VolumeRefused(bag.PAYLOAD, Sentence("there is nothing to keep"))
    counted = description._replace(
        files=len(payload),
        payload=sum(payload),
        sources=hashlib.sha256(sources).hexdigest() if sources else FIRST,
    )
    texts = {
        names.DESCRIPTION: counted.text(),
        names.BAG: bag.BAG_TEXT,
        names.BAG_INFO: bag.info(counted),
    }
    planned = plan(_sizes(counted, files, texts), counted.volume, counted.made_at)
    files = tuple(file._replace(image_offset=planned.offsets[file.path]) for file in files)
    texts[names.FILE_LIST] = file_list.text_of(files)
    sums = {file.path: file.sha256 for file in files}
    sums[names.BLOCK_LIST] = sums_of(folder.joinpath(names.BLOCK_LIST)).sha256
    sums |= {path: _sha256(text) for path, text in texts.items()}
    for path, belongs in ((names.MANIFEST, bag.is_payload), (names.TAG_MANIFEST, bag.is_tag)):
        texts[path] = bag.manifest({path: own for path, own in sums.items() if belongs(path)})
        sums[path] = _sha256(texts[path])
    note = Note(counted, sums[names.MANIFEST], sums[names.TAG_MANIFEST])
    texts[names.NOTE] = _signed(note, sign)
    sums[names.NOTE] = _sha256(texts[names.NOTE])
    for path, text in texts.items():
        write(folder.joinpath(path), text.encode())
    tags = tuple(
        VolumeFile(0, path, folder.joinpath(path).stat().st_size, sums[path], "", planned.offsets[path])
        for path in sorted(names.MADE_LAST)
    )
    return Completed(counted, texts[names.NOTE], *note[1:], files, tags, planned.bytes)


def _clear(folder: Path) -> None:
    """Remove what a run that was killed may have left half written."""
    for path in (*names.MADE_LAST, *_INDEXES, *carried_files(b" ")):
        try:
            folder.joinpath(f"{path}.new").unlink(missing_ok=True)
        except OSError as error:
            raise FileNotWritten(path, system_reason(error)) from error


def _numbered(folder: Path) -> list[str]:
    """Return the paths of the files that get a number, in its order; the indexes too, which are not there."""
    paths = sorted({*names.files_below(folder), *_INDEXES} - names.MADE_LAST, key=str.encode)
    names.check_names((*paths, *names.MADE_LAST))
    if len(paths) > names.FILES_MAX:
        raise VolumeRefused(
            paths[names.FILES_MAX], Sentence("a volume has at most {most} files", most=names.FILES_MAX)
        )
    return paths


def _places(folder: Path, paths: Sequence[str]) -> dict[str, Place]:
    """Return what rows may point into: everything that was staged."""
    return {
        path: Place(number, folder.joinpath(path).stat().st_size)
        for number, path in enumerate(paths, start=1)
        if path not in _INDEXES
    }


def _summed(folder: Path, paths: Sequence[str]) -> tuple[VolumeFile, ...]:
    """Return the files with their sums, and write the list of their blocks."""
    files = []
    with written(folder.joinpath(names.BLOCK_LIST)) as block_list:
        for number, path in enumerate(paths, start=1):
            sums = sums_of(folder.joinpath(path))
            block_list.write(sums.block_lines)
            blocks = hashlib.sha256(sums.block_lines).hexdigest()
            files.append(VolumeFile(number, path, sums.size, sums.sha256, blocks))
    return tuple(files)


def _sizes(
    description: VolumeDescription, files: Sequence[VolumeFile], texts: Mapping[str, str]
) -> dict[str, int]:
    """Return the bytes that each file will have, those that are not written yet too: all have their length,
    whatever the sums in them are.
    """
    sizes = {file.path: file.bytes for file in files}
    sizes |= {path: len(text.encode()) for path, text in texts.items()}
    sizes[names.BLOCK_LIST] = BLOCK_LINE_BYTES * sum(blocks_in(file.bytes) for file in files)
    sizes[names.FILE_LIST] = file_list.text_bytes([file.path for file in files])
    sizes[names.MANIFEST] = bag.manifest_bytes([path for path in sizes if bag.is_payload(path)])
    sizes[names.TAG_MANIFEST] = bag.manifest_bytes([path for path in sizes if bag.is_tag(path)])
    sizes[names.NOTE] = _note_bytes(Note(description, "0" * 64, "0" * 64))
    return sizes


def _note_bytes(note: Note) -> int:
    name = note.description.log
    return len(f"{note.text()}\n\u2014 {name} \n".encode()) + _SIGNATURE_BYTES


def _signed(note: Note, sign: Callable[[bytes], str]) -> str:
    """Return the signed note; its length was planned, so it must be the one of an Ed25519 signature."""
    text = note.text()
    signed = sign(text.encode())
    if not signed.startswith(f"{text}\n") or len(signed.encode()) != _note_bytes(note):
        raise VolumeRefused(names.NOTE, Sentence("it is not signed once, by the name of the log"))
    return signed


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
