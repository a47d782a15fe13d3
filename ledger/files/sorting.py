"""Rows sorted in constant memory: in chunks, which are kept in unnamed files and merged when read.

For checks over a file that is larger than the memory allowed. The files have no name and vanish with the
process, however it ends. Still, no identity number may be put in a row: a disk keeps what was deleted.
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
"""Rows held in memory at once: with a hundred bytes each, some ten megabytes."""

Row = tuple[Any, ...]
"""Texts, whole numbers and truth values; all rows of a Sorted have the same types in the same places."""


class Sorted:
    """Rows that are added in any order and iterated in sorted order, any number of times, one at a time."""

    def __init__(self, chunk_rows: int = CHUNK_ROWS) -> None:
        self._chunk_rows = chunk_rows
        self._held: list[Row] = []
        self._files: list[IO[str]] = []
        self._open = ExitStack()

    def add(self, row: Row) -> None:
        """Add a row."""
        self._held.append(row)
        if len(self._held) == self._chunk_rows:
            self._put_away()

    def __iter__(self) -> Iterator[Row]:
        """Iterate over all rows added so far, in order."""
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
