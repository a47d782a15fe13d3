"""Reconciles a bank's date: reads both sides, has them matched, and writes the result and its breaks.

One transaction a bank and date, made once. Statements only: which line is in which class,
`office.matching.match` decides; what becomes of a break, `office.accounting.breaks`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, insert, or_, select

from ledger.rules.break_classes import BreakClass
from ledger.rules.day import DayState
from office.accounting.breaks import Break, BreakState, close_matched, listed, listing, open_breaks
from office.accounting.finding import Finding
from office.database.bulk import in_chunks, stream
from office.database.schema import bank_files, bank_lines, breaks, days, products, reconciliations
from office.errors import OfficeError
from office.matching.lines import BroughtForward, Ours, Result, Theirs, effect_of
from office.matching.match import resolve
from office.matching.match_candidates import offers
from office.matching.our_side import (
    Window,
    by_bytes,
    exception_advices,
    late_reversals,
    our_side,
    recorded_at,
)
from office.matching.pairing import keys_to_look_up, pair

_TOLD_EVERY = 10_000
_UNDECIDED = (BreakState.SUSPENSE, BreakState.PROPOSED)


class NotReconcilable(OfficeError):
    """A bank's date cannot be reconciled now; nothing was changed."""


class Terms(NamedTuple):
    """What was agreed with the bank that matters here: whether its files list what was reversed and name the
    policy, who looks after its breaks, and how near to a cut-over (microseconds) the other side may date an
    event differently.
    """

    lists_reversed: bool
    has_policy: bool
    owner: str
    near_us: int


class Reconciled(NamedTuple):
    """A bank's date, reconciled: counts of lines, pairs that agree, and of breaks opened and closed."""

    bank: str
    date: str
    ours: int
    theirs: int
    matched: int
    opened: int
    closed: int
    done_before: bool = False


