"""Writes a bank's day file into the office's database: whole or not at all, and only once.

Only statements on `bank_files` and `bank_lines` belong here. What a good file is, `ledger.files.bankfile`
says; the reconciliation interprets its lines. The caller owns the transaction, and must roll it back if
anything is raised here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, NamedTuple

from sqlalchemy import Connection, func, insert, or_, select

from ledger.errors import BankFileError, Problem
from ledger.files.bankfile import FileTotals, Reader, read
from ledger.files.bankline import BankLine
from ledger.files.bookfile import PROBLEMS_MAX
from ledger.files.layout import Layout
from ledger.rules.dues import KINDS
from ledger.rules.request import key_of
from office.database.bulk import insert_rows
from office.database.proofs import RowsDigest
from office.database.schema import bank_files, bank_lines
from office.errors import FileRefused
from qianzhi_errors.sentence import Sentence

_TERMINAL_LENGTH = 8
"""Characters of DE 41 (ISO 8583:1987). The journal's keys hold all eight; many banks' files cut the blanks at
the end.
"""
_DIRECTIONS = {code: "C" if kind == "premium" else "P" for code, kind in KINDS.items()}


class Taken(NamedTuple):
    """The result of taking a file: its totals, as in ledger.files.bankfile.FileTotals.

    `again`: the same file was taken before, and nothing was written now. Otherwise `rows` is the digest (hex)
    of the lines as they were written.
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
    """Read a bank's file for a business date (YYYYMMDD) to its end and write it in the caller's transaction.

    `taken_at` is in microseconds since 1970-01-01 UTC; `progress` is called with the number of lines written
    since its last call. Raises BankFileError for a file with any fault, and FileRefused if another file was
    taken for the bank and date, or this file for another bank or date. After either error the transaction
    holds a part of the file and must be rolled back.
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
    row = {**totals._asdict(), "layout": layout.edition, "taken_at": taken_at}
    connection.execute(insert(bank_files), row)
    return Taken(*totals, rows=written.hex)


def _files(connection: Connection, bank: str, date: str, digest: str) -> set[tuple[str, str, str]]:
    """Bank, date and digest of the files taken for the bank and date, or with the digest."""
    same_day = (bank_files.c.bank == bank) & (bank_files.c.date == date)
    query = select(bank_files.c.bank, bank_files.c.date, bank_files.c.digest)
    rows = connection.execute(query.where(or_(same_day, bank_files.c.digest == digest)))
    return {(row.bank, row.date, row.digest) for row in rows}


def _again(connection: Connection, reader: Reader, bank: str, date: str) -> Taken:
    """Read a file for a date that has a file already. Raises FileRefused unless the two are the same."""
    for _ in reader:
        pass
    totals = reader.totals
    if _files(connection, bank, date, totals.digest) != {(bank, date, totals.digest)}:
        raise FileRefused(
            Sentence(
                "a file of {bank} for {date} was taken already, with another digest", bank=bank, date=date
            )
        )
    return Taken(*totals, again=True)


def _check_first(connection: Connection, totals: FileTotals) -> None:
    """Raise FileRefused if the same file was taken for another bank or date."""
    for bank, date, _ in _files(connection, totals.bank, totals.date, totals.digest):
        raise FileRefused(
            Sentence("the same file was taken already, for {bank} and {date}", bank=bank, date=date)
        )


def _check_states(connection: Connection, bank: str, date: str) -> None:
    """Raise BankFileError if a transaction is done on one line and reversed on another.

    Only the bank can say which of the two is right.
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
        Problem(
            last, "state", Sentence("line {first} has the same transaction in the other state", first=first)
        )
        for first, last, _ in connection.execute(query)
    )
    if problems:
        raise BankFileError(problems)


def _rows(lines: Iterable[BankLine], bank: str, date: str) -> Iterator[dict[str, object]]:
    """Yield the lines as rows of `bank_lines`, each with its key as the journal writes keys."""
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
