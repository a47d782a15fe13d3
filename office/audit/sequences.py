"""Invariants 2, 3 and 4: a key acts once, a transaction has one final state, a due is settled once and at its
amount. Every entry that took effect is replayed, in the order of the effects on its subject.

The subject of an entry is the due on which it acts, or the entry's own key if it acts on no due. `sequence`
counts the effects on a subject from 1: an odd one puts a transaction into effect, an even one takes it out.
What an entry may do is written here anew, from docs/protocol.md section 6; no code of the rules that decided
is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, not_, null, or_, select

from ledger.book import schema as front_schema
from office.audit.evidence import (
    PROGRESS_ROWS,
    REVERSING_KINDS,
    SETTLEMENTS,
    Checked,
    Evidence,
    Failing,
    Journal,
    Results,
    count_of,
    is_reversing,
    is_settlement,
    stream,
)
from office.audit.forgotten import forgotten, settled_before
from office.audit.subjects import FRONT_SIDE, due_named, entry_at
from qianzhi_errors.sentence import Sentence

SIDES: Final = {"collection": "premium", "payout": "benefit"}
"""For each kind of transaction, the side of the totals on which it counts; also the kind of due that it
settles.
"""
_COLUMNS: Final = (
    *("subject", "sequence", "sequence_before", "chain", "position", "key", "kind", "due", "original"),
    *("amount", "bank", "side", "business_date", "exception_code"),
)


class SequencedEntry(NamedTuple):
    """An entry that took effect, and its due as the book has it (None without the front book); amounts in
    fen.
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


Fault = tuple[int, SequencedEntry, Sentence]
"""The invariant, the entry, and what is wrong with it."""


def keys(evidence: Evidence) -> Results:
    """Invariant 2: no key and no receipt exists twice, and each key is made of its entry's own fields."""
    for journal in evidence.journals:
        for name in ("key", "receipt"):
            column = journal.entries.c[name]
            query = select(column, func.count()).where(column.is_not(None)).group_by(column)
            for value, count in journal.connection.execute(query.having(func.count() > 1)):
                yield Failing(
                    2,
                    Sentence("{side}, {name} {value}", side=journal.name, name=name, value=value),
                    Sentence("stands {count} times", count=count),
                )
        entry = journal.entries.c
        # The bank as DE 90 carries it: 11 digits, filled with zeros on the left.
        bank = func.substr(literal("0" * 11).concat(entry.bank), func.length(entry.bank) + 1)
        made = bank + "/" + entry.terminal + "/" + entry.sent_at + "/" + entry.stan
        for chain, position in journal.connection.execute(
            select(entry.chain, entry.position).where(entry.key != made)
        ):
            yield Failing(
                2,
                entry_at(journal.name, chain, position),
                Sentence("its key is not that of its fields"),
            )
        total = count_of(journal.connection, select(func.count()).select_from(journal.entries))
        yield Checked(2, f"keys of the {journal.name}'s journal", total)


def refusals(evidence: Evidence) -> Results:
    """Invariants 2 and 3: a refusal has no effect, and an approved transaction has the effect of its kind."""
    for journal in evidence.journals:
        entry = journal.entries.c
        approved, effective = entry.response == "00", entry.sequence.is_not(None)
        settles = entry.kind.in_(SETTLEMENTS)
        wrong: ColumnElement[bool] = or_(
            and_(effective, not_(approved)),
            entry.subject.is_(None) != entry.sequence.is_(None),
            and_(settles, approved, not_(effective)),
            and_(entry.kind == "tombstone", entry.response != "21"),
            entry.kind.not_in((*SETTLEMENTS, *REVERSING_KINDS, "tombstone")),
        )
        query = select(entry.chain, entry.position, entry.response).where(wrong)
        for chain, position, response in journal.connection.execute(query):
            invariant = 3 if response == "00" else 2
            subject = entry_at(journal.name, chain, position)
            yield Failing(
                invariant,
                subject,
                Sentence("its effect does not befit its kind and response {response}", response=response),
            )
        refused = select(func.count()).select_from(journal.entries).where(not_(approved))
        yield Checked(2, f"refusals of the {journal.name}'s journal", count_of(journal.connection, refused))


