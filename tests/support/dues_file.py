"""Builds files of dues a line at a time, every column defaulted, for tests of what a good one is."""

from __future__ import annotations

from ledger.files.bookline import HEADER

DATE = "20261124"
PERSON = "11010519491231002X"


def row(
    policy: str = "P1",
    state: str = "active",
    holder: str = "王伟",
    due: str = "D1",
    code: str = "500000",
    due_date: str = DATE,
    amount: str = "30000",
    beneficiary: str = "",
    payee: str = "",
) -> str:
    return ",".join([policy, state, holder, due, code, due_date, amount, beneficiary, payee])


def file(
    *rows: str, header: str = HEADER, total: str = f"TOTAL,{DATE},1,1,30000,0,,,", end: str = "\n"
) -> bytes:
    return "".join(line + end for line in [header, *rows, total]).encode()


def leaving(
    policy: str = "P1",
    holder: str = "",
    due: str = "D9",
    code: str = "500000",
    due_date: str = DATE,
    amount: str = "30000",
    beneficiary: str = "",
    payee: str = "",
) -> str:
    """The row of a due that leaves unpaid."""
    return ",".join(["WITHDRAWN", policy, holder, due, code, due_date, amount, beneficiary, payee])
