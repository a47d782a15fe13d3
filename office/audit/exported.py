"""Invariants 6 and 10, the exports: what was handed to the core system is what the books have, each posted
date once, and the core's answers are as they were taken.

The lines of every export are made here again from the journal, the postings and the breaks, by code of this
module's own, and compared by the digest over them. A row belongs to the first export whose date and moment
are not before its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select

from office.audit.audit_records import AuditRecord, office_records
from office.audit.evidence import POSTED, SETTLEMENTS, Checked, Evidence, Failing, Results, stream
from office.audit.row_digests import rows_digest
from office.audit.subjects import export_of
from office.database.schema import (
    break_events,
    breaks,
    chart_lines,
    days,
    entries,
    export_answers,
    export_files,
    export_refusals,
    exports,
    legs,
    postings,
)
from qianzhi_errors.sentence import Sentence, listed

Line = Sequence[Any]
_NAMES: Final = ("breaks.csv", "dues.csv", "export.xlsx", "vouchers.csv")
_AMOUNT: Final[Mapping[str, int]] = {"dues.csv": 10, "vouchers.csv": 9, "breaks.csv": 13}
"""The place in a file's line of what its sum adds up."""


class _Made(NamedTuple):
    """An export, as its row has it."""

    date: str
    number: int
    chart: int
    manifest: str
    exported_at: int


class _Sum(NamedTuple):
    """What the lines of a file come to."""

    lines: int
    amount: int
    digest: str


def exported(evidence: Evidence) -> Results:
    """Invariants 6 and 10: exports, files and answers, as the module says."""
    connection = evidence.office
    made = [_Made._make(row) for row in connection.execute(select(exports).order_by(exports.c.number))]
    files: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(select(export_files)):
        files[row.date].append(row)
    records = list(office_records(evidence))
    yield from _in_sequence(connection, made, files)
    yield from _as_recorded(made, files, [record for record in records if record.act == "export"])
    yield from _lines_hold(connection, made, files)
    yield Checked(6, "exports, made again line by line", len(made))
    yield from _answers(connection, [record for record in records if record.act == "export answer"])


def _in_sequence(connection: Connection, made: Sequence[_Made], files: Mapping[str, list[Any]]) -> Results:
    """Each posted date up to the last export has one, in the order of dates and moments."""
    states = {row.date: row.state for row in connection.execute(select(days.c.date, days.c.state))}
    moment = -1
    for number, (export, date) in enumerate(zip(made, sorted(states), strict=False), 1):
        subject = export_of(export.date)
        if (export.number, export.date) != (number, date) or states[date] not in POSTED:
            yield Failing(
                10,
                subject,
                Sentence(
                    "is number {number}; number {wanted} is of {date}, once posted",
                    number=export.number,
                    wanted=number,
                    date=date,
                ),
            )
        if export.exported_at <= moment:
            yield Failing(10, subject, Sentence("was made before the export before it"))
        moment = export.exported_at
    for export in made[len(states) :]:
        yield Failing(10, export_of(export.date), Sentence("is of no business day"))
    for date in sorted(files.keys() | {export.date for export in made}):
        if sorted(file.name for file in files.get(date, [])) != list(_NAMES):
            yield Failing(
                10,
                export_of(date),
                Sentence("does not have the files {files}", files=listed(_NAMES)),
            )


def _as_recorded(
    made: Sequence[_Made], files: Mapping[str, list[Any]], records: Sequence[AuditRecord]
) -> Results:
    """Each export, with the digests of its files, is as the audit log says."""
    known = {record.subject: record for record in records if record.subject}
    for export in made:
        record = known.pop(export.date, None)
        rows = [export[:4], *sorted(tuple(file) for file in files.get(export.date, []))]
        note = f"number {export.number}, manifest {export.manifest}; rows {rows_digest(rows)}"
        if record is None or (record.note, record.at) != (note, export.exported_at):
            yield Failing(10, export_of(export.date), Sentence("is not as the audit log says"))
    for date in sorted(known):
        yield Failing(10, export_of(date), Sentence("is in the audit log, and is not there"))


