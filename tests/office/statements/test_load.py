"""A statement is taken once and whole, follows the one before it, and is posted against clearing."""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import pytest
from sqlalchemy import Connection, insert, select, text
from sqlalchemy.exc import DBAPIError

from ledger.rules.break_classes import BreakClass
from office.accounting.books import Leg, Posting, account_balance, find_postings, post
from office.audit.arrived import arrived
from office.audit.evidence import Checked, Evidence, Failing
from office.audit.run import AUDITS
from office.database.schema import statement_lines, statements
from office.errors import StatementRefused
from office.reports.extract import report
from office.statements.load import arrivals, take_statement
from office.statements.settle import settle_arrival
from tests.support.audit_books import Urls, evidence, loosen
from tests.support.closing_days import BANKS, CHART
from tests.support.statements import given as coming
from tests.support.statements import line, statement

THIRD = BANKS[2]
AT = 10**15


@pytest.fixture
def books(urls: Urls) -> Iterator[Evidence]:
    """Books in which two banks have said what arrived, and the third nothing yet."""
    with evidence(urls) as opened:
        yield opened


@pytest.fixture
def connection(books: Evidence) -> Connection:
    return books.office


def found(books: Evidence) -> list[str]:
    return [f"{one.subject}: {one.what}" for one in arrived(books) if isinstance(one, Failing)]


def test_what_came_goes_from_clearing_to_the_deposits_and_the_fee_to_the_fees(books: Evidence) -> None:
    connection = books.office
    before = account_balance(connection, CHART.clearing, THIRD)
    content = statement(line(347_700, "20260923"), line(-2_000, kind="fee"), opening=100_000)
    taken = take_statement(connection, CHART, coming(THIRD, content), AT, "li")
    [posting] = find_postings(connection, [taken.posting])
    assert sorted(posting.legs) == [
        Leg(CHART.deposit, THIRD, "156", 345_700),
        Leg(CHART.clearing, THIRD, "156", -347_700),
        Leg(CHART.fee, "", "156", 2_000),
    ]
    assert posting.posting == f"{posting.date}/{THIRD}/statement-1"
    assert account_balance(connection, CHART.clearing, THIRD) == before - 347_700
    assert [one for check in AUDITS for one in check(books) if isinstance(one, Failing)] == []


def test_a_statement_given_again_changes_nothing(connection: Connection) -> None:
    given = coming(THIRD, statement(line(5)))
    first = take_statement(connection, CHART, given, AT, "li")
    again = take_statement(connection, CHART, given, AT, "li")
    assert (first.is_new, again.is_new, again.number) == (True, False, 1)
    other = coming(THIRD, statement(line(6)), "cd" * 32)
    with pytest.raises(StatementRefused, match="statement 1 of 03010000 was taken with other content"):
        take_statement(connection, CHART, other, AT, "li")


@pytest.mark.parametrize(
    ("opening", "dates", "words"),
    [
        (
            6,
            {"from_date": "20261203", "to_date": "20261203"},
            "begins on 20261203 with 6 fen: a gap to 1, which",
        ),
        (5, {"from_date": "20261201", "to_date": "20261203"}, "an overlap with 1, which ends on 20261201"),
    ],
)
def test_a_gap_and_an_overlap_are_named(
    connection: Connection, opening: int, dates: dict[str, str], words: str
) -> None:
    take_statement(connection, CHART, coming(THIRD, statement(line(5))), AT, "li")
    later = statement(line(1, date=dates["to_date"]), opening=opening, number="2", **dates)
    with pytest.raises(StatementRefused, match=words):
        take_statement(connection, CHART, coming(THIRD, later, "cd" * 32), AT, "li")


def test_a_statement_without_lines_is_taken_and_posts_nothing(connection: Connection) -> None:
    taken = take_statement(connection, CHART, coming(THIRD, statement(opening=7)), AT, "li")
    assert (taken.lines, taken.posting) == (0, "")


