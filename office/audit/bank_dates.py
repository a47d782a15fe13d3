"""Invariants 6 and 9, the banks' dates: each is posted once, on the right date and after the bank's earlier
ones; what two people decided about a date, and each file that was held, is in the audit log; and no date has
more breaks than it might.

Written anew: nothing of `office.accounting.bank_dates` is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, and_, func, or_, select

from office.audit.audit_records import MACHINE, AuditRecord, office_records
from office.audit.evidence import POSTED, Checked, Evidence, Failing, Results
from office.audit.row_digests import rows_digest
from office.audit.subjects import bank_date, bank_on, break_named
from office.database.schema import (
    bank_files,
    breaks,
    date_decisions,
    days,
    held_files,
    posted_dates,
    reconciliations,
)
from qianzhi_errors.sentence import Sentence

POST_OF_DAY: Final = "the day of "
"""How the note of a record begins that posted a bank's date."""
_STEPS: Final = ("propose", "approve", "reject", "withdraw")
Place = tuple[str, str]
"""A bank and a date."""


class _Step(NamedTuple):
    """A row of `date_decisions`."""

    bank: str
    date: str
    number: int
    at: int
    by: str
    step: str
    resolution: str
    digest: str
    layout: str
    note: str

    @property
    def words(self) -> str:
        """The note that the step's audit record has."""
        file = f" of file {self.digest} by layout {self.layout}" if self.digest else ""
        return f"{self.resolution}{file}: {self.note}"


def closed_without_file(connection: Connection) -> set[Place]:
    """The banks' dates that two people closed without the bank's file."""
    return {(row.bank, row.date) for row in _approved(connection) if row.resolution == "without_file"}


def _steps(connection: Connection) -> dict[Place, list[_Step]]:
    """The steps about each bank's date, in order."""
    row = date_decisions.c
    steps: dict[Place, list[_Step]] = defaultdict(list)
    columns = (row[name] for name in _Step._fields)
    for step in map(_Step._make, connection.execute(select(*columns).order_by(row.number))):
        steps[step.bank, step.date].append(step)
    return steps


def _approved(connection: Connection) -> Iterator[_Step]:
    for steps in _steps(connection).values():
        yield from (step for step in steps if step.step == "approve")


def date_steps(evidence: Evidence) -> Results:
    """Invariant 9: each decision about a bank's date is by two people who are clerks, and is in the audit log
    with the same person, moment and words; and the other way round.
    """
    logged: dict[str, list[AuditRecord]] = defaultdict(list)
    for record in office_records(evidence):
        if record.act in _STEPS and record.subject.startswith("D"):
            logged[record.subject].append(record)
    count = 0
    for (bank, date), steps in sorted(_steps(evidence.office).items()):
        name = f"D{date}-{bank}"
        faults = (*_path_faults(steps), *_log_faults(steps, logged.pop(name, []), evidence.stated.clerks))
        for fault in faults:
            yield Failing(9, bank_date(name), fault)
        count += len(steps)
    for name in sorted(logged):
        yield Failing(
            9,
            bank_date(name),
            Sentence("was decided about, by the audit log, and has no such step"),
        )
    yield Checked(9, "decisions about banks' dates, held against the audit log", count)


def _path_faults(steps: Sequence[_Step]) -> Iterator[Sentence]:
    before: _Step | None = None
    for place, step in enumerate(steps, 1):
        if step.number != place:
            yield Sentence("step {number} stands where step {place} should", number=step.number, place=place)
        is_open = before is not None and before.step == "propose"
        if (step.step == "propose") == is_open:
            yield Sentence("step {place}, {step}, does not follow", place=place, step=step.step)
        elif before is not None and is_open:
            if before[6:9] != step[6:9]:
                yield Sentence(
                    "step {place} is about another resolution or file than was proposed", place=place
                )
            if step.step != "withdraw" and before.by.casefold() == step.by.casefold():
                yield Sentence("was proposed and decided by one person")
        before = step


def _log_faults(
    steps: Sequence[_Step], records: Sequence[AuditRecord], clerks: frozenset[str]
) -> Iterator[Sentence]:
    if len(steps) != len(records):
        yield Sentence(
            "has {steps} steps, and {records} in the audit log", steps=len(steps), records=len(records)
        )
        return
    for step, record in zip(steps, records, strict=True):
        stated = record.act, record.at, record.by, record.note
        if (step.step, step.at, step.by, step.words) != stated:
            yield Sentence("act {number} is not step {step}", number=record.number, step=step.number)
        if step.by not in clerks:
            yield Sentence(
                "act {number} is of somebody whom the settings do not name as a clerk", number=record.number
            )