def _lines_hold(connection: Connection, made: Sequence[_Made], files: Mapping[str, list[Any]]) -> Results:
    """The lines of each export, made again, are those that were exported."""
    vouchers, changes = _vouchers(connection, made), _breaks(connection, made)
    for export in made:
        lines: dict[str, Iterable[Line]] = {
            "dues.csv": _dues(connection, export.date),
            "vouchers.csv": vouchers[export.number],
            "breaks.csv": changes[export.number],
        }
        stated = {file.name: _Sum(file.lines, file.amount, file.rows) for file in files.get(export.date, [])}
        for name, place in _AMOUNT.items():
            if stated.get(name) != (sums := _sum_of(lines[name], place)):
                what = Sentence(
                    "the books come to other lines: {lines} of {amount} fen",
                    lines=sums.lines,
                    amount=sums.amount,
                )
                yield Failing(6, Sentence("export of {date}, {name}", date=export.date, name=name), what)


def _sum_of(lines: Iterable[Line], place: int) -> _Sum:
    count = amount = 0

    def numbered() -> Iterator[Line]:
        nonlocal count, amount
        for line in lines:
            count += 1
            amount += line[place - 1]
            yield (count, *line)

    digest = rows_digest(numbered())
    return _Sum(count, amount, digest)


_WANTED: Final = (
    *("kind", "key", "bank", "code", "policy", "due", "amount", "rrn", "receipt", "exception_code"),
    *("original", "sequence"),
)


def _dues(connection: Connection, date: str) -> Iterator[Line]:
    """The effects of a date in the journal's order, each with the transaction that it is about."""
    entry = entries.c
    effects = (entry.business_date == date, entry.sequence.is_not(None))
    columns = [entry[name] for name in _WANTED]
    earlier: dict[str, Any] = {}
    wanted = select(entry.original).where(*effects, entry.original != "")
    for _ in range(2):  # what is taken back may itself be a cancel, which took another one back
        rows = connection.execute(select(*columns).where(entry.key.in_(wanted))).all()
        earlier |= {row.key: row for row in rows}
        wanted = select(entry.original).where(entry.key.in_([row.key for row in rows]), entry.original != "")
    query = select(*columns).where(*effects).order_by(entry.chain, entry.position)
    for values in stream(connection, query):
        row: Any = values
        about = row
        while about is not None and about.kind not in SETTLEMENTS and not about.exception_code:
            about = earlier.get(about.original)
        if about is None:
            continue
        odd = bool(row.sequence % 2)
        outcome = "reversed" if not odd else "unfit" if about.exception_code else "settled"
        effect = {"collection": about.amount, "payout": -about.amount}.get(about.kind, 0)
        yield (
            *(date, row.bank, outcome, "P" if about.kind == "payout" else "C", about.code, about.policy),
            *(about.due, about.receipt or "", row.rrn, effect if odd else -effect, row.key),
            *("" if about.key == row.key else about.key, about.exception_code),
        )


def _export_of(made: Sequence[_Made], date: str, at: int) -> int:
    """The number of the first export that has a row of this date and moment; 0 if it is in none yet."""
    return next((export.number for export in made if date <= export.date and at <= export.exported_at), 0)


def _vouchers(connection: Connection, made: Sequence[_Made]) -> dict[int, list[Line]]:
    """The legs of the postings by the number of their export, as lines."""
    query = select(postings, legs.c.number, legs.c.account, legs.c.bank.label("of"), legs.c.amount)
    found: dict[int, list[Any]] = defaultdict(list)
    for values in stream(connection, query.join(legs, legs.c.posting == postings.c.posting)):
        row: Any = values
        found[_export_of(made, row.date, row.posted_at)].append(row)
    return defaultdict(
        list, {export.number: list(_legs(connection, export, found[export.number])) for export in made}
    )


