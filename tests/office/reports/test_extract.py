"""What a report reads is what the tables say, at the end of its date; tables that disagree are not read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, insert, update

from ledger.book.store import Store
from ledger.errors import InvariantBroken
from ledger.rules.day import DayState
from office.accounting.books import Leg, Posting, post
from office.database.schema import bank_files, breaks, days, products, reconciliations
from office.errors import NothingToReport
from office.reports.extract import overview, report
from office.reports.report_values import BankFile, Movement, Overview, Product, Reconciliation, Report
from tests.support.report_books import (
    AMOUNT,
    BANK,
    CHART,
    D1,
    D2,
    EXPECTED,
    LATE,
    MATCHED,
    NAMES,
    OTHER,
    REFUNDED,
    TODAY,
    WAITING,
    broken,
    fill,
    fill_side,
    put,
)


@pytest.fixture
def empty(office_url: str) -> Iterator[Store]:
    opened = Store(office_url, by_index=False)
    yield opened
    opened.close()


@pytest.fixture
def store(empty: Store) -> Store:
    with empty.transaction() as connection:
        fill(connection)
    return empty


def read(store: Store, date: str = D2, bank: str = BANK) -> Report:
    with store.reading() as connection:
        return report(connection, bank, date, NAMES[bank], TODAY, CHART)


def test_report_says_what_the_tables_say(store: Store) -> None:
    assert read(store) == EXPECTED


def test_report_of_an_earlier_date_shows_suspense_as_it_was_then(store: Store) -> None:
    shown = read(store, D1)
    assert (shown.long, shown.short) == (Movement(0, 50_000, 0, 0), Movement(0, -42_000, 0, 0))
    assert [listed.row for listed in shown.outstanding] == [REFUNDED, MATCHED, WAITING]
    assert (shown.accounts.long_balance, shown.accounts.short_balance) == (-50_000, 42_000)


def test_day_that_is_not_posted_is_shown_beside_the_books_as_they_are(empty: Store) -> None:
    with empty.transaction() as connection:
        fill(connection, "reconciled")
    shown = read(empty)
    assert shown.posted_on == ""
    assert (shown.postings, shown.accounts) == (
        (),
        EXPECTED.accounts._replace(long_balance=-50_000, short_balance=42_000),
    )
    assert shown.long == Movement(50_000, 580_000, 0, 0)
    assert shown.short == Movement(-42_000, -10_000, -30_000, 0)


def test_chart_of_the_office_counts_or_the_shipped_one(store: Store) -> None:
    with store.reading() as connection:
        assert report(connection, BANK, D2, NAMES[BANK], TODAY) == EXPECTED
        without = CHART._replace(resolutions={})
        shown = report(connection, BANK, D2, NAMES[BANK], TODAY, without)
    assert [listed.ending for listed in shown.breaks] == ["refund", "", "", "", "", "", "accept"]


@pytest.mark.parametrize(
    ("bank", "date", "wording"),
    [
        (LATE, D2, "bank 01040000 is not reconciled for 20261125"),
        (OTHER, D1, "bank 01030000 is not reconciled for 20261124"),
        (BANK, "20261126", "not reconciled for 20261126"),
    ],
)
def test_nothing_is_reported_before_it_is_reconciled(
    store: Store, bank: str, date: str, wording: str
) -> None:
    with pytest.raises(NothingToReport, match=wording):
        read(store, date, bank)


def test_overview_shows_every_bank_and_who_waits(store: Store) -> None:
    with store.reading() as connection:
        assert overview(connection, D2, NAMES, TODAY, CHART) == Overview(
            TODAY,
            EXPECTED.day,
            (EXPECTED, report(connection, OTHER, D2, NAMES[OTHER], TODAY)),
            ((LATE, NAMES[LATE]),),
        )


def test_bank_that_left_the_settings_stays_in_the_overview(store: Store) -> None:
    with store.reading() as connection:
        shown = overview(connection, D2, {OTHER: "农业银行"}, TODAY, CHART)
    assert [(report.bank, report.bank_name) for report in shown.reports] == [
        (BANK, BANK),
        (OTHER, "农业银行"),
    ]


def test_overview_of_a_date_that_is_not_closed_is_refused(store: Store) -> None:
    with store.reading() as connection, pytest.raises(NothingToReport, match="20261126 is not closed"):
        overview(connection, "20261126", NAMES, TODAY, CHART)


def test_more_than_9999_breaks_come_in_their_order(empty: Store) -> None:
    with empty.transaction() as connection:
        fill(connection)
        for number in (10_000, 9_999):
            name = f"B{D2}-{BANK}-{number}"
            connection.execute(
                insert(breaks).values(broken(9, D2, "exception_advice", 0, 0, name=name, key=name))
            )
    assert [listed.row.name[-5:] for listed in read(empty).opened] == [
        "-0001",
        "-0002",
        "-0003",
        "-0004",
        "-9999",
        "10000",
    ]


def line_too_many(connection: Connection) -> None:
    put(connection, products, bank=BANK, date=D2, code="502000", lines=1, effect=0)


def effect_too_many(connection: Connection) -> None:
    put(connection, products, bank=BANK, date=D2, code="502000", lines=0, effect=1)


def code_of_no_direction(connection: Connection) -> None:
    fill_side(connection, LATE, D2, Reconciliation(1, 0, 0, 7, 0), (), (Product("310000", 1, 7),))


def break_too_many(connection: Connection) -> None:
    connection.execute(insert(breaks).values(broken(9, D2, "bank_only", 0, 1)))


def carried_break_too_many(connection: Connection) -> None:
    connection.execute(insert(breaks).values(broken(9, D1, "bank_only", 0, 1)))


def break_settled_only_in_the_table(connection: Connection) -> None:
    of_it = breaks.c["break"] == AMOUNT.name
    decided = {"resolution": "accept", "proposed_by": "李娜", "approved_by": "王强"}
    connection.execute(update(breaks).where(of_it).values(state="posted", settled_on=D2, **decided))


def suspense_moved_by_nobody(connection: Connection) -> None:
    legs = Leg(CHART.short, BANK, "156", 1), Leg("6711", "", "156", -1)
    post(connection, [Posting("by hand", D2, BANK, "", legs)], 1)


def suspense_moved_before(connection: Connection) -> None:
    legs = Leg(CHART.long, BANK, "156", 1), Leg("6711", "", "156", -1)
    post(connection, [Posting("by hand", D1, BANK, "", legs)], 1)


def posted_by_nobody(connection: Connection) -> None:
    fill_side(connection, LATE, D2, Reconciliation(0, 0, 0, 0, 0), (), ())
    two_legs = Leg("1122", "", "156", 1), Leg("6711", "", "156", -1)
    post(connection, [Posting(f"{D2}/{LATE}/x", D2, LATE, "", two_legs)], 1)


NOTHING = Reconciliation(0, 0, 0, 0, 0)._asdict() | {"breaks_allowed": 100, "made_at": 1}


def file_of_other_lines(connection: Connection) -> None:
    file = BankFile("digest", "standard", 0, 1, 0)
    put(connection, bank_files, bank=LATE, date=D1, taken_at=1, **file._asdict())
    put(connection, reconciliations, bank=LATE, date=D1, **NOTHING)


@pytest.mark.parametrize(
    ("damage", "bank", "date", "wording"),
    [
        (line_too_many, BANK, D2, "our lines by code: 8 is said, but the rows make 9"),
        (effect_too_many, BANK, D2, "our effects by code: 100000 is said, but the rows make 100001"),
        (code_of_no_direction, LATE, D2, "our lines: 1 is said, but the rows make 0"),
        (file_of_other_lines, LATE, D1, "the file's collections: 1 is said, but the rows make 0"),
        (break_too_many, BANK, D2, "difference: 600000 is said, but the rows make 600001"),
        (carried_break_too_many, BANK, D2, "224101 when the date begins .*: -50000 is said, .* make -50001"),
        (break_settled_only_in_the_table, BANK, D2, "122102 when the date ends .*: 22000 .* make 12000"),
        (suspense_moved_by_nobody, BANK, D2, "122102 when the date ends .*: 22001 is said, .* make 22000"),
        (suspense_moved_before, BANK, D2, "224101 when the date begins .*: -49999 is said, .* make -50000"),
        (posted_by_nobody, LATE, D2, "postings of a day that is not posted: 0 is said, but the rows make 1"),
    ],
)
def test_tables_that_disagree_are_not_reported(
    store: Store, damage: Callable[[Connection], None], bank: str, date: str, wording: str
) -> None:
    with store.transaction() as connection:
        damage(connection)
    with pytest.raises(InvariantBroken, match=wording):
        read(store, date, bank)


def test_archived_day_is_still_held_against_the_books(store: Store) -> None:
    with store.transaction() as connection:
        connection.execute(update(days).where(days.c.date == D2).values(state="archived"))
    assert read(store) == EXPECTED._replace(day=EXPECTED.day._replace(state=DayState.ARCHIVED))
    with store.transaction() as connection:
        suspense_moved_by_nobody(connection)
    with pytest.raises(InvariantBroken):
        read(store)