def held(evidence: Evidence) -> Results:
    """Invariant 9: each file that was held is as the audit log has it."""
    logged = [record for record in office_records(evidence) if (record.by, record.act) == (MACHINE, "hold")]
    stated = {(record.subject, record.at, record.note) for record in logged}
    rows = evidence.office.execute(select(held_files)).all()
    there = {(f"D{row.date}-{row.bank}", row.held_at, _held_words(row)) for row in rows}
    for name, *_ in sorted(there - stated):
        yield Failing(
            9,
            bank_date(name),
            Sentence("has a held file that the audit log does not have so"),
        )
    for name, *_ in sorted(stated - there):
        yield Failing(
            9,
            bank_date(name),
            Sentence("had a file held, by the audit log, that is not there so"),
        )
    yield Checked(9, "files that were held, held against the audit log", len(rows))


def _held_words(row: Row[Any]) -> str:
    values = tuple(value for name, value in row._asdict().items() if name != "held_at")
    digest = rows_digest([values])
    return f"file {row.digest} by layout {row.layout}, {row.breaks} breaks; row {digest}"


def breaks_allowed(evidence: Evidence) -> Results:
    """Invariant 9: no bank's date has more breaks than it might, and none is of a held file, unless two
    people let that file through.
    """
    office, result = evidence.office, reconciliations.c
    let_through = {
        (step.bank, step.date, step.digest, step.layout)
        for step in _approved(office)
        if step.resolution == "let_through"
    }
    was_held = {tuple(row[:4]) for row in office.execute(select(held_files))}
    counted: Mapping[Place, int] = {
        (bank, date): count
        for bank, date, count in office.execute(
            select(breaks.c.bank, breaks.c.date, func.count()).group_by(breaks.c.bank, breaks.c.date)
        )
    }
    file = bank_files.c
    query = select(result.bank, result.date, file.digest, file.layout, result.breaks_allowed).join(
        bank_files, and_(file.bank == result.bank, file.date == result.date)
    )
    rows = office.execute(query).all()
    for bank, date, digest, layout, allowed in rows:
        named = bank, date, digest, layout
        count = counted.get((bank, date), 0)
        if named not in let_through and (count > allowed or named in was_held):
            what = Sentence(
                "has {count} breaks, {allowed} are allowed, and no two people let its file through",
                count=count,
                allowed=allowed,
            )
            yield Failing(9, bank_on(bank, date), what)
    yield Checked(9, "banks' dates, the breaks of each within what is allowed", len(rows))


def posted(evidence: Evidence) -> Results:
    """Invariant 6: each bank's posted date was posted by a record of the audit log, on the date itself, or
    later if two people closed it without a file; its breaks came into suspense then.
    """
    records = {
        (record.subject, record.at): record.note.removeprefix(POST_OF_DAY).partition(",")[0]
        for record in office_records(evidence)
        if (record.by, record.act) == (MACHINE, "post") and record.note.startswith(POST_OF_DAY)
    }
    without = closed_without_file(evidence.office)
    rows = evidence.office.execute(select(posted_dates)).all()
    for row in rows:
        subject = bank_on(row.bank, row.date)
        if records.pop((f"{row.bank} {row.posted_on}", row.posted_at), "") != row.date:
            yield Failing(
                6,
                subject,
                Sentence("was posted on {posted_on} by no act of the audit log", posted_on=row.posted_on),
            )
        is_late = row.posted_on > row.date and (row.bank, row.date) in without
        if row.posted_on != row.date and not is_late:
            yield Failing(6, subject, Sentence("was posted on {posted_on}", posted_on=row.posted_on))
    for (place, _), date in sorted(records.items()):
        yield Failing(
            6,
            bank_on(place.partition(" ")[0], date),
            Sentence("was posted, by the audit log, and is not"),
        )
    yield Checked(6, "banks' dates that are posted", len(rows))
    yield from _suspense_dates(evidence.office)
    yield from _unposted(evidence.office)


def _suspense_dates(connection: Connection) -> Results:
    """Invariant 6: a break came into suspense on the date of its bank's date's posting, and not before."""
    row = posted_dates.c
    posted_on = func.coalesce(row.posted_on, "")
    query = (
        select(breaks.c["break"])
        .outerjoin(posted_dates, and_(row.bank == breaks.c.bank, row.date == breaks.c.date))
        .where(or_(breaks.c.suspense_on != posted_on, (breaks.c.state == "open") != (posted_on == "")))
    )
    for name in connection.scalars(query):
        yield Failing(
            6,
            break_named(name),
            Sentence("came into suspense on another date than that of its posting"),
        )


def _unposted(connection: Connection) -> Results:
    """Invariant 6: of a posted day, each bank's reconciled date is posted."""
    row, result = posted_dates.c, reconciliations.c
    of_date = and_(row.bank == result.bank, row.date == result.date)
    query = (
        select(result.bank, result.date)
        .join(days, days.c.date == result.date)
        .outerjoin(posted_dates, of_date)
        .where(days.c.state.in_(POSTED), row.bank.is_(None))
    )
    late = closed_without_file(connection)
    for bank, date in connection.execute(query):
        if (bank, date) not in late:
            yield Failing(
                6,
                bank_on(bank, date),
                Sentence("is reconciled, and its day is posted without it"),
            )
