"""What the audit logs say was pulled, taken, reconciled, posted, loaded and cut over, held against the
tables as they are now.

An act carries its figures and, where it wrote many rows, a digest over them: SHA-256 over each row as one
JSON array (RFC 8259) without blanks, text as itself, in UTF-8, with a line feed after it. The moment at which
rows were written is the act's own. All of it is worked out here anew.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select

from ledger.book import schema as front_schema
from office.audit.audit_records import MACHINE, AuditRecord, front_records, office_records
from office.audit.chains import hash_at
from office.audit.evidence import Checked, Evidence, Failing, Outcome, stream
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

_PULLED: Final = re.compile(r"entries ([0-9]+) to ([0-9]+); tip ([0-9a-f]{64})")
_OPENED: Final = (
    *("break", "class", "key", "line", "direction", "code", "policy", "due"),
    *("ours_effect", "theirs_effect", "withheld", "difference", "bank_code", "bank_policy", "bank_due"),
    *("reason", "hint", "owner"),
)
_POST_OF_DAY: Final = "the day of "
_TOLD_EVERY: Final = 10_000


def pulls(evidence: Evidence) -> Outcome:
    """Invariant 5: each pull brought what follows the one before, up to the entry that it names; together
    they brought the whole of every chain, and each day as it is there. The tables are of the edition that
    they were made with.
    """
    ours = evidence.journals[0]
    ends: Counter[str] = Counter()
    stated: dict[str, str] = {}
    count = 0
    for one in _of_machine(evidence, "pull"):
        count += 1
        found = _PULLED.fullmatch(one.note)
        if found is None:
            stated[one.subject] = one.note
            continue
        chain = one.subject.removeprefix("chain ")
        first, last = int(found[1]), int(found[2])
        if first != ends[one.subject] + 1:
            yield Failing(5, f"office, act {one.number}", f"pulls {one.subject} from entry {first} on")
        if not chain.isdigit() or hash_at(ours, int(chain), last) != found[3]:
            yield Failing(5, f"office, act {one.number}", f"entry {last} is not the one that was pulled")
        ends[one.subject] = last
    held = {f"chain {row.chain}": row.position for row in evidence.office.execute(select(chains))}
    for chain in sorted(held.keys() | ends.keys()):
        if held.get(chain, 0) != ends[chain]:
            yield Failing(5, f"office, {chain}", f"was pulled up to entry {ends[chain]}, by the audit log")
    rows = evidence.office.execute(select(days)).all()
    there = {f"day {row.date}": f"{row.entries} entries; root {row.root}" for row in rows}
    yield from _compared(5, "office", there, stated)
    made = {one.subject: one.note for one in office_records(evidence) if one.act == "create"}
    kept = {row.name: row.value for row in evidence.office.execute(select(facts))}
    yield from _compared(5, "office's", kept, made)
    yield Checked(5, "pulls, held against the office's journal", count)


def files(evidence: Evidence) -> Outcome:
    """Invariant 10: each bank's file and its lines are as they were taken."""
    stated = {one.subject: one for one in _of_machine(evidence, "file")}
    lines = dict(_line_digests(evidence))
    nothing = _digest(())
    there, taken_at = {}, {}
    rows = evidence.office.execute(select(bank_files)).all()
    for row in rows:
        subject = f"{row.bank} {row.date}"
        there[subject] = (
            f"{row.lines} lines, {row.collected} fen collected, {row.paid} fen paid; layout {row.layout},"
            f" file {row.digest}, rows {lines.pop(subject, nothing)}"
        )
        taken_at[subject] = row.taken_at
    yield from _compared(10, "file", there, {subject: one.note for subject, one in stated.items()})
    for subject in sorted(there.keys() & stated.keys()):
        if taken_at[subject] != stated[subject].at:
            yield Failing(10, f"file {subject}", "was taken at another moment, by the audit log")
    yield Checked(10, "banks' files, held against the audit log", len(rows))


