"""Invariants 2, 3 and 4: a key acts once, a transaction has one final state, a due is settled once and at
its amount. Every entry that took effect is played again, in the order of its subject's turns.

What an entry may do is written here anew, from PROTOCOL section 6; nothing of the rules that decided is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, not_, null, or_, select

from ledger.book import schema as front_schema
from office.audit.evidence import (
    REVERSING_KINDS,
    SETTLEMENTS,
    Checked,
    Evidence,
    Failing,
    Journal,
    Outcome,
    count_of,
    is_reversing,
    is_settlement,
    stream,
)
from office.audit.forgotten import forgotten, settled_before

SIDES: Final = {"collection": "premium", "payout": "benefit"}
"""The side of the totals on which each kind of transaction counts: also the kind of due that it settles."""
_TOLD_EVERY: Final = 10_000
_COLUMNS: Final = (
    *(
        "subject",
        "sequence",
        "sequence_before",
        "chain",
        "position",
        "key",
        "kind",
        "due",
        "original",
        "amount",
    ),
    *("bank", "side", "business_date", "exception_code"),
)


class SequencedEntry(NamedTuple):
    """An entry that took effect, and the due that it names as that stands in the book, if the book is
    there.
    """

    subject: str
    sequence: int
    sequence_before: int | None
    chain: int
    position: int
    key: str
    kind: str
    due: str
    original: str
    amount: int
    bank: str
    side: str
    business_date: str
    exception_code: str
    due_amount: int | None
    due_kind: str | None
    due_state: str | None
    due_settled_by: str | None
    due_sequence: int | None


Fault = tuple[int, SequencedEntry, str]
"""The invariant, the entry, and what is wrong with it."""


def keys(evidence: Evidence) -> Outcome:
    """Invariant 2: no key and no receipt stands twice, and a key is that of its entry's own fields."""
    for journal in evidence.journals:
        for name in ("key", "receipt"):
            column = journal.entries.c[name]
            query = select(column, func.count()).where(column.is_not(None)).group_by(column)
            for value, count in journal.connection.execute(query.having(func.count() > 1)):
                yield Failing(2, f"{journal.name}, {name} {value}", f"stands {count} times")
        one = journal.entries.c
        # The bank as DE 90 carries it: 11 digits, filled with zeros on the left.
        bank = func.substr(literal("0" * 11).concat(one.bank), func.length(one.bank) + 1)
        made = bank + "/" + one.terminal + "/" + one.sent_at + "/" + one.stan
        for chain, position in journal.connection.execute(
            select(one.chain, one.position).where(one.key != made)
        ):
            yield Failing(2, f"{journal.name}, entry {chain}/{position}", "its key is not that of its fields")
        total = count_of(journal.connection, select(func.count()).select_from(journal.entries))
        yield Checked(2, f"keys of the {journal.name}'s journal", total)


def refusals(evidence: Evidence) -> Outcome:
    """Invariants 2 and 3: a refusal has no effect and an approved transaction has one, as befits its kind."""
    for journal in evidence.journals:
        one = journal.entries.c
        approved, effective = one.response == "00", one.sequence.is_not(None)
        settles = one.kind.in_(SETTLEMENTS)
        unfit: ColumnElement[bool] = or_(
            and_(effective, not_(approved)),
            one.subject.is_(None) != one.sequence.is_(None),
            and_(settles, approved, not_(effective)),
            and_(one.kind == "tombstone", one.response != "21"),
            one.kind.not_in((*SETTLEMENTS, *REVERSING_KINDS, "tombstone")),
        )
        query = select(one.chain, one.position, one.response).where(unfit)
        for chain, position, response in journal.connection.execute(query):
            invariant = 3 if response == "00" else 2
            subject = f"{journal.name}, entry {chain}/{position}"
            yield Failing(invariant, subject, f"its effect does not befit its kind and response {response}")
        refused = select(func.count()).select_from(journal.entries).where(not_(approved))
        yield Checked(2, f"refusals of the {journal.name}'s journal", count_of(journal.connection, refused))


