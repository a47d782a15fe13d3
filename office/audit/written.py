"""Invariants 5, 6, 7, 8 and 10: what the audit logs say was pulled, taken, reconciled, posted, loaded and cut
over is compared with the tables as they are now.

An audit record carries its figures and, if it wrote many rows, a digest over them
(`office.audit.row_digests`). The rows have the record's own moment. All of it is computed here anew.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select

from ledger.book import schema as front_schema
from office.audit.audit_records import MACHINE, AuditRecord, front_records, office_records
from office.audit.chains import hash_at
from office.audit.evidence import Checked, Evidence, Failing, Results, stream, with_progress
from office.audit.row_digests import row_hash, rows_digest
from office.audit.subjects import FRONT_SIDE, OFFICE_SIDE, act_at, day_at, load_of, posting_named
from office.database.schema import (
    bank_files,
    bank_lines,
    break_events,
    breaks,
    chains,
    days,
    facts,
    legs,
    postings,
    products,
    reconciliations,
)
from qianzhi_errors.sentence import Sentence

_PULLED: Final = re.compile(r"entries ([0-9]+) to ([0-9]+); tip ([0-9a-f]{64})")
_OPENED: Final = (
    *("break", "class", "key", "line", "direction", "code", "policy", "due"),
    *("ours_effect", "theirs_effect", "withheld", "difference", "bank_code", "bank_policy", "bank_due"),
    *("reason", "hint", "owner"),
)


def pulls(evidence: Evidence) -> Results:
    """Invariant 5: each pull continues the one before, up to the entry that it names; together the pulls
    brought every chain whole, and each day as it is now. The tables are of the version with which they were
    created.
    """
    ours = evidence.journals[0]
    ends: Counter[str] = Counter()
    stated: dict[str, str] = {}
    count = 0
    for record in _of_machine(evidence, "pull"):
        count += 1
        match = _PULLED.fullmatch(record.note)
        if match is None:
            stated[record.subject] = record.note
            continue
        chain = record.subject.removeprefix("chain ")
        first, last = int(match[1]), int(match[2])
        if first != ends[record.subject] + 1:
            yield Failing(
                5,
                act_at(OFFICE_SIDE, record.number),
                Sentence("pulls {place} from entry {first} on", place=_place(record.subject), first=first),
            )
        if not chain.isdigit() or hash_at(ours, int(chain), last) != match[3]:
            yield Failing(
                5,
                act_at(OFFICE_SIDE, record.number),
                Sentence("entry {last} is not the one that was pulled", last=last),
            )
        ends[record.subject] = last
    positions = {f"chain {row.chain}": row.position for row in evidence.office.execute(select(chains))}
    for subject in sorted(positions.keys() | ends.keys()):
        if positions.get(subject, 0) != ends[subject]:
            yield Failing(
                5,
                Sentence("{side}, {place}", side=OFFICE_SIDE, place=_place(subject)),
                Sentence("was pulled up to entry {position}, by the audit log", position=ends[subject]),
            )
    rows = evidence.office.execute(select(days)).all()
    closed = {f"day {row.date}": f"{row.entries} entries; root {row.root}" for row in rows}
    yield from _differences(5, _of_office, closed, stated)
    created = {record.subject: record.note for record in office_records(evidence) if record.act == "create"}
    values = {row.name: row.value for row in evidence.office.execute(select(facts))}
    yield from _differences(5, _fact, values, created)
    yield Checked(5, "pulls, held against the office's journal", count)


def files(evidence: Evidence) -> Results:
    """Invariant 10: each bank's file and its lines are as when they were taken."""
    stated = {record.subject: record for record in _of_machine(evidence, "file")}
    lines = dict(_line_digests(evidence))
    no_lines = rows_digest(())
    tables, taken_at = {}, {}
    rows = evidence.office.execute(select(bank_files)).all()
    for row in rows:
        subject = f"{row.bank} {row.date}"
        tables[subject] = (
            f"{row.lines} lines, {row.collected} fen collected, {row.paid} fen paid; layout {row.layout},"
            f" file {row.digest}, rows {lines.pop(subject, no_lines)}"
        )
        taken_at[subject] = row.taken_at
    yield from _differences(10, _file, tables, _notes(stated))
    for subject in sorted(tables.keys() & stated.keys()):
        if taken_at[subject] != stated[subject].at:
            yield Failing(
                10,
                _file(subject),
                Sentence("was taken at another moment, by the audit log"),
            )
    yield Checked(10, "banks' files, held against the audit log", len(rows))


