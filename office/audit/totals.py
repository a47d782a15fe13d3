"""The sums of each bank's business dates, from the journal and from the banks' files; and invariant 6 for the
front book's own totals.

`office.audit.posted` compares the postings with these sums. An effect is signed fen as the bank's clearing
account sees it: + a collection, - a payout.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, FromClause, Select, and_, bindparam, case, exists, func, not_, select

from ledger.book import schema as front_schema
from office.audit.evidence import (
    REVERSING_KINDS,
    Checked,
    Evidence,
    Failing,
    Journal,
    Results,
    is_reversing,
    is_settlement,
    stream,
)
from office.audit.forgotten import forgotten
from office.database import schema as office_schema
from qianzhi_errors.sentence import Sentence

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
    """What the entries of a date changed of one transaction; `amount` and `effect` in fen. `late` says
    that the transaction is of an earlier date.
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
    """A number of lines, and the sum of their effects in fen."""

    lines: int
    effect: int


NO_LINES: Final = Sum(0, 0)


def front_totals(evidence: Evidence) -> Results:
    """Invariant 6: the eight totals of each bank and date, with which 0510 answers, are those of the
    journal; so is the sum to which the bank's limit applies, and the sum of its exception advices.
    """
    if evidence.front is None:
        return
    retired_to = forgotten(evidence.journals[1]).date
    added = _totals(evidence.journals[1])
    if retired_to:  # the office's copy is the only one of the retired dates
        added = {place: sums for place, sums in added.items() if place[1] > retired_to}
        added |= {
            place: sums for place, sums in _totals(evidence.journals[0]).items() if place[1] <= retired_to
        }
    table = front_schema.bank_days
    stored = {
        (row[0], row[1]): Counter(dict(zip(_FIGURES, row[2:], strict=True)))
        for row in evidence.front.execute(select(table))
    }
    for bank, date in sorted(added.keys() | stored.keys()):
        computed, totals = added.get((bank, date), Counter()), stored.get((bank, date), Counter())
        for name in _FIGURES:
            if computed[name] != totals[name]:
                what = Sentence(
                    "{name} is {total}, the journal says {computed}",
                    name=name,
                    total=totals[name],
                    computed=computed[name],
                )
                yield Failing(6, Sentence("front, totals of {bank} on {date}", bank=bank, date=date), what)
    yield Checked(6, "totals of a bank and date at the front", len(stored))


def _totals(journal: Journal) -> dict[BankDay, Counter[str]]:
    """The figures by bank and date. A reversal of a cancel of the same date takes the cancel out of its
    figures again; on a later date it counts as the transaction that it puts into effect.
    """
    entry, target = journal.entries, journal.entries.alias("target")
    takes_back = entry.c.sequence % 2 == 0
    puts_back = and_(entry.c.sequence % 2 == 1, entry.c.kind == "reversal")
    same_date = and_(puts_back, target.c.business_date == entry.c.business_date)
    sign = case((takes_back, 1), (same_date, -1), else_=0).label("sign")
    query = (
        select(
            entry.c.bank,
            entry.c.business_date,
            entry.c.side,
            sign,
            func.count(),
            func.sum(entry.c.amount),
        )
        .select_from(entry.outerjoin(target, and_(puts_back, target.c.key == entry.c.original)))
        .where(entry.c.sequence.is_not(None))
        .group_by(entry.c.bank, entry.c.business_date, entry.c.side, "sign")
    )
    added: dict[BankDay, Counter[str]] = defaultdict(Counter)
    for bank, date, side, back, count, amount in journal.connection.execute(query):
        names = _FIGURE.get((side, back != 0))
        if names:
            added[bank, date][names[0]] += (back or 1) * count
            added[bank, date][names[1]] += (back or 1) * int(amount)
    for bank, date, used, unfit in journal.connection.execute(_of_same_date(journal)):
        added[bank, date].update(used=int(used), unfit=int(unfit))
    return added


def _of_same_date(journal: Journal) -> Select[Any]:
    """By bank and date, in fen: the sum of the date's own transactions that are in effect, and of its
    exception advices that are. A cancel or reversal of an earlier date's transaction changes neither.
    """
    entry, target = journal.entries, journal.entries.alias("undone")
    settles, takes_back = is_settlement(entry), entry.c.sequence % 2 == 0
    same_date = target.c.business_date == entry.c.business_date
    undoes, redoes = and_(takes_back, same_date), and_(not_(takes_back), not_(settles), same_date)
    used = case((settles, entry.c.amount), (undoes, -entry.c.amount), (redoes, entry.c.amount), else_=0)
    comes = and_(settles, entry.c.exception_code != "")
    goes = and_(undoes, target.c.exception_code != "")
    unfit = case((comes, entry.c.amount), (goes, -entry.c.amount), else_=0)
    return (
        select(entry.c.bank, entry.c.business_date, func.sum(used), func.sum(unfit))
        .select_from(entry.outerjoin(target, target.c.key == entry.c.original))
        .where(entry.c.sequence.is_not(None))
        .group_by(entry.c.bank, entry.c.business_date)
    )


