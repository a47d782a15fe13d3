"""What an operator watches in the book: the open day and each bank's figures of it."""

from __future__ import annotations

from os import urandom

from ledger.book.front import FrontBook
from ledger.book.load import load_book
from ledger.book.lookup import totals_on
from ledger.book.store import Store
from ledger.rules.request import Act, Totals
from tests.support.builders import BANK, DATE, book, premium, request


def test_the_open_dates_figures_are_those_of_the_totals(database: str) -> None:
    store = Store(database)
    try:
        front = FrontBook(store, "check", urandom)
        front.create()
        assert (front.overview().day, front.overview().figures) == (None, {})
        load_book(store, book(dues=[premium("D1", "P1")]), lambda number: f"digest {number}", 1)
        front.claim("fep1")
        first = request()
        cancel = request(Act.CANCEL, code="020000", original=first.key)
        assert [answer.response.value for answer in front.commit([first, cancel], 1)] == ["00", "00"]
        overview = front.overview()
        with store.reading() as connection:
            totals = totals_on(connection, DATE)
        assert totals == {BANK: Totals(1, 120_000, 1, 120_000)}
        assert {bank: figures.totals for bank, figures in overview.figures.items()} == totals
    finally:
        store.close()
