"""Takes a bank's day file into the back office's books: whole or not at all, and once.

Statements on bank_files and bank_lines only. What a good file is, `ledger.files.bankfile` says; what its
lines mean, the reconciliation. The transaction is the caller's: whatever is raised here, it must roll back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, NamedTuple

from sqlalchemy import Connection, func, insert, or_, select

from ledger.errors import BankFileError, Problem
from ledger.files.bankfile import BankLine, FileTotals, Reader, read
from ledger.files.bookfile import PROBLEMS_MAX
from ledger.files.layout import Layout
from ledger.rules.dues import KINDS
from ledger.rules.request import key_of
from office.database.bulk import insert_rows
from office.database.proofs import RowsDigest
from office.database.schema import bank_files, bank_lines
from office.errors import FileRefused

_TERMINAL_LENGTH = 8
"""DE 41 has eight characters (ISO 8583:1987), and the journal's keys have them all; many a file cuts the
blanks.
"""
_DIRECTIONS = {code: "C" if kind == "premium" else "P" for code, kind in KINDS.items()}


class Taken(NamedTuple):
    """A file's totals, as ledger.files.bankfile.FileTotals has them. `again` tells that this very file was
    taken before, and that nothing was written now; else `rows` is the digest of the lines as they were
    written.
    """

    bank: str
    date: str
    lines: int
    collected: int
    paid: int
    digest: str
    again: bool = False
    rows: str = ""


def take_file(
    connection: Connection,
    layout: Layout,
    stream: BinaryIO,
    bank: str,
    date: str,
    taken_at: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Taken:
    """Write a bank's file for a business date (YYYYMMDD), read to its end, in the caller's transaction.

    `taken_at` is in microseconds since 1970-01-01 UTC; `progress` is told how many lines went in since it was
    told last. Raises BankFileError for a file that is not good as a whole, and FileRefused where another file
    was taken for the same bank and date, or this one for another. After either the transaction holds a part
    of the file, and must be rolled back.
    """
    reader = read(layout, stream, bank, date)
    if _files(connection, bank, date, ""):
        return _again(connection, reader, bank, date)
    written = RowsDigest(bank_lines)
    insert_rows(connection, bank_lines, written.through(_rows(reader, bank, date)), progress)
    totals = reader.totals
    if totals.lines:
        _check_first(connection, totals)
    _check_states(connection, bank, date)
    row = {**totals._asdict(), "layout": layout.name, "taken_at": taken_at}
    connection.execute(insert(bank_files), row)
    return Taken(*totals, rows=written.hex)


def _files(connection: Connection, bank: str, date: str, digest: str) -> set[tuple[str, str, str]]:
    """Bank, date and digest of what was taken for the bank and date, or under the digest."""
    same_day = (bank_files.c.bank == bank) & (bank_files.c.date == date)
    query = select(bank_files.c.bank, bank_files.c.date, bank_files.c.digest)
    found = connection.execute(query.where(or_(same_day, bank_files.c.digest == digest)))
    return {(row.bank, row.date, row.digest) for row in found}


def _again(connection: Connection, reader: Reader, bank: str, date: str) -> Taken:
    """Read a file whose date has one already, to see whether it is the same."""
    for _ in reader:
        pass
    totals = reader.totals
    if _files(connection, bank, date, totals.digest) != {(bank, date, totals.digest)}:
        raise FileRefused(f"a file of {bank} for {date} was taken already, with another digest")
    return Taken(*totals, again=True)


def _check_first(connection: Connection, totals: FileTotals) -> None:
    for bank, date, _ in _files(connection, totals.bank, totals.date, totals.digest):
        raise FileRefused(f"the same file was taken already, for {bank} and {date}")


def _check_states(connection: Connection, bank: str, date: str) -> None:
    """Refuse a file that has one transaction as done on one line and as reversed on another: which it is, the
    bank must say, and nobody is to guess.
    """
    line = bank_lines.c
    query = (
        select(func.min(line.line), func.max(line.line), func.count())
        .where(line.bank == bank, line.date == date)
        .group_by(line.key)
        .having(func.min(line.state) != func.max(line.state))
        .order_by(func.min(line.line))
        .limit(PROBLEMS_MAX)
    )
    problems = tuple(
        Problem(last, "state", f"line {first} has the same transaction in the other state")
        for first, last, _ in connection.execute(query)
    )
    if problems:
        raise BankFileError(problems)


def _rows(lines: Iterable[BankLine], bank: str, date: str) -> Iterator[dict[str, object]]:
    """The lines as rows of the table, each with its key as the journal writes keys."""
    for line in lines:
        terminal = line.terminal.ljust(_TERMINAL_LENGTH)
        yield {
            "bank": bank,
            "date": date,
            "line": line.line,
            "key": key_of(bank, terminal, line.sent_at, line.stan),
            "direction": _DIRECTIONS[line.code],
            "terminal": terminal,
            "branch": line.branch,
            "sent_at": line.sent_at,
            "stan": line.stan,
            "rrn": line.rrn,
            "code": line.code,
            "policy": line.policy,
            "due": line.due,
            "amount": line.amount,
            "receipt": line.receipt,
            "state": line.state,
        }
