"""A bank's day file, from its own record (docs/protocol.md section 8): which lines it has for a business
date.

Pure. How a line is written, the bank's layout says (ledger.files.bankfile).
"""

from __future__ import annotations

from collections.abc import Iterator

from ledger.files.bankline import BankLine
from simulators.beliefs import Belief, Record, State


def lines(record: Record, date: str) -> Iterator[BankLine]:
    """The lines for a business date (MMDD): what took effect on it, reversed or not by its end; then, as
    reversed, what an earlier date's file has as done and this date took back.
    """
    number = 0
    for belief in record.done_on(date):
        number += 1
        is_reversed = belief.state is State.REVERSED and belief.undone_on == date
        yield _line(belief, number, "R" if is_reversed else "S")
    for belief in record.undone_on(date):
        if belief.date not in ("", date):
            number += 1
            yield _line(belief, number, "R")


def _line(belief: Belief, number: int, state: str) -> BankLine:
    return BankLine(
        number,
        belief.terminal,
        belief.branch,
        belief.sent_at,
        belief.stan,
        belief.rrn,
        belief.code,
        belief.policy,
        belief.due,
        belief.amount,
        belief.receipt,
        state,
    )
