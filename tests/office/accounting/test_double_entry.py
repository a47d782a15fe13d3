"""Double entry as the database itself holds it, whoever asks: what does not balance, or comes too late."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, text

from ledger.book.store import Store
from ledger.errors import LedgerError
from office.accounting.chart import shipped

CLEARING, PREMIUMS, ADVANCE = shipped().clearing, "1122", "2203"


def rows(store: Store, query: str) -> list[tuple[Any, ...]]:
    with store.reading() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def run(connection: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        connection.execute(text(statement))


LEG = "INSERT INTO legs VALUES ('P', {}, '{}', '', '156', {})"
DAY = "INSERT INTO postings VALUES ('P', '20261124', '', '', {}, 1)"
BALANCED = (LEG.format(1, CLEARING, 5), LEG.format(2, PREMIUMS, -5), DAY.format(2))
RAW: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("unbalanced", (*BALANCED[:1], LEG.format(2, PREMIUMS, -4), DAY.format(2)), "does not balance"),
    (
        "unbalanced in a currency",
        (BALANCED[0], LEG.format(2, PREMIUMS, -5).replace("156", "840"), DAY.format(2)),
        "does not balance",
    ),
    ("a leg missing", (*BALANCED[:2], DAY.format(3)), "does not balance"),
    ("a leg too many", (*BALANCED[:2], LEG.format(3, ADVANCE, 1), DAY.format(2)), "does not balance"),
    ("legs after the posting", (DAY.format(2), *BALANCED[:2]), "does not balance"),
    ("no legs", (DAY.format(0),), "posting_moves_something"),
    ("legs of no posting", BALANCED[:2], "(?i)foreign key"),
    ("leg added later", (*BALANCED, LEG.format(3, ADVANCE, 1)), "gets no more legs"),
    ("empty leg", (LEG.format(1, CLEARING, 0),), "leg_moves_something"),
    ("unknown account", (LEG.format(1, "9999", 1),), "(?i)foreign key"),
    ("posting twice", (*BALANCED, DAY.format(2)), "(?i)unique|duplicate"),
    ("leg changed", (*BALANCED, "UPDATE legs SET amount = amount * 2"), "legs is append-only"),
    ("leg removed", (*BALANCED, "DELETE FROM legs"), "legs is append-only"),
    ("posting changed", (*BALANCED, "UPDATE postings SET date = '20261125'"), "postings is append-only"),
    ("posting removed", (*BALANCED, "DELETE FROM postings"), "postings is append-only"),
    ("kind unknown", ("INSERT INTO accounts VALUES ('1', '', 'cost', 'debit')",), "account_kind"),
)


def test_database_refuses(store: Store, subtests: pytest.Subtests) -> None:
    for name, statements, wording in RAW:
        with subtests.test(name):
            with pytest.raises(LedgerError, match=wording), store.transaction() as connection:
                run(connection, statements)
            assert rows(store, "SELECT count(*) FROM legs") == [(0,)]


def test_database_takes_what_balances(store: Store) -> None:
    with store.transaction() as connection:
        run(connection, BALANCED)
    assert rows(store, "SELECT count(*) FROM legs") == [(2,)]


def test_database_refuses_a_leg_added_while_its_posting_is_being_committed(
    store: Store, office_url: str
) -> None:
    """The second writer cannot see the posting when it adds the leg, and can when it commits."""
    if store.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    engine = create_engine(office_url)

    def cross() -> None:
        with store.transaction() as second, engine.begin() as first:
            run(first, BALANCED)
            run(second, [LEG.format(3, ADVANCE, 7)])

    with pytest.raises(LedgerError, match="gets no more legs"):
        cross()
    engine.dispose()
    assert rows(store, "SELECT sum(amount), count(*) FROM legs") == [(0, 2)]
