"""The image of a volume: ISO 9660 level 3 with Rock Ridge and Joliet, the same bytes each time.

pycdlib writes it, from files and not from memory. It is read again by another path: each file by `pread` at
its extent, past the page cache, and every sum compared. No UDF: readers were found to err in it.

pycdlib asks the module `time` for the moment, and for the machine's time zone. Here the name `time` in its
own four modules stands for a clock that is frozen for whoever writes an image, and is the real one for
everybody else: it looks at a context variable, which other threads do not share. Python's `time` is not
touched.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, NamedTuple, cast

from pycdlib import PyCdlib, dates, headervd, utils
from pycdlib import pycdlib as mastering
from pycdlib.pycdlibexception import PyCdlibException

from archive.errors import VolumeFault, VolumeRefused
from archive.volume import names
from archive.volume.description import parse
from archive.volume.file_list import VolumeFile, first_block
from archive.volume.sums import BLOCK_BYTES, BLOCK_LINE_BYTES, block_line
from archive.volume.writing import written
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.system import system_reason

SECTOR_BYTES: Final = 2_048
_FILE_MODE: Final = 0o100444
_FOLDER_MODE: Final = 0o040555
_COPY_BYTES: Final = 1_048_576

_frozen_at: ContextVar[int | None] = ContextVar("frozen_at", default=None)


class _Clock:
    """Stands for the module `time` in pycdlib's modules."""

    def __init__(self, real: Any) -> None:  # noqa: ANN401 - a module
        self._real = real

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        return getattr(self._real, name)

    def time(self) -> Any:  # noqa: ANN401 - whole seconds, or what the module gives
        """Return the frozen moment where there is one."""
        at = _frozen_at.get()
        return self._real.time() if at is None else at

    def localtime(self, at: Any = None) -> Any:  # noqa: ANN401 - a moment and its parts
        """Return the parts of a moment; in UTC while it is frozen, whatever the machine's time zone."""
        return self._real.localtime(at) if _frozen_at.get() is None else self._real.gmtime(at)


for _module in (dates, headervd, mastering, utils):
    vars(_module)["time"] = _Clock(vars(_module)["time"])


@contextmanager
def _frozen(at: int) -> Iterator[None]:
    token = _frozen_at.set(at)
    try:
        yield
    finally:
        _frozen_at.reset(token)


class Plan(NamedTuple):
    """Where everything lies in an image: the byte at which each file begins, 0 for an empty one, by path; and
    the bytes of the whole.
    """

    offsets: Mapping[str, int]
    bytes: int


class Checked(NamedTuple):
    """What a whole image is known by: its bytes, and its SHA-256 (hex)."""

    bytes: int
    sha256: str


def plan(
    sizes: Mapping[str, int], volume: str, made_at: int, file_bytes_max: int = names.FILE_BYTES_MAX
) -> Plan:
    """Return where files of these sizes lie in the image of a volume. Nothing is read or written.

    Raises VolumeRefused for a name that a volume may not have, and for a file that is too large.
    """
    with _frozen(made_at), _mastered(volume, sizes, None, file_bytes_max) as (iso, iso_paths):
        return _plan_of(iso, iso_paths)


def write(folder: Path, path: Path, file_bytes_max: int = names.FILE_BYTES_MAX) -> Plan:
    """Write the image of a complete volume, and return where each file lies in it.

    Its name and its moment are those of the folder's volume.txt. Raises VolumeRefused as `plan` does, and
    FileNotWritten, after which no image stands at `path`, or the one that stood there before.
    """
    description = parse(folder.joinpath(names.DESCRIPTION).read_text(encoding="utf-8"))
    sizes = {name: folder.joinpath(name).stat().st_size for name in names.files_below(folder)}
    with (
        _frozen(description.made_at),
        _mastered(description.volume, sizes, folder, file_bytes_max) as (iso, iso_paths),
    ):
        planned = _plan_of(iso, iso_paths)
        with written(path) as file:
            iso.write_fp(cast(BinaryIO, file), blocksize=_COPY_BYTES)
    return planned


def check(path: Path, files: Sequence[VolumeFile]) -> Checked:
    """Read an image again, every file of it where it should lie, and return what the whole is known by.

    What the system still has in memory of it is dropped first, so that the disk is read. Raises VolumeFault
    with the file, and with the first wrong block of it, counted from 1, where it is in the list of blocks.
    """
    whole = hashlib.sha256()
    with _opened(path) as file:
        _forget(file)
        for listed in sorted(files, key=lambda each: each.image_offset):
            if not listed.bytes:
                continue
            if listed.image_offset < file.tell():
                raise VolumeFault(listed.path, Sentence("in the image it overlaps another file"))
            _hash_until(file, listed.image_offset, whole)
            own = hashlib.sha256()
            _hash_until(file, listed.image_offset + listed.bytes, whole, own)
            if own.hexdigest() != listed.sha256:
                raise _wrong(file, listed, files)
        _hash_until(file, None, whole)
        return Checked(file.tell(), whole.hexdigest())


