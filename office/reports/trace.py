"""What the office knows of transactions: lines of banks' files, breaks with their histories, postings.

Reads only. What a transaction is, ledger.rules.trace tells; what a break or a posting means,
office.accounting.breaks and office.accounting.books.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from sqlalchemy import Connection, or_, select

from ledger.book.audit_log import AuditRecord
from ledger.book.lookup import records_on
from ledger.rules.masking import concealed
from office.accounting.breaks import HistoryLine, history
from office.database.schema import audit_log, bank_lines, breaks, legs, postings


class BankSaid(NamedTuple):
    """A line of a bank's file: `state` S done or R reversed; fen."""

    bank: str
    date: str
    line: int
    key: str
    amount: int
    state: str


class BreakTold(NamedTuple):
    """A break on one of the transactions, and all that happened to it; `difference` in fen."""

    name: str
    cls: str
    key: str
    difference: int
    state: str
    reason: str
    resolution: str
    history: tuple[HistoryLine, ...]


class LegTold(NamedTuple):
    """One leg: fen, debit positive."""

    account: str
    amount: int


class PostingTold(NamedTuple):
    """A posting that a transaction is in: a bank's whole day, or a break's end."""

    name: str
    date: str
    description: str
    legs: tuple[LegTold, ...]


class OfficeKnows(NamedTuple):
    """What the office has of some transactions."""

    lines: tuple[BankSaid, ...]
    breaks: tuple[BreakTold, ...]
    postings: tuple[PostingTold, ...]
    acts: tuple[AuditRecord, ...]


def known(connection: Connection, keys: Collection[str], days: Collection[tuple[str, str]]) -> OfficeKnows:
    """What the office has of the transactions of these keys; `days` are bank and business date of each."""
    found = tuple(_breaks(connection, keys))
    names = [one.name for one in found]
    columns = (bank_lines.c[name] for name in BankSaid._fields)
    lines = (
        BankSaid(*row)._replace(key=concealed(row.key))
        for row in connection.execute(select(*columns).where(bank_lines.c.key.in_(sorted(keys))))
    )
    return OfficeKnows(
        tuple(lines),
        found,
        tuple(_postings(connection, days, names)),
        records_on(connection, audit_log, names),
    )


def _breaks(connection: Connection, keys: Collection[str]) -> Iterator[BreakTold]:
    c = breaks.c
    columns = (c["break"], c["class"], c.key, c.difference, c.state, c.reason, c.resolution)
    query = select(*columns).where(c.key.in_(sorted(keys))).order_by(c["break"])
    for row in connection.execute(query).all():
        name, cls, key, difference, state, reason, resolution = row
        told = history(connection, name)
        yield BreakTold(name, cls, concealed(key), difference, state, concealed(reason), resolution, told)


def _postings(
    connection: Connection, days: Collection[tuple[str, str]], names: Collection[str]
) -> Iterator[PostingTold]:
    wanted = [postings.c.posting.in_([f"{date}/{bank}/day" for bank, date in sorted(days)])]
    wanted += [postings.c.posting.like(f"%/{name}") for name in names]
    query = (
        select(postings.c.posting, postings.c.date, postings.c.description)
        .where(or_(*wanted))
        .order_by(postings.c.date, postings.c.posting)
    )
    for row in connection.execute(query).all():
        legs_of = select(legs.c.account, legs.c.amount).where(legs.c.posting == row.posting)
        told = (LegTold(*leg) for leg in connection.execute(legs_of.order_by(legs.c.number)))
        yield PostingTold(*row, tuple(told))
