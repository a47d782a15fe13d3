"""The indexes of a volume: sorted lines of one width, written in bounded memory and searched by bisection.

A line is a key padded with blanks, then where its record lies: volume, file, offset, length. Sorted by
bytes, as `LC_ALL=C sort` does, so that `look` and an editor search it too. One key may have many lines. An
index that is not sorted, or not made of such lines, is a fault and is never served from.

What a record means may not be put here, and no identity number may be a key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from enum import StrEnum
from heapq import merge as merge_sorted
from pathlib import Path
from tempfile import TemporaryFile
from types import MappingProxyType, TracebackType
from typing import IO, Final, NamedTuple, Self

from archive.errors import FileNotWritten, VolumeFault, VolumeRefused
from archive.volume.writing import make_folder, written
from qianzhi_errors.sentence import Sentence
from qianzhi_errors.system import system_reason


class Kind(StrEnum):
    """What an index finds a record by."""

    POLICY = "policy"
    RECEIPT = "receipt"
    DUE = "due"
    KEY = "key"
    PERSON = "person"
    DOCUMENT = "document"


WIDTHS: Final[Mapping[Kind, int]] = MappingProxyType(
    {
        Kind.POLICY: 24,
        Kind.RECEIPT: 24,
        Kind.DUE: 24,
        Kind.KEY: 48,
        Kind.PERSON: 32,  # hex of a keyed digest: no name and no identity number
        Kind.DOCUMENT: 64,  # hex of the SHA-256
    }
)
"""Characters of a key in the lines of each kind."""
PLACE_BYTES: Final = len(" 0007 00012 000000012345 00000678\n")
"""What follows the key in a line: volume, file, offset and length, with blanks before them and LF."""
VOLUME_MAX: Final = 9_999
OFFSET_MAX: Final = 10**12 - 1
RECORD_BYTES_MAX: Final = 10**8 - 1
LIMIT: Final = 1_000
"""Hits that one look-up gives unless told otherwise."""

RUN_LINES: Final = 250_000
"""Lines of one kind that are held in memory: about 30 MB."""
RUNS_MAX: Final = 128
"""Sorted runs on disk, each an open file, before they are merged into one."""
_CHECKED_LINES: Final = 10_000

_KEY: Final = re.compile(r"[!-~]+")
_PLACE: Final = rb" [0-9]{4} [0-9]{5} [0-9]{12} [0-9]{8}\n"
_LINES: Final = {
    kind: re.compile(rb"(?:(?=[!-~]+ *%s)[!-~ ]{%d}%s)+" % (_PLACE, width, _PLACE))
    for kind, width in WIDTHS.items()
}


class IndexRow(NamedTuple):
    """A record that can be found: `key` of its kind, the `path` of its file within the volume, and where in
    it the record lies, in bytes.
    """

    kind: Kind
    key: str
    path: str
    offset: int
    length: int


class Place(NamedTuple):
    """A file that rows may point into: its number, and its bytes."""

    number: int
    bytes: int


class Hit(NamedTuple):
    """Where a record lies: number of the volume, number of the file on it, offset and length in bytes."""

    volume: int
    file: int
    offset: int
    length: int


class Found(NamedTuple):
    """What a look-up gives: hits in the order of the index, and whether there are `more` behind them."""

    hits: tuple[Hit, ...]
    more: bool


def key_fault(kind: Kind, key: str) -> str:
    """Return what is wrong with a key, empty if it is good. The text does not repeat the key."""
    if not _KEY.fullmatch(key):
        return Sentence("a key is printable ASCII without blanks, and not empty")
    if len(key) > WIDTHS[kind]:
        return Sentence(
            "a key of kind {kind} has at most {most} characters", kind=kind.value, most=WIDTHS[kind]
        )
    return ""


def index_path(kind: Kind) -> str:
    """Return the path of a kind's index within a volume."""
    return f"index/{kind.value}.idx"


def line_bytes(kind: Kind) -> int:
    """Return the bytes of each line of a kind's index."""
    return WIDTHS[kind] + PLACE_BYTES


