"""Holds what the banks believe against what the journal says, line by line and to the fen.

Reads the journal by SQL of its own: the comparison must not lean on the code that wrote it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ledger.rules.dues import KINDS
from simulators.beliefs import Belief, Record, State

Key = tuple[str, str, str]

_CONFIRMED: Mapping[State, str] = MappingProxyType(
    {
        State.DONE: "done",
        State.REVERSED: "reversed",
        State.REFUSED: "refused",
        State.NEVER_WAS: "refused",
    }
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One transaction as the journal has it: its outcome, and the business dates (YYYYMMDD) of it and its
    end.
    """

    outcome: str
    amount: int
    receipt: str
    code: str
    date: str
    undone_on: str
    exception_code: str
    full_key: str

    @property
    def effect(self) -> int:
        """Signed fen as the bank's clearing account sees the transaction while it is in effect."""
        return self.amount if KINDS[self.code] == "premium" else -self.amount


def read_journal(database: Path, bank: str) -> dict[Key, Recorded]:
    """The journal's final states, from its entries alone: what was approved, and what an effective entry
    undid. A cancel that was itself reversed undid nothing.
    """
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT key, kind, terminal, sent_at, stan, response, amount, coalesce(receipt, ''), code,"
            " original, sequence, business_date, exception_code FROM journal WHERE bank = ?",
            (bank,),
        ).fetchall()
    reversing = [row for row in rows if row[1] in ("cancel", "reversal") and row[10] is not None]
    reversals = {row[9]: row[11] for row in reversing if row[1] == "reversal"}
    cancels = {row[9]: row[11] for row in reversing if row[1] == "cancel" and row[0] not in reversals}
    undone = cancels | reversals
    entries = {}
    for (
        key,
        kind,
        terminal,
        sent_at,
        stan,
        response,
        amount,
        receipt,
        code,
        _,
        _,
        date,
        exception_code,
    ) in rows:
        if kind != "reversal":
            outcome = "refused" if response != "00" else "reversed" if key in undone else "done"
            entries[terminal, sent_at, stan] = Recorded(
                outcome, amount, receipt, code, date, undone.get(key, ""), exception_code, key
            )
    return entries


def differences(record: Record, journal: Mapping[Key, Recorded]) -> list[str]:
    """Say where the bank's record and the journal differ."""
    differences = [f"{'/'.join(key)}: only in the journal" for key in journal.keys() - record.beliefs.keys()]
    for key, belief in record.beliefs.items():
        entry = journal.get(key)
        if entry is None:
            differences.append(f"{'/'.join(key)}: only the bank has it")
        elif entry.outcome != _CONFIRMED.get(belief.state):
            differences.append(f"{'/'.join(key)}: bank {belief.state}, journal {entry.outcome}")
        elif entry.amount != belief.amount or (belief.receipt and belief.receipt != entry.receipt):
            differences.append(f"{'/'.join(key)}: amount or receipt differs")
    return differences


def crossed(record: Record, journal: Mapping[Key, Recorded]) -> list[tuple[Belief, Recorded]]:
    """The keys of transactions that were approved before the cut-over, with the answer lost, and undone after
    it. The two sides date them differently, and the next day's lines settle that.
    """
    pairs = ((belief, journal[key]) for key, belief in record.beliefs.items() if key in journal)
    return [
        (belief, entry)
        for belief, entry in pairs
        if entry.undone_on > entry.date and not belief.date and entry.code in KINDS
    ]