def reversals(evidence: Evidence) -> Results:
    """Invariant 3: the transaction that an approved reversal names is not in effect; so a transaction of
    which a tombstone was written first never took effect.
    """
    for journal in evidence.journals:
        reversal, target = journal.entries.alias("reversal"), journal.entries.alias("target")
        reversing, again = journal.entries.alias("reversing"), journal.entries.alias("again")
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
            subject = entry_at(journal.name, chain, position)
            yield Failing(
                3,
                subject,
                Sentence(
                    "is an approved reversal, but entry {chain}/{position} stands",
                    chain=named[0],
                    position=named[1],
                ),
            )
        total = select(func.count()).select_from(reversal).where(approved)
        count = count_of(journal.connection, total)
        yield Checked(3, f"approved reversals of the {journal.name}'s journal", count)


def sequences(evidence: Evidence) -> Results:
    """Invariants 3 and 4: the effects on each subject count from 1; they put into effect and take out of
    effect alternately; and the last one agrees with the state of the due.
    """
    for journal in evidence.journals:
        entries = subjects = 0
        rows = map(SequencedEntry._make, stream(journal.connection, _in_sequence(journal)))
        some_retired = bool(forgotten(journal).date)
        for _, group in groupby(rows, key=lambda row: row.subject):
            replayed = list(group)
            is_rest = some_retired and replayed[0].sequence > 1
            faults = (
                _faults_of_rest(replayed)
                if is_rest
                else _faults(replayed, with_due=journal.name == FRONT_SIDE)
            )
            for invariant, row, fault in faults:
                yield Failing(
                    invariant,
                    entry_at(journal.name, row.chain, row.position),
                    fault,
                )
            entries += len(replayed)
            subjects += 1
            if subjects % PROGRESS_ROWS == 0:
                evidence.progress(Sentence("{side} effects", side=journal.name), PROGRESS_ROWS)
        yield Checked(3, f"effects of the {journal.name}'s journal, played again", entries)
        yield Checked(4, f"subjects of the {journal.name}'s journal, each settled once at most", subjects)


def untouched_dues(evidence: Evidence) -> Results:
    """Invariant 4: a due without an entry in the journal is not settled, and its sequence is 0."""
    if evidence.front is None:
        return
    dues, journal = front_schema.dues.c, front_schema.journal.c
    touched = or_(dues.sequence != 0, dues.settled_by != "", dues.state == "settled")
    query = select(dues.due, dues.sequence, dues.settled_by).where(
        touched, ~exists().where(journal.subject == dues.due)
    )
    rows = evidence.front.execute(query).all()
    if forgotten(evidence.journals[1]).date:
        yield from settled_before(evidence, rows)
    else:
        for row in rows:
            yield Failing(4, due_named(row.due), Sentence("is settled, or was, and no entry says so"))
    total = count_of(evidence.front, select(func.count()).select_from(front_schema.dues))
    yield Checked(4, "dues of the front book", total)


def _in_sequence(journal: Journal) -> Select[Any]:
    """The entries that took effect, by subject and sequence; at the front each with its due."""
    entries = journal.entries
    columns = [entries.c[name] for name in _COLUMNS]
    if journal.name == "front":
        due = front_schema.dues
        of_due = [due.c[name] for name in ("amount", "kind", "state", "settled_by", "sequence")]
        source = entries.outerjoin(due, due.c.due == entries.c.subject)
        query = select(*columns, *of_due).select_from(source)
    else:
        query = select(*columns, *(null().label(name) for name in SequencedEntry._fields[len(_COLUMNS) :]))
    return query.where(entries.c.sequence.is_not(None)).order_by(entries.c.subject, entries.c.sequence)


def _faults_of_rest(rows: Sequence[SequencedEntry]) -> Iterator[Fault]:
    """What is wrong with a subject whose first entries the front has retired. The office's copy of all
    its entries is replayed in whole; of the rest it is checked that each sequence follows the one before,
    and that the due is in the state of the last.
    """
    for place, row in enumerate(rows, rows[0].sequence):
        if (row.sequence, row.sequence_before) != (place, place - 1):
            yield 3, row, _out_of_sequence(row, place)
    last = rows[-1]
    stands = last.due_sequence, last.due_state == "settled"
    if last.due == last.subject and stands != (last.sequence, last.sequence % 2 == 1):
        yield (
            4,
            last,
            Sentence(
                "is the last word on due {due}, and the due has another sequence or state", due=last.due
            ),
        )


def _out_of_sequence(row: SequencedEntry, place: int) -> Sentence:
    return Sentence(
        "has sequence {sequence} on {subject}, where {place} should follow",
        sequence=row.sequence,
        subject=row.subject,
        place=place,
    )


