"""Policies to try: a few of each kind out of the book's file that the sample installation left.

Pure: lines in, values out. A benefit's beneficiary comes along, so that a payment can be tried; `repr` names
none. Whether a due is still open only the machine knows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from itertools import groupby
from random import Random
from typing import NamedTuple

from ledger.files.bookline import HEADER, HEADER_WITHOUT_PAYEES, TRAILER, WITHDRAWN
from ledger.rules.dues import KINDS
from ledger.rules.identity import document

LINES_MAX = 20_000
"""So far is a file read: enough for variety, at once in a file of any size."""
_EACH = 5
_COLUMNS = tuple(len(header.split(",")) for header in (HEADER_WITHOUT_PAYEES, HEADER))


class Sample(NamedTuple):
    """A policy with one of its dues: `kind` premium, benefit or none, `amount` in fen."""

    policy: str
    kind: str
    code: str
    due: str
    amount: int
    beneficiary: str

    def __repr__(self) -> str:
        """Name the policy, never the beneficiary."""
        return f"Sample({self.policy!r}, {self.kind})"


def pick(lines: Iterable[str], random: Random, each: int = _EACH) -> tuple[Sample, ...]:
    """Draw `each` policies of each kind from the lines of a book's file (`ledger.files.bookfile`), in the
    order premium, benefit, none. Lines that are no policy's are passed over.
    """
    rows = [_sample(row) for row in csv.reader(lines) if _is_policy(row)]
    kinds = ("premium", "benefit", "none")
    ordered = sorted(rows, key=lambda sample: (kinds.index(sample.kind), sample.policy, sample.due))
    chosen: list[Sample] = []
    for _, group in groupby(ordered, key=lambda sample: sample.kind):
        of_kind = list(group)
        chosen += random.sample(of_kind, min(each, len(of_kind)))
    return tuple(chosen)


def _is_policy(row: list[str]) -> bool:
    """Whether a line of the book's file is a policy: not the header, the trailer, a due that leaves or
    anything else.
    """
    if len(row) not in _COLUMNS or row[0] in (TRAILER, WITHDRAWN):
        return False
    code, amount = row[4], row[6]
    return not code or (code in KINDS and amount.isdecimal())


def _sample(row: list[str]) -> Sample:
    policy, _, _, due, code, _, amount, beneficiary = row[:8]
    number = document(beneficiary).number
    return Sample(policy, KINDS.get(code, "none"), code, due, int(amount or 0), number)
