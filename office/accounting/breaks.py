"""The life of a break: from the day that opens it to its end, with everyone who had a hand in it.

A table of states and events, and the statements that take a break from one to the next: each asks, in its own
WHERE, whether the break is still as it was seen, and each writes a line of the break's history. Finding
breaks does not belong here (reconciliation does that), nor what accounts there are
(`office.accounting.chart`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date as calendar_date
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    cast,
    func,
    insert,
    literal,
    select,
    update,
)

from ledger.rules.break_classes import CLASSES
from office.accounting.books import Leg, Posting, post
from office.accounting.chart import OUR_PRODUCT, PRODUCT, Chart, Resolution
from office.accounting.finding import Finding
from office.database.audit_log import MACHINE, moment_of, write_record
from office.database.bulk import insert_rows
from office.database.schema import break_events, breaks
from office.errors import BreakMoved, NoSuchBreak, SamePerson, StepRefused

PERSON_LENGTH_MAX: Final = 64
_AT_ONCE: Final = 500
"""Breaks a statement, where they are named: far below the number of parameters that any database takes."""


class BreakState(StrEnum):
    """Where a break stands."""

    OPEN = "open"
    SUSPENSE = "suspense"
    PROPOSED = "proposed"
    APPROVED = "approved"
    POSTED = "posted"
    CLOSED = "closed"


class BreakEvent(StrEnum):
    """What happens to a break. MATCHED is a line of a later day that turns out to be the other half."""

    POSTED_TO_SUSPENSE = "posted_to_suspense"
    PROPOSE = "propose"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    REJECT = "reject"
    POST = "post"
    CLOSE = "close"
    MATCHED = "matched"


TRANSITIONS: Final[Mapping[tuple[BreakState, BreakEvent], BreakState]] = MappingProxyType(
    {
        (BreakState.OPEN, BreakEvent.POSTED_TO_SUSPENSE): BreakState.SUSPENSE,
        (BreakState.SUSPENSE, BreakEvent.PROPOSE): BreakState.PROPOSED,
        (BreakState.SUSPENSE, BreakEvent.MATCHED): BreakState.CLOSED,
        (BreakState.PROPOSED, BreakEvent.WITHDRAW): BreakState.SUSPENSE,
        (BreakState.PROPOSED, BreakEvent.APPROVE): BreakState.APPROVED,
        (BreakState.PROPOSED, BreakEvent.REJECT): BreakState.SUSPENSE,
        (BreakState.PROPOSED, BreakEvent.MATCHED): BreakState.CLOSED,
        (BreakState.APPROVED, BreakEvent.POST): BreakState.POSTED,
        (BreakState.POSTED, BreakEvent.CLOSE): BreakState.CLOSED,
    }
)
"""All that can happen to a break. What two people have decided is posted: it is not matched or taken back any
more, and a line that comes after all is a break of its own."""


class Break(NamedTuple):
    """One break, as the table has it: `name` is the column `break`, `cls` the column `class`.

    `difference` is what lies in suspense of it, in fen: theirs - ours + withheld. `bank_code`, `bank_policy`
    and `bank_due` are what the bank's line names where it names another.
    """

    name: str
    bank: str
    date: str
    cls: str
    key: str
    line: int
    direction: str
    code: str
    policy: str
    due: str
    ours_effect: int
    theirs_effect: int
    withheld: int
    difference: int
    bank_code: str
    bank_policy: str
    bank_due: str
    reason: str
    hint: str
    owner: str
    state: BreakState
    resolution: str
    proposed_by: str
    approved_by: str
    settled_on: str


class HistoryLine(NamedTuple):
    """One line of a break's history: `at` is microseconds since 1970-01-01 UTC."""

    number: int
    at: int
    by: str
    from_state: str
    to_state: str
    note: str


class Step(NamedTuple):
    """Who acts, when (microseconds since 1970-01-01 UTC), and what they say about it."""

    by: str
    at: int
    note: str = ""


def open_breaks(
    connection: Connection, bank: str, date: str, findings: Iterable[Finding], at: int
) -> tuple[str, ...]:
    """Write down the breaks of a bank's date, and return their names: `B<date>-<bank>-<number>`, from 0001
    in the order given. A date's breaks are opened once: raises StepRefused where there are any.
    """
    if connection.scalar(select(breaks.c["break"]).where(_of_day(bank, date)).limit(1)) is not None:
        raise StepRefused(f"the breaks of {bank} on {date} are open already")
    names: list[str] = []
    insert_rows(connection, breaks, _new_rows(bank, date, findings, names))
    as_found = breaks.c["class"] + ": " + breaks.c.reason
    _record(connection, _of_day(bank, date), "", BreakState.OPEN, Step(MACHINE, at), as_found)
    return tuple(names)


