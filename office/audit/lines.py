"""Invariant 9, the lines: each line of either side agrees with a line of the other side or is in a break, and
the effects of each break are those of its lines.

Which line agrees with which is computed here anew: the database counts the many lines that simply agree, by
key; the others are paired here, each on its own. Memory grows with the differences of a bank's day, not with
its lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, Text, and_, bindparam, case, exists, func, not_, or_, select

from ledger.rules.break_classes import CLASSES
from office.audit.evidence import (
    Checked,
    Evidence,
    Failing,
    Results,
    count_of,
    is_settlement,
    stream,
    undone,
)
from office.audit.subjects import break_named
from office.audit.totals import BankDay, changes, taken_back
from office.database.schema import bank_lines, breaks, entries, reconciliations
from qianzhi_errors.sentence import Sentence

_WITHOUT_OURS: Final = frozenset(cls for cls, row in CLASSES.items() if not row.has_ours)
_WITHOUT_LINES: Final = frozenset(cls for cls, row in CLASSES.items() if not row.needs_line)
_CONTAIN_NONE: Final = ("exception_advice", "arrival_differs")
"""The classes of breaks that contain no line of a reconciliation."""
_BANK: Final = bindparam("bank", type_=Text)
_DATE: Final = bindparam("date", type_=Text)
"""The parameters of every query of a bank's date: each query is made once and serves all dates."""


class _OurLine(NamedTuple):
    """A line of ours that does not simply agree; fen. `state` is S (in effect), R (undone), or U (the
    date changed a transaction of an earlier date).
    """

    key: str
    direction: str
    amount: int
    rrn: str
    code: str
    policy: str
    due: str
    state: str
    effect: int


class _TheirLine(NamedTuple):
    """A line of the bank's file that does not simply agree; fen. `back` is the effect of earlier files
    that it takes back.
    """

    line: int
    key: str
    direction: str
    amount: int
    rrn: str
    code: str
    policy: str
    due: str
    state: str
    back: int

    @property
    def effect(self) -> int:
        """The signed effect of the line in fen: + a collection, - a payout."""
        if self.state == "R":
            return -self.back
        return self.amount if self.direction == "C" else -self.amount


class _BreakRow(NamedTuple):
    """A break of the date; fen. `line_effect` is the effect of the bank's line that the break names; None if
    there is no such line.
    """

    name: str
    cls: str
    key: str
    line: int
    ours_effect: int
    theirs_effect: int
    line_effect: int | None

    @property
    def has_ours(self) -> bool:
        """Whether a break of this class contains a line of ours."""
        if self.cls == "details_differ":
            return self.line != 0
        return self.cls not in _WITHOUT_OURS and not (self.cls == "timing" and self.line)


def accounted_lines(evidence: Evidence) -> Results:
    """Invariant 9: each line of either side agrees with a line of the other side or is in a break, and the
    number of pairs that agree is the one that reconciliation stated.
    """
    back = taken_back(evidence.office)
    query = select(reconciliations.c.bank, reconciliations.c.date, reconciliations.c.matched)
    total = 0
    for bank, date, matched in evidence.office.execute(query.order_by(reconciliations.c.date)).all():
        day = _DayLines(evidence, (bank, date), back)
        for subject, fault in day.faults(matched):
            yield Failing(
                9, Sentence("{subject} of {bank} on {date}", subject=subject, bank=bank, date=date), fault
            )
        total += day.lines
        evidence.progress(Sentence("lines accounted for"), day.lines)
    yield Checked(9, "lines of both sides, each accounted for", total)


