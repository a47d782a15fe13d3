"""Breaks in suspense, proposed and approved: what the tests of their life and of their end share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from sqlalchemy import Connection, update

from ledger.rules.break_classes import BreakClass
from office.accounting.break_states import Break, BreakState
from office.accounting.breaks import approve, open_breaks, propose, to_suspense
from office.accounting.chart import shipped
from office.accounting.finding import Finding
from office.accounting.posting import post_day
from office.database.schema import OFFICE

CHART = shipped()
BANK, OTHER = "01020000", "01030000"
D1, D2, D3 = "20261124", "20261125", "20261126"
NAME = f"B{D1}-{BANK}-0001"
WANG, LI = "wang", "li"

_lines = count(1)


@contextmanager
def tried(connection: Connection) -> Iterator[None]:
    """Undo whatever is done within: to make a database anew would take longer than the tests themselves."""
    savepoint = connection.begin_nested()
    try:
        yield
    finally:
        savepoint.rollback()


def marked(connection: Connection, **columns: str) -> None:
    """Change every break as somebody else might."""
    connection.execute(update(OFFICE.tables["breaks"]).values(**columns))


def finding(ours: int = 0, theirs: int = 100, cls: str = "bank_only", code: str = "500000") -> Finding:
    line = next(_lines)
    return Finding(BreakClass(cls), f"K{line}", line, "C", code, "P1", "D1", ours, theirs, "why")


def in_suspense(connection: Connection, *findings: Finding, bank: str = BANK, date: str = D1) -> str:
    """The name of the first of a day's breaks, by default one overage of 100 fen, posted to suspense."""
    given = findings or (finding(),)
    names = open_breaks(connection, bank, date, given, 1)
    ours = sum(row.ours_effect for row in given)
    theirs = sum(row.theirs_effect for row in given)
    post_day(connection, CHART, bank, date, {"500000": ours}, theirs, 2)
    to_suspense(connection, bank, date, 2)
    return names[0]


def proposed(connection: Connection, name: str, resolution: str = "refund", by: str = WANG) -> Break:
    return propose(connection, name, resolution, by, 3, "", CHART)


def approved(connection: Connection, name: str, resolution: str = "refund") -> Break:
    proposed(connection, name, resolution)
    return approve(connection, name, LI, 4)


def row(**given: Any) -> Break:  # noqa: ANN401 - any column
    values = dict.fromkeys(Break._fields, "") | {"line": 1, "ours_effect": 0, "state": BreakState.APPROVED}
    values["withheld"] = 0  # type: ignore[assignment]
    values |= {"name": NAME, "bank": BANK, "date": D1, "cls": "bank_only", "code": "500000"}
    return Break(**{**values, **given})  # type: ignore[arg-type]
