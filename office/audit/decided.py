"""Invariant 9, the people: what was decided about each break is what the audit log says, name by name,
and whatever no person did happened when the audit log says that the machine did it.

A break is proposed, approved, rejected or withdrawn in one transaction with its act; so the two are held
against each other in both directions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from sqlalchemy import select

from office.audit.audit_records import MACHINE, AuditRecord, office_records
from office.audit.evidence import Checked, Evidence, Failing, Outcome, stream
from office.database.schema import break_events, breaks

_DECISIONS: Final = ("propose", "approve", "reject", "withdraw")


class _Step(NamedTuple):
    """A line of a break's history."""

    at: int
    by: str
    from_state: str
    to_state: str
    note: str

    @property
    def acts(self) -> tuple[str, ...]:
        """The acts of which one makes such a line, if a person makes it."""
        if self.to_state == "proposed":
            return ("propose",)
        if self.to_state == "approved":
            return ("approve",)
        return ("reject", "withdraw") if (self.from_state, self.to_state) == ("proposed", "suspense") else ()


class _Break(NamedTuple):
    """What a break says of itself now."""

    bank: str
    date: str
    cls: str
    reason: str
    resolution: str
    settled_on: str


def decisions(evidence: Evidence) -> Outcome:
    """Invariant 9: each decision about a break is in the audit log, and each of the audit log in its break's
    history, with the same person, moment, resolution and words; who decided is a clerk of the settings.
    """
    done: dict[str, list[AuditRecord]] = defaultdict(list)
    for one in office_records(evidence):
        if one.act in _DECISIONS:
            done[one.subject].append(one)
    count = 0
    for name, found, steps in _histories(evidence):
        decided = [step for step in steps if step.acts]
        for what in _faults(found, decided, done.pop(name, []), evidence.stated.clerks):
            yield Failing(9, f"break {name}", what)
        count += len(decided)
    for name in sorted(done):
        yield Failing(9, f"break {name}", "was decided about, by the audit log, and has no history")
    yield Checked(9, "decisions about breaks, held against the audit log", count)


def _faults(
    found: _Break | None, steps: Sequence[_Step], records: Sequence[AuditRecord], clerks: frozenset[str]
) -> Iterator[str]:
    if len(steps) != len(records):
        yield f"has {len(steps)} decisions in its history, and {len(records)} in the audit log"
        return
    proposed = ""
    for step, record in zip(steps, records, strict=True):
        where = f"act {record.number}"
        if record.act not in step.acts or (record.at, record.by) != (step.at, step.by):
            yield f"{where} is not the step to {step.to_state} that its history has there"
        if record.act == "propose":
            proposed = step.note.partition(": ")[0]
            words = step.note
        else:
            words = f"{proposed}: {step.note}" if step.note else proposed
        if record.note != words:
            yield f"{where} says another resolution, or other words, than its history"
        if step.by not in clerks:
            yield f"{where} is of somebody whom the settings do not name as a clerk"
    stands = proposed if steps and steps[-1].to_state in ("proposed", "approved") else ""
    fell = found is not None and found.resolution == "" and steps and steps[-1].to_state == "proposed"
    if found is not None and found.resolution != stands and not fell:
        yield "its resolution is not the one that was decided on"


def moments(evidence: Evidence) -> Outcome:
    """Invariant 9: what the machine did with a break, it did when the audit log has it reconcile or post, and
    the break's class and reason are those with which it was opened or matched.
    """
    times = _Times(evidence)
    count = 0
    for name, found, steps in _histories(evidence):
        if found is None:
            continue  # the path of its history is told of elsewhere
        machines = [step for step in steps if not step.acts]
        opened = f"{found.cls}: {found.reason}"
        for step in machines:
            if step.by != MACHINE or not times.fits(step, found):
                yield Failing(
                    9, f"break {name}", f"came to be {step.to_state} at no moment of the audit log's"
                )
            if step.to_state == "open":
                opened = step.note
            elif step.from_state in ("suspense", "proposed"):
                was = opened.partition(": ")[0]
                words = found.reason if was == found.cls else f"{was} is {found.cls}: {found.reason}"
                opened = f"{found.cls}: {found.reason}" if step.note == words else ""
            elif step.note != (f"posted on {found.settled_on}" if step.to_state == "posted" else ""):
                yield Failing(9, f"break {name}", f"says other words of being {step.to_state}")
        if opened != f"{found.cls}: {found.reason}":
            yield Failing(9, f"break {name}", "its class or reason is not that of its history")
        count += len(machines)
    yield Checked(9, "steps of breaks that the machine took, held against the audit log", count)


class _Times:
    """When the machine reconciled each bank's date, and posted on each date."""

    def __init__(self, evidence: Evidence) -> None:
        self._reconciled: Mapping[str, set[int]] = defaultdict(set)
        self._posted: Mapping[str, set[int]] = defaultdict(set)
        for one in office_records(evidence):
            if one.by == MACHINE and one.act == "reconcile":
                self._reconciled[one.subject].add(one.at)
            elif one.by == MACHINE and one.act == "post":
                self._posted[one.subject].add(one.at)

    def fits(self, step: _Step, found: _Break) -> bool:
        """Whether the machine took this step with the break when it did the work that takes it."""
        if step.to_state == "open":
            return step.at in self._reconciled[f"{found.bank} {found.date}"]
        if step.to_state == "suspense":
            return step.at in self._posted[found.date]
        if step.from_state in ("suspense", "proposed"):
            return step.at in self._reconciled[f"{found.bank} {found.settled_on}"]
        return step.at in self._posted[found.settled_on]


def _histories(evidence: Evidence) -> Iterator[tuple[str, _Break | None, list[_Step]]]:
    """Each break that has a history, by name: what it says of itself, if it is there, and its steps."""
    event, of = break_events.c, breaks.c
    now = [of[name] for name in ("bank", "date", "class", "reason", "resolution", "settled_on")]
    query = (
        select(event["break"], *(event[name] for name in _Step._fields), *now)
        .outerjoin(breaks, of["break"] == event["break"])
        .order_by(event["break"], event.number)
    )
    width = 1 + len(_Step._fields)
    for name, rows in groupby(stream(evidence.office, query), key=lambda row: row[0]):
        listed = list(rows)
        stated = listed[0][width:]
        found = None if stated[0] is None else _Break._make(stated)
        yield name, found, [_Step._make(row[1:width]) for row in listed]
