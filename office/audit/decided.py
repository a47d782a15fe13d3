"""Invariant 9, the people: every decision about a break is in the audit log with the same person, and every
other step of a break happened at a moment at which the audit log has the machine at work.

A break is proposed, approved, rejected or withdrawn in one transaction with its audit record. So the break's
history and the audit log are compared in both directions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from sqlalchemy import select

from office.audit.audit_records import MACHINE, AuditRecord, office_records
from office.audit.evidence import Checked, Evidence, Failing, Results, stream
from office.audit.subjects import break_named
from office.database.schema import break_events, breaks
from qianzhi_errors.sentence import Sentence

_DECISIONS: Final = ("propose", "approve", "reject", "withdraw")


class _HistoryLine(NamedTuple):
    """A line of a break's history: the step to a state; `at` is microseconds since 1970-01-01 UTC."""

    at: int
    by: str
    from_state: str
    to_state: str
    note: str

    @property
    def decisions(self) -> tuple[str, ...]:
        """The decisions that can make such a line; none if the machine makes it."""
        if self.to_state == "proposed":
            return ("propose",)
        if self.to_state == "approved":
            return ("approve",)
        return ("reject", "withdraw") if (self.from_state, self.to_state) == ("proposed", "suspense") else ()


class _BreakNow(NamedTuple):
    """The row of a break as it is now, as far as these checks need it."""

    bank: str
    date: str
    cls: str
    reason: str
    resolution: str
    suspense_on: str
    settled_on: str


def decisions(evidence: Evidence) -> Results:
    """Invariant 9: each decision about a break is in the audit log, and each decision in the audit log is in
    its break's history, with the same person, moment, resolution and words; the person is a clerk of the
    settings.
    """
    logged: dict[str, list[AuditRecord]] = defaultdict(list)
    for record in office_records(evidence):
        if record.act in _DECISIONS and not record.subject.startswith("D"):  # a bank's date: bank_dates
            logged[record.subject].append(record)
    count = 0
    for name, row, steps in _histories(evidence):
        decided = [step for step in steps if step.decisions]
        for fault in _faults(row, decided, logged.pop(name, []), evidence.stated.clerks):
            yield Failing(9, break_named(name), fault)
        count += len(decided)
    for name in sorted(logged):
        yield Failing(
            9,
            break_named(name),
            Sentence("was decided about, by the audit log, and has no history"),
        )
    yield Checked(9, "decisions about breaks, held against the audit log", count)


def _faults(
    row: _BreakNow | None,
    steps: Sequence[_HistoryLine],
    records: Sequence[AuditRecord],
    clerks: frozenset[str],
) -> Iterator[Sentence]:
    """What differs between the decisions in a break's history and those in the audit log."""
    if len(steps) != len(records):
        yield Sentence(
            "has {steps} decisions in its history, and {records} in the audit log",
            steps=len(steps),
            records=len(records),
        )
        return
    proposed = ""
    for step, record in zip(steps, records, strict=True):
        where = Sentence("act {number}", number=record.number)
        if record.act not in step.decisions or (record.at, record.by) != (step.at, step.by):
            yield Sentence(
                "{where} is not the step to {to_state} that its history has there",
                where=where,
                to_state=step.to_state,
            )
        if record.act == "propose":
            proposed = step.note.partition(": ")[0]
            words = step.note
        else:
            words = f"{proposed}: {step.note}" if step.note else proposed
        if record.note != words:
            yield Sentence("{where} says another resolution, or other words, than its history", where=where)
        if step.by not in clerks:
            yield Sentence("{where} is of somebody whom the settings do not name as a clerk", where=where)
    stands = proposed if steps and steps[-1].to_state in ("proposed", "approved") else ""
    # A line of a later date may have matched a break that was proposed: then the proposal lapsed.
    lapsed = row is not None and row.resolution == "" and steps and steps[-1].to_state == "proposed"
    if row is not None and row.resolution != stands and not lapsed:
        yield Sentence("its resolution is not the one that was decided on")


def moments(evidence: Evidence) -> Results:
    """Invariant 9: each step that the machine took with a break has the moment at which the audit log has it
    reconcile or post, and the break's class and reason are those with which it was opened or matched.
    """
    times = _MachineTimes(evidence)
    count = 0
    for name, row, steps in _histories(evidence):
        if row is None:
            continue  # `office.audit.history` reports a history without a break
        by_machine = [step for step in steps if not step.decisions]
        opened = f"{row.cls}: {row.reason}"
        for step in by_machine:
            if step.by != MACHINE or not times.fits(step, row):
                what = Sentence(
                    "came to be {to_state} at a moment that the audit log does not have",
                    to_state=step.to_state,
                )
                yield Failing(9, break_named(name), what)
            if step.to_state == "open":
                opened = step.note
            elif step.from_state in ("suspense", "proposed"):
                was = opened.partition(": ")[0]
                words = row.reason if was == row.cls else f"{was} is {row.cls}: {row.reason}"
                opened = f"{row.cls}: {row.reason}" if step.note == words else ""
            elif step.note != (f"posted on {row.settled_on}" if step.to_state == "posted" else ""):
                yield Failing(
                    9,
                    break_named(name),
                    Sentence("says other words of being {to_state}", to_state=step.to_state),
                )
        if opened != f"{row.cls}: {row.reason}":
            yield Failing(
                9,
                break_named(name),
                Sentence("its class or reason is not that of its history"),
            )
        count += len(by_machine)
    yield Checked(9, "steps of breaks that the machine took, held against the audit log", count)


class _MachineTimes:
    """The moments at which the machine reconciled each bank's date, and posted for each bank on each date."""

    def __init__(self, evidence: Evidence) -> None:
        self._reconciled: Mapping[str, set[int]] = defaultdict(set)
        self._posted: Mapping[str, set[int]] = defaultdict(set)
        for record in office_records(evidence):
            if record.by == MACHINE and record.act == "reconcile":
                self._reconciled[record.subject].add(record.at)
            elif record.by == MACHINE and record.act == "post":
                self._posted[record.subject].add(record.at)

    def fits(self, step: _HistoryLine, row: _BreakNow) -> bool:
        """Whether the step has the moment of the reconciliation or posting that takes such a step."""
        if step.to_state == "open" and row.cls != "arrival_differs":  # which is posted when it is opened
            return step.at in self._reconciled[f"{row.bank} {row.date}"]
        if step.to_state in ("open", "suspense"):
            return step.at in self._posted[f"{row.bank} {row.suspense_on}"]
        if step.from_state in ("suspense", "proposed"):
            return step.at in self._reconciled[f"{row.bank} {row.settled_on}"]
        return step.at in self._posted[f"{row.bank} {row.settled_on}"]


def _histories(evidence: Evidence) -> Iterator[tuple[str, _BreakNow | None, list[_HistoryLine]]]:
    """Each break that has a history: its name, its row (None if it is not there), and its steps in order."""
    event, row = break_events.c, breaks.c
    now = [
        row[name] for name in ("bank", "date", "class", "reason", "resolution", "suspense_on", "settled_on")
    ]
    query = (
        select(event["break"], *(event[name] for name in _HistoryLine._fields), *now)
        .outerjoin(breaks, row["break"] == event["break"])
        .order_by(event["break"], event.number)
    )
    width = 1 + len(_HistoryLine._fields)
    for name, rows in groupby(stream(evidence.office, query), key=lambda row: row[0]):
        lines = list(rows)
        values = lines[0][width:]
        now_row = None if values[0] is None else _BreakNow._make(values)
        yield name, now_row, [_HistoryLine._make(line[1:width]) for line in lines]
