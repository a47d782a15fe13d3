"""Invariant 9, the life of the breaks: each is what it says, went through allowed states only, and was
decided by two people.

What may follow what is written here anew. Whether every difference has its break, `office.audit.lines` asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from sqlalchemy import func, select

from office.audit.evidence import Checked, Evidence, Failing, Outcome, count_of, stream
from office.database.schema import break_events, breaks

_NEXT: Final = {
    "": frozenset({"open"}),
    "open": frozenset({"suspense"}),
    "suspense": frozenset({"proposed", "closed"}),
    "proposed": frozenset({"suspense", "approved", "closed"}),
    "approved": frozenset({"posted"}),
    "posted": frozenset({"closed"}),
    "closed": frozenset[str](),
}
"""From a state, the states that may come next; a break begins at the empty one."""
_DECIDED: Final = ("approved", "posted")
_MACHINE: Final = "office"
"""Who does what no person does."""


class _Event(NamedTuple):
    name: str
    number: int
    by: str
    from_state: str
    to_state: str


class _Break(NamedTuple):
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


def break_rows(evidence: Evidence) -> Outcome:
    """Invariant 9: a break's difference is theirs - ours + withheld, its name is its own, and what is decided
    was decided by two people.
    """
    columns = [breaks.c[name] for name in ("break", "class", *_Break._fields[2:])]
    count = 0
    for row in map(_Break._make, stream(evidence.office, select(*columns))):
        count += 1
        for what in _row_faults(row):
            yield Failing(9, f"break {row.name}", what)
    yield Checked(9, "breaks, and who decided on them", count)


def _row_faults(row: _Break) -> Iterator[str]:
    if row.difference != row.theirs_effect - row.ours_effect + row.withheld:
        effects = f"{row.theirs_effect} and {row.ours_effect}"
        yield f"its difference is {row.difference}, its effects {effects}, and {row.withheld} is withheld"
    if row.cls == "exception_advice" and (row.ours_effect, row.theirs_effect) != (0, 0):
        yield "is of an advice that did not fit the book, and has effects of its own"
    if not row.name.startswith(f"B{row.date}-{row.bank}-"):
        yield f"is not named after its date, {row.date}, and bank, {row.bank}"
    decided = row.state in _DECIDED or (row.state == "closed" and row.resolution != "")
    if decided and not (row.proposed_by and row.approved_by):
        yield "is decided, and not by two people"
    if row.approved_by and row.approved_by.casefold() == row.proposed_by.casefold():
        yield "was proposed and approved by one person"
    if decided and not row.resolution:
        yield "is decided, and nothing says how"
    if (row.state in ("posted", "closed")) != (row.settled_on != ""):
        yield f"is {row.state}, and settled on {row.settled_on or 'no date'}"


def break_events_follow(evidence: Evidence) -> Outcome:
    """Invariant 9: the history of each break is a path of allowed states that ends in its state, and names
    the people that the break names.
    """
    state, people = breaks.c.state, (breaks.c.proposed_by, breaks.c.approved_by)
    event = break_events.c
    query = (
        select(event["break"], event.number, event.by, event.from_state, event.to_state, state, *people)
        .outerjoin(breaks, breaks.c["break"] == event["break"])
        .order_by(event["break"], event.number)
    )
    told = lines = 0
    for name, rows in groupby(stream(evidence.office, query), key=lambda row: row[0]):
        listed = list(rows)
        last = listed[-1]
        path = [_Event(*row[:5]) for row in listed]
        for what in (*_path_faults(path, last[5]), *_people_faults(path, last[6], last[7])):
            yield Failing(9, f"break {name}", what)
        told, lines = told + 1, lines + len(listed)
    total = count_of(evidence.office, select(func.count()).select_from(breaks))
    if told != total:
        yield Failing(9, "breaks", f"{total} breaks, and the history of {told}")
    yield Checked(9, "lines of the breaks' history", lines)


def _path_faults(path: Sequence[_Event], state: str | None) -> Iterator[str]:
    if state is None:
        yield "has a history, and is not there"
        return
    at = ""
    for place, event in enumerate(path, 1):
        if event.number != place:
            yield f"line {event.number} of its history stands where line {place} should"
        if event.from_state != at or event.to_state not in _NEXT.get(at, ()):
            yield f"goes from {at or 'nothing'} to {event.to_state} in line {event.number} of its history"
        at = event.to_state
    if at != state:
        yield f"is {state}, its history ends at {at}"


def _people_faults(path: Sequence[_Event], proposed_by: str | None, approved_by: str | None) -> Iterator[str]:
    """Who proposed last and who approved, by the history; of decisions, no machine is the author."""
    proposer = approver = ""
    for event in path:
        if event.to_state == "proposed":
            proposer = event.by
        elif event.to_state == "approved":
            approver = event.by
        elif event.to_state in ("suspense", "closed") and event.from_state in ("suspense", "proposed"):
            proposer = ""
    if (proposer, approver) != (proposed_by, approved_by):
        yield "names other people than its history does"
    if _MACHINE in (proposer.casefold(), approver.casefold()):
        yield "was decided by no person"
