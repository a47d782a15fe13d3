"""Invariant 9, the life of the breaks: the row of each break agrees with itself, its history is a path of
allowed states, and two people decided on it.

The table of allowed states is written here anew. Whether every difference has a break, `office.audit.lines`
checks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from sqlalchemy import func, select

from office.audit.evidence import Checked, Evidence, Failing, Results, count_of, stream
from office.audit.subjects import break_named
from office.database.schema import break_events, breaks
from qianzhi_errors.sentence import Sentence

_NEXT: Final = {
    "": frozenset({"open"}),
    "open": frozenset({"suspense"}),
    "suspense": frozenset({"proposed", "closed"}),
    "proposed": frozenset({"suspense", "approved", "closed"}),
    "approved": frozenset({"posted"}),
    "posted": frozenset({"closed"}),
    "closed": frozenset[str](),
}
"""For each state, the states that may come next; a break begins in the empty state."""
_DECIDED: Final = ("approved", "posted")
_MACHINE: Final = "office"
"""The author of the machine's own steps."""


class _EventRow(NamedTuple):
    name: str
    number: int
    by: str
    from_state: str
    to_state: str


class _BreakRow(NamedTuple):
    name: str
    cls: str
    bank: str
    date: str
    state: str
    resolution: str
    proposed_by: str
    approved_by: str
    settled_on: str
    ours_effect: int
    theirs_effect: int
    withheld: int
    difference: int


def break_rows(evidence: Evidence) -> Results:
    """Invariant 9: the difference of a break is theirs - ours + withheld, its name is that of its date and
    bank, and two people decided on what is decided.
    """
    columns = [breaks.c[name] for name in ("break", "class", *_BreakRow._fields[2:])]
    count = 0
    for row in map(_BreakRow._make, stream(evidence.office, select(*columns))):
        count += 1
        for fault in _row_faults(row):
            yield Failing(9, break_named(row.name), fault)
    yield Checked(9, "breaks, and who decided on them", count)


def _row_faults(row: _BreakRow) -> Iterator[Sentence]:
    if row.difference != row.theirs_effect - row.ours_effect + row.withheld:
        yield Sentence(
            "its difference is {difference}, its effects {theirs} and {ours}, and {withheld} is withheld",
            difference=row.difference,
            theirs=row.theirs_effect,
            ours=row.ours_effect,
            withheld=row.withheld,
        )
    if row.cls == "exception_advice" and (row.ours_effect, row.theirs_effect) != (0, 0):
        yield Sentence("is of an advice that did not fit the book, and has effects of its own")
    if not row.name.startswith(f"B{row.date}-{row.bank}-"):
        yield Sentence("is not named after its date, {date}, and bank, {bank}", date=row.date, bank=row.bank)
    decided = row.state in _DECIDED or (row.state == "closed" and row.resolution != "")
    if decided and not (row.proposed_by and row.approved_by):
        yield Sentence("is decided, and not by two people")
    if row.approved_by and row.approved_by.casefold() == row.proposed_by.casefold():
        yield Sentence("was proposed and approved by one person")
    if decided and not row.resolution:
        yield Sentence("is decided, and nothing says how")
    if (row.state in ("posted", "closed")) != (row.settled_on != ""):
        yield Sentence(
            "is {state}, and settled on {date}", state=row.state, date=row.settled_on or Sentence("no date")
        )


def break_events_follow(evidence: Evidence) -> Results:
    """Invariant 9: the history of each break is a path of allowed states that ends in the break's state, and
    names the same people as the break.
    """
    state, people = breaks.c.state, (breaks.c.proposed_by, breaks.c.approved_by)
    event = break_events.c
    query = (
        select(event["break"], event.number, event.by, event.from_state, event.to_state, state, *people)
        .outerjoin(breaks, breaks.c["break"] == event["break"])
        .order_by(event["break"], event.number)
    )
    histories = lines = 0
    for name, rows in groupby(stream(evidence.office, query), key=lambda row: row[0]):
        events = list(rows)
        last = events[-1]
        path = [_EventRow(*row[:5]) for row in events]
        for fault in (*_path_faults(path, last[5]), *_people_faults(path, last[6], last[7])):
            yield Failing(9, break_named(name), fault)
        histories, lines = histories + 1, lines + len(events)
    total = count_of(evidence.office, select(func.count()).select_from(breaks))
    if histories != total:
        yield Failing(
            9,
            Sentence("breaks"),
            Sentence("{total} breaks, and the history of {histories}", total=total, histories=histories),
        )
    yield Checked(9, "lines of the breaks' history", lines)


def _path_faults(path: Sequence[_EventRow], state: str | None) -> Iterator[Sentence]:
    if state is None:
        yield Sentence("has a history, and is not there")
        return
    at = ""
    for place, event in enumerate(path, 1):
        if event.number != place:
            yield Sentence(
                "line {number} of its history stands where line {place} should",
                number=event.number,
                place=place,
            )
        if event.from_state != at or event.to_state not in _NEXT.get(at, ()):
            yield Sentence(
                "goes from {from_state} to {to_state} in line {number} of its history",
                from_state=at or Sentence("nothing"),
                to_state=event.to_state,
                number=event.number,
            )
        at = event.to_state
    if at != state:
        yield Sentence("is {state}, its history ends at {at}", state=state, at=at)


def _people_faults(
    path: Sequence[_EventRow], proposed_by: str | None, approved_by: str | None
) -> Iterator[Sentence]:
    """Compare the last proposer and the approver of the history with those of the break; neither may be the
    machine.
    """
    proposer = approver = ""
    for event in path:
        if event.to_state == "proposed":
            proposer = event.by
        elif event.to_state == "approved":
            approver = event.by
        elif event.to_state in ("suspense", "closed") and event.from_state in ("suspense", "proposed"):
            proposer = ""
    if (proposer, approver) != (proposed_by, approved_by):
        yield Sentence("names other people than its history does")
    if _MACHINE in (proposer.casefold(), approver.casefold()):
        yield Sentence("was decided by no person")
