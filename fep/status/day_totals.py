"""What the banks have collected and paid on the open business date, by the front book's own totals.

Values, made of what was last read of the book. The eight figures are those of 0500 and of the day's postings;
nothing is added up from messages or counters here, so that what an operator sees is what is on disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fep.settings.config import Bank, Channel
from ledger.rules.request import NO_FIGURES, BankDay


@dataclass(frozen=True, slots=True)
class BankTotals:
    """A bank's totals of a business date: counts, and sums in fen; `name` is empty for a bank that has left
    the settings. `collected` and `paid` have what was taken back (cancelled or reversed) in them too.
    """

    code: str
    name: str
    collections: int
    collected: int
    collections_reversed: int
    collected_reversed: int
    payouts: int
    paid: int
    payouts_reversed: int
    paid_reversed: int


def day_totals(banks: Iterable[Bank | Channel], figures: Mapping[str, BankDay]) -> tuple[BankTotals, ...]:
    """Return the totals of each bank and channel of the settings, in their order, then of each other that has
    some.
    """
    names = {bank.code: bank.name for bank in banks}
    codes = [*names, *sorted(figures.keys() - names.keys())]
    return tuple(
        BankTotals(code, names.get(code, ""), *figures.get(code, NO_FIGURES).totals) for code in codes
    )
