"""Reads the lines of an export from the books: a few SELECTs, by date and moment.

An export of a date has what the journal did on that date, and of postings and breaks what no earlier export
had. All of it is read from rows that are never changed, up to the export's moment, so the same export is read
again to the same lines, whatever happened since. Nothing is written here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, not_, select

from ledger.errors import InvariantBroken
from ledger.rules.entry import Kind
from office.accounting.break_states import Break, BreakState
from office.accounting.breaks import listed
from office.database.bulk import stream
from office.database.schema import (
    break_events,
    breaks,
    chart_lines,
    entries,
    exports,
    legs,
    postings,
    reconciliations,
)
from office.exports.lines import BreakLine, DueLine, Line, VoucherLine
from qianzhi_errors.sentence import Sentence

_SETTLEMENTS: Final = (Kind.COLLECTION.value, Kind.PAYOUT.value)
_NOTHING_BEFORE: Final = ("", -1)


class Export(NamedTuple):
    """One export: its date, its number from 1, the chart by which accounts are named, and its moment
    (microseconds since 1970-01-01 UTC); the SHA-256 of its manifest, empty before there is one.
    """

    date: str
    number: int
    chart: int
    exported_at: int
    manifest: str = ""


def read_exports(connection: Connection) -> tuple[Export, ...]:
    """The exports that were made, the oldest first."""
    columns = (exports.c[name] for name in Export._fields)
    return tuple(Export._make(row) for row in connection.execute(select(*columns).order_by(exports.c.number)))


def lines_of(connection: Connection, export: Export, file: str) -> Iterator[Line]:
    """Yield the lines of one of FILES, numbered from 1. Raises InvariantBroken if the dues do not come to
    what was reconciled.
    """
    readers: Mapping[str, Callable[[Connection, Export], Iterator[Line]]] = {
        "dues.csv": _dues,
        "vouchers.csv": _vouchers,
        "breaks.csv": _breaks,
    }
    numbers = count(1)
    for line in readers[file](connection, export):
        yield line._replace(line=next(numbers))


def _dues(connection: Connection, export: Export) -> Iterator[DueLine]:
    """The effects of the date's entries, in the order of the journal."""
    sums: Counter[str] = Counter()
    for row in stream(connection, _effects(export.date)):
        line = _due_line(row)
        sums[line.bank] += line.effect_fen
        yield line
    made = reconciliations.c
    for bank, ours in connection.execute(
        select(made.bank, made.ours_effect).where(made.date == export.date).order_by(made.bank)
    ):
        if sums[bank] != ours:
            raise InvariantBroken(
                Sentence(
                    "{date}/{bank}: the dues come to {sum} fen, what was reconciled to {ours}",
                    date=export.date,
                    bank=bank,
                    sum=sums[bank],
                    ours=ours,
                )
            )


_COPIED: Final = (
    *("kind", "key", "bank", "code", "policy", "due", "amount", "rrn", "receipt", "exception_code"),
)


def _effects(date: str) -> Select[Any]:
    """A query of the date's effects: the entry, what it names (`named`), and what that names (`first`)."""
    named, first = entries.alias("named"), entries.alias("first")
    columns = [
        table.c[name].label(f"{prefix}{name}")
        for prefix, table in (("", entries), ("named_", named), ("first_", first))
        for name in _COPIED
    ]
    source = entries.outerjoin(named, and_(entries.c.original != "", named.c.key == entries.c.original))
    source = source.outerjoin(first, and_(named.c.original != "", first.c.key == named.c.original))
    return (
        select(entries.c.sequence, entries.c.business_date, *columns)
        .select_from(source)
        .where(entries.c.business_date == date, entries.c.sequence.is_not(None))
        .order_by(entries.c.chain, entries.c.position)
    )


def _due_line(row: Any) -> DueLine:  # noqa: ANN401 - a row of _effects
    """The line of one effect. A cancel or reversal has the values of the transaction that it is about."""
    subject = _transaction(row)
    direction = "P" if subject["kind"] == Kind.PAYOUT.value else "C"
    in_effect = row.sequence % 2 == 1
    outcome = ("unfit" if subject["exception_code"] else "settled") if in_effect else "reversed"
    moved = subject["amount"] if subject["kind"] in _SETTLEMENTS else 0
    sign = (1 if direction == "C" else -1) * (1 if in_effect else -1)
    return DueLine(
        0,
        row.business_date,
        row.bank,
        outcome,
        direction,
        subject["code"],
        subject["policy"],
        subject["due"],
        subject["receipt"] or "",
        row.rrn,
        sign * moved,
        row.key,
        "" if subject["key"] == row.key else subject["key"],
        subject["exception_code"],
    )