def _faults(rows: Sequence[SequencedEntry], *, with_due: bool) -> Iterator[Fault]:
    """Replay the entries of one subject; yield what is wrong with an entry, and with the state after the
    last.
    """
    replay = _Replay()
    for place, row in enumerate(rows, 1):
        if (row.sequence, row.sequence_before) != (place, place - 1 or None):
            yield 3, row, _out_of_sequence(row, place)
        yield from replay.step(place, row)
    first, last = rows[0], rows[-1]
    if first.subject == first.key:
        if not first.exception_code:
            yield 4, first, Sentence("is its own subject, though it fitted the book")
    else:
        yield from (
            (4, row, Sentence("acts on {subject}, not on its due", subject=row.subject))
            for row in rows
            if row.due != row.subject
        )
        if with_due:
            yield from _due_faults(rows, last, replay.in_effect)


def _due_faults(
    rows: Sequence[SequencedEntry], last: SequencedEntry, in_effect: SequencedEntry | None
) -> Iterator[Fault]:
    """What differs between a due of the front book and the entries on it; `in_effect` is what settles it."""
    if last.due_sequence is None:
        yield 4, last, Sentence("acts on due {due}, which the book does not have", due=last.due)
        return
    for row in rows:
        if row.kind in SETTLEMENTS and (row.amount, row.side) != (row.due_amount, row.due_kind):
            yield (
                4,
                row,
                Sentence(
                    "moves {amount} fen, {side}; the due is {due_amount}, {due_kind}",
                    amount=row.amount,
                    side=row.side,
                    due_amount=row.due_amount,
                    due_kind=row.due_kind,
                ),
            )
    settled_by = in_effect.key if in_effect else ""
    if (last.due_sequence, last.due_settled_by) != (last.sequence, settled_by):
        yield (
            4,
            last,
            Sentence(
                "is the last word on due {due}, and the due has another sequence or settler", due=last.due
            ),
        )
    if (last.due_state == "settled") != (in_effect is not None):
        yield (
            4,
            last,
            Sentence(
                "is the last word on due {due}, and the due is {due_state}",
                due=last.due,
                due_state=last.due_state,
            ),
        )


class _Replay:
    """The state of one subject after the entries so far: the transaction in effect, or None; the one that the
    last entry took out of effect; and the last entry.
    """

    def __init__(self) -> None:
        self.in_effect: SequencedEntry | None = None
        self._undone: SequencedEntry | None = None
        self._last: SequencedEntry | None = None

    def step(self, place: int, row: SequencedEntry) -> Iterator[Fault]:
        """Apply the next entry, whose place counts from 1; yield what is wrong with it."""
        if place % 2 == 0:
            yield from self._end(row)
        elif row.kind in SETTLEMENTS:
            if row.side != SIDES[row.kind]:
                yield 3, row, Sentence("is a {kind} on the side {side}", kind=row.kind, side=row.side)
            self.in_effect = row
        else:
            yield from self._put_back(row)
        self._last = row

    def _end(self, row: SequencedEntry) -> Iterator[Fault]:
        """Apply an entry that must take the transaction in effect out of effect."""
        ended = self.in_effect
        if row.kind not in REVERSING_KINDS:
            yield (
                4,
                row,
                Sentence(
                    "is a {kind} while {subject} is settled already", kind=row.kind, subject=row.subject
                ),
            )
        elif ended is None or row.original != ended.key:
            yield 3, row, Sentence("does not name the transaction that it takes out of effect")
        elif _differ(row, ended):
            yield (
                3,
                row,
                Sentence(
                    "does not agree with entry {chain}/{position}, which it undoes",
                    chain=ended.chain,
                    position=ended.position,
                ),
            )
        elif row.kind == "cancel" and row.business_date != ended.business_date:
            yield (
                3,
                row,
                Sentence(
                    "cancels on {business_date} what was done on {done}",
                    business_date=row.business_date,
                    done=ended.business_date,
                ),
            )
        self.in_effect, self._undone = None, ended

    def _put_back(self, row: SequencedEntry) -> Iterator[Fault]:
        """Apply a reversal of a cancel, which puts the cancelled transaction into effect again."""
        last, again = self._last, self._undone
        if row.kind != "reversal" or last is None or last.kind != "cancel" or row.original != last.key:
            yield (
                3,
                row,
                Sentence(
                    "is a {kind} that puts something into effect, but reverses no cancel", kind=row.kind
                ),
            )
        elif again is not None and _differ(row, again):
            yield (
                3,
                row,
                Sentence(
                    "does not agree with entry {chain}/{position}, which it puts back",
                    chain=again.chain,
                    position=again.position,
                ),
            )
        self.in_effect = again


def _differ(row: SequencedEntry, other: SequencedEntry) -> bool:
    return (row.amount, row.bank, row.side) != (other.amount, other.bank, other.side)
