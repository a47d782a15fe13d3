"""Invariants 6, 7 and 10, the statements of account: each is whole, taken once and follows the one before it,
and the posting of each moves what its lines say, to the accounts that the chart of that moment gives.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, func, select

from office.audit.audit_records import AuditRecord, office_records
from office.audit.chart import ChartLines, charts_of
from office.audit.evidence import Checked, Evidence, Failing, Results, count_of, stream
from office.audit.row_digests import rows_digest
from office.audit.subjects import break_named, posting_named, statement_of
from office.database.schema import breaks, legs, postings, reconciliations, statement_lines, statements
from qianzhi_errors.sentence import Sentence

_Place = tuple[str, str, str]
"""Account, bank, currency."""
_KINDS = ("settlement", "fee")


def arrived(evidence: Evidence) -> Results:
    """Invariants 6, 7 and 10: statements, their lines and postings, as the module says."""
    connection, charts = evidence.office, charts_of(evidence)
    records = {
        record.subject: record
        for record in office_records(evidence)
        if record.act == "statement" and record.subject
    }
    lines: dict[tuple[str, int], list[Any]] = defaultdict(list)
    order = statement_lines.c.bank, statement_lines.c.number, statement_lines.c.line
    for row in stream(connection, select(statement_lines).order_by(*order)):
        lines[row[0], row[1]].append(row)
    made = _postings(connection, "%/statement-%")
    before: dict[str, Any] = {}
    rows = connection.execute(select(statements).order_by(statements.c.bank, statements.c.number)).all()
    for row in rows:
        its, subject = lines.pop((row.bank, row.number), []), statement_of(row.bank, row.number)
        record = records.pop(f"{row.bank} {row.number}", None)
        yield from _as_recorded(row, its, record, subject)
        yield from _follows(row, its, before.get(row.bank), subject)
        before[row.bank] = row
        name = f"{row.date}/{row.bank}/statement-{row.number}"
        at, moved = made.pop(name, (row.taken_at, {}))
        chart = charts.in_force(record.number if record else 0)
        if moved != _wanted(row, its, chart) or at != row.taken_at:
            yield Failing(
                6,
                posting_named(name),
                Sentence("does not move what the statement's lines say"),
            )
    for bank, number in sorted(lines):
        yield Failing(
            10,
            statement_of(bank, number),
            Sentence("is not there, and has lines"),
        )
    for name in sorted(records):
        yield Failing(
            10,
            Sentence("statement {name}", name=name),
            Sentence("is in the audit log, and is not there"),
        )
    for name in sorted(made):
        yield Failing(6, posting_named(name), Sentence("is of no statement"))
    yield from _settled(evidence)
    yield Checked(10, "statements of account, held against the audit log and their postings", len(rows))


_ABOUT = (
    *("break", "class", "key", "line", "direction", "code", "policy", "due", "ours_effect", "theirs_effect"),
    *("withheld", "difference", "bank_code", "bank_policy", "bank_due", "reason", "hint", "owner"),
)


def _settled(evidence: Evidence) -> Results:
    """Each break of what statements lack is what they and the bank's files made when it was opened, as the
    audit log says, and was posted from clearing into suspense.
    """
    connection, charts = evidence.office, charts_of(evidence)
    records = {record.subject: record for record in office_records(evidence) if record.act == "settle"}
    records.pop("", None)
    made = _postings(connection, "%/arrival-%")
    differences: Counter[tuple[str, str]] = Counter()
    rows = connection.execute(select(breaks).where(breaks.c["class"] == "arrival_differs")).all()
    known = [(records.pop(row[0], None), row) for row in rows]
    for record, row in sorted(known, key=lambda pair: pair[0].number if pair[0] else 0):
        subject, values = break_named(row[0]), row._mapping
        about = [values[name] for name in _ABOUT]
        if record is None or record.note != f"{row.difference} fen; rows {rows_digest([about])}":
            yield Failing(9, subject, Sentence("is not as the audit log says that it was opened"))
            continue
        awaited = _awaited(connection, row.bank, row.key, record.at) - differences[row.bank, row.key]
        differences[row.bank, row.key] += row.difference
        chart = charts.in_force(record.number)
        wanted = {
            (chart.at("clearing"), row.bank, chart.at("currency")): row.difference,
            (chart.suspense(row.difference), row.bank, chart.at("currency")): -row.difference,
        }
        name = f"{row.date}/{row.bank}/arrival-{row[0]}"
        if row.difference != awaited or made.pop(name, None) != (record.at, wanted):
            yield Failing(
                6,
                subject,
                Sentence(
                    "has {difference} fen; statements and files come to {awaited}",
                    difference=row.difference,
                    awaited=awaited,
                ),
            )
    for name in sorted({*records, *made}):
        yield Failing(9, Sentence("arrival {name}", name=name), Sentence("is of no break that is there"))
    yield Checked(9, "breaks of what statements lack", len(rows))


def _awaited(connection: Connection, bank: str, date: str, at: int) -> int:
    """What had arrived by a moment for a bank's date, less what its file has, in fen."""
    line, made = statement_lines.c, reconciliations.c
    came = select(func.sum(line.amount)).join(
        statements, and_(statements.c.bank == line.bank, statements.c.number == line.number)
    )
    came = came.where(line.bank == bank, line.settles == date, line.kind == "settlement")
    file = select(made.theirs_effect).where(made.bank == bank, made.date == date)
    return count_of(connection, came.where(statements.c.taken_at <= at)) - count_of(connection, file)


