"""The life of a break: from the day that opens it to its end, with the person of each step.

The statements that take a break from a state to the next, by the table of `office.accounting.break_states`.
Each statement checks in its own WHERE that the break is still as it was read, and writes a line of the
break's history. The search for differences does not belong here (`office.matching`), nor what is posted for
a break (`office.accounting.posting`), nor the accounts (`office.accounting.chart`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date as calendar_date
from types import MappingProxyType
from typing import Final

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
from office.accounting.books import post
from office.accounting.break_reasons import POSTED
from office.accounting.break_states import (
    TRANSITIONS,
    Break,
    BreakEvent,
    BreakState,
    HistoryLine,
    Step,
)
from office.accounting.chart import Chart
from office.accounting.finding import Finding
from office.accounting.posting import counter_account, resolution_posting
from office.database.audit_log import MACHINE, moment_of, write_record
from office.database.bulk import insert_rows
from office.database.schema import break_events, breaks
from office.errors import BreakMoved, NoSuchBreak, SamePerson, StepRefused
from qianzhi_errors import sentence
from qianzhi_errors.sentence import Sentence

PERSON_LENGTH_MAX: Final = 64
_AT_ONCE: Final = 500
"""The number of breaks that one statement names: far below the number of parameters that a database takes."""


def open_breaks(
    connection: Connection, bank: str, date: str, findings: Iterable[Finding], at: int
) -> tuple[str, ...]:
    """Write the breaks of a bank's date and return their names, `B<date>-<bank>-<number>`, numbered from
    0001 in the order of the findings. The breaks of a date are opened once: raises StepRefused if there
    are any.
    """
    if connection.scalar(select(breaks.c["break"]).where(_of_day(bank, date)).limit(1)) is not None:
        raise StepRefused(Sentence("the breaks of {bank} on {date} are open already", bank=bank, date=date))
    names: list[str] = []
    insert_rows(connection, breaks, _new_rows(bank, date, findings, names))
    as_found = breaks.c["class"] + ": " + breaks.c.reason
    _record(connection, _of_day(bank, date), "", BreakState.OPEN, Step(MACHINE, at), as_found)
    return tuple(names)


def open_arrival_break(connection: Connection, bank: str, date: str, finding: Finding, at: int) -> str:
    """Write a break of what a bank's statements lack, in suspense at once, and return its name: it has the
    next number after the breaks of the bank's date, which is posted. Raises StepRefused if the date has a
    break of the same business date (its key) already.
    """
    of_day, name = _of_day(bank, date), breaks.c["break"]
    same = and_(of_day, breaks.c.key == finding.key, breaks.c["class"] == finding.cls.value)
    if connection.scalar(select(name).where(same).limit(1)) is not None:
        raise StepRefused(
            Sentence(
                "{bank} has a break of {key} on {date} already",
                bank=bank,
                key=finding.key or Sentence("no date"),
                date=date,
            )
        )
    before: int = connection.scalar(select(func.count()).where(of_day)) or 0
    names: list[str] = []
    insert_rows(connection, breaks, _new_rows(bank, date, [finding], names, before + 1))
    as_found = breaks.c["class"] + ": " + breaks.c.reason
    _record(connection, name == names[0], "", BreakState.OPEN, Step(MACHINE, at), as_found)
    event = BreakEvent.POSTED_TO_SUSPENSE
    changes = {"suspense_on": date}
    _move_all(connection, name == names[0], BreakState.OPEN, event, Step(MACHINE, at), changes)
    return names[0]


def to_suspense(connection: Connection, bank: str, date: str, at: int, posted_on: str = "") -> int:
    """Take the open breaks of a bank's date to suspense, after its posting was made; return their number.

    `posted_on` is the date of the posting if it is not the bank's date itself. A break without money takes
    the same step, though it has no leg.
    """
    event, step = BreakEvent.POSTED_TO_SUSPENSE, Step(MACHINE, at)
    changes = {"suspense_on": posted_on or date}
    return _move_all(connection, _of_day(bank, date), BreakState.OPEN, event, step, changes)


def propose(
    connection: Connection, name: str, resolution: str, by: str, at: int, note: str, chart: Chart
) -> Break:
    """Propose the resolution of a break; another person decides about it. Returns the break. Raises
    NoSuchBreak or StepRefused.
    """
    person = person_of(by)
    row = find(connection, name)
    wanted = chart.resolutions.get(resolution)
    if wanted is None or not wanted.fits(row.cls, row.difference):
        names = [fitting.name for fitting in chart.fitting(row.cls, row.difference)]
        raise StepRefused(
            Sentence(
                "{name}: {resolution} does not fit class {cls}, difference {difference}; there are {names}",
                name=name,
                resolution=resolution,
                cls=row.cls,
                difference=row.difference,
                names=sentence.listed(names) or Sentence("none"),
            )
        )
    counter_account(chart, wanted, row)
    words = _worded(resolution, note)
    changes = {"resolution": resolution, "proposed_by": person}
    step = Step(person, moment_of(connection, at), words)
    moved = _move(connection, row, BreakEvent.PROPOSE, step, changes)
    write_record(connection, step.at, person, BreakEvent.PROPOSE.value, name, words)
    return moved


def approve(
    connection: Connection, name: str, by: str, at: int, note: str = "", resolution: str = ""
) -> Break:
    """Approve a proposal, and return the break. `resolution` is the one that the person saw, if known: raises
    BreakMoved if another one is proposed now. Raises SamePerson if the person made the proposal, and
    NoSuchBreak or StepRefused.
    """
    person, row = _decider(connection, name, by, BreakEvent.APPROVE)
    if resolution and resolution != row.resolution:
        raise BreakMoved(
            Sentence(
                "{name}: what is proposed now is {resolution}, not {other}: look again",
                name=name,
                resolution=row.resolution,
                other=resolution,
            )
        )
    return _decided(connection, row, BreakEvent.APPROVE, Step(person, at, note), {"approved_by": person})


def reject(connection: Connection, name: str, by: str, at: int, note: str = "") -> Break:
    """Reject a proposal, and return the break. Raises SamePerson if the person made the proposal (that person
    withdraws it), and NoSuchBreak or StepRefused.
    """
    person, row = _decider(connection, name, by, BreakEvent.REJECT)
    return _decided(connection, row, BreakEvent.REJECT, Step(person, at, note), _NO_PROPOSAL)


def withdraw(connection: Connection, name: str, by: str, at: int, note: str = "") -> Break:
    """Withdraw a proposal, and return the break. Any person may, not only its proposer. Raises NoSuchBreak or
    StepRefused.
    """
    person = person_of(by)
    row = find(connection, name)
    return _decided(connection, row, BreakEvent.WITHDRAW, Step(person, at, note), _NO_PROPOSAL)


def close_matched(connection: Connection, name: str, cls: str, on_date: str, at: int, reason: str) -> Break:
    """Close a break whose other half is among the lines of a later business date, `on_date`; return the
    break.

    `cls` is its class as known now (mostly timing). A proposal that is not approved lapses. The posting of
    `on_date` takes the difference back (`office.accounting.posting.day_posting`, closings). Raises
    NoSuchBreak or StepRefused.
    """
    row = find(connection, name)
    if cls not in CLASSES:
        raise StepRefused(
            Sentence(
                "{name}: {cls} is no class; there are {classes}",
                name=name,
                cls=cls,
                classes=sentence.listed(tuple(CLASSES)),
            )
        )
    if on_date <= row.date:
        raise StepRefused(
            Sentence("{name}: a line of {on_date} is not later than the break", name=name, on_date=on_date)
        )
    words = reason if cls == row.cls else f"{row.cls} is {cls}: {reason}"
    changes = {**_NO_PROPOSAL, "class": cls, "reason": reason, "settled_on": on_date}
    return _move(connection, row, BreakEvent.MATCHED, Step(MACHINE, at, words), changes)


def post_approved(connection: Connection, chart: Chart, bank: str, date: str, at: int) -> tuple[str, ...]:
    """Post the approved breaks of a bank that are in suspense by a business date, on that date, and close
    them; return their names. A resolution without money has no posting. Raises what `resolution_posting` and
    `office.accounting.books.post` raise.
    """
    approved = and_(breaks.c.bank == bank, breaks.c.suspense_on <= date)
    step = Step(MACHINE, at, POSTED.format(date=date))
    _move_all(connection, approved, BreakState.APPROVED, BreakEvent.POST, step, {"settled_on": date})
    just_posted = and_(approved, breaks.c.state == BreakState.POSTED, breaks.c.settled_on == date)
    rows = tuple(listed(connection, just_posted))
    postings = (resolution_posting(chart, row, date) for row in rows)
    post(connection, (posting for posting in postings if posting is not None), at)
    _move_all(connection, just_posted, BreakState.POSTED, BreakEvent.CLOSE, Step(MACHINE, at), {})
    return tuple(row.name for row in rows)


def find(connection: Connection, name: str) -> Break:
    """The break of this name. Raises NoSuchBreak."""
    for row in listed(connection, breaks.c["break"] == name):
        return row
    raise NoSuchBreak(Sentence("no break {name}", name=name))


def listing(
    connection: Connection, bank: str = "", date: str = "", states: Sequence[str] = ()
) -> tuple[Break, ...]:
    """The breaks of a bank, of a date (YYYYMMDD) and in one of these states, the oldest first; an empty value
    stands for all.
    """
    conditions = [breaks.c["break"] != ""]
    if bank:
        conditions.append(breaks.c.bank == bank)
    if date:
        conditions.append(breaks.c.date == date)
    if states:
        conditions.append(breaks.c.state.in_(states))
    return tuple(listed(connection, and_(*conditions)))


def history(connection: Connection, name: str) -> tuple[HistoryLine, ...]:
    """The history of a break, in order. Raises NoSuchBreak."""
    events = break_events.c
    query = (
        select(*(events[field] for field in HistoryLine._fields))
        .where(events["break"] == name)
        .order_by(events.number)
    )
    lines = tuple(HistoryLine._make(row) for row in connection.execute(query))
    if not lines:
        raise NoSuchBreak(Sentence("no break {name}", name=name))
    return lines


def age_days(row: Break, today: str) -> int:
    """Calendar days from the break's date to today (YYYYMMDD), or to the date on which it was settled."""
    end = row.settled_on or today
    return (calendar_date.fromisoformat(end) - calendar_date.fromisoformat(row.date)).days