def index_line(volume: int, row: IndexRow, places: Mapping[str, Place]) -> bytes:
    """Return the line of a row. Raises VolumeRefused for a key that cannot be one, and for a record that does
    not lie within its file.
    """
    if fault := key_fault(row.kind, row.key):
        raise VolumeRefused(row.path, fault)
    place = places.get(row.path)
    if place is None:
        raise VolumeRefused(row.path, Sentence("an index names it, and it is not in the volume"))
    if not (row.offset >= 0 and row.length >= 1 and row.offset + row.length <= place.bytes):
        raise VolumeRefused(
            row.path,
            Sentence(
                "a record of {length} bytes at {offset} does not lie within it",
                length=row.length,
                offset=row.offset,
            ),
        )
    if row.length > RECORD_BYTES_MAX:
        raise VolumeRefused(row.path, Sentence("a record has at most {most} bytes", most=RECORD_BYTES_MAX))
    key = row.key.ljust(WIDTHS[row.kind])
    return b"%s %04d %05d %012d %08d\n" % (key.encode(), volume, place.number, row.offset, row.length)


def write_indexes(folder: Path, volume: int, rows: Iterable[IndexRow], places: Mapping[str, Place]) -> None:
    """Write the index of each kind below `folder`; a kind without rows has an empty one.

    Memory is bounded (some 150 MB) however many rows there are: sorted runs lie in unnamed files in `folder`
    meanwhile. Raises VolumeRefused for a bad row, FileNotWritten for a full disk.
    """
    make_folder(folder.joinpath("index"))
    with ExitStack() as stack:
        runs = {kind: stack.enter_context(_Runs(folder)) for kind in Kind}
        for row in rows:
            runs[row.kind].add(index_line(volume, row, places))
        for kind, sorted_runs in runs.items():
            with written(folder.joinpath(index_path(kind))) as file:
                file.writelines(sorted_runs.lines())


def merge(kind: Kind, paths: Sequence[Path], out: Path) -> None:
    """Write one index with the lines of all of `paths`, each of which is checked first.

    Raises VolumeFault for one that lies, and FileNotWritten.
    """
    for path in paths:
        check_index(kind, path)
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("rb")) for path in paths]
        with written(out) as file:
            file.writelines(merge_sorted(*files))


def check_index(kind: Kind, path: Path) -> int:
    """Return the number of lines of an index. Raises VolumeFault, with the line, where it is not sorted or
    has a line of another form.
    """
    width = line_bytes(kind)
    count, before = 0, b""
    with path.open("rb") as file:
        _check_length(path, os.fstat(file.fileno()).st_size, width)
        while chunk := file.read(width * _CHECKED_LINES):
            lines = [chunk[start : start + width] for start in range(0, len(chunk), width)]
            if not _LINES[kind].fullmatch(chunk):
                bad = next(n for n, line in enumerate(lines) if not _LINES[kind].fullmatch(line))
                raise _fault(path, count + bad, Sentence("not a line of an index"))
            for number, line in enumerate(lines):
                if line < before:
                    raise _fault(path, count + number, Sentence("not in order"))
                before = line
            count += len(lines)
    return count


