"""Rows go in whole, in order and byte for byte, in the caller's transaction, on both kinds of database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Column, MetaData, Table, Text, delete, func, select

from ledger.book.store import Store
from ledger.errors import BatchRefused, Conflict
from ledger.rules.entry import Kind
from office.database.bulk import insert_rows, stream

THINGS = Table(
    "order",
    MetaData(),
    Column("number", BigInteger, primary_key=True),
    Column("authorization", Text, nullable=False),
    Column("Mixed case", Text),
)
NAMES = ("number", "authorization", "Mixed case")
Rows = Iterable[tuple[object, ...]]
AWKWARD = (
    "",
    "\\N",
    "\\.",
    "a\tb",
    "a\nb",
    "a\r\nb",
    "back\\slash",
    "quote'\"",
    "张三 𠀀",
    "NULL",
    "%s ? :x",
)


@pytest.fixture
def store(office_url: str) -> Iterator[Store]:
    store = Store(office_url)
    with store.transaction() as connection:
        THINGS.metadata.create_all(connection)
    yield store
    store.close()


def named(rows: Rows) -> Iterator[dict[str, object]]:
    """Each row's values by the names of the columns."""
    return (dict(zip(NAMES, row, strict=True)) for row in rows)


def put(store: Store, rows: Rows) -> int:
    with store.transaction() as connection:
        return insert_rows(connection, THINGS, named(rows))


def held(store: Store) -> list[tuple[Any, ...]]:
    with store.reading() as connection:
        return [tuple(row) for row in stream(connection, select(THINGS).order_by(THINGS.c.number))]


def test_any_number_of_rows_goes_in_and_comes_out(store: Store) -> None:
    rows: list[tuple[Any, ...]] = []
    for size in (0, 1, 2, 127, 128, 129, 2000, 2001, 5000):
        more = [(len(rows) + number, f"text {number}", None) for number in range(size)]
        assert put(store, iter(more)) == size
        rows += more
        assert held(store) == rows


def test_every_value_comes_out_as_it_went_in(store: Store) -> None:
    rows: list[tuple[Any, ...]] = [(number, text, text) for number, text in enumerate(AWKWARD)]
    rows += [(-(2**63), "least", None), (2**63 - 1, "greatest", None)]
    put(store, rows)
    assert held(store) == sorted(rows)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=20))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_out_as_it_went_in(store: Store, texts: list[str]) -> None:
    rows = [(number, text, None) for number, text in enumerate(texts)]
    with store.transaction() as connection:
        connection.execute(delete(THINGS))
        insert_rows(connection, THINGS, named(rows))
    assert held(store) == rows


def test_a_member_of_an_enumeration_goes_in_as_its_value(store: Store) -> None:
    put(store, [(1, Kind.TOMBSTONE, None)])
    assert held(store) == [(1, "tombstone", None)]


def test_columns_may_be_fewer_and_in_any_order(store: Store) -> None:
    with store.transaction() as connection:
        rows = [{"authorization": "first", "number": 1}, {"number": 2, "authorization": "second"}]
        assert insert_rows(connection, THINGS, rows) == 2
    assert held(store) == [(1, "first", None), (2, "second", None)]


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"number": 1}, ValueError),
        ({"number": 1, "authorization": "secret", "Mixed case": None}, ValueError),
        ({"number": 1, "Authorization": "secret"}, KeyError),
    ],
    ids=["a column missing", "a column too many", "a column misspelt"],
)
def test_a_row_of_other_columns_than_the_first_is_refused(
    store: Store, row: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error, match="authorization") as refused, store.transaction() as connection:
        insert_rows(connection, THINGS, [{"number": 7, "authorization": "x"}, row])
    assert "secret" not in str(refused.value)
    assert held(store) == []


def test_a_column_that_the_table_does_not_have_is_refused(store: Store) -> None:
    with pytest.raises(KeyError), store.transaction() as connection:
        insert_rows(connection, THINGS, [{"number": 1, "text) VALUES (1); --": "x"}])
    assert held(store) == []


def test_nothing_is_kept_when_the_callers_transaction_fails(store: Store) -> None:
    def put_and_fail() -> None:
        with store.transaction() as connection:
            assert insert_rows(connection, THINGS, named([(1, "x", None)])) == 1
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError, match="changed my mind"):
        put_and_fail()
    assert held(store) == []


def test_a_source_that_fails_on_the_way_is_heard_and_nothing_is_kept(store: Store) -> None:
    def failing() -> Iterator[tuple[int, str, None]]:
        for number in range(3000):
            yield number, "x", None
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        put(store, failing())
    assert held(store) == []
    assert put(store, [(1, "x", None)]) == 1


@pytest.mark.parametrize(
    "rows",
    [
        [(1, "secret", None), (1, "secret", None)],
        [(1, None, "secret")],
    ],
    ids=["a key twice", "a value missing"],
)
def test_the_databases_refusal_is_told_without_the_row(store: Store, rows: Rows) -> None:
    with pytest.raises((BatchRefused, Conflict)) as refused:
        put(store, rows)
    assert "secret" not in str(refused.value)
    assert held(store) == []


def test_rows_are_taken_only_within_a_transaction(store: Store) -> None:
    with pytest.raises(ValueError, match="transaction"), store._writer.connect() as connection:
        insert_rows(connection, THINGS, named([(1, "x", None)]))


def test_rows_are_taken_as_they_come_and_told_as_they_go_in(store: Store) -> None:
    taken, reported, most = 0, 0, 0

    def source() -> Iterator[tuple[int, str, None]]:
        nonlocal taken, most
        for number in range(10_001):
            taken += 1
            most = max(most, taken - reported)
            yield number, "x", None

    def progress(rows: int) -> None:
        nonlocal reported
        reported += rows

    with store.transaction() as connection:
        assert insert_rows(connection, THINGS, named(source()), progress) == 10_001
        assert connection.execute(select(func.count()).select_from(THINGS)).scalar_one() == 10_001
    assert reported == 10_001
    assert most <= 2001
