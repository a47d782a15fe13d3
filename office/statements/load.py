"""Takes a statement of account into the books: once, whole, and posted against clearing.

Within the caller's one transaction: the lines, the statement, its posting, and an audit record of each. The
money of transactions goes from clearing to the deposit account (借 银行存款 贷 银行清算), the bank's fee to
the account of fees; a statement that does not begin where the last one ended is refused, and names both. What
a bank owed for a business date and what arrived for it, `arrivals` compares.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, and_, func, insert, select

from ledger.rules.break_classes import BreakClass
from office.accounting.books import Leg, Posting, post
from office.accounting.chart import Chart
from office.database.audit_log import MACHINE, moment_of, write_record
from office.database.bulk import insert_rows
from office.database.proofs import RowsDigest, posted_note
from office.database.schema import breaks, posted_dates, reconciliations, statement_lines, statements
from office.errors import StatementRefused
from office.statements.statement import Statement
from qianzhi_errors.sentence import Sentence

STATEMENT: Final = "statement"
"""The act of a statement in the audit log."""
POST: Final = "post"
PURPOSE: Final = "statement-"
"""The purpose in the name of a statement's posting, before the statement's number."""


class Given(NamedTuple):
    """A statement as it comes: the bank whose it is, the layout's name, the file's SHA-256 in hex."""

    bank: str
    layout: str
    digest: str
    statement: Statement


class Taken(NamedTuple):
    """A statement as it was taken: its number at the office, counted by bank from 1; what it moved in fen;
    the name of its posting, empty if it moves nothing. `is_new` is False for one that was taken before.
    """

    bank: str
    number: int
    lines: int
    moved: int
    posting: str
    is_new: bool


class Arrival(NamedTuple):
    """What a bank owes for a business date by its own file (- we owe it), what arrived for it, and what of
    the difference is in breaks already, in fen. An empty date is that of the lines that name none.
    """

    bank: str
    date: str
    expected: int
    arrived: int
    in_breaks: int

    @property
    def difference(self) -> int:
        """What arrived less what was expected, in fen, without what breaks have taken in."""
        return self.arrived - self.expected - self.in_breaks


def take_statement(connection: Connection, chart: Chart, given: Given, at: int, by: str) -> Taken:
    """Take a statement, and return what was taken. The same one again changes nothing.

    `at` is microseconds since 1970-01-01 UTC, `by` the person. Raises StatementRefused if it does not follow
    the bank's last statement, or if no date of the bank is posted yet.
    """
    statement, taken = given.statement, statements.c
    query = select(statements).where(taken.bank == given.bank).order_by(taken.number)
    before = connection.execute(query).all()
    for row in before:
        if row.statement == statement.number:
            return _again(given, row)
    if before:
        _check_follows(statement, before[-1])
    posted = posted_dates.c
    date = connection.scalar(select(func.max(posted.posted_on)).where(posted.bank == given.bank))
    if date is None:
        raise StatementRefused(
            Sentence(
                "nothing of {bank} is posted yet, against which its money could be held", bank=given.bank
            )
        )
    number, at = len(before) + 1, moment_of(connection, at)
    digest = RowsDigest(statement_lines)
    rows = ({"bank": given.bank, "number": number, **line._asdict()} for line in statement.lines)
    insert_rows(connection, statement_lines, digest.through(rows))
    values = {
        "bank": given.bank,
        "number": number,
        "statement": statement.number,
        "digest": given.digest,
        "layout": given.layout,
        "from_date": statement.from_date,
        "to_date": statement.to_date,
        "opening": statement.opening,
        "closing": statement.closing,
        "lines": len(statement.lines),
        "date": date,
        "taken_at": at,
    }
    connection.execute(insert(statements), values)
    posting = statement_posting(chart, given.bank, number, date, statement)
    words = f"{statement.number}: {len(statement.lines)} lines"
    balances = f"{statement.opening} to {statement.closing} fen"
    dates = f"{statement.from_date} to {statement.to_date}, booked on {date}"
    note = f"{words}; {balances}, {dates}; layout {given.layout}, file {given.digest}, rows {digest.hex}"
    write_record(connection, at, by, STATEMENT, f"{given.bank} {number}", note)
    if posting is not None:
        post(connection, [posting], at)
        words = f"statement {number} of {given.bank}"
        note = posted_note(connection, given.bank, date, at, words)
        write_record(connection, at, MACHINE, POST, f"{given.bank} {date}", note)
    name = posting.posting if posting else ""
    return Taken(given.bank, number, len(statement.lines), statement.moved, name, is_new=True)


def statement_posting(
    chart: Chart, bank: str, number: int, date: str, statement: Statement
) -> Posting | None:
    """The posting `<date>/<bank>/statement-<number>`; None if nothing moves."""
    sums: Counter[tuple[str, str]] = Counter()
    for line in statement.lines:
        counter = chart.fee if line.kind == "fee" else chart.clearing
        sums[chart.deposit, chart.bank_of(chart.deposit, bank)] += line.amount
        sums[counter, chart.bank_of(counter, bank)] -= line.amount
    legs = tuple(Leg(*key, chart.currency, amount) for key, amount in sums.items() if amount)
    words = f"银行对账单 statement {statement.number}"
    return Posting(f"{date}/{bank}/{PURPOSE}{number}", date, bank, words, legs) if legs else None


def arrivals(connection: Connection, bank: str = "") -> tuple[Arrival, ...]:
    """What was expected and what arrived, by bank and business date, where the two differ: of one bank, or of
    all. A bank without any statement is not listed.
    """
    line, made = statement_lines.c, reconciliations.c
    of_bank = [line.bank == bank] if bank else []
    query = select(line.bank, line.settles, func.sum(line.amount)).where(line.kind == "settlement", *of_bank)
    arrived: dict[tuple[str, str], int] = {
        (code, date): int(amount)
        for code, date, amount in connection.execute(query.group_by(line.bank, line.settles))
    }
    banks = select(statements.c.bank).distinct()
    is_posted = and_(posted_dates.c.bank == made.bank, posted_dates.c.date == made.date)
    posted = select(made.bank, made.date, made.theirs_effect).join(posted_dates, is_posted)
    posted = posted.where(made.bank.in_(banks))
    expected: dict[tuple[str, str], int] = {
        (code, date): effect for code, date, effect in connection.execute(posted) if bank in ("", code)
    }
    taken_in = _in_breaks(connection)
    rows = (
        Arrival(*key, expected.get(key, 0), arrived.get(key, 0), taken_in.get(key, 0))
        for key in sorted(expected.keys() | arrived.keys())
    )
    return tuple(row for row in rows if row.difference)


def _in_breaks(connection: Connection) -> dict[tuple[str, str], int]:
    """The differences in fen that breaks have taken in, by bank and business date."""
    query = select(breaks.c.bank, breaks.c.key, func.sum(breaks.c.difference)).where(
        breaks.c["class"] == BreakClass.ARRIVAL_DIFFERS.value
    )
    rows = connection.execute(query.group_by(breaks.c.bank, breaks.c.key))
    return {(bank, date): int(amount) for bank, date, amount in rows}


def _again(given: Given, row: Row[Any]) -> Taken:
    """What was taken before. Raises StatementRefused if the number is the same and the content another."""
    statement = given.statement
    known = row.opening, row.closing, row.lines, row.from_date, row.to_date, row.digest
    lines = len(statement.lines)
    dates = statement.from_date, statement.to_date
    if known != (statement.opening, statement.closing, lines, *dates, given.digest):
        raise StatementRefused(
            Sentence(
                "statement {number} of {bank} was taken with other content",
                number=statement.number,
                bank=given.bank,
            )
        )
    return Taken(given.bank, row.number, lines, statement.moved, "", is_new=False)


def _check_follows(statement: Statement, last: Row[Any]) -> None:
    """Raise StatementRefused unless the statement begins where the last one ended: no date is in both, and no
    fen is between them.
    """
    where = Sentence(
        "statement {number} begins on {from_date} with {opening} fen",
        number=statement.number,
        from_date=statement.from_date,
        opening=statement.opening,
    )
    if statement.from_date <= last.to_date:
        raise StatementRefused(
            Sentence(
                "{where}: an overlap with {statement}, which ends on {to_date}",
                where=where,
                statement=last.statement,
                to_date=last.to_date,
            )
        )
    if statement.opening != last.closing:
        raise StatementRefused(
            Sentence(
                "{where}: a gap to {statement}, which ends on {to_date} with {closing} fen",
                where=where,
                statement=last.statement,
                to_date=last.to_date,
                closing=last.closing,
            )
        )