def _as_recorded(row: Any, its: Sequence[Any], record: AuditRecord | None, subject: Sentence) -> Results:  # noqa: ANN401 - a row of statements
    """The statement and its lines are as the audit log says that they were taken."""
    words = f"{row.statement}: {row.lines} lines"
    dates = f"{row.opening} to {row.closing} fen, {row.from_date} to {row.to_date}, booked on {row.date}"
    note = f"{words}; {dates}; layout {row.layout}, file {row.digest}, rows {rows_digest(its)}"
    if record is None or (record.note, record.at) != (note, row.taken_at):
        yield Failing(10, subject, Sentence("is not as the audit log says"))


def _follows(row: Any, its: Sequence[Any], last: Any, subject: Sentence) -> Results:  # noqa: ANN401 - rows of statements
    """The lines make the statement's balances, and it follows the one before it."""
    moved = sum(line.amount for line in its)
    if (row.opening + moved, row.lines) != (row.closing, len(its)) or any(
        not row.from_date <= line.date <= row.to_date or line.kind not in _KINDS for line in its
    ):
        yield Failing(
            6,
            subject,
            Sentence(
                "its lines do not lead from {opening} to {closing} fen",
                opening=row.opening,
                closing=row.closing,
            ),
        )
    if row.number != (last.number if last else 0) + 1 or (
        last and (last.closing != row.opening or last.to_date >= row.from_date)
    ):
        yield Failing(10, subject, Sentence("does not follow the one before it"))


def _wanted(row: Any, its: Sequence[Any], chart: ChartLines) -> Mapping[_Place, int]:  # noqa: ANN401 - a row of statements
    """What the statement's posting must move."""
    sums: Counter[_Place] = Counter()
    for line in its:
        counter = chart.at("fee" if line.kind == "fee" else "clearing")
        for account, amount in ((chart.at("deposit"), line.amount), (counter, -line.amount)):
            sums[account, chart.bank_of(account, row.bank), chart.at("currency")] += amount
    return {place: amount for place, amount in sums.items() if amount}


def _postings(connection: Connection, names: str) -> dict[str, tuple[int, dict[_Place, int]]]:
    """The postings whose names are like a pattern, by name: the moment of each, and what it moves."""
    query = select(postings.c.posting, postings.c.posted_at, legs).join(
        legs, legs.c.posting == postings.c.posting
    )
    made: dict[str, tuple[int, dict[_Place, int]]] = {}
    for values in stream(connection, query.where(postings.c.posting.like(names))):
        row: Any = values
        _, moved = made.setdefault(row.posting, (row.posted_at, {}))
        place = row.account, row.bank, row.currency
        moved[place] = moved.get(place, 0) + row.amount
    return made
