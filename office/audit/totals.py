"""What each bank's business dates add up to, from the journal and from the banks' files, and invariant 6 as
far as the front book's own totals go.

Figures only; what is posted is held against them in `office.audit.posted`. An effect is signed fen as the
bank's clearing account sees it: a collection +, a payout -.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, FromClause, Select, and_, case, exists, func, not_, select

from ledger.book import schema as front_schema
from office.audit.evidence import (
    REVERSING_KINDS,
    Checked,
    Evidence,
    Failing,
    Journal,
    Outcome,
    is_reversing,
    is_settlement,
    stream,
)
from office.audit.forgotten import forgotten
from office.database import schema as office_schema

BankDay = tuple[str, str]
"""A bank and a business date."""
_FIGURES: Final = tuple(column.name for column in front_schema.bank_days.c)[2:]
_FIGURE: Final = {
    ("premium", False): ("collections", "collected"),
    ("premium", True): ("collections_reversed", "collected_reversed"),
    ("benefit", False): ("payouts", "paid"),
    ("benefit", True): ("payouts_reversed", "paid_reversed"),
}


class Change(NamedTuple):
    """What the entries of a date changed of one transaction of ours: `effect` in fen. It is `late` where the
    transaction is of an earlier date.
    """

    bank: str
    date: str
    code: str
    key: str
    direction: str
    amount: int
    rrn: str
    policy: str
    due: str
    late: bool
    effect: int


class Sum(NamedTuple):
    """How many lines, and the sum of their effects in fen."""

    lines: int
    effect: int


NO_LINES: Final = Sum(0, 0)


def front_totals(evidence: Evidence) -> Outcome:
    """Invariant 6: the eight totals of each bank and date, which 0510 answers, are those of the journal; and
    so is what its limit is held against, and what its unfit advices come to.
    """
    if evidence.front is None:
        return
    gone = forgotten(evidence.journals[1]).date
    added = _totals(evidence.journals[1])
    if gone:  # of these dates the office's copy is the only one
        added = {place: sums for place, sums in added.items() if place[1] > gone}
        added |= {place: sums for place, sums in _totals(evidence.journals[0]).items() if place[1] <= gone}
    table = front_schema.bank_days
    kept = {
        (row[0], row[1]): Counter(dict(zip(_FIGURES, row[2:], strict=True)))
        for row in evidence.front.execute(select(table))
    }
    for bank, date in sorted(added.keys() | kept.keys()):
        ours, theirs = added.get((bank, date), Counter()), kept.get((bank, date), Counter())
        for name in _FIGURES:
            if ours[name] != theirs[name]:
                what = f"{name} is {theirs[name]}, the journal says {ours[name]}"
                yield Failing(6, f"front, totals of {bank} on {date}", what)
    yield Checked(6, "totals of a bank and date at the front", len(kept))


def _totals(journal: Journal) -> dict[BankDay, Counter[str]]:
    """The eight figures by bank and date. A reversal of a cancel takes the cancel back where both are of one
    date; later it counts as the transaction that it puts into effect.
    """
    one, target = journal.entries, journal.entries.alias("target")
    takes_back = one.c.sequence % 2 == 0
    puts_back = and_(one.c.sequence % 2 == 1, one.c.kind == "reversal")
    same_date = and_(puts_back, target.c.business_date == one.c.business_date)
    sign = case((takes_back, 1), (same_date, -1), else_=0).label("sign")
    query = (
        select(one.c.bank, one.c.business_date, one.c.side, sign, func.count(), func.sum(one.c.amount))
        .select_from(one.outerjoin(target, and_(puts_back, target.c.key == one.c.original)))
        .where(one.c.sequence.is_not(None))
        .group_by(one.c.bank, one.c.business_date, one.c.side, "sign")
    )
    added: dict[BankDay, Counter[str]] = defaultdict(Counter)
    for bank, date, side, back, count, amount in journal.connection.execute(query):
        names = _FIGURE.get((side, back != 0))
        if names:
            added[bank, date][names[0]] += (back or 1) * count
            added[bank, date][names[1]] += (back or 1) * int(amount)
    for bank, date, used, unfit in journal.connection.execute(_todays_alone(journal)):
        added[bank, date].update(used=int(used), unfit=int(unfit))
    return added


def _todays_alone(journal: Journal) -> Select[Any]:
    """By bank and date, in fen: what stands of that date's own transactions, and of its advices that do not
    fit. What undoes an earlier date's changes neither.
    """
    one, target = journal.entries, journal.entries.alias("undone")
    settles, takes_back = is_settlement(one), one.c.sequence % 2 == 0
    same_date = target.c.business_date == one.c.business_date
    undoes, redoes = and_(takes_back, same_date), and_(not_(takes_back), not_(settles), same_date)
    used = case((settles, one.c.amount), (undoes, -one.c.amount), (redoes, one.c.amount), else_=0)
    taken_on = and_(settles, one.c.exception_code != "")
    given_up = and_(undoes, target.c.exception_code != "")
    unfit = case((taken_on, one.c.amount), (given_up, -one.c.amount), else_=0)
    return (
        select(one.c.bank, one.c.business_date, func.sum(used), func.sum(unfit))
        .select_from(one.outerjoin(target, target.c.key == one.c.original))
        .where(one.c.sequence.is_not(None))
        .group_by(one.c.bank, one.c.business_date)
    )


def settled(connection: Connection) -> dict[tuple[str, str, str], Sum]:
    """The transactions of each bank, date and processing code, as if none had been undone."""
    one = office_schema.entries.c
    signed = case((one.kind == "collection", one.amount), else_=-one.amount)
    group = one.bank, one.business_date, one.code
    query = select(*group, func.count(), func.sum(signed)).where(is_settlement(office_schema.entries))
    rows = connection.execute(query.group_by(*group))
    return {(bank, date, code): Sum(count, int(effect)) for bank, date, code, count, effect in rows}


def changes(connection: Connection, bank: str = "", date: str = "") -> Iterator[Change]:
    """What undoings, and their own undoings, changed, by their date and the transaction that it comes to in
    the end; of one bank's date where it is given.
    """
    reversing = office_schema.entries.alias("undoing")
    middle = office_schema.entries.alias("middle")
    settlement = office_schema.entries.alias("settlement")
    # Straight to the transaction, or through the cancel that is itself reversed.
    named = case((middle.c.kind.in_(REVERSING_KINDS), middle.c.original), else_=middle.c.key)
    source: FromClause = reversing.join(middle, middle.c.key == reversing.c.original).join(
        settlement, settlement.c.key == named
    )
    amount = settlement.c.amount
    signed = case((settlement.c.kind == "collection", amount), else_=-amount)
    effect = func.sum(case((reversing.c.sequence % 2 == 0, -signed), else_=signed))
    names = ("code", "key", "kind", "amount", "rrn", "policy", "due", "business_date")
    columns = [settlement.c[name] for name in names]
    group = reversing.c.bank, reversing.c.business_date, *columns
    query = (
        select(*group, effect).select_from(source).where(is_reversing(reversing), is_settlement(settlement))
    )
    if date:
        query = query.where(reversing.c.bank == bank, reversing.c.business_date == date)
    for row in stream(connection, query.group_by(*group)):
        bank_, date_, code, key, kind, fen, rrn, policy, due, first, change = row
        direction, is_late = "C" if kind == "collection" else "P", first < date_
        yield Change(bank_, date_, code, key, direction, fen, rrn, policy, due, is_late, int(change))


def our_sums(connection: Connection) -> Mapping[tuple[str, str, str], Sum]:
    """Our side of every bank's date by processing code: lines, and effects as they came to be on that date.

    A transaction is one line of its own date, and one more of any later date that changed what it comes to.
    """
    sums = defaultdict(lambda: NO_LINES, settled(connection))
    for change in changes(connection):
        place = change.bank, change.date, change.code
        lines = int(change.late and change.effect != 0)
        sums[place] = Sum(sums[place].lines + lines, sums[place].effect + change.effect)
    return sums


def their_sums(connection: Connection) -> Mapping[BankDay, Sum]:
    """Each bank's side of a date, from its files: lines, and the sum of what they change."""
    line = office_schema.bank_lines.c
    done = case((line.state != "S", 0), (line.direction == "C", line.amount), else_=-line.amount)
    query = select(line.bank, line.date, func.count(), func.sum(done)).group_by(line.bank, line.date)
    sums = defaultdict(
        lambda: NO_LINES,
        {(bank, date): Sum(lines, int(effect)) for bank, date, lines, effect in connection.execute(query)},
    )
    for (bank, date, _), effect in taken_back(connection).items():
        sums[bank, date] = Sum(sums[bank, date].lines, sums[bank, date].effect - effect)
    return sums


