"""Bulk writes and reads of rows, in memory that does not grow with their number.

This module alone knows the fastest way to write rows into each kind of database: VALUES of many rows on
SQLite, COPY on PostgreSQL. It names no table and no rule; the caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, islice
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, Table
from sqlalchemy.exc import DBAPIError

PARAMETERS_MAX = 32766
"""SQLite's limit on the parameters of one statement."""

_ROWS_A_STATEMENT = 128
_ROWS_READ_AT_ONCE = 2000
_KEYS_A_STATEMENT = 500


def insert_rows(
    connection: Connection,
    table: Table,
    rows: Iterable[Mapping[str, object]],
    progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Insert `rows` in the caller's transaction; returns how many there were.

    A row gives columns of the table their values, by their names; all rows give the columns that the first
    one gives. The rows are taken one after the other, so they may come from a generator. `progress` is told
    how many rows went in since it was told last. Raises KeyError for a column that the table or the first
    row does not have, ValueError for a row of more or fewer columns or where no transaction has begun, and
    what any statement raises (sqlalchemy.exc.DBAPIError, which Store.transaction translates).
    """
    if not connection.in_transaction():
        raise ValueError("rows are inserted within a transaction that the caller has begun")
    source = iter(rows)
    first = next(source, None)
    if first is None:
        return 0
    insert = _insert_values if connection.dialect.name == "sqlite" else _copy
    columns = tuple(first)
    return insert(connection, table, columns, _in_order(columns, chain((first,), source)), progress)


def values_in_order(columns: Sequence[str]) -> Callable[[Mapping[str, object]], Sequence[object]]:
    """Return a function that gives a row's values in the order of `columns`. It raises KeyError for a row
    that lacks one of them.
    """
    if len(columns) == 1:  # itemgetter with a single name returns the bare value
        return lambda row: (row[columns[0]],)
    return itemgetter(*columns)


def _in_order(columns: tuple[str, ...], rows: Iterable[Mapping[str, object]]) -> Iterator[Sequence[object]]:
    """Yield each row's values in the order of the columns. Raises what `insert_rows` raises for a row."""
    values = values_in_order(columns)
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"a row gives {', '.join(row)}; the first gives {', '.join(columns)}")
        yield values(row)


def stream(connection: Connection, statement: Select[Any]) -> Generator[Sequence[Any], None, None]:
    """Yield the rows of a query, fetched 2,000 at a time; on PostgreSQL through a server-side cursor.

    A caller that may stop before the last row closes the generator (contextlib.closing) within the
    transaction.
    """
    result = connection.execute(statement, execution_options={"yield_per": _ROWS_READ_AT_ONCE})
    try:
        for part in result.partitions():
            yield from part
    finally:
        result.close()


def in_chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the keys in parts of 500, few enough to name each as a parameter of one statement."""
    for start in range(0, len(keys), _KEYS_A_STATEMENT):
        yield keys[start : start + _KEYS_A_STATEMENT]


def _names(connection: Connection, table: Table, columns: Sequence[str]) -> tuple[str, str]:
    """The table's name and its columns' names, quoted where the database needs it."""
    preparer = connection.dialect.identifier_preparer
    listed = ", ".join(preparer.format_column(table.c[name]) for name in columns)
    return preparer.format_table(table), listed


def _insert_values(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    rows: Iterable[Sequence[object]],
    progress: Callable[[int], None],
) -> int:
    """Insert with VALUES of up to 128 rows a statement: several times faster on SQLite than one row each."""
    target, listed = _names(connection, table, columns)
    at_once = max(1, min(_ROWS_A_STATEMENT, PARAMETERS_MAX // len(columns)))
    source = iter(rows)
    total = 0
    while chunk := list(islice(source, at_once)):
        statement = _values_statement(target, listed, len(columns), len(chunk))
        connection.exec_driver_sql(statement, tuple(chain.from_iterable(chunk)))
        total += len(chunk)
        progress(len(chunk))
    return total


@lru_cache(maxsize=256)
def _values_statement(target: str, listed: str, width: int, size: int) -> str:
    row = "(" + ", ".join("?" * width) + ")"
    return f"INSERT INTO {target} ({listed}) VALUES {', '.join([row] * size)}"  # noqa: S608 - names of a Table


def _copy(
    connection: Connection,
    table: Table,
    columns: tuple[str, ...],
    rows: Iterable[Sequence[object]],
    progress: Callable[[int], None],
) -> int:
    """Insert with COPY FROM STDIN through the driver, psycopg: SQLAlchemy does not offer COPY."""
    import psycopg  # noqa: PLC0415 - a command on SQLite loads no driver

    target, listed = _names(connection, table, columns)
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError("PostgreSQL is spoken through psycopg 3")
    total = 0
    try:
        with driver.cursor() as cursor, cursor.copy(f"COPY {target} ({listed}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
                total += 1
                if total % _ROWS_READ_AT_ONCE == 0:
                    progress(_ROWS_READ_AT_ONCE)
    except psycopg.Error as error:
        # The same class of error as SQLAlchemy raises: Store.transaction translates it. Not `from error`,
        # because PostgreSQL's details quote the failing row.
        raise DBAPIError.instance("COPY", None, error, psycopg.Error, hide_parameters=True) from None
    if rest := total % _ROWS_READ_AT_ONCE:
        progress(rest)
    return total