def settled(connection: Connection) -> dict[tuple[str, str, str], Sum]:
    """The sums of the transactions of each bank, date and processing code, as if none had been undone."""
    entry = office_schema.entries.c
    signed = case((entry.kind == "collection", entry.amount), else_=-entry.amount)
    group = entry.bank, entry.business_date, entry.code
    query = select(*group, func.count(), func.sum(signed)).where(is_settlement(office_schema.entries))
    rows = connection.execute(query.group_by(*group))
    return {(bank, date, code): Sum(count, int(effect)) for bank, date, code, count, effect in rows}


def changes(connection: Connection, bank: str = "", date: str = "") -> Iterator[Change]:
    """What cancels and reversals, and the reversals of those, changed, summed by their date and by the
    transaction that they change in the end; only of one bank's date if `bank` and `date` are given.
    """
    of_day = {"bank": bank, "date": date} if date else {}
    rows = stream(connection, _changes(of_day=bool(date)), of_day)
    for row in rows:
        bank_, date_, code, key, kind, fen, rrn, policy, due, first, change = row
        direction, is_late = "C" if kind == "collection" else "P", first < date_
        yield Change(bank_, date_, code, key, direction, fen, rrn, policy, due, is_late, int(change))


@cache
def _changes(*, of_day: bool) -> Select[Any]:
    """The query of `changes`, of all days or of one day with the parameters `bank` and `date`; made once."""
    reversing = office_schema.entries.alias("reversing")
    middle = office_schema.entries.alias("middle")
    settlement = office_schema.entries.alias("settlement")
    # The original is the transaction, or a cancel of it that is itself reversed.
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
    if of_day:
        here = reversing.c.bank == bindparam("bank"), reversing.c.business_date == bindparam("date")
        query = query.where(*here)
    return query.group_by(*group)


def our_sums(connection: Connection) -> Mapping[tuple[str, str, str], Sum]:
    """Our side of every bank's date by processing code: the lines, and the effects of the date's entries.

    A transaction is one line of its own date, and one more line of each later date that changed its effect.
    """
    sums = defaultdict(lambda: NO_LINES, settled(connection))
    for change in changes(connection):
        place = change.bank, change.date, change.code
        lines = int(change.late and change.effect != 0)
        sums[place] = Sum(sums[place].lines + lines, sums[place].effect + change.effect)
    return sums


def their_sums(connection: Connection) -> Mapping[BankDay, Sum]:
    """The bank's side of every date, from its files: the lines, and the sum of their effects."""
    line = office_schema.bank_lines.c
    signed = case((line.state != "S", 0), (line.direction == "C", line.amount), else_=-line.amount)
    query = select(line.bank, line.date, func.count(), func.sum(signed)).group_by(line.bank, line.date)
    sums = defaultdict(
        lambda: NO_LINES,
        {(bank, date): Sum(lines, int(effect)) for bank, date, lines, effect in connection.execute(query)},
    )
    for (bank, date, _), effect in taken_back(connection).items():
        sums[bank, date] = Sum(sums[bank, date].lines, sums[bank, date].effect - effect)
    return sums


def taken_back(connection: Connection) -> dict[tuple[str, str, int], int]:
    """For each reversed line of a file, by bank, date and line: the effect in fen that the bank's earlier
    files have for its key, and that it takes back; lines without one are left out. A line that repeats
    another line of its own file takes back nothing.
    """
    line, earlier = office_schema.bank_lines.alias("line"), office_schema.bank_lines.alias("earlier")
    row, reconciled = office_schema.breaks, office_schema.reconciliations
    place = line.c.bank, line.c.date, line.c.line
    repeats = exists().where(
        row.c.bank == line.c.bank,
        row.c.date == line.c.date,
        row.c.key == line.c.key,
        row.c.line == line.c.line,
        row.c["class"] == "duplicate",
    )
    # The bank is a part of the key; `office.audit.lines` says why there is no condition on it. A file that
    # came after the date was closed without it is not known to the later dates that were reconciled before.
    result, before = reconciled.alias("result"), reconciled.alias("before")
    source = (
        line.join(earlier, and_(earlier.c.key == line.c.key, earlier.c.date < line.c.date))
        .join(result, and_(result.c.bank == line.c.bank, result.c.date == line.c.date))
        .join(before, and_(before.c.bank == earlier.c.bank, before.c.date == earlier.c.date))
    )
    query = (
        select(*place, earlier.c.state, earlier.c.direction, earlier.c.amount)
        .select_from(source)
        .where(line.c.state == "R", not_(repeats), before.c.made_at < result.c.made_at)
        .order_by(*place, earlier.c.date, earlier.c.line)
    )
    left: dict[tuple[str, str, int], int] = {}
    for key, rows in groupby(stream(connection, query), key=lambda row: (row[0], row[1], row[2])):
        effect = _left(rows)
        if effect:
            left[key] = effect
    return left


def _left(rows: Iterator[Any]) -> int:
    """The effect in fen after a key's lines in order: a line that is done adds its effect, a reversed one
    ends it.
    """
    effect = 0
    for *_, state, direction, amount in rows:
        if state == "R":
            effect = 0
        else:
            effect += amount if direction == "C" else -amount
    return effect