def to_suspense(connection: Connection, bank: str, date: str, at: int) -> int:
    """Say of a bank's date that its posting is made: what was open lies in suspense now. How many these
    were; a break without money goes the same way, though no leg does.
    """
    return _move_all(
        connection, _of_day(bank, date), BreakState.OPEN, BreakEvent.POSTED_TO_SUSPENSE, Step(MACHINE, at), {}
    )


def propose(
    connection: Connection, name: str, resolution: str, by: str, at: int, note: str, chart: Chart
) -> Break:
    """Propose how a break shall end; the decision is another person's. Raises NoSuchBreak or StepRefused."""
    person = _person(by)
    found = find(connection, name)
    wanted = chart.resolutions.get(resolution)
    if wanted is None or not wanted.fits(found.cls, found.difference):
        fitting = ", ".join(one.name for one in chart.fitting(found.cls, found.difference)) or "none"
        raise StepRefused(
            f"{name}: {resolution} does not fit class {found.cls}, difference {found.difference};"
            f" there are {fitting}"
        )
    _counter_account(chart, wanted, found)
    words = _worded(resolution, note)
    changes = {"resolution": resolution, "proposed_by": person}
    step = Step(person, moment_of(connection, at), words)
    done = _move(connection, found, BreakEvent.PROPOSE, step, changes)
    write_record(connection, step.at, person, BreakEvent.PROPOSE.value, name, words)
    return done


def approve(
    connection: Connection, name: str, by: str, at: int, note: str = "", resolution: str = ""
) -> Break:
    """Approve what was proposed. `resolution` is what the person saw when they decided, if known: should it
    have been changed since, BreakMoved. Raises NoSuchBreak, SamePerson for who proposed it, or StepRefused.
    """
    person, found = _decider(connection, name, by, BreakEvent.APPROVE)
    if resolution and resolution != found.resolution:
        raise BreakMoved(f"{name}: what is proposed now is {found.resolution}, not {resolution}: look again")
    return _decided(connection, found, BreakEvent.APPROVE, Step(person, at, note), {"approved_by": person})


def reject(connection: Connection, name: str, by: str, at: int, note: str = "") -> Break:
    """Send a proposal back. Raises NoSuchBreak, SamePerson for who proposed it (they withdraw), or
    StepRefused.
    """
    person, found = _decider(connection, name, by, BreakEvent.REJECT)
    return _decided(connection, found, BreakEvent.REJECT, Step(person, at, note), _NO_PROPOSAL)


def withdraw(connection: Connection, name: str, by: str, at: int, note: str = "") -> Break:
    """Take a proposal back; whoever made it, anyone may. Raises NoSuchBreak or StepRefused."""
    person = _person(by)
    found = find(connection, name)
    return _decided(connection, found, BreakEvent.WITHDRAW, Step(person, at, note), _NO_PROPOSAL)


def close_matched(connection: Connection, name: str, cls: str, on_date: str, at: int, reason: str) -> Break:
    """Close a break whose other half is among the lines of a later business date, `on_date`; a proposal that
    nobody has approved falls. `cls` is its class as it is now known (timing, mostly). That date's posting
    takes the difference back (`office.accounting.posting.day_posting`, closings). Raises NoSuchBreak or
    StepRefused.
    """
    found = find(connection, name)
    if cls not in CLASSES:
        raise StepRefused(f"{name}: {cls} is no class; there are {', '.join(CLASSES)}")
    if on_date <= found.date:
        raise StepRefused(f"{name}: a line of {on_date} is not later than the break")
    words = reason if cls == found.cls else f"{found.cls} is {cls}: {reason}"
    changes = {**_NO_PROPOSAL, "class": cls, "reason": reason, "settled_on": on_date}
    return _move(connection, found, BreakEvent.MATCHED, Step(MACHINE, at, words), changes)


def post_approved(connection: Connection, chart: Chart, date: str, at: int) -> tuple[str, ...]:
    """Post what was approved, all banks' breaks up to a business date, on that date, and close it: the names.

    A resolution without money has no posting. Raises what `resolution_posting` and
    `office.accounting.books.post` raise.
    """
    approved = breaks.c.date <= date
    step = Step(MACHINE, at, f"posted on {date}")
    _move_all(connection, approved, BreakState.APPROVED, BreakEvent.POST, step, {"settled_on": date})
    just_posted = and_(breaks.c.state == BreakState.POSTED, breaks.c.settled_on == date)
    found = tuple(listed(connection, just_posted))
    postings = (resolution_posting(chart, one, date) for one in found)
    post(connection, (one for one in postings if one is not None), at)
    _move_all(connection, just_posted, BreakState.POSTED, BreakEvent.CLOSE, Step(MACHINE, at), {})
    return tuple(one.name for one in found)


