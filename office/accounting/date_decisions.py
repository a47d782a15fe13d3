"""What two people decide about a bank's date: to close it without the bank's file, or to let a held file
through.

One person proposes with a reason, another approves, rejects or waits; a proposal may be withdrawn. A step is
a row that is never changed, written in one transaction with its audit record. What follows from a decision
does not belong here: the close reads it (`office.accounting.bank_dates`).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from sqlalchemy import Connection, exists, insert, select

from office.accounting.bank_dates import DateResolution, date_name, held
from office.accounting.breaks import person_of
from office.database.audit_log import moment_of, write_record
from office.database.schema import date_decisions, days, reconciliations
from office.errors import NoSuchDate, SamePerson, StepRefused
from qianzhi_errors.sentence import Sentence, listed

_NAME: Final = re.compile(r"D([0-9]{8})-([0-9]{1,11})")
_PROPOSED: Final = "propose"


class DateStep(NamedTuple):
    """One step about a bank's date: `step` is propose, approve, reject or withdraw; `digest` and `layout` say
    which held file is let through; `at` is microseconds since 1970-01-01 UTC.
    """

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
    def name(self) -> str:
        """The name of the bank's date."""
        return date_name(self.bank, self.date)


def is_date_name(name: str) -> bool:
    """Whether the text is written as the name of a bank's date."""
    return _NAME.fullmatch(name) is not None


def propose_date(connection: Connection, name: str, resolution: str, by: str, at: int, note: str) -> DateStep:
    """Propose a decision about a bank's date; another person decides. Returns the step. Raises NoSuchDate, or
    StepRefused where the date is reconciled, nothing is held, no reason is given or a proposal waits.
    """
    person = person_of(by)
    bank, date = _place(connection, name)
    last = _last(connection, bank, date)
    if resolution not in tuple(DateResolution):
        raise StepRefused(
            Sentence(
                "{name}: {resolution} is not possible; there are {resolutions}",
                name=name,
                resolution=resolution,
                resolutions=listed(tuple(DateResolution)),
            )
        )
    if last is not None and last.step == _PROPOSED:
        raise StepRefused(
            Sentence(
                "{name}: {resolution} is proposed by {by} already",
                name=name,
                resolution=last.resolution,
                by=last.by,
            )
        )
    if not note.strip():
        raise StepRefused(Sentence("{name}: give a reason with --note; it is kept", name=name))
    digest = layout = ""
    if resolution == DateResolution.LET_THROUGH:
        files = held(connection, bank, date)
        if not files:
            raise StepRefused(Sentence("{name}: no file of it is held", name=name))
        digest, layout = files[-1].digest, files[-1].layout
    return _written(connection, last, (bank, date), at, (person, _PROPOSED, resolution, digest, layout, note))


def decide_date(connection: Connection, name: str, by: str, at: int, note: str, *, step: str) -> DateStep:
    """Approve, reject or withdraw (`step`) the proposal about a bank's date; returns the step. Raises
    NoSuchDate, StepRefused where nothing is proposed, and SamePerson where its proposer approves or rejects.
    """
    person = person_of(by)
    bank, date = _place(connection, name)
    last = _last(connection, bank, date)
    if last is None or last.step != _PROPOSED:
        raise StepRefused(Sentence("{name}: nothing is proposed", name=name))
    if step != "withdraw" and person.casefold() == last.by.casefold():
        raise SamePerson(
            Sentence("{name}: {person} proposed it, so another person must decide", name=name, person=person)
        )
    return _written(
        connection, last, (bank, date), at, (person, step, last.resolution, last.digest, last.layout, note)
    )


def last_steps(connection: Connection) -> tuple[DateStep, ...]:
    """The last step about each bank's date that has any, by date and bank."""
    columns = (date_decisions.c[name] for name in DateStep._fields)
    rows = connection.execute(select(*columns).order_by(date_decisions.c.number))
    last = {(row.date, row.bank): DateStep._make(row) for row in rows}
    return tuple(last[place] for place in sorted(last))


def _place(connection: Connection, name: str) -> tuple[str, str]:
    """The bank and the date of a name. Raises NoSuchDate, and StepRefused if the date is reconciled."""
    match = _NAME.fullmatch(name)
    date, bank = match.groups() if match else ("", "")
    if not connection.scalar(select(exists().where(days.c.date == date))):
        raise NoSuchDate(Sentence("{name}: the office has no such closed day", name=name))
    is_done = exists().where(reconciliations.c.bank == bank, reconciliations.c.date == date)
    if connection.scalar(select(is_done)):
        raise StepRefused(Sentence("{name}: the bank's file was taken and reconciled", name=name))
    return bank, date


def _last(connection: Connection, bank: str, date: str) -> DateStep | None:
    row = date_decisions.c
    query = select(*(row[name] for name in DateStep._fields)).where(row.bank == bank, row.date == date)
    found = connection.execute(query.order_by(row.number.desc()).limit(1)).first()
    return None if found is None else DateStep._make(found)


def _written(
    connection: Connection,
    last: DateStep | None,
    place: tuple[str, str],
    at: int,
    what: tuple[str, str, str, str, str, str],
) -> DateStep:
    """Write a step and its audit record. If somebody else was quicker, the database refuses the number."""
    moment = moment_of(connection, at)
    step = DateStep(*place, last.number + 1 if last else 1, moment, *what)
    connection.execute(insert(date_decisions).values(step._asdict()))
    write_record(connection, moment, step.by, step.step, step.name, words_of(step))
    return step


def words_of(step: DateStep) -> str:
    """The note of a step's audit record: the resolution, which file, and the person's words."""
    file = f" of file {step.digest} by layout {step.layout}" if step.digest else ""
    return f"{step.resolution}{file}: {step.note}"
