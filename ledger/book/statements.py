"""The batch's statements whose rows come and go as one JSON array (docs/decisions/0003-statements.md).

Built for one kind of database, once a process. What they are used for, `ledger.book.front` says; no row is
read or written here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Subquery,
    Text,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine

from ledger.book import visible
from ledger.book.schema import bank_days, dues, identity_guesses, journal, policies
from ledger.rules.entry import Entry
from ledger.rules.request import Totals
from ledger.rules.view import Due

PARAMETER: Final = "given"
"""The name of every statement's one parameter."""
LARGEST_INSERT = 256
"""Rows in one INSERT of SQLite at most: 256 times 35 columns stays below its 32,766 parameters."""

_DUE_ROWS: Mapping[str, type[TypeEngine[Any]]] = {
    "due": Text,
    "sequence_before": BigInteger,
    "state_before": Text,
    "amount": BigInteger,
    "state": Text,
    "settled_by": Text,
    "sequence": BigInteger,
    "withdrawn": BigInteger,
}
FIGURES: Final = (*Totals._fields, "used", "unfit")
FIGURES_ROWS: Mapping[str, type[TypeEngine[Any]]] = {
    "bank": Text,
    "date": Text,
    **dict.fromkeys(FIGURES, BigInteger),
}
GUESSES_ROWS: Mapping[str, type[TypeEngine[Any]]] = {
    "due": Text,
    "date": Text,
    "wrong": BigInteger,
    "locked": BigInteger,
}

_COLUMNS = ", ".join(f'"{name}"' for name in Entry._fields)
_INSERT_RECORDS = (
    f"INSERT INTO journal ({_COLUMNS})"  # noqa: S608 - constant names
    f" SELECT {_COLUMNS} FROM json_populate_recordset(NULL::journal, %s)"
)


def _insert_values(size: int) -> str:
    row = "(" + ", ".join("?" * len(Entry._fields)) + ")"
    return f"INSERT INTO journal ({_COLUMNS}) VALUES {', '.join([row] * size)}"  # noqa: S608 - constant names


class Statements:
    """The batch's statements for one kind of database, built once."""

    def __init__(self, *, is_sqlite: bool) -> None:
        self._is_sqlite = is_sqlite
        self.entries_by_key = self._gathered(journal.columns, journal, journal.c.key)
        self.entries_by_receipt = self._gathered(journal.columns, journal, journal.c.receipt)
        self.reversing = self._gathered(
            [journal.c.original, journal.c.kind, journal.c.sequence], journal, journal.c.original
        ).where(journal.c.original != "", journal.c.response == "00")
        newest = visible.newest
        self.policies = self._gathered(
            [policies.c.policy, visible.policy_state(newest), visible.policy_holder(newest)],
            policies,
            policies.c.policy,
        ).where(visible.is_there(policies, newest))
        changing: dict[str, ColumnElement[Any]] = {
            "state": visible.due_state(newest),
            "withdrawn": visible.due_withdrawn(newest),
        }
        columns = [changing.get(name, dues.c[name]) for name in Due._fields]
        self.dues = self._gathered(columns, dues, dues.c.policy).where(visible.is_there(dues, newest))
        given = self._given(_DUE_ROWS)
        self.settle_dues = (
            update(dues)
            .values(
                state=given.c.state,
                settled_by=given.c.settled_by,
                sequence=given.c.sequence,
                withdrawn=given.c.withdrawn,
            )
            .where(
                dues.c.due == given.c.due,
                dues.c.sequence == given.c.sequence_before,
                visible.due_state(newest) == given.c.state_before,
                dues.c.amount == given.c.amount,
            )
        )
        given = self._given(FIGURES_ROWS)
        self.set_figures = (
            update(bank_days)
            .values({name: given.c[name] for name in FIGURES})
            .where(bank_days.c.bank == given.c.bank, bank_days.c.date == given.c.date)
        )
        given = self._given(GUESSES_ROWS)
        self.set_guesses = (
            update(identity_guesses)
            .values({name: given.c[name] for name in ("date", "wrong", "locked")})
            .where(identity_guesses.c.due == given.c.due)
        )
        self._inserts = {2**power: _insert_values(2**power) for power in range(LARGEST_INSERT.bit_length())}

    def rows(self, connection: Connection, statement: Select[Any], keys: Iterable[str]) -> list[list[Any]]:
        """The rows for `keys` of one of the gathering statements; no statement at all where there are no
        keys.
        """
        distinct = list(dict.fromkeys(keys))
        if not distinct:
            return []
        given = json.dumps(distinct) if self._is_sqlite else distinct
        gathered = connection.execute(statement, {PARAMETER: given}).scalar_one()
        found: list[list[Any]] = json.loads(gathered) if isinstance(gathered, str) else gathered or []
        return found

    def append(self, connection: Connection, entries: Sequence[Entry]) -> None:
        """Insert entries in order: on PostgreSQL in one statement, which takes them as JSON.

        On SQLite multi-row VALUES are several times faster; it takes as many statements as there are ones in
        the binary figure of the entries' number.
        """
        if not self._is_sqlite:
            records = json.dumps([entry._asdict() for entry in entries], ensure_ascii=False)
            connection.exec_driver_sql(_INSERT_RECORDS, (records,))
            return
        start = 0
        while start < len(entries):
            size = min(LARGEST_INSERT, 1 << ((len(entries) - start).bit_length() - 1))
            chunk = entries[start : start + size]
            values = tuple([value for entry in chunk for value in entry])
            connection.exec_driver_sql(self._inserts[size], values)
            start += size

    def _gathered(
        self, columns: Iterable[ColumnElement[Any]], table: FromClause, key: ColumnElement[Any]
    ) -> Select[Any]:
        """One row with all that match, as a JSON array of arrays."""
        array, group = (
            (func.json_array, func.json_group_array)
            if self._is_sqlite
            else (func.json_build_array, func.json_agg)
        )
        return select(group(array(*columns))).select_from(table).where(self._is_given(key))

    def _is_given(self, key: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether `key` is among the parameter's texts, said so that each database uses the key's index."""
        if self._is_sqlite:
            each = func.json_each(bindparam(PARAMETER, type_=Text)).table_valued("value")
            return key.in_(select(each.c.value))
        return key == any_(bindparam(PARAMETER, type_=ARRAY(Text)))

    def _given(self, names: Mapping[str, type[TypeEngine[Any]]]) -> Subquery:
        """The parameter's JSON array of arrays as rows with these columns."""
        if self._is_sqlite:
            each = func.json_each(bindparam(PARAMETER, type_=Text)).table_valued("value")
            columns = [
                func.json_extract(each.c.value, f"$[{place}]").label(name) for place, name in enumerate(names)
            ]
            return select(*columns).subquery("given")
        element = func.jsonb_array_elements(cast(bindparam(PARAMETER, type_=Text), JSONB)).column_valued(
            "element"
        )
        columns = [
            cast(element.op("->>")(literal_column(str(place))), kind).label(name)
            for place, (name, kind) in enumerate(names.items())
        ]
        return select(*columns).subquery("given")


@cache
def statements_of(*, is_sqlite: bool) -> Statements:
    """Each kind's, once a process."""
    return Statements(is_sqlite=is_sqlite)