def resolution_posting(chart: Chart, row: Break, date: str) -> Posting | None:
    """The posting `<date>/<bank>/<break>` that takes the whole difference out of suspense and to the
    account that the break's resolution names; None where no money is in suspense. Raises StepRefused if the
    chart has no such resolution, or it does not fit.
    """
    resolution = chart.resolutions.get(row.resolution)
    if resolution is None or not resolution.fits(row.cls, row.difference):
        raise StepRefused(f"{row.name}: the chart has no resolution {row.resolution!r} for this break")
    if row.difference == 0:
        return None
    suspense, counter = chart.suspense(row.difference), _counter_account(chart, resolution, row)
    legs = (
        Leg(suspense, row.bank, chart.currency, row.difference),
        Leg(counter, chart.bank_of(counter, row.bank), chart.currency, -row.difference),
    )
    words = f"{resolution.zh} {resolution.en}"
    return Posting(f"{date}/{row.bank}/{row.name}", date, row.bank, words, legs)


def find(connection: Connection, name: str) -> Break:
    """The break of this name. Raises NoSuchBreak."""
    for one in listed(connection, breaks.c["break"] == name):
        return one
    raise NoSuchBreak(f"no break {name}")


def listing(
    connection: Connection, bank: str = "", date: str = "", states: Sequence[str] = ()
) -> tuple[Break, ...]:
    """The breaks of a bank, of a date (YYYYMMDD), in any of these states; empty for all. The oldest first."""
    conditions = [breaks.c["break"] != ""]
    if bank:
        conditions.append(breaks.c.bank == bank)
    if date:
        conditions.append(breaks.c.date == date)
    if states:
        conditions.append(breaks.c.state.in_(states))
    return tuple(listed(connection, and_(*conditions)))


def history(connection: Connection, name: str) -> tuple[HistoryLine, ...]:
    """All that happened to a break, in order. Raises NoSuchBreak."""
    events = break_events.c
    query = (
        select(*(events[field] for field in HistoryLine._fields))
        .where(events["break"] == name)
        .order_by(events.number)
    )
    lines = tuple(HistoryLine._make(row) for row in connection.execute(query))
    if not lines:
        raise NoSuchBreak(f"no break {name}")
    return lines


def age_days(row: Break, today: str) -> int:
    """Calendar days from the break's date to today (YYYYMMDD), or to the date on which it was settled."""
    end = row.settled_on or today
    return (calendar_date.fromisoformat(end) - calendar_date.fromisoformat(row.date)).days


_NO_PROPOSAL: Final = MappingProxyType({"resolution": "", "proposed_by": ""})
_NEW: Final = MappingProxyType(
    {"state": BreakState.OPEN.value, **_NO_PROPOSAL, "approved_by": "", "settled_on": ""}
)
"""The columns of a break that its life changes, as it begins."""
_COLUMNS: Final = tuple(
    breaks.c[{"name": "break", "cls": "class"}.get(field, field)] for field in Break._fields
)
"""The columns of the table, in the order of Break's fields."""


def _of_day(bank: str, date: str) -> ColumnElement[bool]:
    return and_(breaks.c.bank == bank, breaks.c.date == date)


def _new_rows(
    bank: str, date: str, findings: Iterable[Finding], names: list[str]
) -> Iterator[dict[str, object]]:
    """Yield the findings as rows of the table, noting their names."""
    for number, finding in enumerate(findings, 1):
        names.append(f"B{date}-{bank}-{number:04d}")
        columns = finding._asdict()
        cls = columns.pop("cls")
        about = {"break": names[-1], "bank": bank, "date": date, "class": cls.value}
        yield {**about, **columns, "difference": finding.difference, **_NEW}


def listed(connection: Connection, condition: ColumnElement[bool]) -> Iterator[Break]:
    """The breaks that meet a condition on the table, the oldest first."""
    # By length first: after 9999 the number has a fifth digit.
    name = breaks.c["break"]
    order = breaks.c.date, breaks.c.bank, func.length(name), name
    for row in connection.execute(select(*_COLUMNS).where(condition).order_by(*order)):
        one = Break._make(row)
        yield one._replace(state=BreakState(one.state))