def reversals(evidence: Evidence) -> Outcome:
    """Invariant 3: what an approved reversal names is not in effect, and what a tombstone stands for never
    was.
    """
    for journal in evidence.journals:
        reversal, target = journal.entries.alias("reversal"), journal.entries.alias("target")
        reversing, again = journal.entries.alias("undoing"), journal.entries.alias("again")
        reinstated = exists().where(is_reversing(again), again.c.original == reversing.c.key)
        undone = exists().where(
            is_reversing(reversing), reversing.c.original == target.c.key, not_(reinstated)
        )
        approved = and_(reversal.c.kind == "reversal", reversal.c.response == "00")
        query = (
            select(reversal.c.chain, reversal.c.position, target.c.chain, target.c.position)
            .join(target, target.c.key == reversal.c.original)
            .where(approved, is_settlement(target), not_(undone))
        )
        for chain, position, *named in journal.connection.execute(query):
            subject = f"{journal.name}, entry {chain}/{position}"
            yield Failing(3, subject, f"is an approved reversal, but entry {named[0]}/{named[1]} stands")
        total = select(func.count()).select_from(reversal).where(approved)
        count = count_of(journal.connection, total)
        yield Checked(3, f"approved reversals of the {journal.name}'s journal", count)


def sequences(evidence: Evidence) -> Outcome:
    """Invariants 3 and 4: each subject's turns count from 1, put into effect and take out by turns, and end
    where its due stands.
    """
    for journal in evidence.journals:
        entries = subjects = 0
        rows = map(SequencedEntry._make, stream(journal.connection, _in_turn(journal)))
        some_gone = bool(forgotten(journal).date)
        for _, group in groupby(rows, key=lambda row: row.subject):
            played = list(group)
            is_rest = some_gone and played[0].sequence > 1
            found = _faults_of_rest(played) if is_rest else _faults(played, with_due=journal.name == "front")
            for invariant, row, what in found:
                yield Failing(invariant, f"{journal.name}, entry {row.chain}/{row.position}", what)
            entries += len(played)
            subjects += 1
            if subjects % _TOLD_EVERY == 0:
                evidence.progress(f"{journal.name} turns", _TOLD_EVERY)
        yield Checked(3, f"effects of the {journal.name}'s journal, played again", entries)
        yield Checked(4, f"subjects of the {journal.name}'s journal, each settled once at most", subjects)


def untouched_dues(evidence: Evidence) -> Outcome:
    """Invariant 4: a due of which the journal says nothing is not settled and has had no sequence."""
    if evidence.front is None:
        return
    dues, journal = front_schema.dues.c, front_schema.journal.c
    touched = or_(dues.sequence != 0, dues.settled_by != "", dues.state == "settled")
    query = select(dues.due, dues.sequence, dues.settled_by).where(
        touched, ~exists().where(journal.subject == dues.due)
    )
    found = evidence.front.execute(query).all()
    if forgotten(evidence.journals[1]).date:
        yield from settled_before(evidence, found)
    else:
        for row in found:
            yield Failing(4, f"due {row.due}", "is settled, or was, and no entry says so")
    total = count_of(evidence.front, select(func.count()).select_from(front_schema.dues))
    yield Checked(4, "dues of the front book", total)


def _in_turn(journal: Journal) -> Select[Any]:
    """The entries that took effect, by subject and sequence, each with its due where the book is at hand."""
    entries = journal.entries
    columns = [entries.c[name] for name in _COLUMNS]
    if journal.name == "front":
        due = front_schema.dues
        of_due = (
            due.c.amount,
            due.c.kind,
            due.c.state,
            due.c.settled_by,
            due.c.sequence.label("due_sequence"),
        )
        source = entries.outerjoin(due, due.c.due == entries.c.subject)
        query = select(*columns, *of_due).select_from(source)
    else:
        query = select(*columns, *(null().label(name) for name in SequencedEntry._fields[len(_COLUMNS) :]))
    return query.where(entries.c.sequence.is_not(None)).order_by(entries.c.subject, entries.c.sequence)