@contextmanager
def _mastered(
    volume: str, sizes: Mapping[str, int], folder: Path | None, file_bytes_max: int
) -> Iterator[tuple[PyCdlib, dict[str, str]]]:
    """Yield the image in pycdlib's form, and each file's name in the letters of ISO 9660."""
    names.check_names(sizes)
    for path, size in sizes.items():
        if size > file_bytes_max:
            raise VolumeRefused(
                path, Sentence("{size} bytes; a file has at most {most}", size=size, most=file_bytes_max)
            )
    iso = PyCdlib()
    try:
        iso.new(
            interchange_level=3,
            joliet=3,
            rock_ridge="1.09",
            vol_ident=volume.replace("-", "_"),
            app_ident_str="QIANZHI-VOLUME 1",
        )
        yield iso, _filled(iso, sizes, folder)
    except PyCdlibException as error:
        raise VolumeRefused(volume, Sentence("{text}", text=str(error))) from error
    finally:
        with suppress(PyCdlibException):  # what could not be begun cannot be closed
            iso.close()


def _filled(iso: PyCdlib, sizes: Mapping[str, int], folder: Path | None) -> dict[str, str]:
    """Add the folders and files in the order of their paths; without `folder`, their sizes alone."""
    iso_paths = {"": ""}
    taken: dict[str, set[str]] = {"": set()}
    for path in sorted(sizes, key=str.encode):
        parts = path.split("/")
        for depth in range(1, len(parts)):
            own = "/".join(parts[:depth])
            if own not in iso_paths:
                _place(iso_paths, taken, own, folder=True)
                iso.add_directory(
                    iso_paths[own], rr_name=parts[depth - 1], joliet_path=f"/{own}", file_mode=_FOLDER_MODE
                )
        _place(iso_paths, taken, path, folder=False)
        iso_path, joliet_path = iso_paths[path], f"/{path}"
        if folder is None:
            iso.add_fp(io.BytesIO(), sizes[path], iso_path, parts[-1], joliet_path, _FILE_MODE)
        else:
            iso.add_file(str(folder.joinpath(path)), iso_path, parts[-1], joliet_path, _FILE_MODE)
    return {path: iso_paths[path] for path in sizes}


def _place(iso_paths: dict[str, str], taken: dict[str, set[str]], path: str, *, folder: bool) -> None:
    """Give a path its name in the letters of ISO 9660."""
    above, _, part = path.rpartition("/")
    name = names.iso_name(part, taken[above], folder=folder)
    taken[above].add(name)
    taken[path] = set()
    iso_paths[path] = f"{iso_paths[above]}/{name}"


def _plan_of(iso: PyCdlib, iso_paths: Mapping[str, str]) -> Plan:
    offsets = {}
    for path, iso_path in iso_paths.items():
        extents = iso.get_file_byte_extents(iso_path=iso_path)
        if len(extents) > 1:
            raise VolumeRefused(path, Sentence("it does not lie in one piece"))
        offsets[path] = extents[0][0] if extents else 0
    return Plan(offsets, iso.pvd.space_size * SECTOR_BYTES)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb", buffering=0) as file:
            yield file
    except OSError as error:
        raise VolumeFault(str(path), system_reason(error)) from error


def _forget(file: IO[bytes]) -> None:
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)


def _hash_until(file: IO[bytes], end: int | None, *sums: Any) -> None:  # noqa: ANN401 - hashlib names no type
    """Read on to the byte `end`, or to the file's end, into each of the sums."""
    at = file.tell()
    while end is None or at < end:
        read = os.pread(file.fileno(), _COPY_BYTES if end is None else min(_COPY_BYTES, end - at), at)
        if not read:
            break
        for each in sums:
            each.update(read)
        at += len(read)
    file.seek(at)


def _wrong(file: IO[bytes], wrong: VolumeFile, files: Sequence[VolumeFile]) -> VolumeFault:
    """Return the fault of a file, with its first wrong block where the list of blocks is there to compare."""
    block_list = next((each for each in files if each.path == names.BLOCK_LIST), None)
    if block_list is None or not wrong.number:
        return VolumeFault(wrong.path, Sentence("its bytes in the image are not those of its sum"))
    numbered = [each for each in files if each.number]
    first = first_block(sorted(numbered), wrong.number)
    for number, start in enumerate(range(0, wrong.bytes, BLOCK_BYTES)):
        block = os.pread(file.fileno(), min(BLOCK_BYTES, wrong.bytes - start), wrong.image_offset + start)
        line_at = block_list.image_offset + (first + number) * BLOCK_LINE_BYTES
        if block_line(block) != os.pread(file.fileno(), BLOCK_LINE_BYTES, line_at):
            return VolumeFault(
                wrong.path, Sentence("block {block}: its bytes are not those of its sum", block=number + 1)
            )
    return VolumeFault(wrong.path, Sentence("its bytes in the image are not those of its sum"))