def _person(by: str) -> str:
    if not 1 <= len(by) <= PERSON_LENGTH_MAX or by != by.strip() or by.casefold() == MACHINE:
        raise StepRefused(
            f"a decision needs a person's name: 1 to {PERSON_LENGTH_MAX} characters, not {MACHINE}"
        )
    return by


def _decider(connection: Connection, name: str, by: str, event: BreakEvent) -> tuple[str, Break]:
    """Who decides on a proposal, and the break: never who proposed it, in whatever spelling."""
    person, found = _person(by), find(connection, name)
    _next_state(found, event)
    if person.casefold() == found.proposed_by.casefold():
        raise SamePerson(f"{name}: {person} proposed it, so another person must decide")
    return person, found


def _counter_account(chart: Chart, resolution: Resolution, row: Break) -> str:
    if resolution.counter not in (PRODUCT, OUR_PRODUCT):
        return resolution.counter
    code = (row.bank_code if resolution.counter == PRODUCT else "") or row.code
    if code not in chart.products:
        raise StepRefused(f"{row.name}: processing code {code!r} has no account to be adjusted")
    return chart.products[code]


def _next_state(row: Break, event: BreakEvent) -> BreakState:
    to_state = TRANSITIONS.get((row.state, event))
    if to_state is None:
        possible = ", ".join(one for state, one in TRANSITIONS if state == row.state) or "nothing more"
        raise StepRefused(f"{row.name} is {row.state}: {event} is not possible, but {possible}")
    return to_state


def _move(
    connection: Connection, seen: Break, event: BreakEvent, step: Step, changes: Mapping[str, str]
) -> Break:
    """Take one break on, if it is still as it was seen; of two clerks, the second gets BreakMoved."""
    to_state = _next_state(seen, event)
    unchanged = and_(
        breaks.c["break"] == seen.name,
        breaks.c.state == seen.state,
        breaks.c.resolution == seen.resolution,
        breaks.c.proposed_by == seen.proposed_by,
    )
    result = connection.execute(update(breaks).where(unchanged).values(state=to_state.value, **changes))
    if result.rowcount != 1:
        raise BreakMoved(f"{seen.name} is not {seen.state} any more: somebody was quicker, look again")
    # Only now: the row is ours until the transaction ends, so no other event can take the same number.
    _record(connection, breaks.c["break"] == seen.name, seen.state, to_state, step)
    return find(connection, seen.name)


def _move_all(
    connection: Connection,
    condition: ColumnElement[bool],
    state: BreakState,
    event: BreakEvent,
    step: Step,
    changes: Mapping[str, str],
) -> int:
    """Take on every break in a state that meets the condition, set-based: how many."""
    to_state = TRANSITIONS[state, event]
    name = breaks.c["break"]
    moved = (
        update(breaks)
        .where(condition, breaks.c.state == state)
        .values(state=to_state.value, **changes)
        .returning(name)
    )
    names = connection.scalars(moved).all()
    for start in range(0, len(names), _AT_ONCE):
        _record(connection, name.in_(names[start : start + _AT_ONCE]), state, to_state, step)
    return len(names)


def _decided(
    connection: Connection, seen: Break, event: BreakEvent, step: Step, changes: Mapping[str, str]
) -> Break:
    """Take a proposed break on by a person's decision; the audit log gets it with what was proposed."""
    step = step._replace(at=moment_of(connection, step.at))
    done = _move(connection, seen, event, step, changes)
    write_record(connection, step.at, step.by, event.value, seen.name, _worded(seen.resolution, step.note))
    return done


def _worded(resolution: str, note: str) -> str:
    return f"{resolution}: {note}" if note else resolution


def _record(
    connection: Connection,
    condition: ColumnElement[bool],
    from_state: str,
    to_state: str,
    step: Step,
    note: ColumnElement[str] | None = None,
) -> None:
    """Write one line of history for every break that meets the condition; `note`, where it is given, is
    taken from the break's own columns instead of the step.
    """
    name = breaks.c["break"]
    last = select(func.max(break_events.c.number)).where(break_events.c["break"] == name).scalar_subquery()
    lines = select(
        name,
        func.coalesce(last, 0) + 1,
        cast(literal(step.at), BigInteger),
        literal(step.by),
        literal(str(from_state)),
        literal(str(to_state)),
        literal(step.note) if note is None else note,
    ).where(condition)
    connection.execute(insert(break_events).from_select(break_events.c.keys(), lines))
