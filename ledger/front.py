"""The front book's statements: what a batch reads, and what it writes, in a fixed number of statements.

The only module that reads or writes the front book's rows while serving. Each statement takes all of a
batch's keys, or rows, as one JSON array, and gives its rows back as one: their number does not grow with
the batch, and the interpreter's lock is let go and taken again once a statement instead of once a row. No
rule and no decision lives here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

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
    insert,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine

from ledger.bookfile import Policy
from ledger.day import DayState
from ledger.decide import decide, fold
from ledger.entry import GENESIS, SALT_BYTES, Entry, Kind, chain_entries
from ledger.errors import Conflict, Fenced, InvariantBroken
from ledger.journal import last_stamp
from ledger.request import Answer, Request, Totals
from ledger.schema import FRONT, bank_days, chains, days, dues, facts, journal, make_missing, policies
from ledger.store import Store
from ledger.view import Chain, Day, Due, DueState, View
from protocol.responses import Response

SCHEMA_VERSION = "2"
LARGEST_INSERT = 256
"""Rows in one INSERT of SQLite at most: 256 times 35 columns stays below its 32,766 parameters."""

CLAIM_ATTEMPTS = 20
"""More nodes than that do not start for the first time in one moment."""

_PARAMETER = "given"
_DUE_ROWS: Mapping[str, type[TypeEngine[Any]]] = {
    "due": Text,
    "turn_before": BigInteger,
    "state_before": Text,
    "amount": BigInteger,
    "state": Text,
    "settled_by": Text,
    "turn": BigInteger,
}
_TOTALS_ROWS: Mapping[str, type[TypeEngine[Any]]] = {
    "bank": Text,
    "date": Text,
    **dict.fromkeys(Totals._fields, BigInteger),
}
# Built once: for a small batch, building them took longer than running them.
_OPEN_DAY = select(days.c.date, days.c.state).where(days.c.state == DayState.OPEN.value)
_OPEN_DAY_SHARED = _OPEN_DAY.with_for_update(read=True)
_OUR_CHAIN = (
    select(chains.c.chain, chains.c.epoch, chains.c.position, chains.c.tip)
    .where(chains.c.chain == bindparam(_PARAMETER))
    .with_for_update()
)
_MOVE_CHAIN = (
    update(chains)
    .where(chains.c.chain == bindparam("our_chain"), chains.c.epoch == bindparam("our_epoch"))
    .values(position=bindparam("new_position"), tip=bindparam("new_tip"))
)
_TOTALS = (
    select(bank_days)
    .where(tuple_(bank_days.c.bank, bank_days.c.date).in_(bindparam(_PARAMETER, expanding=True)))
    .order_by(bank_days.c.bank, bank_days.c.date)
    .with_for_update()
)
_FIRST_TOTALS = insert(bank_days)
_KEPT = select(days.c.date).where(days.c.date.in_(bindparam(_PARAMETER, expanding=True)))


class FrontBook:
    """One node's hold on the front book: `commit` is the only way that money moves. `entropy` gives that many
    random bytes: the salts of the holders' digests.
    """

    def __init__(self, store: Store, key_check: str, entropy: Callable[[int], bytes]) -> None:
        self._store = store
        self._key_check = key_check
        self._entropy = entropy
        self._chain = 0
        self._epoch = 0
        self._stamped = 0
        self._statements = _statements(is_sqlite=store.is_sqlite)

    def create(self) -> None:
        """Make the tables where they are missing; refuse a book of another version, or made with another
        front key.
        """
        with self._store.transaction() as connection:
            make_missing(connection, FRONT)
            known = {row.name: row.value for row in connection.execute(select(facts.c.name, facts.c.value))}
            for name, value in (("schema", SCHEMA_VERSION), ("front_key", self._key_check)):
                if known.get(name, value) != value:
                    raise InvariantBroken(
                        f"the front book was made with another {name}; its repeats could not be told"
                    )
                if name not in known:
                    connection.execute(insert(facts).values(name=name, value=value))

    def claim(self, node: str) -> int:
        """Take the node's chain under a new epoch; whoever held it before is fenced out. The epoch.

        Nodes that are new to a book and start at once are after one chain: who was second looks again.
        """
        for _ in range(CLAIM_ATTEMPTS - 1):
            try:
                return self._claim(node)
            except Conflict:
                continue
        return self._claim(node)

    def _claim(self, node: str) -> int:
        with self._store.transaction() as connection:
            row = connection.execute(
                select(chains.c.chain, chains.c.epoch).where(chains.c.node == node).with_for_update()
            ).first()
            if row is None:
                last = connection.execute(select(func.coalesce(func.max(chains.c.chain), 0))).scalar_one()
                values = {"chain": last + 1, "node": node, "epoch": 1, "position": 0, "tip": GENESIS}
                connection.execute(insert(chains).values(values))
                chain, epoch = last + 1, 1
            else:
                chain, epoch = row.chain, row.epoch + 1
                connection.execute(update(chains).where(chains.c.chain == chain).values(epoch=epoch))
            self._stamped = last_stamp(connection)
        self._chain, self._epoch = chain, epoch
        return epoch

    def day(self) -> Day | None:
        """The open business day, if there is one."""
        with self._store.reading() as connection:
            return _read_day(connection, lock=False)

    def commit(self, requests: Sequence[Request], recorded_at: int) -> list[Answer]:
        """Decide a batch and make it durable: the answers, in order, all of them safe to send.

        `recorded_at` is microseconds since 1970-01-01 UTC; where that is before the book's last entry, since
        a clock was set back, the batch is stamped as that one. Raises Unavailable, Conflict, BatchRefused,
        Fenced or InvariantBroken when nothing was done, and OutcomeUnknown when the database was lost
        during COMMIT.
        """
        recorded_at = self._stamped = max(self._stamped, recorded_at)
        with self._store.transaction() as connection:
            view = self._read(connection, self._read_chain(connection), requests, recorded_at)
            answers = fold(requests, view)
            self._write(connection, view)
        return answers

    def recorded(self, requests: Sequence[Request]) -> list[Answer | None]:
        """What the journal answers to each request, in order; None where it does not hold the request's key.
        For a process that was fenced out and does not know what became of its last COMMIT.

        Every transaction of this process holds the chain's row until it ends, and whoever fenced it out had
        that row after it. So with the row in hand, whatever it has done is there to be read, and what is
        not there was not done and will not be. Raises what Store.transaction does.
        """
        with self._store.transaction() as connection:
            chain = connection.execute(_OUR_CHAIN, {_PARAMETER: self._chain}).one()
            view = self._read(connection, Chain(*chain), requests, 0)
            known = [request.key in view.entries for request in requests]
            return [
                decide(request, view).answer if is_known else None
                for request, is_known in zip(requests, known, strict=True)
            ]

    def _read(
        self, connection: Connection, chain: Chain, requests: Sequence[Request], recorded_at: int
    ) -> View:
        view = View(_read_day(connection, lock=True), chain, recorded_at)
        statements = self._statements
        originals = [request.original for request in requests if request.original]
        receipts = [request.receipt for request in requests if request.receipt]
        keys = [request.key for request in requests if request.key]
        for entry in map(_entry, statements.rows(connection, statements.entries_by_key, keys + originals)):
            view.entries[entry.key] = entry
        for entry in map(_entry, statements.rows(connection, statements.entries_by_receipt, receipts)):
            view.receipts[str(entry.receipt)] = entry
        named = {request.policy for request in requests if request.policy}
        if originals or receipts:
            found = [
                *(view.entries[key] for key in originals if key in view.entries),
                *view.receipts.values(),
            ]
            named.update(entry.policy for entry in found if entry.policy)
            undoable = originals + [name for entry in found for name in (entry.key, entry.original) if name]
            for original, kind, turn in statements.rows(connection, statements.undoings, undoable):
                view.note_undoing(original, Kind(kind), turn)
        wanted = sorted(named)
        view.policies.update(
            (row[0], Policy(*row)) for row in statements.rows(connection, statements.policies, wanted)
        )
        view.add_dues(map(_due, statements.rows(connection, statements.dues, wanted)))
        view.add_totals(_read_totals(connection, view.day, requests))
        view.kept = _read_kept(connection, requests)
        return view

    def _read_chain(self, connection: Connection) -> Chain:
        row = connection.execute(_OUR_CHAIN, {_PARAMETER: self._chain}).first()
        if row is None or row.epoch != self._epoch:
            raise Fenced("a newer process serves under this node's name")
        return Chain(*row)

    def _write(self, connection: Connection, view: View) -> None:
        if not view.written:
            return
        salts = self._entropy(SALT_BYTES * len(view.written))
        entries, tip = chain_entries(view.written, view.chain.tip, salts)
        self._statements.append(connection, entries)
        self._write_dues(connection, view)
        self._write_totals(connection, view)
        moved = connection.execute(
            _MOVE_CHAIN,
            {
                "our_chain": view.chain.chain,
                "our_epoch": view.chain.epoch,
                "new_position": view.chain.position + len(entries),
                "new_tip": tip,
            },
        )
        if moved.rowcount != 1:
            raise Fenced("a newer process serves under this node's name")

    def _write_dues(self, connection: Connection, view: View) -> None:
        changed = [(view.dues[name], read) for name, read in view.dues_read.items()]
        if not changed:
            return
        rows = [
            (due.due, read.turn, read.state, due.amount, due.state, due.settled_by, due.turn)
            for due, read in changed
        ]
        written = connection.execute(self._statements.settle_dues, {_PARAMETER: json.dumps(rows)})
        if written.rowcount != len(rows):
            raise Conflict("another node changed a due first")

    def _write_totals(self, connection: Connection, view: View) -> None:
        """Rows that were read are locked and updated; a bank's first of the day is inserted, and conflicts
        if two try.
        """
        changed = sorted(view.totals_changed)
        known = [(*key, *view.totals[key]) for key in changed if key in view.totals_read]
        if known:
            written = connection.execute(self._statements.set_totals, {_PARAMETER: json.dumps(known)})
            if written.rowcount != len(known):
                raise InvariantBroken("a bank's totals vanished within a transaction")
        fresh = [(*key, *view.totals[key]) for key in changed if key not in view.totals_read]
        if fresh:
            names = tuple(_TOTALS_ROWS)
            connection.execute(_FIRST_TOTALS, [dict(zip(names, row, strict=True)) for row in fresh])


def _read_day(connection: Connection, *, lock: bool) -> Day | None:
    """The open day. Read a second time where a lock was waited for: PostgreSQL then finds the day that was
    open closed, and the next one only with a new look.
    """
    query = _OPEN_DAY_SHARED if lock else _OPEN_DAY
    row = connection.execute(query).first() or connection.execute(query).first()
    return None if row is None else Day(row.date, DayState(row.state))


def _read_totals(
    connection: Connection, day: Day | None, requests: Sequence[Request]
) -> dict[tuple[str, str], Totals]:
    """The totals of the batch's banks today, and of the dates that they reconcile; locked in one order
    everywhere.
    """
    if day is None:
        return {}
    wanted = {(request.bank, day.date) for request in requests}
    wanted |= {(request.bank, request.date) for request in requests if request.date}
    rows = connection.execute(_TOTALS, {_PARAMETER: sorted(wanted)})
    return {(row[0], row[1]): Totals(*row[2:]) for row in rows}


def _read_kept(connection: Connection, requests: Sequence[Request]) -> frozenset[str]:
    """Of the dates that are reconciled, those that are or were business days of this book."""
    wanted = sorted({request.date for request in requests if request.date})
    return frozenset(connection.execute(_KEPT, {_PARAMETER: wanted}).scalars()) if wanted else frozenset()


def _entry(row: Sequence[Any]) -> Entry:
    entry = Entry._make(row)
    return entry._replace(kind=Kind(entry.kind), response=Response(entry.response))


def _due(row: Sequence[Any]) -> Due:
    due = Due._make(row)
    return due._replace(state=DueState(due.state))


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
        self.undoings = self._gathered(
            [journal.c.original, journal.c.kind, journal.c.turn], journal, journal.c.original
        ).where(journal.c.original != "", journal.c.response == "00")
        self.policies = self._gathered(
            [policies.c.policy, policies.c.state, policies.c.holder], policies, policies.c.policy
        )
        self.dues = self._gathered(dues.columns, dues, dues.c.policy)
        given = self._given(_DUE_ROWS)
        self.settle_dues = (
            update(dues)
            .values(state=given.c.state, settled_by=given.c.settled_by, turn=given.c.turn)
            .where(
                dues.c.due == given.c.due,
                dues.c.turn == given.c.turn_before,
                dues.c.state == given.c.state_before,
                dues.c.amount == given.c.amount,
            )
        )
        given = self._given(_TOTALS_ROWS)
        self.set_totals = (
            update(bank_days)
            .values({name: given.c[name] for name in Totals._fields})
            .where(bank_days.c.bank == given.c.bank, bank_days.c.date == given.c.date)
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
        gathered = connection.execute(statement, {_PARAMETER: given}).scalar_one()
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
            each = func.json_each(bindparam(_PARAMETER, type_=Text)).table_valued("value")
            return key.in_(select(each.c.value))
        return key == any_(bindparam(_PARAMETER, type_=ARRAY(Text)))

    def _given(self, names: Mapping[str, type[TypeEngine[Any]]]) -> Subquery:
        """The parameter's JSON array of arrays as rows with these columns."""
        if self._is_sqlite:
            each = func.json_each(bindparam(_PARAMETER, type_=Text)).table_valued("value")
            columns = [
                func.json_extract(each.c.value, f"$[{place}]").label(name) for place, name in enumerate(names)
            ]
            return select(*columns).subquery("given")
        element = func.jsonb_array_elements(cast(bindparam(_PARAMETER, type_=Text), JSONB)).column_valued(
            "element"
        )
        columns = [
            cast(element.op("->>")(literal_column(str(place))), kind).label(name)
            for place, (name, kind) in enumerate(names.items())
        ]
        return select(*columns).subquery("given")


@cache
def _statements(*, is_sqlite: bool) -> Statements:
    """Each kind's, once a process."""
    return Statements(is_sqlite=is_sqlite)