_NO_PROPOSAL: Final = MappingProxyType({"resolution": "", "proposed_by": ""})
_NEW: Final = MappingProxyType(
    {"state": BreakState.OPEN.value, **_NO_PROPOSAL, "approved_by": "", "suspense_on": "", "settled_on": ""}
)
"""The first values of the columns that the life of a break changes."""
_COLUMNS: Final = tuple(
    breaks.c[{"name": "break", "cls": "class"}.get(field, field)] for field in Break._fields
)
"""The columns of the table, in the order of Break's fields."""


def _of_day(bank: str, date: str) -> ColumnElement[bool]:
    return and_(breaks.c.bank == bank, breaks.c.date == date)


def _new_rows(
    bank: str, date: str, findings: Iterable[Finding], names: list[str], first: int = 1
) -> Iterator[dict[str, object]]:
    """Yield the findings as rows of the table, numbered from `first`; append the name of each break to
    `names`.
    """
    for number, finding in enumerate(findings, first):
        names.append(f"B{date}-{bank}-{number:04d}")
        columns = finding._asdict()
        cls = columns.pop("cls")
        about = {"break": names[-1], "bank": bank, "date": date, "class": cls.value}
        yield {**about, **columns, "difference": finding.difference, **_NEW}


def listed(connection: Connection, condition: ColumnElement[bool]) -> Iterator[Break]:
    """The breaks that meet a condition on the table, the oldest first; within a date by bank and number."""
    # By length first: after 9999 the number has a fifth digit.
    name = breaks.c["break"]
    order = breaks.c.date, breaks.c.bank, func.length(name), name
    for row in connection.execute(select(*_COLUMNS).where(condition).order_by(*order)):
        listed_break = Break._make(row)
        yield listed_break._replace(state=BreakState(listed_break.state))


