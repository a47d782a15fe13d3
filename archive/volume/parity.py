"""A set's parity: byte n of it is the XOR of the bytes n of all the images of the set.

An image that is shorter counts as if zeros followed. So any one image that is lost is the XOR of the parity
and the others. The parity is staged as a volume of its own, in parts that a disc image can carry, with a list
of what it was made of: an image that was swapped, or a part that is damaged, is named and never used.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final, NamedTuple, Protocol

from archive.errors import VolumeFault, VolumeRefused
from archive.volume.image import Checked
from archive.volume.medium import Medium, opened
from archive.volume.names import FILE_BYTES_MAX
from archive.volume.writing import make_folder, write, written
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.system import system_reason

FOLDER: Final = "data/parity"
LIST: Final = f"{FOLDER}/set.txt"
CHUNK_BYTES: Final = 65_536
"""What is XORed at once: large enough for Python, small enough for the processor's cache."""
MEMBERS_MAX: Final = 32
_LINE: Final = re.compile(r"([A-Z]{1,4}-[0-9]{4}|part-[0-9]{3}\.bin) ([0-9]{1,12}) ([0-9a-f]{64})\n")
_PART: Final = "part-"


class Piece(NamedTuple):
    """An image of the set by its volume, or a part of the parity by its name: its bytes and SHA-256 (hex)."""

    name: str
    bytes: int
    sha256: str


class SetList(NamedTuple):
    """What a parity was made of, and its own parts in order."""

    images: tuple[Piece, ...]
    parts: tuple[Piece, ...]

    def text(self) -> str:
        """Return the text of set.txt."""
        return "".join(
            f"{piece.name} {piece.bytes} {piece.sha256}\n" for piece in (*self.images, *self.parts)
        )


def parse_list(text: str) -> SetList:
    """Read set.txt. Raises VolumeFault with the line that is not of its form."""
    pieces = []
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise VolumeFault(
                LIST, Sentence("line {line}: {reason}", line=number, reason=Sentence("not of its form"))
            )
        pieces.append(Piece(match[1], int(match[2]), match[3]))
    parts = tuple(piece for piece in pieces if piece.name.startswith(_PART))
    images = tuple(piece for piece in pieces if not piece.name.startswith(_PART))
    if not images or sum(part.bytes for part in parts) != max(image.bytes for image in images):
        raise VolumeFault(LIST, Sentence("its parts are not as long as its longest image"))
    return SetList(images, parts)


def write_parity(images: Mapping[str, Path], folder: Path, part_bytes: int = FILE_BYTES_MAX) -> SetList:
    """Stage the parity of images, by their volumes, below `folder`; it is then completed as any volume is.

    Raises VolumeRefused for fewer than two images, VolumeFault for one that cannot be read, FileNotWritten.
    """
    if not 2 <= len(images) <= MEMBERS_MAX:
        raise VolumeRefused(LIST, Sentence("a set has 2 to {most} images", most=MEMBERS_MAX))
    make_folder(folder.joinpath(FOLDER))
    with ExitStack() as stack:
        sources = [_Source(name, _image(path, stack)) for name, path in sorted(images.items())]
        parts = tuple(_write_parts(_xored(sources), folder, part_bytes))
    made = SetList(tuple(source.piece for source in sources), parts)
    write(folder.joinpath(LIST), made.text().encode())
    return made


def restore(present: Mapping[str, Path], parity: Path, volume: str, out: Path) -> Checked:
    """Make the image of a lost volume again at `out`, and return what it is known by.

    `present` are the images of all the others of its set, `parity` the parity volume: a folder, an image or a
    drive. Everything is held against the list of the set while it is read. Raises VolumeFault with what is
    not as it was, and FileNotWritten; then nothing stands at `out`.
    """
    with ExitStack() as stack:
        medium = stack.enter_context(opened(parity))
        listed = parse_list(_list_text(medium))
        lost = next((image for image in listed.images if image.name == volume), None)
        if lost is None:
            raise VolumeFault(LIST, Sentence("{volume} is not of this set", volume=volume))
        others = [image for image in listed.images if image.name != volume]
        for image in others:
            if image.name not in present:
                raise VolumeFault(image.name, Sentence("its image is needed, since it is of the same set"))
        sources = [_Source(image.name, _image(present[image.name], stack)) for image in others]
        parts = _Parts(medium, listed.parts)
        with written(out) as file:
            digest, left = hashlib.sha256(), lost.bytes
            for chunk in _xored([*sources, parts]):
                own = chunk[:left]
                left -= len(own)
                digest.update(own)
                file.write(own)
            parts.check()
            for image, source in zip(others, sources, strict=True):
                if source.piece != image:
                    raise VolumeFault(image.name, Sentence("this image is not the one of the set"))
            if digest.hexdigest() != lost.sha256:
                raise VolumeFault(volume, Sentence("what was made is not the image that was lost"))
    return Checked(lost.bytes, lost.sha256)


