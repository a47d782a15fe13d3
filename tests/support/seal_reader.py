"""Reads a front book as a stranger would, and says where its days do not hold: dates, seals, totals.

Findings, not assertions: an empty list is what a test compares with.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from sqlalchemy import Connection, text

from ledger.book.journal import DayRow, broken_links, read_chains, read_days, read_entries
from ledger.book.store import Store
from ledger.rules.entry import GENESIS, Entry, Kind, entry_hash
from ledger.rules.request import Totals
from ledger.rules.seal import ChainEnd, Sealer, day_root, is_signed
from tests.support.machine import SEAL_KEY

Chains = dict[int, list[Entry]]


def faults(store: Store) -> list[str]:
    """Everything about the book's days, chains and totals that contradicts the journal."""
    with store.reading() as connection:
        chains = {
            chain.chain: list(read_entries(connection, chain.chain)) for chain in read_chains(connection)
        }
        links = [
            f"chain {link.chain}, entry {link.position}: {link.reason}"
            for chain in read_chains(connection)
            for link in broken_links(chains[chain.chain], chain)
        ]
        days = read_days(connection)
        entries = [entry for chain in chains.values() for entry in chain]
        keys = Counter(entry.key for entry in entries)
        return [
            *links,
            *(f"{key} stands {count} times" for key, count in keys.items() if count > 1),
            *_back_in_time(chains),
            *_days(days, chains),
            *_totals(connection, entries),
        ]


def _back_in_time(chains: Chains) -> Iterator[str]:
    for chain, entries in chains.items():
        for before, after in pairwise(entries):
            if after.business_date < before.business_date:
                yield f"chain {chain}, entry {after.position}: of an earlier date than the one before"


def _days(days: Sequence[DayRow], chains: Chains) -> Iterator[str]:
    for day, after in pairwise(days):
        if (day.state, day.next_date) != ("closed", after.date):
            yield f"{day.date} is {day.state} and followed by {day.next_date}, not {after.date}"
    if days and days[-1].state != "open":
        yield f"the last day, {days[-1].date}, is {days[-1].state}"
    for day in days[:-1]:
        yield from _seal(day, chains)


def _seal(day: DayRow, chains: Chains) -> Iterator[str]:
    """A day's seal separates its entries from the next one's exactly, and is signed."""
    ends = [ChainEnd(*end) for end in json.loads(day.chains)]
    for end in ends:
        entries = chains[end.chain]
        tip = entry_hash(entries[end.position - 1]) if end.position else GENESIS
        if tip != end.tip:
            yield f"{day.date}: the tip sealed for chain {end.chain} is not its entry's hash"
    sealed = {end.chain: end.position for end in ends}
    for chain, entries in chains.items():
        for entry in entries:
            inside = entry.position <= sealed.get(chain, 0)
            if inside != (entry.business_date <= day.date):
                yield f"chain {chain}, entry {entry.position} of {entry.business_date}: on the wrong side"
    if day.root != day_root(day.date, day.next_date, day.closed_at, ends):
        yield f"{day.date}: the root is not that of its chains"
    if not is_signed(day.root, day.signature, Sealer(SEAL_KEY).public):
        yield f"{day.date}: the seal is not signed"


def _totals(connection: Connection, entries: Sequence[Entry]) -> Iterator[str]:
    """The totals kept are the sums over the journal, by bank and date."""
    names = ", ".join(Totals._fields)
    rows = connection.execute(text(f"SELECT bank, date, {names} FROM bank_days"))  # noqa: S608 - constant names
    kept = {(row[0], row[1]): Totals(*row[2:]) for row in rows}
    added: dict[tuple[str, str], Totals] = {}
    cancels = {entry.key: entry for entry in entries if entry.kind is Kind.CANCEL}
    for entry in entries:
        if entry.sequence is not None:
            key = entry.bank, entry.business_date
            added[key] = _added(added.get(key, Totals()), entry, cancels.get(entry.original))
    if kept != added:
        yield f"the totals kept are {kept}, the journal's are {added}"


def _added(totals: Totals, entry: Entry, cancel: Entry | None) -> Totals:
    """The totals with one more effect: collections and payouts, and what takes them back. `cancel` is what a
    reversal takes back, where that is one: on its own date it then never was, later the transaction that it
    cancelled counts anew.
    """
    back = entry.kind in (Kind.CANCEL, Kind.REVERSAL)
    count = 1
    if entry.kind is Kind.REVERSAL and cancel is not None:
        back = cancel.business_date == entry.business_date
        count = -1 if back else 1
    if entry.side == "premium":
        names = ("collections_reversed", "collected_reversed") if back else ("collections", "collected")
    else:
        names = ("payouts_reversed", "paid_reversed") if back else ("payouts", "paid")
    number, amount = names
    return totals._replace(
        **{
            number: getattr(totals, number) + count,
            amount: getattr(totals, amount) + count * entry.amount,
        }
    )
