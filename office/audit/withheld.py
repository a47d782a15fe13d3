"""Invariant 9, the money at stake: a break withholds the whole effect of its transaction in our journal, or
nothing, as its class demands; and every exception advice and every reversal that came too late has a break.

What a break withholds is kept from the products' accounts (`office.audit.posted` adds it up). What is at
stake is computed here anew, from the entries alone.
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
    Results,
    count_of,
    is_settlement,
    stream,
    undone,
)
from office.audit.subjects import OFFICE_SIDE, break_named, entry_at
from office.audit.totals import changes
from office.database.schema import breaks, entries, reconciliations
from qianzhi_errors.sentence import Sentence, listed

_WITHHOLDING: Final = tuple(cls for cls, row in CLASSES.items() if row.withholds)
_TOO_LATE: Final = "REVERSAL TOO LATE"

Key = tuple[str, str, str]
"""A bank, a date and the key of a transaction."""


class _BreakRow(NamedTuple):
    """A break, and its transaction as our journal has it at the end of the break's date; fen. `stands` is
    1 if the transaction is in effect then, or else 0.
    """

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
        """The effect of the transaction at the end of the break's date, in fen; 0 if it moves nothing."""
        if self.kind not in SETTLEMENTS or not self.stands:
            return 0
        return (self.amount or 0) * (1 if self.kind == "collection" else -1)


def withheld(evidence: Evidence) -> Results:
    """Invariant 9: each break withholds what is at stake of its transaction."""
    late = _late_changes(evidence)
    count = 0
    for row in map(_BreakRow._make, stream(evidence.office, _breaks())):
        count += 1
        possible = _possible(row, late[row.bank, row.date, row.key])
        if row.withheld not in possible:
            stakes = listed([str(fen) for fen in sorted(possible)], "{first} or {rest}")
            yield Failing(
                9,
                break_named(row.name),
                Sentence(
                    "withholds {withheld} fen, at stake are {stakes}", withheld=row.withheld, stakes=stakes
                ),
            )
    yield Checked(9, "breaks, and what each withholds", count)


def exception_advices_whole(evidence: Evidence) -> Results:
    """Invariant 9: the breaks of an exception advice together withhold its effect at the end of the last
    reconciled date; breaks that a line of a later date closed do not count.
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
                what = Sentence(
                    "comes to {effect} fen, its breaks withhold {withheld}",
                    effect=effect,
                    withheld=sums.get((bank, key), 0),
                )
                yield Failing(9, Sentence("advice {key}", key=key), what)
    yield Checked(9, "advices of money that did not fit, and what is withheld of each", count)


def _exception_advices(bank: str, date: str) -> Select[Any]:
    """The exception advices of a bank's reconciled dates that moved money, each with 1 if it is in effect
    at the end of the date, or else 0.
    """
    stands = case((undone(date), 0), else_=1)
    entry, reconciled = entries.c, reconciliations.c
    is_reconciled = exists().where(reconciled.bank == entry.bank, reconciled.date == entry.business_date)
    return select(entry.key, entry.kind, entry.amount, stands).where(
        entry.bank == bank, entry.exception_code != "", is_settlement(entries), is_reconciled
    )


def late_reversals(evidence: Evidence) -> Results:
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
        yield Failing(
            9,
            entry_at(OFFICE_SIDE, chain, position),
            Sentence("came too late to reverse, and is in no break"),
        )
    count = count_of(evidence.office, query.with_only_columns(func.count()))
    yield Checked(9, "reversals refused as too late, on reconciled dates", count)


def _possible(row: _BreakRow, late: int) -> set[int]:
    """What a break may withhold, in fen; `late` is what its date changed of an earlier date's transaction."""
    if row.cls == "exception_advice":
        return {row.effect if row.entry_date == row.date else late}
    if row.cls == "details_differ":
        if not row.line:
            return {late}
        return {0 if row.exception_code else row.ours_effect}
    if row.cls == "late_reversal" and not row.theirs_effect:
        return {0, row.effect}  # 0 if the amount is in suspense already by another break
    return {0}


def _breaks() -> Select[Any]:
    """The breaks that withhold something or are of a class that may, each with its transaction."""
    own = [breaks.c[name] for name in ("break", "class", *_BreakRow._fields[2:9])]
    stands: ColumnElement[int] = case((and_(is_settlement(entries), not_(undone(breaks.c.date))), 1), else_=0)
    of_entry = [entries.c[name] for name in ("kind", "amount", "business_date", "exception_code")]
    return (
        select(*own, *of_entry, stands)
        .outerjoin(entries, entries.c.key == breaks.c.key)
        .where(or_(breaks.c.withheld != 0, breaks.c["class"].in_(_WITHHOLDING)))
        .where(breaks.c["class"] != "arrival_differs")  # of no transaction; `arrived` looks at it
    )


def _late_changes(evidence: Evidence) -> Mapping[Key, int]:
    """By bank, date and key: what the date changed of an earlier date's transaction, in fen. Only the
    dates with a break that may withhold such a change are read.
    """
    effects: defaultdict[Key, int] = defaultdict(int)
    for day in _days_with_late_breaks(evidence):
        for change in changes(evidence.office, *day):
            if change.late:
                effects[change.bank, change.date, change.key] += change.effect
    return effects


def _days_with_late_breaks(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """The banks and dates that have a break which may withhold something and names no line of the bank's."""
    no_line = and_(breaks.c["class"].in_(_WITHHOLDING), breaks.c.line == 0)
    query = select(breaks.c.bank, breaks.c.date).where(no_line).distinct()
    yield from ((row[0], row[1]) for row in evidence.office.execute(query).all())
