"""What the office must come to after a close: the oracle's own sums over both sides, by plain SQL.

Imports nothing of the ledger or the office. Effects are signed fen as the bank's clearing account sees them.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from simulators.world.rules import Book

_CLEARING, _SUSPENSE = "122101", ("224101", "122102")


class Line(NamedTuple):
    """One line of a bank's file as the oracle counts it. `effect` in signed fen."""

    bank: str
    date: str
    key: str
    effect: int


def signed(kind: str, amount: int) -> int:
    """A collection puts money on clearing, a payout takes it off."""
    return amount if kind == "collection" else -amount


def ours(book: Book) -> dict[tuple[str, str], int]:
    """What stands at the end, by bank and key."""
    return {
        (fact.bank, key): signed(fact.kind, fact.amount)
        for key, fact in book.facts.items()
        if fact.is_settlement and book.stands(fact)
    }


def faults(office: Path, book: Book, dates: Iterable[str], lines: Iterable[Line]) -> Iterator[str]:
    """What does not hold in the office's books."""
    lines, dates = list(lines), list(dates)
    with closing(sqlite3.connect(f"file:{office}?mode=ro", uri=True)) as connection:
        yield from _days(connection, book, dates, lines)
        yield from _ledger(connection, book, lines)
        yield from _breaks(connection, book, lines)


def _days(connection: sqlite3.Connection, book: Book, dates: list[str], lines: list[Line]) -> Iterator[str]:
    posted = [
        row[0] for row in connection.execute("SELECT date FROM days WHERE state IN ('posted', 'archived')")
    ]
    if sorted(posted) != dates:
        yield f"posted are {sorted(posted)}, and closed {dates}"
    query = "SELECT bank, date, ours_effect, theirs_effect FROM reconciliations ORDER BY date, bank"
    for bank, date, our_effect, their_effect in connection.execute(query):
        figures = book.figures(bank, date)
        net = figures[1] - figures[3] - figures[5] + figures[7]
        theirs = sum(line.effect for line in lines if (line.bank, line.date) == (bank, date))
        if (our_effect, their_effect) != (net, theirs):
            yield (
                f"{bank} on {date} is reconciled as {our_effect} ours and {their_effect} theirs,"
                f" and is {net} and {theirs}"
            )


def _ledger(connection: sqlite3.Connection, book: Book, lines: list[Line]) -> Iterator[str]:
    query = "SELECT posting FROM legs GROUP BY posting, currency HAVING SUM(amount) <> 0"
    for (posting,) in connection.execute(query):
        yield f"posting {posting} does not balance"
    sums: Counter[str] = Counter()
    for account, amount in connection.execute("SELECT account, SUM(amount) FROM legs GROUP BY account"):
        place = account if account == _CLEARING else "suspense" if account in _SUSPENSE else "products"
        sums[place] += amount
    theirs, right = sum(line.effect for line in lines), sum(ours(book).values())
    expected = {_CLEARING: theirs, "suspense": right - theirs, "products": -right}
    for place, amount in expected.items():
        if sums[place] != amount:
            yield f"the ledger has {sums[place]} fen on {place}, and should have {amount}"


def _breaks(connection: sqlite3.Connection, book: Book, lines: list[Line]) -> Iterator[str]:
    """Every difference between a bank and the insurer is an open break, and nothing else is."""
    different: Counter[tuple[str, str]] = Counter()
    for line in lines:
        different[line.bank, line.key] += line.effect
    for name, effect in ours(book).items():
        different[name] -= effect
    query = "SELECT bank, key, SUM(difference) FROM breaks WHERE state <> 'closed' GROUP BY bank, key"
    told = {(bank, key): difference for bank, key, difference in connection.execute(query) if difference}
    yield from _unlike({name: amount for name, amount in different.items() if amount}, told)
    query = "SELECT key FROM breaks WHERE class = 'misfit' ORDER BY key"
    misfits = [row[0] for row in connection.execute(query)]
    expected = sorted(key for key, fact in book.facts.items() if fact.misfit)
    if misfits != expected:
        yield f"misfits are {misfits}, and should be {expected}"


def _unlike(right: Mapping[tuple[str, str], int], told: Mapping[tuple[str, str], int]) -> Iterator[str]:
    for name in sorted(right.keys() | told.keys()):
        if right.get(name, 0) != told.get(name, 0):
            parts = right.get(name, 0), told.get(name, 0)
            yield f"{'/'.join(name)} differs by {parts[0]} fen, and its breaks by {parts[1]}"