class Index:
    """An index that is open to be searched. Raises VolumeFault where its length is not one of whole lines.

    It is read and not mapped: a page of a mapped file that the disk cannot read ends the process, without a
    word on which file it was.
    """

    def __init__(self, kind: Kind, path: Path) -> None:
        self._kind = kind
        self._path = path
        self._width = line_bytes(kind)
        self._file = path.open("rb", buffering=0)
        try:
            size = os.fstat(self._file.fileno()).st_size
            _check_length(path, size, self._width)
        except BaseException:
            self._file.close()
            raise
        self._count = size // self._width

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._file.close()

    def look_up(self, key: str, limit: int = LIMIT, skip: int = 0) -> Found:
        """Return the hits of a key, `limit` at most, behind the first `skip`; none for a key that cannot be.

        Raises VolumeFault where a line that was looked at is malformed, or not in order with the others. That
        a key is absent is certain only in an index that `check_index` has read whole.
        """
        if key_fault(self._kind, key):
            return Found((), more=False)
        target = key.encode().ljust(WIDTHS[self._kind])
        number = self._first(target) + skip
        lines = self._lines_around(number, limit)
        before = next(lines, b"") if number else b""
        hits: list[Hit] = []
        for line in lines:
            if line < before:
                raise _fault(self._path, number, Sentence("not in order"))
            if not line.startswith(target):
                break
            if len(hits) == limit:
                return Found(tuple(hits), more=True)
            hits.append(Hit(*map(int, line[len(target) :].split())))
            before = line
            number += 1
        return Found(tuple(hits), more=False)

    def _first(self, target: bytes) -> int:
        """Return the number of the first line whose key is not before `target`."""
        low, high = 0, self._count
        below, above = b"", b"\xff"
        while low < high:
            middle = (low + high) // 2
            key = self._checked(middle, self._read(middle, 1))[: len(target)]
            if not below <= key <= above:
                raise _fault(self._path, middle, Sentence("not in order"))
            if key < target:
                low, below = middle + 1, key
            else:
                high, above = middle, key
        return low

    def _lines_around(self, number: int, limit: int) -> Iterator[bytes]:
        """Iterate over the line before `number`, if there is one, and what follows, one beyond `limit`."""
        first = max(number - 1, 0)
        count = min(number + limit + 1, self._count) - first
        read = self._read(first, count) if count > 0 else b""
        for start in range(0, len(read), self._width):
            yield self._checked(first + start // self._width, read[start : start + self._width])

    def _read(self, number: int, count: int) -> bytes:
        try:
            read = os.pread(self._file.fileno(), count * self._width, number * self._width)
        except OSError as error:
            raise VolumeFault(str(self._path), system_reason(error)) from error
        if len(read) != count * self._width:
            raise _fault(self._path, number, Sentence("it has become shorter"))
        return read

    def _checked(self, number: int, line: bytes) -> bytes:
        if not _LINES[self._kind].fullmatch(line):
            raise _fault(self._path, number, Sentence("not a line of an index"))
        return line


def look_up(path: Path, kind: Kind, key: str, limit: int = LIMIT, skip: int = 0) -> Found:
    """Open an index and look one key up, as `Index.look_up` says."""
    with Index(kind, path) as index:
        return index.look_up(key, limit, skip)


class _Runs:
    """Lines that are added in any order and read in sorted order, once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: list[bytes] = []
        self._files: list[IO[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for file in self._files:
            file.close()

    def add(self, line: bytes) -> None:
        """Add a line. Raises FileNotWritten."""
        self._held.append(line)
        if len(self._held) == RUN_LINES:
            self._held.sort()
            self._put_away(self._held)
            self._held = []
            if len(self._files) == RUNS_MAX:
                runs, self._files = self._files, []
                self._put_away(merge_sorted(*runs))
                for run in runs:
                    run.close()

    def lines(self) -> Iterator[bytes]:
        """Iterate over all lines in order."""
        self._held.sort()
        return merge_sorted(self._held, *self._files) if self._files else iter(self._held)

    def _put_away(self, lines: Iterable[bytes]) -> None:
        try:
            file: IO[bytes] = TemporaryFile(dir=self._folder)  # noqa: SIM115 - __exit__ closes it
            self._files.append(file)
            file.writelines(lines)
            file.seek(0)
        except OSError as error:
            raise FileNotWritten(str(self._folder), system_reason(error)) from error


def _check_length(path: Path, size: int, width: int) -> None:
    if size % width:
        raise VolumeFault(
            str(path),
            Sentence("{size} bytes are not whole lines of {width} bytes", size=size, width=width),
        )


def _fault(path: Path, number: int, reason: str) -> VolumeFault:
    return VolumeFault(str(path), Sentence("line {line}: {reason}", line=number + 1, reason=reason))
