"""Statements of account of the tests' banks, as they come to the office."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from office.database.schema import reconciliations
from office.statements.load import Given
from office.statements.statement import Statement, StatementLine, checked
from tests.support.closing_days import BANKS

ACCOUNT = "6222000012345678"


def line(amount: int, settles: str = "", kind: str = "settlement", **given: object) -> StatementLine:
    """A line of the first of December, 2026; whatever is not given says nothing."""
    values = {"line": 1, "date": "20261201", "amount": amount, "kind": kind, "settles": settles}
    return StatementLine(**(values | {"reference": "R", "text": "x"} | given))  # type: ignore[arg-type]


def statement(*lines: StatementLine, opening: int = 0, number: str = "1", **given: str) -> Statement:
    """A statement whose lines lead from its opening to its closing balance."""
    numbered = tuple(row._replace(line=place) for place, row in enumerate(lines, 1))
    closing = opening + sum(row.amount for row in lines)
    dates = {"from_date": "20261201", "to_date": "20261201"} | given
    return checked(Statement(ACCOUNT, number, opening=opening, closing=closing, lines=numbered, **dates))


def given(bank: str, content: Statement, digest: str = "ab" * 32) -> Given:
    return Given(bank, "csv-heads", digest, content)


def statements_of(connection: Connection) -> Iterator[Given]:
    """For the first bank two statements that settle each date, with a fee; for the second one that names no
    date.
    """
    made = reconciliations.c
    rows = connection.execute(select(made.date, made.theirs_effect).where(made.bank == BANKS[0]))
    first, second = sorted(map(tuple, rows))[:2]
    fee = line(-500, kind="fee")
    yield given(BANKS[0], statement(line(first[1], first[0]), fee, opening=1_000))
    opening = 1_000 + first[1] - 500
    later = {"from_date": "20261202", "to_date": "20261203"}
    dated = line(second[1], second[0], date="20261203")
    yield given(BANKS[0], statement(dated, opening=opening, number="2", **later), "cd" * 32)
    yield given(BANKS[1], statement(line(700), opening=5), "ef" * 32)