def reconcile(
    connection: Connection,
    bank: str,
    date: str,
    terms: Terms,
    at: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Reconciled:
    """Reconcile a bank's date in the caller's transaction; once done, the same again changes nothing.

    `at` is microseconds since 1970-01-01 UTC; `progress` is told lines of our side. Raises NotReconcilable.
    """
    known = _known(connection, bank, date)
    if known is not None:
        return known
    begins, ends = _cutovers(connection, bank, date)
    window = Window(begins, ends, terms.near_us)
    sums: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    ours = _counted(our_side(connection, bank, date, window), sums, lines, progress)
    paired = pair(ours, _their_side(connection, bank, date), has_policy=terms.has_policy)
    late = late_reversals(connection, bank, date)
    # What has changed late with us, and what the bank wants changed, may be in breaks that are decided.
    changed = {one.key for one in paired.ours_left if one.state == "U"} | {one.original for one in late}
    earlier = _earlier(connection, bank, date, keys_to_look_up(paired))
    brought_forward = tuple(_brought_forward(connection, bank, date, window, changed))
    result = resolve(paired, brought_forward, earlier, terms.lists_reversed, late)
    found = (*_findings(result, terms.owner), *_exception_advices(connection, bank, date, terms.owner))
    names = open_breaks(connection, bank, date, found, at)
    for closing in result.closings:
        close_matched(connection, closing.name, closing.cls.value, date, at, closing.reason)
    _write(connection, bank, date, result, sums, lines, at)
    return Reconciled(
        bank, date, result.ours, result.theirs, result.matched, len(names), len(result.closings)
    )


def _known(connection: Connection, bank: str, date: str) -> Reconciled | None:
    columns = (reconciliations.c[name] for name in ("ours", "theirs", "matched"))
    query = select(*columns).where(reconciliations.c.bank == bank, reconciliations.c.date == date)
    row = connection.execute(query).first()
    if row is None:
        return None
    opened = sum(1 for _ in listing(connection, bank=bank, date=date))
    ours, theirs, matched = row
    return Reconciled(bank, date, ours, theirs, matched, opened, 0, done_before=True)


def _cutovers(connection: Connection, bank: str, date: str) -> tuple[int, int]:
    """When the date began and ended; refuses a date that is not closed, has no file, or comes before its
    sequence.
    """
    day = connection.execute(select(days.c.state, days.c.closed_at).where(days.c.date == date)).first()
    if day is None:
        raise NotReconcilable(f"business day {date} is not closed, or was not pulled yet")
    taken = select(bank_files.c.lines).where(bank_files.c.bank == bank, bank_files.c.date == date)
    if connection.execute(taken).first() is None:
        raise NotReconcilable(f"the file of bank {bank} for {date} has not been taken")
    before = select(days.c.date, days.c.state, days.c.closed_at).where(days.c.date < date)
    previous = connection.execute(before.order_by(days.c.date.desc()).limit(1)).first()
    if previous is not None and previous.state == DayState.CLOSED.value:
        raise NotReconcilable(f"business day {previous.date} comes first: it is not reconciled yet")
    return (previous.closed_at if previous else 0), day.closed_at


def _counted(
    ours: Iterator[Ours], sums: Counter[str], lines: Counter[str], progress: Callable[[int], None]
) -> Iterator[Ours]:
    """Our side as it passes by, added up by processing code."""
    passed = 0
    for one in ours:
        sums[one.code] += one.effect
        lines[one.code] += 1
        passed += 1
        if passed % _TOLD_EVERY == 0:
            progress(_TOLD_EVERY)
        yield one
    progress(passed % _TOLD_EVERY)


def _their_side(connection: Connection, bank: str, date: str) -> Iterator[Theirs]:
    query = select(*(bank_lines.c[name] for name in Theirs._fields)).where(
        bank_lines.c.bank == bank, bank_lines.c.date == date
    )
    ordered = query.order_by(by_bytes(connection, bank_lines.c.key), bank_lines.c.line)
    return map(Theirs._make, stream(connection, ordered))


def _earlier(connection: Connection, bank: str, date: str, keys: Sequence[str]) -> dict[str, int]:
    """What the bank's earlier files leave of these keys: a line S adds its effect, a line R takes it all
    back.
    """
    standing: Counter[str] = Counter()
    names = ("key", "direction", "state", "amount")
    for chunk in in_chunks(keys):
        query = (
            select(*(bank_lines.c[name] for name in names))
            .where(bank_lines.c.key.in_(chunk), bank_lines.c.bank == bank, bank_lines.c.date < date)
            .order_by(bank_lines.c.date, bank_lines.c.line)
        )
        for key, direction, state, amount in connection.execute(query):
            if state == "R":
                standing[key] = 0
            else:
                standing[key] += effect_of(direction, state, amount)
    return dict(standing)


def _brought_forward(
    connection: Connection, bank: str, date: str, window: Window, changed: Iterable[str]
) -> Iterator[BroughtForward]:
    """The breaks of earlier dates that a line of this one may still close: nobody has decided on them; and
    those on the keys in `changed` that have withheld something, decided or not.
    """
    undecided = listing(connection, bank=bank, states=_UNDECIDED)
    waiting = [one for one in undecided if one.date < date and one.difference]
    waiting += _decided(connection, bank, date, changed)
    followed = {row.date: row.next_date for row in connection.execute(select(days.c.date, days.c.next_date))}
    moments = recorded_at(connection, (one.key for one in waiting))
    for one in waiting:
        moment = moments.get(one.key)
        yield BroughtForward(
            name=one.name,
            date=one.date,
            cls=BreakClass(one.cls),
            key=one.key,
            direction=one.direction,
            ours_effect=one.ours_effect,
            theirs_effect=one.theirs_effect,
            adjacent=followed.get(one.date) == date,
            near=moment is not None and abs(moment - window.begins) <= window.near_us,
            code=one.code,
            policy=one.policy,
            due=one.due,
            withheld=one.withheld,
            is_decided=one.state not in _UNDECIDED,
        )


def _decided(connection: Connection, bank: str, date: str, keys: Iterable[str]) -> Iterator[Break]:
    """The breaks of earlier dates on these keys that had withheld something when two people decided."""
    is_settled = and_(breaks.c.state == BreakState.CLOSED, breaks.c.resolution != "")
    was_decided = or_(breaks.c.state.in_((BreakState.APPROVED, BreakState.POSTED)), is_settled)
    for chunk in in_chunks(sorted(set(keys))):
        of_keys = and_(breaks.c.key.in_(chunk), breaks.c.bank == bank, breaks.c.date < date)
        yield from listed(connection, and_(of_keys, breaks.c.withheld != 0, was_decided))


def _findings(result: Result, owner: str) -> Iterator[Finding]:
    """The findings of a result, each with its hint and the clerk who looks after the bank's breaks."""
    hints: Mapping[int, str] = offers(result.findings)
    for place, finding in enumerate(result.findings):
        yield finding._replace(hint=hints.get(place, ""), owner=owner)


def _exception_advices(connection: Connection, bank: str, date: str, owner: str) -> Iterator[Finding]:
    """The bank has moved the money already; what it was for, a person must find out: until then no account
    of ours takes it.
    """
    for one in exception_advices(connection, bank, date):
        reason = (
            f"an advice ({one.kind}) that did not fit the book: as a request it would have got"
            f" {one.exception_code}"
        )
        yield Finding(
            BreakClass.EXCEPTION_ADVICE,
            key=one.key,
            line=0,
            direction=one.direction,
            code=one.code,
            policy=one.policy,
            due=one.due,
            ours_effect=0,
            theirs_effect=0,
            reason=reason,
            withheld=one.effect,
            owner=owner,
        )


def _write(
    connection: Connection,
    bank: str,
    date: str,
    result: Result,
    sums: Counter[str],
    lines: Counter[str],
    at: int,
) -> None:
    figures = {
        name: getattr(result, name) for name in ("ours", "theirs", "matched", "ours_effect", "theirs_effect")
    }
    connection.execute(insert(reconciliations).values(bank=bank, date=date, made_at=at, **figures))
    rows = [
        {"bank": bank, "date": date, "code": code, "lines": lines[code], "effect": sums[code]}
        for code in sorted(lines)
    ]
    if rows:
        connection.execute(insert(products), rows)