def person_of(by: str) -> str:
    """The person's name. Raises StepRefused if it is empty, too long, blank at an end, or the machine's."""
    if not 1 <= len(by) <= PERSON_LENGTH_MAX or by != by.strip() or by.casefold() == MACHINE:
        raise StepRefused(
            Sentence(
                "a decision needs a person's name: 1 to {person_length_max} characters, not {machine}",
                person_length_max=PERSON_LENGTH_MAX,
                machine=MACHINE,
            )
        )
    return by


def _decider(connection: Connection, name: str, by: str, event: BreakEvent) -> tuple[str, Break]:
    """The person who decides about a proposal, and the break. Raises SamePerson if the person proposed it, in
    upper or lower case, and NoSuchBreak or StepRefused.
    """
    person, row = person_of(by), find(connection, name)
    _next_state(row, event)
    if person.casefold() == row.proposed_by.casefold():
        raise SamePerson(
            Sentence("{name}: {person} proposed it, so another person must decide", name=name, person=person)
        )
    return person, row


def _next_state(row: Break, event: BreakEvent) -> BreakState:
    """The state of the break after the event. Raises StepRefused if the event is not possible now."""
    to_state = TRANSITIONS.get((row.state, event))
    if to_state is None:
        possible = (
            sentence.listed([possible_event for state, possible_event in TRANSITIONS if state == row.state])
            or "nothing more"
        )
        raise StepRefused(
            Sentence(
                "{name} is {state}: {event} is not possible, but {possible}",
                name=row.name,
                state=row.state,
                event=event,
                possible=possible,
            )
        )
    return to_state


