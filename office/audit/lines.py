"""Invariant 9, the lines: each one of either side agrees with one of the other or is in a break, and the
breaks say what their lines do.

Which line agrees with which is worked out here anew, by the database for the many that simply agree and one
by one for the rest. Memory grows with the differences of a bank's day, not with its lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, not_, or_, select

from ledger.rules.break_classes import CLASSES
from office.audit.evidence import (
    Checked,
    Evidence,
    Failing,
    Outcome,
    count_of,
    is_settlement,
    stream,
    undone,
)
from office.audit.totals import BankDay, changes, taken_back
from office.database.schema import bank_lines, breaks, entries, reconciliations

_WITHOUT_OURS: Final = frozenset(cls for cls, row in CLASSES.items() if not row.has_ours)
_WITHOUT_LINES: Final = frozenset(cls for cls, row in CLASSES.items() if not row.needs_line)


class _Ours(NamedTuple):
    """A line of ours that does not simply agree: `state` S, R, or U where an earlier date's was changed."""

    key: str
    direction: str
    amount: int
    rrn: str
    code: str
    policy: str
    due: str
    state: str
    effect: int


class _Theirs(NamedTuple):
    """A line of the bank's file that does not simply agree; `back` is what it takes back of earlier files."""

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
        if self.state == "R":
            return -self.back
        return self.amount if self.direction == "C" else -self.amount


class _Break(NamedTuple):
    """A break of the date, and the effect of the bank's line that it names, by that line; None where it
    names one that is not there.
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
        """Whether a line of ours is in it, as its class says."""
        if self.cls == "details_differ":
            return self.line != 0
        return self.cls not in _WITHOUT_OURS and not (self.cls == "timing" and self.line)


def accounted_lines(evidence: Evidence) -> Outcome:
    """Invariant 9: each line of either side agrees with one of the other or is in a break, and those that
    agree are as many as reconciliation said.
    """
    back = taken_back(evidence.office)
    query = select(reconciliations.c.bank, reconciliations.c.date, reconciliations.c.matched)
    total = 0
    for bank, date, matched in evidence.office.execute(query.order_by(reconciliations.c.date)).all():
        day = _Day(evidence, (bank, date), back)
        for subject, what in day.faults(matched):
            yield Failing(9, f"{subject} of {bank} on {date}", what)
        total += day.lines
        evidence.progress("lines accounted for", day.lines)
    yield Checked(9, "lines of both sides, each accounted for", total)


class _Day:
    """One bank's date: the lines that simply agree, counted; the others and the breaks, listed."""

    def __init__(self, evidence: Evidence, day: BankDay, back: dict[tuple[str, str, int], int]) -> None:
        self._office = evidence.office
        self._bank, self._date = day
        self._back = back
        self._ours = {one.key: one for one in self._our_exceptions()}
        self._theirs = {one.line: one for one in self._their_exceptions()}
        self._breaks = tuple(self._listed_breaks())
        self._closed = self._closed_keys()
        late = sum(one.state == "U" for one in self._ours.values())
        ours, theirs = self._count(_our_lines(day)), self._count(_their_lines(day))
        self.lines = ours + late + theirs
        self._ours_agree = ours + late - len(self._ours)
        self._theirs_agree = theirs - len(self._theirs)

    def faults(self, matched: int) -> Iterator[tuple[str, str]]:
        """What is not accounted for, each with its subject; `matched` is what reconciliation said."""
        yield from self._break_faults()
        named = {one.line for one in self._breaks if one.line}
        repeats = sum(one.line not in self._theirs and one.line_effect is not None for one in self._breaks)
        if self._theirs_agree - repeats != self._ours_agree:
            what = f"{self._ours_agree} of ours agree with {self._theirs_agree - repeats} of theirs"
            yield "lines", what
        covered = {one.key for one in self._breaks if one.has_ours}
        ours = {key: one for key, one in self._ours.items() if key not in covered}
        theirs = [one for line, one in self._theirs.items() if line not in named]
        agree = self._ours_agree + _pair(ours, theirs)
        spoken_for = self._closed & ({*self._ours} | {one.key for one in self._theirs.values()})
        for key in sorted(self._closed - spoken_for):
            yield f"break on {key}", "was closed by a line that is on neither side"
        for line in theirs:
            if line.key not in self._closed:
                yield f"the bank's line {line.line}", "agrees with none of ours, and no break names it"
        for one in ours.values():
            if one.key not in self._closed and one.state == "R":
                agree += 1  # a bank that lists only what is done leaves it out
            elif one.key not in self._closed:
                yield f"our line {one.key}", "agrees with none of the bank's, and no break names it"
        if agree != matched:
            yield "lines", f"{agree} agree, reconciliation said {matched}"

    def _break_faults(self) -> Iterator[tuple[str, str]]:
        """Breaks that do not say what their own lines do."""
        for one in self._breaks:
            subject = f"break {one.name}"
            ours = self._ours.get(one.key) if one.has_ours else None
            if one.line and ours is not None and ours.state == "U" and one.cls != "details_differ":
                ours = None  # a late change of ours has a break of its own
            if one.line and one.line_effect is None:
                yield subject, f"names line {one.line}, which the bank's file does not have"
            elif one.theirs_effect not in self._possible(one):
                yield subject, f"the bank's effect is not {one.theirs_effect} by its line"
            if one.ours_effect != (ours.effect if ours else 0):
                yield subject, f"our effect is not {one.ours_effect} by the journal"
            if not one.line and ours is None and one.cls not in _WITHOUT_LINES:
                yield subject, "names a line that is on neither side"

    def _possible(self, one: _Break) -> tuple[int, ...]:
        """What the bank's effect in a break can be: a reversed line takes back what earlier files had, but
        nothing where it ended an earlier break with that, or only repeats another line.
        """
        line = self._theirs.get(one.line)
        if line is None or line.state == "S":
            return (one.line_effect or 0,)
        return (0, line.effect)

    def _count(self, query: Select[Any]) -> int:
        return count_of(self._office, query.with_only_columns(func.count()))

    def _our_exceptions(self) -> Iterator[_Ours]:
        day = self._bank, self._date
        by_now = undone(self._date)
        names = ("key", "kind", "amount", "rrn", "code", "policy", "due")
        query = _our_lines(day).with_only_columns(
            *(entries.c[name] for name in names), case((by_now, 1), else_=0)
        )
        agrees = exists().where(_same(), bank_lines.c.state == "S")
        for row in stream(self._office, query.where(or_(by_now, not_(agrees)))):
            key, kind, amount, rrn, code, policy, due, is_undone = row
            direction, state = "C" if kind == "collection" else "P", "R" if is_undone else "S"
            effect = (0 if is_undone else amount) * (1 if direction == "C" else -1)
            yield _Ours(key, direction, amount, rrn, code, policy, due, state, effect)
        for one in changes(self._office, *day):
            if one.late and one.effect:
                about = one.key, one.direction, one.amount, one.rrn, one.code, one.policy, one.due
                yield _Ours(*about, "U", one.effect)

    def _their_exceptions(self) -> Iterator[_Theirs]:
        line = bank_lines.c
        agrees = exists().where(_same(), is_settlement(entries), not_(undone(self._date)))
        names = ("line", "key", "direction", "amount", "rrn", "code", "policy", "due", "state")
        columns = [line[name] for name in names]
        query = _their_lines((self._bank, self._date)).with_only_columns(*columns)
        for row in stream(self._office, query.where(or_(line.state != "S", not_(agrees)))):
            yield _Theirs._make((*row, self._back.get((self._bank, self._date, row[0]), 0)))

    def _listed_breaks(self) -> Iterator[_Break]:
        line = bank_lines.c
        effect = case((line.state == "R", 0), (line.direction == "C", line.amount), else_=-line.amount)
        named = and_(line.bank == breaks.c.bank, line.date == breaks.c.date, line.line == breaks.c.line)
        names = ("break", "class", "key", "line", "ours_effect", "theirs_effect")
        query = (
            select(*(breaks.c[name] for name in names), case((line.line.is_not(None), effect)))
            .outerjoin(bank_lines, named)
            .where(
                breaks.c.bank == self._bank,
                breaks.c.date == self._date,
                breaks.c["class"] != "exception_advice",
            )
        )
        return map(_Break._make, self._office.execute(query))

    def _closed_keys(self) -> set[str]:
        """The keys of the earlier breaks that a line of this date closed."""
        query = select(breaks.c.key).where(
            breaks.c.bank == self._bank,
            breaks.c.settled_on == self._date,
            breaks.c.state == "closed",
            breaks.c.resolution == "",
            breaks.c.withheld == 0,
        )
        return set(self._office.execute(query).scalars())


