"""What the back office's tests share: a database of its own beside the front book's.

What a fixture stands on it imports itself: tests of pure rules ask for none, and are collected in no time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ledger.book.store import Store
    from tests.support.audit_books import Urls
    from tests.support.pull_books import Books


@pytest.fixture
def office_url(new_database: Callable[[str], str]) -> str:
    """The URL of a back office's database without a row, of the same kind as the fixture `database`'s."""
    return new_database("office")


@pytest.fixture
def books(database: str, office_url: str) -> Iterator[Books]:
    """A front book with two nodes and the office beside it, both empty but for three dues."""
    from tests.support.pull_books import Books

    books = Books(database, office_url)
    yield books
    books.close()


@pytest.fixture
def store(office_url: str) -> Iterator[Store]:
    """An office's database with its tables and the shipped chart; any posting that balances goes in."""
    from ledger.book.schema import make_missing
    from ledger.book.store import Store
    from office.accounting.books import install_chart
    from office.accounting.chart import shipped
    from office.database.schema import OFFICE
    from tests.support.unexplained_posting import let_in

    opened = Store(office_url)
    with opened.transaction() as connection:
        make_missing(connection, OFFICE)
        install_chart(connection, shipped(), 1, "li")
        let_in(connection)
    yield opened
    opened.close()


@pytest.fixture
def connection(store: Store) -> Iterator[Connection]:
    """One transaction in it, for the whole test."""
    with store.transaction() as opened:
        yield opened


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def urls(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Urls:
    """Two databases after some days, on each kind of database; a test leaves them as they were."""
    from tests.support.audit_books import Urls, build

    if request.param == "sqlite":
        folder = tmp_path_factory.mktemp("audited")
        made = Urls(*(f"sqlite:///{folder / name}.db" for name in Urls._fields))
    else:
        given = request.getfixturevalue("postgresql")
        made = Urls(*(_create(given, f"audited_{name}_{id(request)}") for name in Urls._fields))
    build(made)
    return made


def _create(uri: str, name: str) -> str:
    import psycopg

    base, _, query = uri.partition("?")
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    driver = base.rsplit("/", 1)[0].replace("postgresql://", "postgresql+psycopg://", 1)
    return f"{driver}/{name}" + (f"?{query}" if query else "")
