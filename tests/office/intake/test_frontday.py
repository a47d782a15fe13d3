"""A closed day is taken under its own seal, in its sequence, with just its own entries; or not at all.

What a forger could do to a front book is done to it from below.
"""

from __future__ import annotations

import pytest
from sqlalchemy import text, update

from ledger.book.schema import days as front_days
from ledger.rules.entry import GENESIS, entry_hash
from ledger.rules.seal import ChainEnd, Sealer
from office.errors import DayRefused
from office.intake.frontday import FrontDay
from office.intake.pull import Pulled
from tests.support.builders import DATE
from tests.support.pull_books import AFTER, CLOSED_AT, NEXT, Books, held


def test_a_closed_day_comes_with_its_seal_and_the_open_days_entries_without_one(books: Books) -> None:
    books.commit(4)
    books.commit(2, node=1)
    books.cut_over()
    books.commit(3)
    assert books.pull() == Pulled(9, (DATE,))
    day = books.day()
    first = (DATE, "closed", NEXT, CLOSED_AT, day.root, day.signature, 6)
    assert held(books.office).days == [first]
    books.cut_over(NEXT)
    assert books.pull() == Pulled(0, (NEXT,))
    day = books.day(NEXT)
    second = (NEXT, "closed", AFTER, CLOSED_AT, day.root, day.signature, 3)
    assert held(books.office).days == [first, second]
    assert books.pull() == Pulled(0, ())


def test_days_that_waited_come_together_in_order(books: Books) -> None:
    books.cut_over()
    books.commit(4)
    books.cut_over(NEXT)
    assert books.pull() == Pulled(4, (DATE, NEXT))
    assert [row[-1] for row in held(books.office).days] == [0, 4]


def closed(books: Books) -> FrontDay:
    """Four entries, a cut-over, two more; the day that was closed."""
    books.commit(4)
    books.cut_over()
    books.commit(2)
    return books.day()


def refused(books: Books, date: str = DATE) -> str:
    """Why the day is not taken; its entries come all the same, for the chain holds."""
    with pytest.raises(DayRefused) as refusal:
        books.pull()
    assert refusal.value.date == date
    assert len(held(books.office).entries) == len(books.journal())
    assert date not in [row[0] for row in held(books.office).days]
    return refusal.value.reason


def test_a_day_whose_seal_does_not_fit_is_refused(books: Books) -> None:
    day = closed(books)
    for change in ({"next_date": "20261201"}, {"closed_at": 1}, {"root": "f" * 64}, {"signature": "f" * 128}):
        values = {"next_date": day.next_date, "closed_at": day.closed_at, "root": day.root, **change}
        with books.front.transaction() as connection:
            connection.execute(update(front_days).where(front_days.c.date == DATE).values(values))
        assert "the root is not" in refused(books)


def test_a_day_sealed_with_another_key_is_refused(books: Books) -> None:
    books.seal(closed(books), Sealer(b"x" * 32))
    assert "not signed" in refused(books)


def test_a_day_whose_chains_ends_cannot_be_read_is_refused(books: Books) -> None:
    closed(books)
    for ends in ("", "{}1", "7", "[7]", '[["a", "b", "c"]]', "[[1, 2]]"):
        with books.front.transaction() as connection:
            connection.execute(update(front_days).where(front_days.c.date == DATE).values(chains=ends))
        with pytest.raises(DayRefused, match="cannot be read"):
            books.pull()


def test_a_day_sealed_over_other_entries_is_refused(books: Books) -> None:
    day = closed(books)
    books.seal(day._replace(ends=(ChainEnd(1, 4, "f" * 64), day.ends[1])))
    assert "not the one that was sealed" in refused(books)


def test_a_day_sealed_beyond_what_there_is_is_refused(books: Books) -> None:
    day = closed(books)
    books.seal(day._replace(ends=(ChainEnd(1, 9, "f" * 64), day.ends[1])))
    assert "not pulled" in refused(books)


def test_a_day_sealed_over_entries_of_the_next_is_refused(books: Books) -> None:
    day = closed(books)
    books.seal(day._replace(ends=(books.ends()[0], day.ends[1])))
    assert "is dated 20261125" in refused(books)


def test_a_day_sealed_before_all_of_its_entries_is_refused(books: Books) -> None:
    day = closed(books)
    third = ChainEnd(1, 3, entry_hash(books.journal()[2]))
    for ends in ((third, day.ends[1]), (ChainEnd(1, 0, GENESIS), day.ends[1]), day.ends[1:]):
        books.seal(day._replace(ends=ends))
        assert "after the one at position" in refused(books)


def test_a_day_that_is_left_out_is_missed(books: Books) -> None:
    closed(books)
    books.pull()
    books.cut_over(NEXT)
    books.cut_over(AFTER)
    with books.front.transaction() as connection:
        connection.execute(text(f"DELETE FROM days WHERE date = '{NEXT}'"))  # noqa: S608 - a constant
    assert NEXT in refused(books, AFTER)


def test_a_day_that_was_taken_and_is_sealed_anew_is_refused(books: Books) -> None:
    day = closed(books)
    books.pull()
    books.seal(day._replace(closed_at=CLOSED_AT + 1))
    with pytest.raises(DayRefused, match="taken with"):
        books.pull()


def test_the_day_after_one_that_is_refused_is_not_taken_either(books: Books) -> None:
    books.seal(closed(books), Sealer(b"x" * 32))
    books.cut_over(NEXT)
    refused(books)
    assert held(books.office).days == []