def test_what_was_expected_is_held_against_what_arrived(connection: Connection) -> None:
    rows = arrivals(connection)
    assert {row.bank for row in rows} == {BANKS[1]}, "the first bank's money has arrived, whole"
    assert all(row.date for row in rows), "what names no date is in a break"
    assert [row.arrived for row in rows] == [0] * len(rows)
    content = statement(line(1, "20260923"))
    take_statement(connection, CHART, coming(THIRD, content), AT, "li")
    first = next(row for row in arrivals(connection, THIRD) if row.date == "20260923")
    assert (first.arrived, first.difference) == (1, 1 - first.expected)


def test_the_database_refuses_a_statement_that_does_not_follow(connection: Connection) -> None:
    last = connection.execute(select(statements).where(statements.c.bank == BANKS[1])).one()
    row = last._asdict() | {"number": 2, "statement": "2", "lines": 0, "closing": last.closing}
    row |= {"from_date": "20261209", "to_date": "20261209"}
    for wrong in (
        {"opening": 1},
        {"opening": last.closing, "number": 3},
        {"opening": last.closing, "lines": 1},
    ):
        with pytest.raises(DBAPIError, match="does not follow the last one"), connection.begin_nested():
            connection.execute(insert(statements), {**row, **wrong})
    with pytest.raises(DBAPIError, match="gets no more lines"):
        connection.execute(
            insert(statement_lines), {"bank": BANKS[1], "number": 1, **line(3)._asdict(), "line": 2}
        )


def test_the_database_refuses_a_posting_that_no_statement_explains(connection: Connection) -> None:
    date = connection.scalar(select(statements.c.date).where(statements.c.bank == BANKS[1]))
    legs = (Leg(CHART.deposit, BANKS[1], "156", 700), Leg(CHART.clearing, BANKS[1], "156", -700))
    with pytest.raises(DBAPIError, match="no settled break, no statement"):
        post(connection, [Posting(f"{date}/{BANKS[1]}/statement-2", date, BANKS[1], "x", legs)], AT)


@pytest.mark.parametrize(
    "statement_text",
    [
        "UPDATE statement_lines SET settles = '20991231'",
        "UPDATE statements SET closing = closing + 1",
        "UPDATE legs SET amount = amount * 2 WHERE posting LIKE '%/statement-1'",
        "DELETE FROM statement_lines",
    ],
)
def test_the_audit_finds_what_was_changed(books: Evidence, statement_text: str) -> None:
    assert found(books) == []
    assert [one.count for one in arrived(books) if isinstance(one, Checked)] == [1, 3]
    loosen(books.office, statement_text.replace("DELETE FROM", "UPDATE").split()[1])
    books.office.execute(text(statement_text))
    assert found(books)


def test_what_differs_becomes_a_break_that_two_people_end(books: Evidence) -> None:
    connection = books.office
    before = account_balance(connection, CHART.clearing, BANKS[1])
    row = next(row for row in arrivals(connection, BANKS[1]) if row.date)
    broken = settle_arrival(connection, CHART, BANKS[1], row.date, "li", AT, "li")
    assert (broken.cls, broken.key, broken.difference, broken.state) == (
        BreakClass.ARRIVAL_DIFFERS,
        row.date,
        row.difference,
        "suspense",
    )
    assert account_balance(connection, CHART.clearing, BANKS[1]) == before + row.difference
    assert row.date not in {left.date for left in arrivals(connection, BANKS[1])}
    with pytest.raises(StatementRefused, match="nothing differs for"):
        settle_arrival(connection, CHART, BANKS[1], row.date, "li", AT, "li")
    shown = report(connection, BANKS[1], broken.date, "x", "20261231", CHART)
    assert broken.name in {listed.row.name for listed in shown.breaks}
    fitting = {ending.name for ending in CHART.fitting(broken.cls, broken.difference)}
    assert fitting == {"bank_corrects", "gain" if broken.difference > 0 else "loss"}
    assert [one for check in AUDITS for one in check(books) if isinstance(one, Failing)] == []


def test_the_database_refuses_an_arrival_break_of_another_amount(connection: Connection) -> None:
    row = next(row for row in arrivals(connection, BANKS[1]) if row.date)
    one = row._replace(in_breaks=row.in_breaks + 1)
    with (
        mock.patch("office.statements.settle.arrivals", return_value=(one,)),
        pytest.raises(DBAPIError, match="no settled break, no statement"),
    ):
        settle_arrival(connection, CHART, BANKS[1], row.date, "li", AT, "li")