def _legs(connection: Connection, export: _Made, rows: list[Any]) -> Iterator[Line]:
    named = select(chart_lines.c.name, chart_lines.c.value).where(chart_lines.c.chart <= export.chart)
    names: dict[str, str] = dict(map(tuple, connection.execute(named.order_by(chart_lines.c.chart))))
    rows.sort(key=lambda row: (row.date, row.bank, row.posting[-4:] != "/day", len(row.posting), row.posting))
    for number, (posting, sides) in enumerate(groupby(rows, key=lambda row: row.posting), 1):
        for side in sorted(sides, key=lambda row: row.number):
            debit = side.amount if side.amount > 0 else 0
            yield (
                *(f"{export.date}-{number:04d}", side.date, side.bank, posting, side.description),
                *(side.account, names.get(f"name {side.account}", ""), side.of, debit, debit - side.amount),
            )


def _breaks(connection: Connection, made: Sequence[_Made]) -> dict[int, list[Line]]:
    """The breaks by the number of each export that has a step of them, as they were then, as lines."""
    source = break_events.join(breaks, breaks.c["break"] == break_events.c["break"])
    columns = [column.label(f"step_{column.name}") for column in break_events.c]
    query = select(breaks, *columns).select_from(source)
    query = query.order_by(breaks.c["break"], break_events.c.number)
    found: dict[int, list[Line]] = defaultdict(list)
    for _, group in groupby(stream(connection, query), key=lambda row: row[0]):
        steps: list[Any] = list(group)
        for number in {_export_of(made, step.date, step.step_at) for step in steps} - {0}:
            moment = made[number - 1].exported_at
            found[number].append(_break_line([step for step in steps if step.step_at <= moment]))
    for lines in found.values():
        lines.sort(key=lambda line: (line[1], line[2], len(line[0]), line[0]))
    return found


def _break_line(steps: list[Any]) -> Line:
    """A break as these steps have left it."""
    row = steps[0]._mapping
    cls, _, reason = row["step_note"].partition(": ")
    to_states = [step.step_to_state for step in steps]
    is_over = to_states[-1] == "closed"
    by_match = is_over and "posted" not in to_states
    if by_match:
        cls, reason = row["class"], row["reason"]
    last = {step.step_to_state: step for step in steps}
    stands = to_states[-1] in ("proposed", "approved", "posted") or (is_over and not by_match)
    proposed = last["proposed"] if stands else None
    return (
        *(row["break"], row["date"], row["bank"], cls, row["direction"], row["code"], row["policy"]),
        *(row["due"], row["key"], row["ours_effect"], row["theirs_effect"], row["withheld"]),
        *(row["difference"], to_states[-1], proposed.step_note.partition(": ")[0] if proposed else ""),
        proposed.step_by if proposed else "",
        last["approved"].step_by if stands and "approved" in last else "",
        row["settled_on"] if is_over else "",
        reason,
    )


def _answers(connection: Connection, records: Sequence[AuditRecord]) -> Results:
    """Each answer of the core system, with the lines that it refuses, is as the audit log says."""
    refused: dict[tuple[str, int], list[tuple[Any, ...]]] = defaultdict(list)
    for row in connection.execute(select(export_refusals)):
        refused[row.date, row.number].append(tuple(row))
    known = {(record.subject, record.note, record.at) for record in records if record.subject}
    rows = connection.execute(select(export_answers)).all()
    lines: Counter[str] = Counter()
    for file in connection.execute(select(export_files.c.date, export_files.c.lines)):
        lines[file.date] += file.lines
    for row in rows:
        its = sorted(refused.pop((row.date, row.number), []))
        words = f"answer {row.number}: {row.accepted} accepted, {row.refused} refused, file {row.digest}"
        note = f"{words}; rows {rows_digest(its)}"
        record = (row.date, note, row.taken_at)
        subject = Sentence("answer {number} to the export of {date}", number=row.number, date=row.date)
        if record not in known or len(its) != row.refused or row.accepted + row.refused != lines[row.date]:
            yield Failing(10, subject, Sentence("is not as the audit log says"))
        known.discard(record)
    for date, number in sorted(refused):
        yield Failing(
            10,
            Sentence("answer {number} to the export of {date}", number=number, date=date),
            Sentence("is not there, and refuses lines"),
        )
    for date, *_ in sorted(known):
        yield Failing(
            10,
            export_of(date),
            Sentence("was answered by the audit log, and the answer is not there"),
        )
    yield Checked(10, "answers to exports, held against the audit log", len(rows))