def _faults_of_rest(rows: Sequence[SequencedEntry]) -> Iterator[Fault]:
    """What is wrong with a subject whose first entries the front has let go. The office's copy, of which
    these entries are a part, is played whole; here each sequence follows the one before, and the due stands
    at the last.
    """
    for place, row in enumerate(rows, rows[0].sequence):
        if (row.sequence, row.sequence_before) != (place, place - 1):
            yield 3, row, f"is sequence {row.sequence} of {row.subject}, where sequence {place} should follow"
    last = rows[-1]
    stands = last.due_sequence, last.due_state == "settled"
    if last.due == last.subject and stands != (last.sequence, last.sequence % 2 == 1):
        yield 4, last, f"is the last word on due {last.due}, and the due has another sequence or state"


def _faults(rows: Sequence[SequencedEntry], *, with_due: bool) -> Iterator[Fault]:
    """Play one subject's entries; what is wrong with any of them, and with where they end."""
    play = _Play()
    for place, row in enumerate(rows, 1):
        if (row.sequence, row.sequence_before) != (place, place - 1 or None):
            yield 3, row, f"is sequence {row.sequence} of {row.subject}, where sequence {place} should follow"
        yield from play.step(place, row)
    first, last = rows[0], rows[-1]
    if first.subject == first.key:
        if not first.exception_code:
            yield 4, first, "is its own subject, though it fitted the book"
    else:
        yield from (
            (4, row, f"acts on {row.subject}, not on its due") for row in rows if row.due != row.subject
        )
        if with_due:
            yield from _due_faults(rows, last, play.standing)


def _due_faults(
    rows: Sequence[SequencedEntry], last: SequencedEntry, standing: SequencedEntry | None
) -> Iterator[Fault]:
    if last.due_sequence is None:
        yield 4, last, f"acts on due {last.due}, which the book does not have"
        return
    for row in rows:
        if row.kind in SETTLEMENTS and (row.amount, row.side) != (row.due_amount, row.due_kind):
            yield 4, row, f"moves {row.amount} fen, {row.side}; the due is {row.due_amount}, {row.due_kind}"
    settled_by = standing.key if standing else ""
    if (last.due_sequence, last.due_settled_by) != (last.sequence, settled_by):
        yield 4, last, f"is the last word on due {last.due}, and the due has another sequence or settler"
    if (last.due_state == "settled") != (standing is not None):
        yield 4, last, f"is the last word on due {last.due}, and the due is {last.due_state}"


class _Play:
    """One subject as its entries leave it: the transaction in effect, if any, and what was done last."""

    def __init__(self) -> None:
        self.standing: SequencedEntry | None = None
        self._undone: SequencedEntry | None = None
        self._last: SequencedEntry | None = None

    def step(self, place: int, row: SequencedEntry) -> Iterator[Fault]:
        """Take the next entry in; what is wrong with it."""
        if place % 2 == 0:
            yield from self._end(row)
        elif row.kind in SETTLEMENTS:
            if row.side != SIDES[row.kind]:
                yield 3, row, f"is a {row.kind} on the side {row.side}"
            self.standing = row
        else:
            yield from self._put_back(row)
        self._last = row

    def _end(self, row: SequencedEntry) -> Iterator[Fault]:
        ended = self.standing
        if row.kind not in REVERSING_KINDS:
            yield 4, row, f"is a {row.kind} while {row.subject} is settled already"
        elif ended is None or row.original != ended.key:
            yield 3, row, "does not name the transaction that it takes out of effect"
        elif _differ(row, ended):
            yield 3, row, f"does not agree with entry {ended.chain}/{ended.position}, which it undoes"
        elif row.kind == "cancel" and row.business_date != ended.business_date:
            yield 3, row, f"cancels on {row.business_date} what was done on {ended.business_date}"
        self.standing, self._undone = None, ended

    def _put_back(self, row: SequencedEntry) -> Iterator[Fault]:
        """A reversal of a cancel puts what was cancelled into effect again."""
        last, again = self._last, self._undone
        if row.kind != "reversal" or last is None or last.kind != "cancel" or row.original != last.key:
            yield 3, row, f"is a {row.kind} that puts something into effect, but reverses no cancel"
        elif again is not None and _differ(row, again):
            yield 3, row, f"does not agree with entry {again.chain}/{again.position}, which it puts back"
        self.standing = again


def _differ(row: SequencedEntry, other: SequencedEntry) -> bool:
    return (row.amount, row.bank, row.side) != (other.amount, other.bank, other.side)