def _pair(ours: dict[str, _Ours], theirs: list[_Theirs]) -> int:
    """Take the lines that agree off both sides, by key and then by RRN; how many pairs these are."""
    pairs = 0
    for line in tuple(theirs):
        one = ours.get(line.key)
        if one is not None and _agree(one, line):
            theirs.remove(line)
            del ours[line.key]
            pairs += 1
    by_rrn = {_rrn_mark(one): one for one in ours.values() if one.rrn}
    for line in tuple(theirs):
        one = by_rrn.get(_rrn_mark(line))
        if one is not None and _are_alike(one, line):
            key = by_rrn.pop(_rrn_mark(line)).key
            theirs.remove(line)
            del ours[key]
            pairs += 1
    return pairs


def _rrn_mark(line: _Ours | _Theirs) -> tuple[str, str, int, str, str]:
    terminal = line.key.rpartition("/")[0].rpartition("/")[0]
    return line.rrn, line.direction, line.amount, line.state, terminal


def _agree(one: _Ours, line: _Theirs) -> bool:
    if one.state == "U":
        return one.direction == line.direction and one.effect == line.effect
    alike = (one.direction, one.amount, one.state) == (line.direction, line.amount, line.state)
    return alike and _are_alike(one, line)


def _are_alike(one: _Ours, line: _Theirs) -> bool:
    """Whether policy, due and code are the same as far as both name them."""
    pairs = (one.code, line.code), (one.policy, line.policy), (one.due, line.due)
    return all(_is_one_name(ours, theirs) for ours, theirs in pairs)


def _is_one_name(ours: str, theirs: str) -> bool:
    """Whether two names are one: blanks around and small letters apart; a star of ours stands for any
    character, since the journal holds what may be a person's number masked.
    """
    left, right = ours.strip().upper(), theirs.strip().upper()
    if not left or not right or left == right:
        return True
    return (
        "*" in left
        and len(left) == len(right)
        and all(a in ("*", b) for a, b in zip(left, right, strict=True))
    )


def _our_lines(day: BankDay) -> Select[Any]:
    return select(entries.c.key).where(
        entries.c.bank == day[0], entries.c.business_date == day[1], is_settlement(entries)
    )


def _their_lines(day: BankDay) -> Select[Any]:
    return select(bank_lines.c.key).where(bank_lines.c.bank == day[0], bank_lines.c.date == day[1])


def _same() -> ColumnElement[bool]:
    """Whether an entry and a line are of one date, key, direction and amount, and of one code, policy and due
    as far as both name them.

    The bank is within the key. Naming it here too would have SQLite, which knows nothing of how many rows
    there are, look through the bank's whole file for each entry.
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