def _transaction(row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row of _effects
    """The transaction that an effect is about: the entry itself; what it takes back; or, if that is a
    cancel, what the cancel took back. An exception advice is about itself, also if it advises a cancel.
    """
    for prefix in ("", "named_", "first_"):
        values = {name: getattr(row, prefix + name) for name in _COPIED}
        if values["kind"] in _SETTLEMENTS or values["exception_code"]:
            return values
    raise InvariantBroken(
        Sentence("entry {key} takes back a transaction that is not in the journal", key=row.key)
    )


def _not_before(
    connection: Connection, export: Export, date: ColumnElement[str], at: ColumnElement[int]
) -> ColumnElement[bool]:
    """Whether a row of this date and moment is in the export, and in none before it."""
    earlier = [made for made in read_exports(connection) if made.number < export.number]
    before_date, before_at = (earlier[-1].date, earlier[-1].exported_at) if earlier else _NOTHING_BEFORE
    return and_(
        date <= export.date,
        at <= export.exported_at,
        not_(and_(date <= before_date, at <= before_at)),
    )


def _vouchers(connection: Connection, export: Export) -> Iterator[VoucherLine]:
    """The legs of the postings, a voucher for each posting: by date, bank and name."""
    posting = postings.c
    query = select(
        posting.posting, posting.date, posting.bank, posting.description, legs.c.number, legs.c.account
    ).add_columns(legs.c.bank.label("account_bank"), legs.c.amount)
    query = query.join(legs, legs.c.posting == posting.posting).where(
        _not_before(connection, export, posting.date, posting.posted_at)
    )
    names = _account_names(connection, export.chart)
    number, before = 0, ""
    for row in sorted(connection.execute(query), key=_in_voucher_order):
        number += row.posting != before
        before = row.posting
        yield VoucherLine(
            0,
            f"{export.date}-{number:04d}",
            row.date,
            row.bank,
            row.posting,
            row.description,
            row.account,
            names.get(row.account, ""),
            row.account_bank,
            max(row.amount, 0),
            max(-row.amount, 0),
        )


def _in_voucher_order(row: Row[Any]) -> tuple[object, ...]:
    is_of_break = not row.posting.endswith("/day")
    return row.date, row.bank, is_of_break, len(row.posting), row.posting, row.number


def _account_names(connection: Connection, chart: int) -> dict[str, str]:
    """The names of all accounts that a chart of up to this number has, by the newest of these."""
    lines = chart_lines.c
    query = select(lines.name, lines.value).where(lines.chart <= chart, lines.name.startswith("name "))
    rows = connection.execute(query.order_by(lines.chart))
    return {row.name.removeprefix("name "): row.value for row in rows}


def _breaks(connection: Connection, export: Export) -> Iterator[BreakLine]:
    """The breaks with a step that no earlier export had, each as it was at the export's moment."""
    event = break_events.c
    source = break_events.join(breaks, breaks.c["break"] == event["break"])
    fresh = _not_before(connection, export, breaks.c.date, event.at)
    names = select(event["break"]).select_from(source).where(fresh).scalar_subquery()
    columns = (event[name] for name in ("break", "from_state", "to_state", "by", "note"))
    steps: dict[str, list[Row[Any]]] = defaultdict(list)
    query = select(*columns).where(event["break"].in_(names), event.at <= export.exported_at)
    for step in connection.execute(query.order_by(event["break"], event.number)):
        steps[step[0]].append(step)
    for row in listed(connection, breaks.c["break"].in_(names)):
        yield _break_line(row, steps[row.name])


def _break_line(row: Break, steps: list[Row[Any]]) -> BreakLine:
    """A break as its steps up to a moment have left it. What the last step of all has written into the row
    is final, so it is read from there.
    """
    cls, reason, resolution, proposer, approver, settled_on = row.cls, row.reason, "", "", "", ""
    for step in steps:
        match BreakState(step.to_state):
            case BreakState.OPEN:
                cls, _, reason = step.note.partition(": ")
            case BreakState.SUSPENSE:
                resolution = proposer = ""
            case BreakState.PROPOSED:
                resolution, proposer = step.note.partition(": ")[0], step.by
            case BreakState.APPROVED:
                approver = step.by
            case BreakState.POSTED:
                settled_on = row.settled_on
            case BreakState.CLOSED if step.from_state != BreakState.POSTED:
                cls, reason, settled_on, resolution, proposer = row.cls, row.reason, row.settled_on, "", ""
            case BreakState.CLOSED:
                settled_on = row.settled_on
    return BreakLine(
        0,
        row.name,
        row.date,
        row.bank,
        cls,
        row.direction,
        row.code,
        row.policy,
        row.due,
        row.key,
        row.ours_effect,
        row.theirs_effect,
        row.withheld,
        row.difference,
        steps[-1].to_state,
        resolution,
        proposer,
        approver,
        settled_on,
        reason,
    )
