"""A bank's day file, written from its own record (PROTOCOL section 8).

Pure. Reading such a file is the ledger's business, not the simulator's.
"""

from __future__ import annotations

from collections.abc import Iterator

from ledger.bookfile import KINDS
from simulators.beliefs import Belief, Record, State

_LETTERS = {State.DONE: "S", State.REVERSED: "R"}


def write(record: Record, date: str, encoding: str = "utf-8") -> Iterator[bytes]:
    """The file's lines for a business date (YYYYMMDD), header and trailer included; sums in fen, net of
    reversals.
    """
    yield f"H|{record.bank}|{date}|1\n".encode(encoding)
    count = 0
    sums = {"premium": 0, "benefit": 0}
    for belief in record.settled():
        count += 1
        if belief.state is State.DONE:
            sums[KINDS[belief.code]] += belief.amount
        yield f"{_line(belief)}\n".encode(encoding)
    yield f"T|{count}|{sums['premium']}|{sums['benefit']}\n".encode(encoding)


def _line(belief: Belief) -> str:
    return "|".join(
        (
            "D",
            belief.terminal,
            belief.branch,
            belief.sent_at,
            belief.stan,
            belief.rrn,
            belief.code,
            belief.policy,
            belief.due,
            str(belief.amount),
            belief.receipt,
            _LETTERS[belief.state],
        )
    )
