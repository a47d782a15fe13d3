"""What the office must come to after a close: the oracle's own sums over both sides, by plain SQL.

Imports nothing of the ledger or the office. Effects are signed fen as the bank's clearing account sees them.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from simulators.world.reading import COLLECTIONS, PAYOUTS
from simulators.world.rules import Book

_CLEARING, _SUSPENSE = "122101", ("224101", "122102")
_UNSURE = frozenset(
    {
        *("bank_only", "amount_differs", "state_differs", "details_differ", "duplicate", "late_reversal"),
        "exception_advice",
    }
)
_MONEY = _UNSURE | {"ours_only", "timing"}
_OWED = _UNSURE | {"ours_only"}
_ARRIVAL = frozenset({"arrival_differs"})
ENDS: Mapping[str, tuple[str, str, frozenset[str]]] = MappingProxyType(
    {
        "bank_corrects": ("+-", _CLEARING, _MONEY | _ARRIVAL),
        "accept": ("+-", "products", _MONEY),
        "ours_stands": ("+-", "products", frozenset({"details_differ"})),
        "refund": ("+", "224102", _UNSURE),
        "recover": ("-", "122103", _OWED),
        "gain": ("+", "6301", _UNSURE | _ARRIVAL),
        "loss": ("-", "6711", _OWED | _ARRIVAL),
        "no_money": ("0", "", _MONEY | _ARRIVAL),
    }
)
"""How a break may end (docs/accounts.md): with which signs of its difference, on which account, and for which
classes.
"""


class Line(NamedTuple):
    """One line of a bank's file as the oracle counts it; `effect` in signed fen."""

    bank: str
    date: str
    key: str
    effect: int


class Break(NamedTuple):
    """A break as the office's table has it. `difference` in signed fen."""

    name: str
    bank: str
    key: str
    cls: str
    code: str
    difference: int


class Decided(NamedTuple):
    """A break, and the end that two people agreed on."""

    about: Break
    resolution: str


def fits(entry: Break, resolution: str) -> bool:
    """Whether a break may end by this resolution: its class, its sign, and a product account where the end
    needs one.
    """
    signs, _, classes = ENDS[resolution]
    sign = "0" if not entry.difference else "+" if entry.difference > 0 else "-"
    has_account = ENDS[resolution][1] != "products" or entry.code in COLLECTIONS | PAYOUTS
    return sign in signs and entry.cls in classes and has_account


def in_suspense(office: Path) -> list[Break]:
    """The names of the breaks on which nobody has decided."""
    query = (
        "SELECT break, bank, key, class, code, difference FROM breaks WHERE state = 'suspense' ORDER BY break"
    )
    with closing(sqlite3.connect(f"file:{office}?mode=ro", uri=True)) as connection:
        return [Break(*row) for row in connection.execute(query)]


def misplaced(office: Path, states: Mapping[str, str]) -> Iterator[str]:
    """Say which breaks are in another state than they must be, or were not decided on by two people."""
    with closing(sqlite3.connect(f"file:{office}?mode=ro", uri=True)) as connection:
        query = "SELECT break, state, proposed_by, approved_by FROM breaks ORDER BY break"
        for name, state, proposed_by, approved_by in connection.execute(query):
            if name in states and state != states[name]:
                yield f"{name} is {state}, and should be {states[name]}"
            if approved_by and approved_by == proposed_by:
                yield f"{name} was proposed and approved by {approved_by}"


def signed(kind: str, amount: int) -> int:
    """The effect of a transaction on the bank's clearing account in fen: above 0 for a collection, below for
    a payout.
    """
    return amount if kind == "collection" else -amount


def ours(book: Book) -> dict[tuple[str, str], int]:
    """The net effect of our side by bank and key, in fen."""
    return {
        (fact.bank, key): signed(fact.kind, fact.amount)
        for key, fact in book.facts.items()
        if fact.is_settlement and book.stands(fact)
    }


def withheld(book: Book) -> dict[tuple[str, str], int]:
    """By bank and key, in fen: what is in effect and may not be on a product's account, since it is an
    exception advice.
    """
    exception_advices = {(fact.bank, key) for key, fact in book.facts.items() if fact.exception_code}
    return {name: effect for name, effect in ours(book).items() if name in exception_advices}


