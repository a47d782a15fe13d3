"""The statements of a batch whose rows come and go as one JSON array (docs/decisions/0003-statements.md).

Built once a process, for one kind of database. `ledger.book.front` uses them; rows are matched to columns by
the order of a tuple's own fields, so that nobody counts positions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

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
from ledger.rules.view import Due, Guesses

PARAMETER: Final = "given"
"""The name of every statement's one parameter."""
LARGEST_INSERT = 256
"""The most rows of one INSERT of SQLite: 256 times 35 columns stays below its 32,766 parameters."""


class DueChange(NamedTuple):
    """A due's new state, `state` to `held_by`, and what its row must still hold to take it: the sequence,
    state and holder before the change, and the amount (fen).
    """

    due: str
    sequence_before: int
    state_before: str
    held_before: str
    amount: int
    state: str
    settled_by: str
    sequence: int
    withdrawn: int
    held_by: str


_DUE_TYPES: Mapping[str, type[TypeEngine[Any]]] = {
    **dict.fromkeys(DueChange._fields, Text),
    **dict.fromkeys(("sequence_before", "amount", "sequence", "withdrawn"), BigInteger),
}
FIGURES: Final = (*Totals._fields, "used", "unfit")
"""The columns of a bank's figures (ledger.rules.request.BankDay), flat."""
FIGURES_TYPES: Mapping[str, type[TypeEngine[Any]]] = {
    "bank": Text,
    "date": Text,
    **dict.fromkeys(FIGURES, BigInteger),
}
GUESSES_TYPES: Mapping[str, type[TypeEngine[Any]]] = {
    **dict.fromkeys(Guesses._fields, Text),
    **dict.fromkeys(("wrong", "locked"), BigInteger),
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
    """The statements of a batch for one kind of database.

    The rows that they give and take are in the order of the fields of Entry, Policy, Due, DueChange and
    Guesses.
    """

    def __init__(self, *, is_sqlite: bool) -> None:
        self._is_sqlite = is_sqlite
        entry_columns = [journal.c[name] for name in Entry._fields]
        self.entries_by_key = self._gathered(entry_columns, journal, journal.c.key)
        self.entries_by_receipt = self._gathered(entry_columns, journal, journal.c.receipt)
        self.reversing = self._gathered(
            [journal.c.original, journal.c.kind, journal.c.sequence], journal, journal.c.original
        ).where(journal.c.original != "", journal.c.response == "00")
        newest = visible.newest
        self.policies = self._gathered(visible.policy_columns(newest), policies, policies.c.policy).where(
            visible.is_there(policies, newest)
        )
        pending: dict[str, ColumnElement[Any]] = {
            "state": visible.due_state(newest),
            "withdrawn": visible.due_withdrawn(newest),
        }
        columns = [pending.get(name, dues.c[name]) for name in Due._fields]
        self.dues = self._gathered(columns, dues, dues.c.policy).where(visible.is_there(dues, newest))
        given = self._given(_DUE_TYPES)
        self.settle_dues = (
            update(dues)
            .values(
                state=given.c.state,
                settled_by=given.c.settled_by,
                sequence=given.c.sequence,
                withdrawn=given.c.withdrawn,
                held_by=given.c.held_by,
            )
            .where(
                dues.c.due == given.c.due,
                dues.c.sequence == given.c.sequence_before,
                visible.due_state(newest) == given.c.state_before,
                dues.c.held_by == given.c.held_before,
                dues.c.amount == given.c.amount,
            )
        )
        given = self._given(FIGURES_TYPES)
        self.set_figures = (
            update(bank_days)
            .values({name: given.c[name] for name in FIGURES})
            .where(bank_days.c.bank == given.c.bank, bank_days.c.date == given.c.date)
        )
        given = self._given(GUESSES_TYPES)
        self.set_guesses = (
            update(identity_guesses)
            .values({name: given.c[name] for name in ("date", "wrong", "locked")})
            .where(identity_guesses.c.due == given.c.due)
        )
        self._inserts = {2**power: _insert_values(2**power) for power in range(LARGEST_INSERT.bit_length())}

    def rows(self, connection: Connection, statement: Select[Any], keys: Iterable[str]) -> list[list[Any]]:
        """The rows of one of the gathering statements for these keys; with no keys, none, and no statement is
        run.
        """
        distinct = list(dict.fromkeys(keys))
        if not distinct:
            return []
        given = json.dumps(distinct) if self._is_sqlite else distinct
        gathered = connection.execute(statement, {PARAMETER: given}).scalar_one()
        rows: list[list[Any]] = json.loads(gathered) if isinstance(gathered, str) else gathered or []
        return rows

    def append(self, connection: Connection, entries: Sequence[Entry]) -> None:
        """Insert entries in order. On PostgreSQL one statement takes them all as JSON.

        On SQLite multi-row VALUES are several times faster. They are inserted by powers of two, so that few
        different statements are prepared: 11 entries take three of them, of 8, 2 and 1 rows.
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
        """A query of one row: all rows of `table` whose `key` is given, as a JSON array of arrays."""
        array, group = (
            (func.json_array, func.json_group_array)
            if self._is_sqlite
            else (func.json_build_array, func.json_agg)
        )
        return select(group(array(*columns))).select_from(table).where(self._is_given(key))

    def _is_given(self, key: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether `key` is among the parameter's texts, in the form for which each database uses an index."""
        if self._is_sqlite:
            each = func.json_each(bindparam(PARAMETER, type_=Text)).table_valued("value")
            return key.in_(select(each.c.value))
        return key == any_(bindparam(PARAMETER, type_=ARRAY(Text)))

    def _given(self, names: Mapping[str, type[TypeEngine[Any]]]) -> Subquery:
        """The parameter's JSON array of arrays as a subquery with these columns, in this order."""
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
    """The statements for one kind of database, built once a process."""
    return Statements(is_sqlite=is_sqlite)