def _line_digests(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Pairs of `bank date` and the digest of the lines of that bank's date."""
    line = bank_lines.c
    query = select(bank_lines).order_by(line.bank, line.date, line.line)
    for (bank, date), rows in groupby(stream(evidence.office, query), key=lambda row: (row[0], row[1])):
        yield f"{bank} {date}", rows_digest(with_progress(rows, evidence, Sentence("digests of files")))


def reconciliations_made(evidence: Evidence) -> Results:
    """Invariant 6: each bank's date is as when it was reconciled: its result, its products, the breaks
    that it opened, as they were then, and the earlier breaks that its lines closed.
    """
    connection = evidence.office
    parts = (
        _by_day(connection, select(products), (0, 1)),
        _opened(connection),
        _by_day(
            connection,
            select(*(breaks.c[name] for name in ("bank", "settled_on", "break", "class", "reason"))).where(
                breaks.c.settled_on != "", breaks.c.resolution == ""
            ),
            (0, 1),
            drop=2,
        ),
    )
    tables, made_at = {}, {}
    rows = connection.execute(select(reconciliations)).all()
    for row in rows:
        subject = f"{row.bank} {row.date}"
        listed = [sorted(part[subject]) for part in parts]
        words = f"{row.ours} ours, {row.theirs} theirs, {row.matched} agree, {len(listed[1])} breaks"
        words += f", {len(listed[2])} earlier ones closed" if listed[2] else ""
        result = tuple(value for name, value in row._asdict().items() if name != "made_at")
        digest = rows_digest([result, *(values for part in listed for values in part)])
        tables[subject], made_at[subject] = f"{words}; rows {digest}", row.made_at
    stated = {record.subject: record for record in _of_machine(evidence, "reconcile")}
    yield from _differences(6, _reconciliation, tables, _notes(stated))
    for subject in sorted(tables.keys() & stated.keys()):
        if made_at[subject] != stated[subject].at:
            yield Failing(
                6,
                _reconciliation(subject),
                Sentence("was made at another moment, by the audit log"),
            )
    yield Checked(6, "reconciliations, held against the audit log", len(rows))


def _opened(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """The breaks by `bank date`, each with the class and reason with which it was opened; the first line
    of its history keeps these.
    """
    first = select(break_events.c["break"], break_events.c.note).where(break_events.c.number == 1).subquery()
    query = select(breaks.c.bank, breaks.c.date, first.c.note, *(breaks.c[name] for name in _OPENED))
    query = query.where(breaks.c["class"] != "arrival_differs")  # opened later: `arrived` looks at it
    opened: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for bank, date, note, *columns in stream(
        connection, query.outerjoin(first, first.c["break"] == breaks.c["break"])
    ):
        values = dict(zip(_OPENED, columns, strict=True))
        values["class"], _, values["reason"] = (note or "").partition(": ")
        opened[f"{bank} {date}"].append(tuple(values.values()))
    return opened


def postings_made(evidence: Evidence) -> Results:
    """Invariant 7: an audit record states the making of each posting, and the posting is as it was made."""
    heads: dict[tuple[str, int], list[tuple[Any, ...]]] = defaultdict(list)
    sides: dict[tuple[str, int], list[tuple[Any, ...]]] = defaultdict(list)
    for row in stream(evidence.office, select(postings)):
        values = dict(zip(postings.c.keys(), row, strict=True))
        place = f"{values['bank']} {values['date']}", values.pop("posted_at")
        heads[place].append(tuple(values.values()))
    query = select(postings.c.bank, postings.c.date, postings.c.posted_at, legs).join(
        legs, legs.c.posting == postings.c.posting
    )
    for bank, date, at, *leg in stream(evidence.office, query):
        sides[f"{bank} {date}", at].append(tuple(leg))
    count = sum(map(len, heads.values()))
    for record in _of_machine(evidence, "post"):
        made = heads.pop((record.subject, record.at), [])
        digest = rows_digest([*sorted(made), *sorted(sides.pop((record.subject, record.at), []))])
        if not record.note.endswith(f"; {len(made)} postings; rows {digest}"):
            yield Failing(
                7,
                act_at(OFFICE_SIDE, record.number),
                Sentence("the postings that it made are not as they were"),
            )
    for without_record in heads.values():
        for posting, *_ in without_record:
            yield Failing(
                7,
                posting_named(posting),
                Sentence("was made by no act of the audit log"),
            )
    yield Checked(7, "postings, held against the audit log", count)


def day_states(evidence: Evidence) -> Results:
    """Invariant 6: each day is in the state that the audit log gives it."""
    posted = {record.subject for record in _of_machine(evidence, "day")}
    archived = {record.subject for record in _of_machine(evidence, "archive")}
    rows = evidence.office.execute(select(days.c.date, days.c.state)).all()
    for date, state in rows:
        logged = "archived" if date in archived else "posted" if date in posted else "closed"
        if state != logged:
            yield Failing(
                6,
                day_at(OFFICE_SIDE, date),
                Sentence("is {state}, and {logged} by the audit log", state=state, logged=logged),
            )
    for date in sorted((posted | archived) - {row[0] for row in rows}):
        yield Failing(
            6,
            day_at(OFFICE_SIDE, date),
            Sentence("was posted, by the audit log, and is not there"),
        )
    yield Checked(6, "days, their states held against the audit log", len(rows))


def front_records_kept(evidence: Evidence) -> Results:
    """Invariants 8 and 10: at the front, each load and each cut-over is as the audit log says."""
    if evidence.front is None:
        return
    records = list(front_records(evidence))
    yield from _front_loads(evidence.front, records)
    day = front_schema.days
    notes = defaultdict(list)
    for record in records:
        if record.act == "cutover":
            notes[record.subject].append(record.note)
    closed = evidence.front.execute(select(day).where(day.c.state == "closed")).all()
    for row in closed:
        note = f"{row.next_date} is open; root {row.root}"
        if not any(note in words for words in notes[row.date]):
            yield Failing(
                8,
                day_at(FRONT_SIDE, row.date),
                Sentence("was not cut over so, by the audit log"),
            )
    yield Checked(8, "cut-overs, held against the audit log", len(closed))


def _front_loads(front: Connection, records: Sequence[AuditRecord]) -> Results:
    """Invariant 10: each load of dues, and what left by it, is as the front's audit log says."""
    loads = front.execute(select(front_schema.loads)).all()
    begun = {record.subject: record for record in records if record.act == "load" and record.subject}
    ended = {record.subject: record.note for record in records if record.act == "load ended"}
    newest = max((row.number for row in loads), default=0)
    for row in loads:
        record = begun.pop(row.date, None)
        if record is None or not record.note.startswith(row.digest):
            yield Failing(10, load_of(row.date), Sentence("was made by no act of the audit log"))
        elif not record.note.endswith(f"; row {row_hash(_as_seen_first(row))}"):
            yield Failing(10, load_of(row.date), Sentence("is not as the audit log says"))
        end = ended.pop(row.date, _NOTHING_LEFT)
        left = (
            f"{row.withdrawn} withdrawn, {row.withdrawn_late} too late, {row.lapsed} lapsed;"
            f" {row.withdrawn_held} withdrawn and {row.lapsed_held} lapsed while held"
        )
        if end != left and (end != _NOTHING_LEFT or row.number < newest):  # by the newest some may yet leave
            yield Failing(
                10,
                load_of(row.date),
                Sentence("what left by it is not as the audit log says"),
            )
    for date in sorted({*begun, *ended}):
        yield Failing(10, load_of(date), Sentence("is in the audit log, and is not there"))
    yield Checked(10, "loads of dues, held against the audit log", len(loads))


_NOTHING_LEFT: Final = "0 withdrawn, 0 too late, 0 lapsed; 0 withdrawn and 0 lapsed while held"


def _as_seen_first(row: Row[Any]) -> list[Any]:
    """The row of a load as it was written, before any due had left the book by the load."""
    counted = ("withdrawn", "withdrawn_late", "withdrawn_held", "lapsed", "lapsed_held")
    return [0 if name in counted else value for name, value in row._asdict().items()]


def _of_machine(evidence: Evidence, act: str) -> Iterator[AuditRecord]:
    """The office's records of an act that was done. Their author is the machine; only a pull may have a
    person for its author.
    """
    return (
        record
        for record in office_records(evidence)
        if record.act == act and record.subject and (record.by == MACHINE or act == "pull")
    )


def _notes(records: Mapping[str, AuditRecord]) -> dict[str, str]:
    return {subject: record.note for subject, record in records.items()}


def _place(subject: str) -> str:
    """The subject of a pull, `chain <number>` or `day <date>`, in words."""
    kind, _, name = subject.partition(" ")
    words = {"chain": Sentence("chain {chain}", chain=name), "day": Sentence("day {date}", date=name)}
    return words.get(kind, subject)


def _of_office(subject: str) -> Sentence:
    return Sentence("office {place}", place=_place(subject))


def _fact(name: str) -> Sentence:
    return Sentence("office's {name}", name=name)


def _file(place: str) -> Sentence:
    return Sentence("file {place}", place=place)


def _reconciliation(place: str) -> Sentence:
    return Sentence("reconciliation {place}", place=place)


def _differences(
    invariant: int, named: Callable[[str], Sentence], tables: Mapping[str, str], logged: Mapping[str, str]
) -> Iterator[Failing]:
    """What differs between the tables and the audit log; both are texts by subject, which `named` names."""
    for subject in sorted(tables.keys() | logged.keys()):
        if subject not in tables:
            yield Failing(
                invariant,
                named(subject),
                Sentence("is in the audit log, and is not there"),
            )
        elif subject not in logged:
            yield Failing(
                invariant,
                named(subject),
                Sentence("is there, and no act of the audit log made it"),
            )
        elif tables[subject] != logged[subject]:
            yield Failing(
                invariant,
                named(subject),
                Sentence("is not as the audit log says"),
            )


def _by_day(
    connection: Connection, query: Select[Any], place: tuple[int, int], drop: int = 0
) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of a query by `bank date`; `place` gives the columns of these two. The first `drop`
    columns are left out.
    """
    by_day: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in stream(connection, query):
        by_day[f"{row[place[0]]} {row[place[1]]}"].append(tuple(row)[drop:])
    return by_day
