"""Invariant 9, the money at stake: what a break withholds is the whole effect that our journal has of its
transaction, and every advice that did not fit and every reversal that came too late has such a break.

What is withheld is kept from the products' accounts (`office.audit.posted` adds that up). What is at stake is
worked out here anew, from the entries alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, not_, or_, select

from ledger.rules.break_classes import CLASSES
from office.audit.evidence import (
    SETTLEMENTS,
    Checked,
    Evidence,
    Failing,
    Outcome,
    count_of,
    is_settlement,
    stream,
    undone,
)
from office.audit.totals import changes
from office.database.schema import breaks, entries, reconciliations

_WITHHOLDING: Final = tuple(cls for cls, row in CLASSES.items() if row.withholds)
_TOO_LATE: Final = "REVERSAL TOO LATE"

Key = tuple[str, str, str]
"""A bank, a date and the key of a transaction."""


class _Break(NamedTuple):
    """A break, and its transaction as our journal has it when the break's date ends; `stands` 0 or 1."""

    name: str
    cls: str
    bank: str
    date: str
    key: str
    line: int
    ours_effect: int
    theirs_effect: int
    withheld: int
    kind: str | None
    amount: int | None
    entry_date: str | None
    exception_code: str | None
    stands: int | None

    @property
    def effect(self) -> int:
        """The transaction's effect when the break's date ends, in fen; 0 where it moves nothing."""
        if self.kind not in SETTLEMENTS or not self.stands:
            return 0
        return (self.amount or 0) * (1 if self.kind == "collection" else -1)


def withheld(evidence: Evidence) -> Outcome:
    """Invariant 9: each break withholds what is at stake of its transaction: all of it, or nothing."""
    late = _late_changes(evidence)
    count = 0
    for one in map(_Break._make, stream(evidence.office, _breaks())):
        count += 1
        possible = _possible(one, late[one.bank, one.date, one.key])
        if one.withheld not in possible:
            told = " or ".join(map(str, sorted(possible)))
            yield Failing(9, f"break {one.name}", f"withholds {one.withheld} fen, at stake are {told}")
    yield Checked(9, "breaks, and what each withholds", count)


def exception_advices_whole(evidence: Evidence) -> Outcome:
    """Invariant 9: the breaks of an advice that did not fit together withhold what it comes to on the last
    date that is reconciled, leaving out those that a line of a later date ended.
    """
    ended = and_(breaks.c.state == "closed", breaks.c.resolution == "")
    of_exception_advices = (breaks.c["class"] == "exception_advice", not_(ended))
    held = select(breaks.c.bank, breaks.c.key, func.sum(breaks.c.withheld)).where(*of_exception_advices)
    rows = evidence.office.execute(held.group_by(breaks.c.bank, breaks.c.key))
    sums = {(bank, key): int(amount) for bank, key, amount in rows}
    last = select(reconciliations.c.bank, func.max(reconciliations.c.date)).group_by(reconciliations.c.bank)
    count = 0
    for bank, date in evidence.office.execute(last).all():
        for key, kind, amount, stands in stream(evidence.office, _exception_advices(bank, date)):
            count += 1
            effect = amount * stands * (1 if kind == "collection" else -1)
            if sums.get((bank, key), 0) != effect:
                what = f"comes to {effect} fen, its breaks withhold {sums.get((bank, key), 0)}"
                yield Failing(9, f"advice {key}", what)
    yield Checked(9, "advices of money that did not fit, and what is withheld of each", count)


def _exception_advices(bank: str, date: str) -> Select[Any]:
    """The collections and payouts of a bank's reconciled dates that did not fit, and whether each stands when
    a date ends.
    """
    stands = case((undone(date), 0), else_=1)
    entry, made = entries.c, reconciliations.c
    is_reconciled = exists().where(made.bank == entry.bank, made.date == entry.business_date)
    return select(entry.key, entry.kind, entry.amount, stands).where(
        entry.bank == bank, entry.exception_code != "", is_settlement(entries), is_reconciled
    )


def late_reversals(evidence: Evidence) -> Outcome:
    """Invariant 9: a reversal that was refused as too late has a break once its date is reconciled."""
    asked, named = entries.alias("asked"), entries.alias("named")
    original = case((named.c.kind == "cancel", named.c.original), else_=named.c.key)
    is_reconciled = exists().where(
        reconciliations.c.bank == asked.c.bank, reconciliations.c.date == asked.c.business_date
    )
    has_break = exists().where(
        breaks.c["class"] == "late_reversal",
        breaks.c.key == original,
        breaks.c.bank == asked.c.bank,
        breaks.c.date == asked.c.business_date,
    )
    source = asked.join(named, named.c.key == asked.c.original)
    refused = and_(asked.c.kind == "reversal", asked.c.reason == _TOO_LATE, is_reconciled)
    query = select(asked.c.chain, asked.c.position).select_from(source).where(refused)
    for chain, position in evidence.office.execute(query.where(not_(has_break))):
        yield Failing(9, f"office, entry {chain}/{position}", "came too late to reverse, and is in no break")
    count = count_of(evidence.office, query.with_only_columns(func.count()))
    yield Checked(9, "reversals refused as too late, on reconciled dates", count)


def _possible(one: _Break, late: int) -> set[int]:
    """What a break may withhold, in fen; `late` is what its date changed of an earlier date's transaction."""
    if one.cls == "exception_advice":
        return {one.effect if one.entry_date == one.date else late}
    if one.cls == "details_differ":
        if not one.line:
            return {late}
        return {0 if one.exception_code else one.ours_effect}
    if one.cls == "late_reversal" and not one.theirs_effect:
        return {0, one.effect}  # 0 where another break has it in suspense already
    return {0}


def _breaks() -> Select[Any]:
    """Every break that withholds something or is of a class that may, each with its transaction."""
    own = [breaks.c[name] for name in ("break", "class", *_Break._fields[2:9])]
    stands: ColumnElement[int] = case((and_(is_settlement(entries), not_(undone(breaks.c.date))), 1), else_=0)
    of_entry = [entries.c[name] for name in ("kind", "amount", "business_date", "exception_code")]
    return (
        select(*own, *of_entry, stands)
        .outerjoin(entries, entries.c.key == breaks.c.key)
        .where(or_(breaks.c.withheld != 0, breaks.c["class"].in_(_WITHHOLDING)))
    )


def _late_changes(evidence: Evidence) -> Mapping[Key, int]:
    """What each date changed of earlier dates' transactions on which a break may withhold something."""
    found: defaultdict[Key, int] = defaultdict(int)
    for day in _days_with_late_breaks(evidence):
        for change in changes(evidence.office, *day):
            if change.late:
                found[change.bank, change.date, change.key] += change.effect
    return found


def _days_with_late_breaks(evidence: Evidence) -> Iterator[tuple[str, str]]:
    no_line = and_(breaks.c["class"].in_(_WITHHOLDING), breaks.c.line == 0)
    query = select(breaks.c.bank, breaks.c.date).where(no_line).distinct()
    yield from ((row[0], row[1]) for row in evidence.office.execute(query).all())