def taken_back(connection: Connection) -> dict[tuple[str, str, int], int]:
    """What each reversed line of a file takes back of the bank's earlier files: the effect, in fen, that
    they leave of its key, where there is any. A line that repeats another of its own file takes back nothing.
    """
    line, earlier = office_schema.bank_lines.alias("line"), office_schema.bank_lines.alias("earlier")
    found = office_schema.breaks
    place = line.c.bank, line.c.date, line.c.line
    repeats = exists().where(
        found.c.bank == line.c.bank,
        found.c.date == line.c.date,
        found.c.key == line.c.key,
        found.c.line == line.c.line,
        found.c["class"] == "duplicate",
    )
    # The bank is within the key; see office.audit.lines on why it is not named.
    source = line.join(earlier, and_(earlier.c.key == line.c.key, earlier.c.date < line.c.date))
    query = (
        select(*place, earlier.c.state, earlier.c.direction, earlier.c.amount)
        .select_from(source)
        .where(line.c.state == "R", not_(repeats))
        .order_by(*place, earlier.c.date, earlier.c.line)
    )
    left: dict[tuple[str, str, int], int] = {}
    for key, rows in groupby(stream(connection, query), key=lambda row: (row[0], row[1], row[2])):
        effect = _left(rows)
        if effect:
            left[key] = effect
    return left


def _left(rows: Iterator[Any]) -> int:
    """What lines leave, in order: one that is done adds its effect, one that is reversed ends it all."""
    effect = 0
    for *_, state, direction, amount in rows:
        if state == "R":
            effect = 0
        else:
            effect += amount if direction == "C" else -amount
    return effect
