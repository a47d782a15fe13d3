"""Rows in order without holding them: sorted in chunks, the chunks kept in unnamed files, merged when read.

For checks over a whole file that is larger than the memory that it may take. The files have no name and end
with the process, however that ends; still, no identity number belongs in a row: a disk remembers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from heapq import merge
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Final, Self

CHUNK_ROWS: Final = 50_000
"""Rows that are held at once; of a hundred bytes each they take some ten megabytes."""

Row = tuple[Any, ...]
"""Texts, whole numbers and truth values; rows of one Sorted have the same types in each place."""


class Sorted:
    """Rows that are added in any order and read, as often as one likes, in theirs. One reading at a time."""

    def __init__(self, chunk_rows: int = CHUNK_ROWS) -> None:
        self._chunk_rows = chunk_rows
        self._held: list[Row] = []
        self._files: list[IO[str]] = []
        self._open = ExitStack()

    def add(self, row: Row) -> None:
        """Take one more row."""
        self._held.append(row)
        if len(self._held) == self._chunk_rows:
            self._put_away()

    def __iter__(self) -> Iterator[Row]:
        """All rows in order, those added since the last reading among them."""
        self._held.sort()
        return merge(self._held, *map(_rows, self._files))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _put_away(self) -> None:
        file: IO[str] = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - __exit__ closes it
        self._open.enter_context(file)
        file.writelines(_lines(sorted(self._held)))
        self._files.append(file)
        self._held = []


def _lines(rows: Iterable[Row]) -> Iterator[str]:
    return (f"{json.dumps(row)}\n" for row in rows)


def _rows(file: IO[str]) -> Iterator[Row]:
    file.seek(0)
    return (tuple(json.loads(line)) for line in file)
