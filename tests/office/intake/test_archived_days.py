"""Which days the office tells the front that it has: archived ones, and only as long as they are whole."""

from __future__ import annotations

from sqlalchemy import text

from ledger.files.archived import ArchivedDay
from office.intake.archived import archived_days
from tests.support.builders import DATE
from tests.support.pull_books import NEXT, Books


def archived(books: Books) -> tuple[ArchivedDay, ...]:
    with books.office.reading() as connection:
        return archived_days(connection)


def change(books: Books, *statements: str) -> None:
    """Do to the office's database what its triggers may refuse."""
    with books.office.transaction() as connection:
        for statement in statements:
            connection.execute(text(statement))


def two_days(books: Books) -> None:
    """Two closed days of five and two entries, as pulled."""
    books.commit(4)
    books.commit(1, node=1)
    books.cut_over()
    books.commit(2)
    books.cut_over(NEXT)
    books.pull()


def test_only_archived_days_are_told_in_order_with_what_is_here(books: Books) -> None:
    two_days(books)
    assert archived(books) == ()
    change(books, "UPDATE days SET state = 'posted'")
    assert archived(books) == ()
    change(books, "UPDATE days SET state = 'archived'")
    assert archived(books) == (
        ArchivedDay(DATE, books.day().root, 5),
        ArchivedDay(NEXT, books.day(NEXT).root, 2),
    )


def test_no_day_is_told_from_the_first_on_that_is_not_whole(books: Books) -> None:
    two_days(books)
    change(books, "UPDATE days SET state = 'archived'", "UPDATE days SET entries = 6 WHERE date = '20261124'")
    assert archived(books) == ()
    change(
        books,
        "UPDATE days SET entries = 5 WHERE date = '20261124'",
        "UPDATE days SET entries = 1 WHERE date = '20261125'",
    )
    assert archived(books) == (ArchivedDay(DATE, books.day().root, 5),)