class _DayLines:
    """The lines of a bank's date: those that simply agree are counted, the others and the breaks are
    listed.
    """

    def __init__(self, evidence: Evidence, day: BankDay, back: dict[tuple[str, str, int], int]) -> None:
        self._office = evidence.office
        self._bank, self._date = day
        self._day = {"bank": self._bank, "date": self._date}
        self._back = back
        self._ours = {ours.key: ours for ours in self._our_exceptions()}
        self._theirs = {theirs.line: theirs for theirs in self._their_exceptions()}
        self._breaks = tuple(self._listed_breaks())
        self._closed = self._closed_keys()
        late = sum(ours.state == "U" for ours in self._ours.values())
        our_count, their_count = self._count(_our_lines()), self._count(_their_lines())
        self.lines = our_count + late + their_count
        self._ours_agree = our_count + late - len(self._ours)
        self._theirs_agree = their_count - len(self._theirs)

    def faults(self, matched: int) -> Iterator[tuple[Sentence, Sentence]]:
        """What is not accounted for: pairs of a subject and what is wrong. `matched` is the number of
        pairs that reconciliation stated.
        """
        yield from self._break_faults()
        named = {row.line for row in self._breaks if row.line}
        repeats = sum(row.line not in self._theirs and row.line_effect is not None for row in self._breaks)
        if self._theirs_agree - repeats != self._ours_agree:
            what = Sentence(
                "{ours_agree} of ours agree with {theirs_agree} of theirs",
                ours_agree=self._ours_agree,
                theirs_agree=self._theirs_agree - repeats,
            )
            yield Sentence("lines"), what
        covered = {row.key for row in self._breaks if row.has_ours}
        ours = {key: our_line for key, our_line in self._ours.items() if key not in covered}
        theirs = [their_line for number, their_line in self._theirs.items() if number not in named]
        agree = self._ours_agree + _pair(ours, theirs)
        with_line = self._closed & ({*self._ours} | {their_line.key for their_line in self._theirs.values()})
        for key in sorted(self._closed - with_line):
            yield (
                Sentence("break on {key}", key=key),
                Sentence("was closed by a line that is on neither side"),
            )
        for their_line in theirs:
            if their_line.key not in self._closed:
                subject = Sentence("the bank's line {line}", line=their_line.line)
                yield subject, Sentence("agrees with none of ours, and no break names it")
        for our_line in ours.values():
            if our_line.key not in self._closed and our_line.state == "R":
                agree += 1  # a bank that lists only what is done leaves it out
            elif our_line.key not in self._closed:
                yield (
                    Sentence("our line {key}", key=our_line.key),
                    Sentence("agrees with none of the bank's, and no break names it"),
                )
        if agree != matched:
            yield (
                Sentence("lines"),
                Sentence("{agree} agree, reconciliation said {matched}", agree=agree, matched=matched),
            )

    def _break_faults(self) -> Iterator[tuple[Sentence, Sentence]]:
        """The breaks whose effects are not those of their own lines."""
        for row in self._breaks:
            subject = break_named(row.name)
            ours = self._ours.get(row.key) if row.has_ours else None
            if row.line and ours is not None and ours.state == "U" and row.cls != "details_differ":
                ours = None  # a late change of ours has a break of its own
            if row.line and row.line_effect is None:
                yield (
                    subject,
                    Sentence("names line {line}, which the bank's file does not have", line=row.line),
                )
            elif row.theirs_effect not in self._possible(row):
                yield (
                    subject,
                    Sentence(
                        "the bank's effect is not {theirs_effect} by its line",
                        theirs_effect=row.theirs_effect,
                    ),
                )
            if row.ours_effect != (ours.effect if ours else 0):
                yield (
                    subject,
                    Sentence("our effect is not {ours_effect} by the journal", ours_effect=row.ours_effect),
                )
            if not row.line and ours is None and row.cls not in _WITHOUT_LINES:
                yield subject, Sentence("names a line that is on neither side")

    def _possible(self, row: _BreakRow) -> tuple[int, ...]:
        """The effects in fen that the bank's line can have in a break: a reversed line takes back the
        effect of earlier files; or nothing, if that ended an earlier break, or if the line only repeats
        another one.
        """
        line = self._theirs.get(row.line)
        if line is None or line.state == "S":
            return (row.line_effect or 0,)
        return (0, line.effect)

    def _count(self, query: Select[Any]) -> int:
        return count_of(self._office, query.with_only_columns(func.count()), self._day)

    def _our_exceptions(self) -> Iterator[_OurLine]:
        """The lines of ours that do not simply agree: undone ones, late changes, and those without their
        line.
        """
        for row in stream(self._office, _our_exceptions(), self._day):
            key, kind, amount, rrn, code, policy, due, is_undone = row
            direction, state = "C" if kind == "collection" else "P", "R" if is_undone else "S"
            effect = (0 if is_undone else amount) * (1 if direction == "C" else -1)
            yield _OurLine(key, direction, amount, rrn, code, policy, due, state, effect)
        for change in changes(self._office, self._bank, self._date):
            if change.late and change.effect:
                details = change.rrn, change.code, change.policy, change.due
                yield _OurLine(change.key, change.direction, change.amount, *details, "U", change.effect)

    def _their_exceptions(self) -> Iterator[_TheirLine]:
        """The bank's lines that do not simply agree: reversed ones, and those without their entry."""
        for row in stream(self._office, _their_exceptions(), self._day):
            yield _TheirLine._make((*row, self._back.get((self._bank, self._date, row[0]), 0)))

    def _listed_breaks(self) -> Iterator[_BreakRow]:
        """The breaks of the date, without those of exception advices, which contain no line."""
        return map(_BreakRow._make, self._office.execute(_listed_breaks(), self._day))

    def _closed_keys(self) -> set[str]:
        """The keys of the earlier breaks that a line of this date closed without a decision."""
        return set(self._office.execute(_closed_keys(), self._day).scalars())


def _pair(ours: dict[str, _OurLine], theirs: list[_TheirLine]) -> int:
    """Remove the lines that agree from both sides, by key and then by RRN; return the number of pairs."""
    pairs = 0
    for their_line in tuple(theirs):
        our_line = ours.get(their_line.key)
        if our_line is not None and _agree(our_line, their_line):
            theirs.remove(their_line)
            del ours[their_line.key]
            pairs += 1
    by_rrn = {_rrn_mark(our_line): our_line for our_line in ours.values() if our_line.rrn}
    for their_line in tuple(theirs):
        our_line = by_rrn.get(_rrn_mark(their_line))
        if our_line is not None and _are_alike(our_line, their_line):
            key = by_rrn.pop(_rrn_mark(their_line)).key
            theirs.remove(their_line)
            del ours[key]
            pairs += 1
    return pairs


