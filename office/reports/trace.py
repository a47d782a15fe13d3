"""What the office has on given transactions: lines of banks' files, breaks with their histories, postings,
and the audit records on those breaks.

This module only reads. `ledger.rules.trace` explains a transaction; `office.accounting.breaks` and
`office.accounting.books` explain a break and a posting. The fields are the keys of `qianzhi trace --json`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from sqlalchemy import Connection, or_, select

from ledger.book.audit_log import AuditRecord
from ledger.book.lookup import records_on
from ledger.rules.masking import masked_numbers
from office.accounting.break_states import HistoryLine
from office.accounting.breaks import history
from office.database.schema import audit_log, bank_lines, breaks, legs, postings


class TracedLine(NamedTuple):
    """A line of a bank's file: `state` is S (done) or R (reversed); `amount` in fen."""

    bank: str
    date: str
    line: int
    key: str
    amount: int
    state: str


class TracedBreak(NamedTuple):
    """A break on one of the transactions, with its history; `difference` in fen."""

    name: str
    cls: str
    key: str
    difference: int
    state: str
    reason: str
    resolution: str
    history: tuple[HistoryLine, ...]


class TracedLeg(NamedTuple):
    """One leg: `amount` in fen, debit positive."""

    account: str
    amount: int


class TracedPosting(NamedTuple):
    """A posting that contains a transaction: the one of a bank's whole day, or the one that ends a break."""

    name: str
    date: str
    description: str
    legs: tuple[TracedLeg, ...]


class OfficeTrace(NamedTuple):
    """All that the office has on some transactions; `acts` are the audit records on their breaks."""

    lines: tuple[TracedLine, ...]
    breaks: tuple[TracedBreak, ...]
    postings: tuple[TracedPosting, ...]
    acts: tuple[AuditRecord, ...]


def office_trace(
    connection: Connection, keys: Collection[str], days: Collection[tuple[str, str]]
) -> OfficeTrace:
    """Return what the office has on the transactions of these keys; `days` are their banks and business
    dates.
    """
    traced = tuple(_breaks(connection, keys))
    names = [row.name for row in traced]
    columns = (bank_lines.c[name] for name in TracedLine._fields)
    lines = (
        TracedLine(*row)._replace(key=masked_numbers(row.key))
        for row in connection.execute(select(*columns).where(bank_lines.c.key.in_(sorted(keys))))
    )
    return OfficeTrace(
        tuple(lines),
        traced,
        tuple(_postings(connection, days, names)),
        records_on(connection, audit_log, names),
    )


def _breaks(connection: Connection, keys: Collection[str]) -> Iterator[TracedBreak]:
    c = breaks.c
    columns = (c["break"], c["class"], c.key, c.difference, c.state, c.reason, c.resolution)
    query = select(*columns).where(c.key.in_(sorted(keys))).order_by(c["break"])
    for row in connection.execute(query).all():
        name, cls, key, difference, state, reason, resolution = row
        past = history(connection, name)
        key, reason = masked_numbers(key), masked_numbers(reason)
        yield TracedBreak(name, cls, key, difference, state, reason, resolution, past)


def _postings(
    connection: Connection, days: Collection[tuple[str, str]], names: Collection[str]
) -> Iterator[TracedPosting]:
    wanted = [postings.c.posting.in_([f"{date}/{bank}/day" for bank, date in sorted(days)])]
    wanted += [postings.c.posting.like(f"%/{name}") for name in names]
    query = (
        select(postings.c.posting, postings.c.date, postings.c.description)
        .where(or_(*wanted))
        .order_by(postings.c.date, postings.c.posting)
    )
    for row in connection.execute(query).all():
        legs_of = select(legs.c.account, legs.c.amount).where(legs.c.posting == row.posting)
        traced = (TracedLeg(*leg) for leg in connection.execute(legs_of.order_by(legs.c.number)))
        yield TracedPosting(*row, tuple(traced))