def _move(
    connection: Connection, seen: Break, event: BreakEvent, step: Step, changes: Mapping[str, str]
) -> Break:
    """Apply an event to one break, and return it. Raises BreakMoved if it is no longer as `seen`: of two
    clerks at once, the second gets that error.
    """
    to_state = _next_state(seen, event)
    unchanged = and_(
        breaks.c["break"] == seen.name,
        breaks.c.state == seen.state,
        breaks.c.resolution == seen.resolution,
        breaks.c.proposed_by == seen.proposed_by,
    )
    result = connection.execute(update(breaks).where(unchanged).values(state=to_state.value, **changes))
    if result.rowcount != 1:
        raise BreakMoved(
            Sentence(
                "{name} is not {state} any more: somebody was quicker, look again",
                name=seen.name,
                state=seen.state,
            )
        )
    # After the update the row is locked until the transaction ends, so no other event gets the same number.
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
    """Apply an event to all breaks of a state that meet the condition, and return their number."""
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
    """Apply a person's decision to a proposed break and return it; write the audit record, with the
    resolution that was proposed.
    """
    step = step._replace(at=moment_of(connection, step.at))
    moved = _move(connection, seen, event, step, changes)
    write_record(connection, step.at, step.by, event.value, seen.name, _worded(seen.resolution, step.note))
    return moved


def _worded(resolution: str, note: str) -> str:
    """A resolution and its note as the history and the audit log have them."""
    return f"{resolution}: {note}" if note else resolution


def _record(
    connection: Connection,
    condition: ColumnElement[bool],
    from_state: str,
    to_state: str,
    step: Step,
    note: ColumnElement[str] | None = None,
) -> None:
    """Write one line of history for every break that meets the condition. `note`, if given, is an
    expression over the break's own columns, in the place of the step's note.
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