def _rrn_mark(line: _OurLine | _TheirLine) -> tuple[str, str, int, str, str]:
    """What two lines must have in common to be paired by RRN; the key without time and STAN is the
    terminal's.
    """
    terminal = line.key.rpartition("/")[0].rpartition("/")[0]
    return line.rrn, line.direction, line.amount, line.state, terminal


def _agree(ours: _OurLine, theirs: _TheirLine) -> bool:
    """Whether two lines of one key agree in direction, amount, state and details; a late change by its
    effect.
    """
    if ours.state == "U":
        return ours.direction == theirs.direction and ours.effect == theirs.effect
    alike = (ours.direction, ours.amount, ours.state) == (theirs.direction, theirs.amount, theirs.state)
    return alike and _are_alike(ours, theirs)


def _are_alike(ours: _OurLine, theirs: _TheirLine) -> bool:
    """Whether code, policy and due are the same as far as both lines name them."""
    pairs = (ours.code, theirs.code), (ours.policy, theirs.policy), (ours.due, theirs.due)
    return all(_is_same_name(our_name, their_name) for our_name, their_name in pairs)


def _is_same_name(ours: str, theirs: str) -> bool:
    """Whether two names are the same without regard to surrounding blanks and to upper or lower case. A
    star of ours stands for any character, since the journal masks what may be a person's number.
    """
    left, right = ours.strip().upper(), theirs.strip().upper()
    if not left or not right or left == right:
        return True
    return (
        "*" in left
        and len(left) == len(right)
        and all(a in ("*", b) for a, b in zip(left, right, strict=True))
    )


@cache
def _our_lines() -> Select[Any]:
    """The transactions of a bank's date."""
    return select(entries.c.key).where(
        entries.c.bank == _BANK, entries.c.business_date == _DATE, is_settlement(entries)
    )


@cache
def _their_lines() -> Select[Any]:
    """The lines of the bank's file of a date."""
    return select(bank_lines.c.key).where(bank_lines.c.bank == _BANK, bank_lines.c.date == _DATE)


@cache
def _our_exceptions() -> Select[Any]:
    by_now = undone(_DATE)
    names = ("key", "kind", "amount", "rrn", "code", "policy", "due")
    columns = [entries.c[name] for name in names]
    agrees = exists().where(_same(), bank_lines.c.state == "S")
    query = _our_lines().with_only_columns(*columns, case((by_now, 1), else_=0))
    return query.where(or_(by_now, not_(agrees)))


@cache
def _their_exceptions() -> Select[Any]:
    line = bank_lines.c
    names = ("line", "key", "direction", "amount", "rrn", "code", "policy", "due", "state")
    agrees = exists().where(_same(), is_settlement(entries), not_(undone(_DATE)))
    query = _their_lines().with_only_columns(*(line[name] for name in names))
    return query.where(or_(line.state != "S", not_(agrees)))


@cache
def _listed_breaks() -> Select[Any]:
    line = bank_lines.c
    effect = case((line.state == "R", 0), (line.direction == "C", line.amount), else_=-line.amount)
    named = and_(line.bank == breaks.c.bank, line.date == breaks.c.date, line.line == breaks.c.line)
    names = ("break", "class", "key", "line", "ours_effect", "theirs_effect")
    return (
        select(*(breaks.c[name] for name in names), case((line.line.is_not(None), effect)))
        .outerjoin(bank_lines, named)
        .where(breaks.c.bank == _BANK, breaks.c.date == _DATE, breaks.c["class"].not_in(_CONTAIN_NONE))
    )


@cache
def _closed_keys() -> Select[Any]:
    return select(breaks.c.key).where(
        breaks.c.bank == _BANK,
        breaks.c.settled_on == _DATE,
        breaks.c.state == "closed",
        breaks.c.resolution == "",
        breaks.c.withheld == 0,
    )


def _same() -> ColumnElement[bool]:
    """Whether an entry and a line have the same date, key, direction, amount and code, and the same policy
    and due as far as both name them.

    The bank is a part of the key. With a condition on the bank too, SQLite, which does not know how many rows
    there are, would read the bank's whole file for each entry.
    """
    return and_(
        bank_lines.c.date == entries.c.business_date,
        bank_lines.c.key == entries.c.key,
        bank_lines.c.amount == entries.c.amount,
        bank_lines.c.direction == case((entries.c.kind == "collection", "C"), else_="P"),
        bank_lines.c.code == entries.c.code,
        *(_same_name(name) for name in ("policy", "due")),
    )


def _same_name(name: str) -> ColumnElement[bool]:
    ours, theirs = entries.c[name], bank_lines.c[name]
    plain = func.upper(func.trim(theirs)) == func.upper(func.trim(ours))
    return or_(ours == theirs, ours == "", func.trim(theirs) == "", plain)