class _Chunks(Protocol):
    def chunk(self) -> bytes:
        """Return the next chunk, of CHUNK_BYTES but the last; empty behind the end."""


class _Source:
    """An image that is read once: its chunks, and what it is known by when the last was read."""

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self._name = name
        self._file = file
        self._sum = hashlib.sha256()
        self._bytes = 0

    def chunk(self) -> bytes:
        """Return the next chunk; empty behind the end."""
        try:
            chunk = self._file.read(CHUNK_BYTES)
        except OSError as error:
            raise VolumeFault(self._name, system_reason(error)) from error
        self._sum.update(chunk)
        self._bytes += len(chunk)
        return chunk

    @property
    def piece(self) -> Piece:
        return Piece(self._name, self._bytes, self._sum.hexdigest())


class _Parts:
    """The parts of a parity, read as one; `check` raises VolumeFault for the first that is damaged."""

    def __init__(self, medium: Medium, parts: tuple[Piece, ...]) -> None:
        self._read = [Piece(part.name, 0, "") for part in parts]
        self._parts = parts
        self._chunks = self._all_chunks(medium)

    def chunk(self) -> bytes:
        """Return the next chunk; empty behind the end."""
        return next(self._chunks, b"")

    def check(self) -> None:
        for part, read in zip(self._parts, self._read, strict=True):
            if part != read:
                place = f"{FOLDER}/{part.name}"
                raise VolumeFault(place, Sentence("its bytes are not those of its sum"))

    def _all_chunks(self, medium: Medium) -> Iterator[bytes]:
        held = b""
        for place, part in enumerate(self._parts):
            own = hashlib.sha256()
            for start in range(0, part.bytes, CHUNK_BYTES):
                length = min(CHUNK_BYTES, part.bytes - start)
                chunk = medium.read(f"{FOLDER}/{part.name}", start, length)
                own.update(chunk)
                held += chunk
                if len(held) >= CHUNK_BYTES:
                    yield held[:CHUNK_BYTES]
                    held = held[CHUNK_BYTES:]
            self._read[place] = Piece(part.name, part.bytes, own.hexdigest())
        if held:
            yield held


def _xored(sources: Iterable[_Chunks]) -> Iterator[bytes]:
    """Iterate over the XOR of the chunks of all sources; each counts as zeros behind its end."""
    sources = list(sources)
    while True:
        chunks = [chunk for source in sources if (chunk := source.chunk())]
        if not chunks:
            return
        longest, total = max(map(len, chunks)), 0
        for chunk in chunks:
            total ^= int.from_bytes(chunk, "little")
        yield total.to_bytes(longest, "little")


def _write_parts(chunks: Iterator[bytes], folder: Path, part_bytes: int) -> Iterator[Piece]:
    """Write the parts, each of `part_bytes` but the last, and iterate over them."""
    held, number = next(chunks, b""), 0
    while held:
        number += 1
        name, digest, size = f"{_PART}{number:03}.bin", hashlib.sha256(), 0
        with written(folder.joinpath(FOLDER, name)) as file:
            while held and size < part_bytes:
                own = held[: part_bytes - size]
                file.write(own)
                digest.update(own)
                size += len(own)
                held = held[len(own) :] or next(chunks, b"")
        yield Piece(name, size, digest.hexdigest())


def _image(path: Path, stack: ExitStack) -> IO[bytes]:
    try:
        return stack.enter_context(path.open("rb"))
    except OSError as error:
        raise VolumeFault(str(path), system_reason(error)) from error


def _list_text(medium: Medium) -> str:
    content = medium.read(LIST, 0, min(medium.size(LIST), 1_048_576))
    try:
        return content.decode("ascii")
    except UnicodeDecodeError as error:
        raise VolumeFault(LIST, Sentence("not of its form")) from error