def _line_digests(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """The digest of the lines of each bank's date, by `bank date`."""
    line = bank_lines.c
    query = select(bank_lines).order_by(line.bank, line.date, line.line)
    for (bank, date), rows in groupby(stream(evidence.office, query), key=lambda row: (row[0], row[1])):
        yield f"{bank} {date}", _digest(_told(rows, evidence, "digests of files"))


def _told(rows: Iterable[Sequence[Any]], evidence: Evidence, what: str) -> Iterator[Sequence[Any]]:
    for number, row in enumerate(rows, 1):
        if number % _TOLD_EVERY == 0:
            evidence.progress(what, _TOLD_EVERY)
        yield row


def reconciliations_made(evidence: Evidence) -> Outcome:
    """Invariant 6: each bank's date is as it was reconciled: its result, its products, the breaks that were
    opened, as they were then, and the earlier ones that its lines closed.
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
    there, made_at = {}, {}
    rows = connection.execute(select(reconciliations)).all()
    for row in rows:
        subject = f"{row.bank} {row.date}"
        listed = [sorted(part[subject]) for part in parts]
        words = f"{row.ours} ours, {row.theirs} theirs, {row.matched} agree, {len(listed[1])} breaks"
        words += f", {len(listed[2])} earlier ones closed" if listed[2] else ""
        result = tuple(value for name, value in row._asdict().items() if name != "made_at")
        digest = _digest([result, *(one for part in listed for one in part)])
        there[subject], made_at[subject] = f"{words}; rows {digest}", row.made_at
    stated = {one.subject: one for one in _of_machine(evidence, "reconcile")}
    yield from _compared(6, "reconciliation", there, {subject: one.note for subject, one in stated.items()})
    for subject in sorted(there.keys() & stated.keys()):
        if made_at[subject] != stated[subject].at:
            yield Failing(6, f"reconciliation {subject}", "was made at another moment, by the audit log")
    yield Checked(6, "reconciliations, held against the audit log", len(rows))


def _opened(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """The breaks by `bank date`, each with the class and reason that it was opened with, which the first line
    of its history keeps.
    """
    first = select(break_events.c["break"], break_events.c.note).where(break_events.c.number == 1).subquery()
    query = select(breaks.c.bank, breaks.c.date, first.c.note, *(breaks.c[name] for name in _OPENED))
    opened: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for bank, date, note, *columns in stream(
        connection, query.outerjoin(first, first.c["break"] == breaks.c["break"])
    ):
        values = dict(zip(_OPENED, columns, strict=True))
        values["class"], _, values["reason"] = (note or "").partition(": ")
        opened[f"{bank} {date}"].append(tuple(values.values()))
    return opened


def postings_made(evidence: Evidence) -> Outcome:
    """Invariant 7: each posting was made by an act that says so, and is as it was made."""
    heads: dict[tuple[str, int], list[tuple[Any, ...]]] = defaultdict(list)
    sides: dict[tuple[str, int], list[tuple[Any, ...]]] = defaultdict(list)
    for row in stream(evidence.office, select(postings)):
        values = dict(zip(postings.c.keys(), row, strict=True))
        heads[values["date"], values.pop("posted_at")].append(tuple(values.values()))
    query = select(postings.c.date, postings.c.posted_at, legs).join(
        legs, legs.c.posting == postings.c.posting
    )
    for date, at, *leg in stream(evidence.office, query):
        sides[date, at].append(tuple(leg))
    count = sum(map(len, heads.values()))
    for one in _of_machine(evidence, "post"):
        then = heads.pop((one.subject, one.at), [])
        digest = _digest([*sorted(then), *sorted(sides.pop((one.subject, one.at), []))])
        if not one.note.endswith(f"; {len(then)} postings; rows {digest}"):
            yield Failing(7, f"office, act {one.number}", "the postings that it made are not as they were")
    for made in heads.values():
        for posting, *_ in made:
            yield Failing(7, f"posting {posting}", "was made by no act of the audit log")
    yield Checked(7, "postings, held against the audit log", count)


def day_states(evidence: Evidence) -> Outcome:
    """Invariant 6: a day has come as far as the audit log says."""
    posted = {one.subject for one in _of_machine(evidence, "post") if one.note.startswith(_POST_OF_DAY)}
    archived = {one.subject for one in _of_machine(evidence, "archive")}
    rows = evidence.office.execute(select(days.c.date, days.c.state)).all()
    for date, state in rows:
        known = "archived" if date in archived else "posted" if date in posted else "closed"
        if state != known:
            yield Failing(6, f"office, day {date}", f"is {state}, and {known} by the audit log")
    for date in sorted((posted | archived) - {row[0] for row in rows}):
        yield Failing(6, f"office, day {date}", "was posted, by the audit log, and is not there")
    yield Checked(6, "days, their states held against the audit log", len(rows))


def front_records_kept(evidence: Evidence) -> Outcome:
    """Invariants 8 and 10: at the front, each load and each cut-over is as the audit log says."""
    if evidence.front is None:
        return
    acts = list(front_records(evidence))
    table, day = front_schema.loads, front_schema.days
    loads = evidence.front.execute(select(table)).all()
    said = {one.subject: one for one in acts if one.act == "load" and one.subject}
    ended = {one.subject: one.note for one in acts if one.act == "load ended"}
    newest = max((row.number for row in loads), default=0)
    for row in loads:
        one = said.pop(row.date, None)
        if one is None or not one.note.startswith(row.digest):
            yield Failing(10, f"load of {row.date}", "was made by no act of the audit log")
        elif not one.note.endswith(f"; row {_hash_of(_as_seen_first(row))}"):
            yield Failing(10, f"load of {row.date}", "is not as the audit log says")
        end = ended.pop(row.date, _NOTHING_LEFT)
        left = f"{row.withdrawn} withdrawn, {row.withdrawn_late} too late, {row.lapsed} lapsed"
        if end != left and (end != _NOTHING_LEFT or row.number < newest):  # by the newest some may yet
            yield Failing(10, f"load of {row.date}", "what left by it is not as the audit log says")
    for date in sorted({*said, *ended}):
        yield Failing(10, f"load of {date}", "is in the audit log, and is not there")
    yield Checked(10, "loads of dues, held against the audit log", len(loads))
    cut = defaultdict(list)
    for one in acts:
        if one.act == "cutover":
            cut[one.subject].append(one.note)
    closed = evidence.front.execute(select(day).where(day.c.state == "closed")).all()
    for row in closed:
        note = f"{row.next_date} is open; root {row.root}"
        if not any(note in words for words in cut[row.date]):
            yield Failing(8, f"front, day {row.date}", "was not cut over so, by the audit log")
    yield Checked(8, "cut-overs, held against the audit log", len(closed))


_NOTHING_LEFT: Final = "0 withdrawn, 0 too late, 0 lapsed"


def _as_seen_first(row: Row[Any]) -> list[Any]:
    """A load's row as it was when it was written, before anything had left by it."""
    counted = ("withdrawn", "withdrawn_late", "lapsed")
    return [0 if name in counted else value for name, value in row._asdict().items()]


def _of_machine(evidence: Evidence, act: str) -> Iterator[AuditRecord]:
    """The acts of a kind that were done, whose author is the machine, or for a pull whoever had it done."""
    return (
        one
        for one in office_records(evidence)
        if one.act == act and one.subject and (one.by == MACHINE or act == "pull")
    )


def _compared(invariant: int, what: str, there: dict[str, str], stated: dict[str, str]) -> Iterator[Failing]:
    for subject in sorted(there.keys() | stated.keys()):
        if subject not in there:
            yield Failing(invariant, f"{what} {subject}", "is in the audit log, and is not there")
        elif subject not in stated:
            yield Failing(invariant, f"{what} {subject}", "is there, and no act of the audit log made it")
        elif there[subject] != stated[subject]:
            yield Failing(invariant, f"{what} {subject}", "is not as the audit log says")


def _by_day(
    connection: Connection, query: Select[Any], place: tuple[int, int], drop: int = 0
) -> dict[str, list[tuple[Any, ...]]]:
    """Rows by `bank date`, which stand at the two places; without the first `drop` columns."""
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in stream(connection, query):
        found[f"{row[place[0]]} {row[place[1]]}"].append(tuple(row)[drop:])
    return found


def _digest(rows: Iterable[Sequence[Any]]) -> str:
    found = hashlib.sha256()
    for row in rows:
        found.update(_bytes_of(row) + b"\n")
    return found.hexdigest()


def _hash_of(row: Sequence[Any]) -> str:
    return hashlib.sha256(_bytes_of(row)).hexdigest()


def _bytes_of(row: Sequence[Any]) -> bytes:
    return json.dumps(list(row), ensure_ascii=False, separators=(",", ":")).encode()
