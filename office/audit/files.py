"""Invariant 10: banks' files and loads of dues are whole, and none was taken twice.

The meaning of a file's lines does not belong here (`office.audit.lines`).
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, Table, and_, case, exists, func, literal, select

from ledger.book import schema as front_schema
from office.audit.evidence import Checked, Evidence, Failing, Results, count_of
from office.audit.subjects import load_of
from office.database.schema import bank_files, bank_lines
from qianzhi_errors.sentence import Sentence


def files(evidence: Evidence) -> Results:
    """Invariant 10: each bank's file has as many lines, and the same sums, as when it was taken; no file was
    taken twice.
    """
    yield from _twice(evidence.office, bank_files, "digest")
    line = bank_lines.c
    is_done = line.state == "S"
    sums = select(
        line.bank,
        line.date,
        func.count(),
        func.sum(case((and_(is_done, line.direction == "C"), line.amount), else_=0)),
        func.sum(case((and_(is_done, line.direction == "P"), line.amount), else_=0)),
    ).group_by(line.bank, line.date)
    added = {(row[0], row[1]): [int(figure) for figure in row[2:]] for row in evidence.office.execute(sums)}
    rows = evidence.office.execute(select(bank_files)).all()
    for row in rows:
        figures = added.pop((row.bank, row.date), [0, 0, 0])
        if figures != [row.lines, row.collected, row.paid]:
            what = Sentence(
                "was taken with {lines} lines, {collected} and {paid} fen; there are {figures}",
                lines=row.lines,
                collected=row.collected,
                paid=row.paid,
                figures=figures,
            )
            yield Failing(10, Sentence("file of {bank} for {date}", bank=row.bank, date=row.date), what)
    for bank, date in sorted(added):
        yield Failing(
            10, Sentence("lines of {bank} for {date}", bank=bank, date=date), Sentence("are of no file")
        )
    yield Checked(10, "banks' files", len(rows))
    yield from _line_keys(evidence)


def _line_keys(evidence: Evidence) -> Results:
    """Invariant 10: the key of each line is made of its own fields."""
    line = bank_lines.c
    bank = func.substr(literal("0" * 11).concat(line.bank), func.length(line.bank) + 1)
    made = bank + "/" + line.terminal + "/" + line.sent_at + "/" + line.stan
    for row in evidence.office.execute(select(line.bank, line.date, line.line).where(line.key != made)):
        subject = Sentence("line {line} of {bank} for {date}", **row._mapping)
        yield Failing(10, subject, Sentence("its key is not that of its fields"))
    count = count_of(evidence.office, select(func.count()).select_from(bank_lines))
    yield Checked(10, "lines of banks' files", count)


def loads(evidence: Evidence) -> Results:
    """Invariant 10: there is at most one load a date, no file was loaded twice, and each load is of a
    business day.
    """
    if evidence.front is None:
        return
    table, day = front_schema.loads, front_schema.days.c
    yield from _twice(evidence.front, table, "date")
    yield from _twice(evidence.front, table, "digest")
    stray = select(table.c.date).where(~exists().where(day.date == table.c.date))
    for (date,) in evidence.front.execute(stray):
        yield Failing(10, load_of(date), Sentence("is of no business day"))
    yield Checked(10, "loads of dues", count_of(evidence.front, select(func.count()).select_from(table)))


def _twice(connection: Connection, table: Table, name: str) -> Iterator[Failing]:
    """The values that more than one row has in a column."""
    column = table.c[name]
    query = select(column, func.count()).group_by(column).having(func.count() > 1)
    for value, count in connection.execute(query):
        yield Failing(
            10,
            Sentence("{table}, {name} {value}", table=table.name, name=name, value=value),
            Sentence("stands {count} times", count=count),
        )