def faults(
    office: Path, book: Book, dates: Iterable[str], lines: Iterable[Line], decided: Sequence[Decided] = ()
) -> Iterator[str]:
    """Say everything that is wrong in the office's books, given what was decided."""
    lines, dates = list(lines), list(dates)
    with closing(sqlite3.connect(f"file:{office}?mode=ro", uri=True)) as connection:
        yield from _days(connection, book, dates, lines)
        yield from _late(connection, book, dates)
        held = Counter(withheld(book))
        held.update(_held_of_late(connection))
        yield from _ledger(connection, book, lines, decided, sum(held.values()))
        yield from _breaks(connection, book, lines, decided, held)


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


def _late(connection: sqlite3.Connection, book: Book, dates: list[str]) -> Iterator[str]:
    """Say where a late reversal has no break, or one that withholds a part of its original."""
    asked = {
        (fact.bank, fact.date, _settled(book, fact.original))
        for fact in book.facts.values()
        if fact.late and fact.date in dates
    }
    query = "SELECT bank, date, key, withheld FROM breaks WHERE class = 'late_reversal'"
    rows = connection.execute(query).fetchall()
    if {tuple(row[:3]) for row in rows} != asked:
        yield f"late reversals are {sorted(row[:3] for row in rows)}, and should be {sorted(asked)}"
    for _, _, key, amount in rows:
        fact = book.facts.get(key)
        if fact is not None and amount not in (0, signed(fact.kind, fact.amount)):
            yield f"{amount} fen are withheld of {key}"


def _settled(book: Book, original: str) -> str:
    """The collection or payout that a reversal is about, directly or through the cancel that it names."""
    fact = book.facts[original]
    return fact.original if fact.kind == "cancel" else original


def _held_of_late(connection: sqlite3.Connection) -> Counter[tuple[str, str]]:
    """By bank and key, in fen: what the breaks of late reversals withhold."""
    query = "SELECT bank, key, SUM(withheld) FROM breaks WHERE class = 'late_reversal' GROUP BY bank, key"
    return Counter({(bank, key): amount for bank, key, amount in connection.execute(query)})


def _ledger(
    connection: sqlite3.Connection, book: Book, lines: list[Line], decided: Sequence[Decided], held: int
) -> Iterator[str]:
    query = "SELECT posting FROM legs GROUP BY posting, currency HAVING SUM(amount) <> 0"
    for (posting,) in connection.execute(query):
        yield f"posting {posting} does not balance"
    sums: Counter[str] = Counter()
    for account, amount in connection.execute("SELECT account, SUM(amount) FROM legs GROUP BY account"):
        named = {end[1] for end in ENDS.values()}
        sums["suspense" if account in _SUSPENSE else account if account in named else "products"] += amount
    theirs, right = sum(line.effect for line in lines), sum(ours(book).values())
    expected = Counter({_CLEARING: theirs, "suspense": right - theirs - held, "products": held - right})
    for entry, resolution in decided:
        expected["suspense"] += entry.difference
        expected[ENDS[resolution][1]] -= entry.difference
    for place in sorted(expected.keys() | sums.keys()):
        if sums[place] != expected[place]:
            yield f"the ledger has {sums[place]} fen on {place}, and should have {expected[place]}"


def _breaks(
    connection: sqlite3.Connection,
    book: Book,
    lines: list[Line],
    decided: Sequence[Decided],
    held: Mapping[tuple[str, str], int],
) -> Iterator[str]:
    """Say where a difference between a bank and the insurer is neither an open break nor decided on, and
    where a break has no difference.
    """
    different: Counter[tuple[str, str]] = Counter()
    for line in lines:
        different[line.bank, line.key] += line.effect
    for name, effect in ours(book).items():
        different[name] -= effect
    different.update(held)
    for entry, _ in decided:
        different[entry.bank, entry.key] -= entry.difference
    query = "SELECT bank, key, SUM(difference) FROM breaks WHERE state <> 'closed' GROUP BY bank, key"
    posted = {(bank, key): difference for bank, key, difference in connection.execute(query) if difference}
    yield from _unlike({name: amount for name, amount in different.items() if amount}, posted)
    query = "SELECT DISTINCT key FROM breaks WHERE class = 'exception_advice' ORDER BY key"
    exception_advices = [row[0] for row in connection.execute(query)]
    expected = sorted(key for key, fact in book.facts.items() if fact.exception_code)
    if exception_advices != expected:
        yield f"exception_advices are {exception_advices}, and should be {expected}"


def _unlike(right: Mapping[tuple[str, str], int], posted: Mapping[tuple[str, str], int]) -> Iterator[str]:
    for name in sorted(right.keys() | posted.keys()):
        if right.get(name, 0) != posted.get(name, 0):
            parts = right.get(name, 0), posted.get(name, 0)
            yield f"{'/'.join(name)} differs by {parts[0]} fen, and its breaks by {parts[1]}"
