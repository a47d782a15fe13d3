"""Builds the files that come after the first day's: what is new, and what leaves."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.files.bookfile import Book
from ledger.files.bookline import DueLine
from ledger.rules.dues import Policy
from tests.support.builders import policy

NEXT = "20261125"
"""The business date after tests.support.builders.DATE."""


def next_book(
    dues: Sequence[DueLine] = (),
    withdrawn: Sequence[DueLine] = (),
    policies: Sequence[Policy] = (),
    date: str = NEXT,
    digest: str = "",
) -> Book:
    """A later day's file: what is new and what leaves; every new due's policy is named."""
    named = {policy.policy: policy for policy in policies}
    for due in dues:
        named.setdefault(due.policy, policy(due.policy))
    sums = {kind: sum(due.amount for due in dues if due.kind == kind) for kind in ("premium", "benefit")}
    leaving = tuple(due._replace(beneficiary="", payee="") for due in withdrawn)
    return Book(
        date,
        tuple(named.values()),
        tuple(dues),
        sums["premium"],
        sums["benefit"],
        digest or f"digest of {date}",
        leaving,
    )
