"""A bank's day file: how it is read whole or refused, and how it is written.

Bytes in, values out, by a layout (`ledger.layout`). No database, nothing that only one bank's file needs, and no
texts that repeat a value of a line but for counts and sums: it may be a customer's. What is done with a good
file, the back office says.

Reading has two ways that come to the same. A pattern of the whole line, with one table for codes and states,
takes a good line in one step; only a line that it does not take is looked at column by column, for what is wrong.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from ledger.bankline import BankLine, Edge, Figures, Plan, compile_plan
from ledger.errors import Problem
from ledger.layout import Layout

PROBLEMS_MAX: Final = 20
"""A file of the wrong kind is wrong in every line; the first few say so."""
_BLOCK_BYTES: Final = 1 << 18
_UNDECODABLE: Final = "\udcff"
"""Stands for a line that is not in the file's encoding: no line that is can hold a surrogate."""


class FileTotals(NamedTuple):
    """A file that was read whole: `date` YYYYMMDD; `lines` counts the detail lines; `collected` and `paid` are the
    sums in fen of those in state S; `digest` is the SHA-256 of the file's bytes, in hex.
    """

    bank: str
    date: str
    lines: int
    collected: int
    paid: int
    digest: str


def read(layout: Layout, stream: BinaryIO, bank: str, date: str) -> Reader:
    """Return the reader of one bank's file for a business date (YYYYMMDD). Nothing is read yet.

    Raises ValueError for a `date` that is no date: it is the caller's.
    """
    return Reader(layout, stream, bank, date)


class Reader:
    """Yields a file's lines in their order, in constant memory; `totals` once there are no more.

    A file with any problem raises BankFileError, with the first PROBLEMS_MAX problems, before the iteration
    ends: at the latest instead of its end. So nothing that was yielded counts until then.
    """

    def __init__(self, layout: Layout, stream: BinaryIO, bank: str, date: str) -> None:
        self._layout = layout
        self._plan: Plan = compile_plan(layout, bank, date)
        self._stream = stream
        self._bank, self._date = bank, date
        self._digest = hashlib.sha256()
        self._problems: list[Problem] = []
        self._number = 0
        self._figures = Figures(0, 0, 0)
        self._said: list[tuple[int, Edge]] = []
        self._trailer_seen = False
        self._totals: FileTotals | None = None
        self._lines = self._read()

    def __iter__(self) -> Iterator[BankLine]:
        return self._lines

    @property
    def totals(self) -> FileTotals:
        """What the file adds up to. Raises ValueError before the iteration has ended."""
        if self._totals is None:
            raise ValueError("the file has not been read to its end")
        return self._totals

    def _read(self) -> Iterator[BankLine]:
        for block in self._blocks():
            if self._trailer_seen:
                self._stop("nothing may follow the trailer")
            first = block.pop(0) if not self._number and self._layout.header and block else None
            if first is not None:
                self._take_header(first)
            yield from self._details(block)
        self._finish()

    def _blocks(self) -> Iterator[list[str]]:
        """The file's lines without their line feeds, in lists. The last line comes alone: that it is the last is
        all that tells some trailers.
        """
        rest, held = b"", None
        for data in iter(lambda: self._stream.read(_BLOCK_BYTES), b""):
            self._digest.update(data)
            whole, end, rest_of_data = data.rpartition(b"\n")
            if end:
                lines = self._texts(rest + whole)
                yield lines if held is None else [held, *lines]
        ...
