"""The front book's statements: what a batch reads, and what it writes, in a fixed number of statements.

The only module that reads or writes the front book's rows while serving. Each statement takes all of a
batch's keys, or rows, as one JSON array, and gives its rows back as one: their number does not grow with
the batch, and the interpreter's lock is let go and taken again once a statement instead of once a row. No
rule and no decision lives here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Insert,
    bindparam,
    func,
    insert,
    select,
    tuple_,
    update,
)

from ledger.book.journal import LAST_RECORD, last_stamp
from ledger.book.schema import (
    FRONT,
    bank_days,
    chains,
    days,
    facts,
    identity_guesses,
    make_missing,
)
from ledger.book.statements import FIGURES_ROWS, GUESSES_ROWS, PARAMETER, statements_of
from ledger.book.store import Store
from ledger.errors import Conflict, Fenced, InvariantBroken
from ledger.rules.day import DayState
from ledger.rules.decide import decide, fold
from ledger.rules.dues import Policy
from ledger.rules.entry import GENESIS, SALT_BYTES, Entry, Kind, chain_entries
from ledger.rules.request import REVERSAL_DAYS_MAX, Act, Answer, BankDay, Request, Totals
from ledger.rules.view import Chain, Day, Due, DueState, Guesses, View
from protocol.responses import Response

SCHEMA_VERSION = "4"
CLAIM_ATTEMPTS = 20
"""More nodes than that do not start for the first time in one moment."""

# Built once: for a small batch, building them took longer than running them.
_OPEN_DAY = select(days.c.date, days.c.state, LAST_RECORD.scalar_subquery()).where(
    days.c.state == DayState.OPEN.value
)
_OPEN_DAY_SHARED = _OPEN_DAY.with_for_update(read=True)
_OUR_CHAIN = (
    select(chains.c.chain, chains.c.epoch, chains.c.position, chains.c.tip)
    .where(chains.c.chain == bindparam(PARAMETER))
    .with_for_update()
)
_MOVE_CHAIN = (
    update(chains)
    .where(chains.c.chain == bindparam("our_chain"), chains.c.epoch == bindparam("our_epoch"))
    .values(position=bindparam("new_position"), tip=bindparam("new_tip"))
)
_BANK_DAYS = (
    select(bank_days)
    .where(tuple_(bank_days.c.bank, bank_days.c.date).in_(bindparam(PARAMETER, expanding=True)))
    .order_by(bank_days.c.bank, bank_days.c.date)
    .with_for_update()
)
_FIRST_FIGURES = insert(bank_days)
_FIRST_GUESSES = insert(identity_guesses)
_GUESSES = (
    select(identity_guesses)
    .where(identity_guesses.c.due.in_(bindparam(PARAMETER, expanding=True)))
    .order_by(identity_guesses.c.due)
    .with_for_update()
)
_EARLIER_DATES = (
    select(days.c.date)
    .where(days.c.date < bindparam(PARAMETER))
    .order_by(days.c.date.desc())
    .limit(REVERSAL_DAYS_MAX)
)
_KEPT = select(days.c.date).where(days.c.date.in_(bindparam(PARAMETER, expanding=True)))


_LOCKED_DUES = select(func.count()).select_from(identity_guesses).where(identity_guesses.c.locked == 1)
_UNFIT = select(bank_days.c.bank, bank_days.c.unfit).where(
    bank_days.c.date == bindparam(PARAMETER), bank_days.c.unfit > 0
)


class Overview(NamedTuple):
    """The open day, how many dues are locked because of wrong identity numbers, and what today's unfit
    advices of each bank come to, in fen.
    """

    day: Day | None = None
    locked_dues: int = 0
    unfit: Mapping[str, int] = MappingProxyType({})


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
        self._statements = statements_of(is_sqlite=store.is_sqlite)

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
            return _read_day(connection, lock=False)[0]

    def overview(self) -> Overview:
        """What an operator is to know of the book at this moment. Raises what Store.reading does."""
        with self._store.reading() as connection:
            day, _ = _read_day(connection, lock=False)
            locked = connection.execute(_LOCKED_DUES).scalar_one()
            rows = connection.execute(_UNFIT, {PARAMETER: day.date}).all() if day else ()
            return Overview(day, locked, MappingProxyType({row.bank: row.unfit for row in rows}))

    def commit(self, requests: Sequence[Request], recorded_at: int) -> list[Answer]:
        """Decide a batch and make it durable: the answers, in order, all of them safe to send.

        `recorded_at` is microseconds since 1970-01-01 UTC; where that is before the book's last entry or
        act, since a clock was set back, the batch is stamped as that one. Raises Unavailable, Conflict,
        BatchRefused, Fenced or InvariantBroken when nothing was done, and OutcomeUnknown when the database
        was lost during COMMIT.
        """
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
            chain = connection.execute(_OUR_CHAIN, {PARAMETER: self._chain}).one()
            view = self._read(connection, Chain(*chain), requests, 0)
            known = [request.key in view.entries for request in requests]
            return [
                decide(request, view).answer if is_known else None
                for request, is_known in zip(requests, known, strict=True)
            ]

    def _read(
        self, connection: Connection, chain: Chain, requests: Sequence[Request], recorded_at: int
    ) -> View:
        day, last_act = _read_day(connection, lock=True)
        self._stamped = max(self._stamped, last_act, recorded_at)
        view = View(day, chain, self._stamped)
        statements = self._statements
        originals = [request.original for request in requests if request.original]
        receipts = [request.receipt for request in requests if request.receipt]
        keys = [request.key for request in requests if request.key]
        self._read_entries(connection, view, keys + originals)
        cancelled = [entry.original for entry in view.entries.values() if entry.kind is Kind.CANCEL]
        self._read_entries(connection, view, cancelled)
        for entry in map(_entry, statements.rows(connection, statements.entries_by_receipt, receipts)):
            view.receipts[str(entry.receipt)] = entry
        named = {request.policy for request in requests if request.policy}
        # What a repeat, a reversal or an inquiry is about: whether it stands is read with it.
        found = [*view.entries.values(), *view.receipts.values()]
        if found or originals:
            named.update(entry.policy for entry in found if entry.policy)
            undoable = originals + [name for entry in found for name in (entry.key, entry.original) if name]
            for original, kind, sequence in statements.rows(connection, statements.reversing, undoable):
                view.note_reversing(original, Kind(kind), sequence)
        wanted = sorted(named)
        view.policies.update(
            (row[0], Policy(*row)) for row in statements.rows(connection, statements.policies, wanted)
        )
        view.add_dues(map(_due, statements.rows(connection, statements.dues, wanted)))
        view.add_guesses(_read_guesses(connection, view, requests))
        view.add_figures(_read_figures(connection, view.day, requests))
        view.earlier_dates = _read_earlier_dates(connection, view.day, requests)
        view.kept = _read_kept(connection, requests)
        return view

    def _read_entries(self, connection: Connection, view: View, keys: Sequence[str]) -> None:
        statements = self._statements
        for entry in map(_entry, statements.rows(connection, statements.entries_by_key, keys)):
            view.entries[entry.key] = entry

    def _read_chain(self, connection: Connection) -> Chain:
        row = connection.execute(_OUR_CHAIN, {PARAMETER: self._chain}).first()
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
        self._write_figures(connection, view)
        self._write_guesses(connection, view)
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
            (
                due.due,
                read.sequence,
                read.state,
                due.amount,
                due.state,
                due.settled_by,
                due.sequence,
                due.withdrawn,
            )
            for due, read in changed
        ]
        written = connection.execute(self._statements.settle_dues, {PARAMETER: json.dumps(rows)})
        if written.rowcount != len(rows):
            raise Conflict("another node changed a due first")

    def _write_figures(self, connection: Connection, view: View) -> None:
        """Rows that were read are locked and updated; a bank's first of the day is inserted, and conflicts
        if two try.
        """
        rows = {key: (*key, *_flat(view.figures[key])) for key in sorted(view.figures_changed)}
        known = [row for key, row in rows.items() if key in view.figures_read]
        if known:
            written = connection.execute(self._statements.set_figures, {PARAMETER: json.dumps(known)})
            if written.rowcount != len(known):
                raise InvariantBroken("a bank's figures vanished within a transaction")
        _insert(connection, _FIRST_FIGURES, FIGURES_ROWS, rows.keys() - view.figures_read, rows)

    def _write_guesses(self, connection: Connection, view: View) -> None:
        """As a bank's figures; that two nodes count the same due's first guess at once is a conflict too."""
        guessed = (view.guesses[due] for due in sorted(view.guesses_changed))
        rows = {one.due: (one.due, one.date, one.wrong, int(one.locked)) for one in guessed}
        known = [row for due, row in rows.items() if due in view.guesses_read]
        if known:
            connection.execute(self._statements.set_guesses, {PARAMETER: json.dumps(known)})
        _insert(connection, _FIRST_GUESSES, GUESSES_ROWS, rows.keys() - view.guesses_read, rows)


def _read_day(connection: Connection, *, lock: bool) -> tuple[Day | None, int]:
    """The open day, and when the last act was stamped. Read a second time where a lock was waited for:
    PostgreSQL then finds the day that was open closed, and the next one only with a new look.
    """
    query = _OPEN_DAY_SHARED if lock else _OPEN_DAY
    row = connection.execute(query).first() or connection.execute(query).first()
    return (None, 0) if row is None else (Day(row.date, DayState(row.state)), row[2] or 0)


def _insert(
    connection: Connection,
    statement: Insert,
    columns: Iterable[str],
    fresh: Iterable[Any],
    rows: Mapping[Any, tuple[Any, ...]],
) -> None:
    """Insert those of `rows` whose keys are `fresh`, in one order everywhere."""
    given = [dict(zip(columns, rows[key], strict=True)) for key in sorted(fresh)]
    if given:
        connection.execute(statement, given)


def _flat(figures: BankDay) -> tuple[int, ...]:
    return (*figures.totals, figures.used, figures.unfit)


def _read_guesses(connection: Connection, view: View, requests: Sequence[Request]) -> list[Guesses]:
    """The guesses at the benefits of the policies of which something is to be paid; locked in one order."""
    policies_paid = {request.policy for request in requests if request.act is Act.PAY}
    wanted = sorted(
        due
        for policy in policies_paid
        for due in view.dues_by_policy.get(policy, ())
        if view.dues[due].kind == "benefit"
    )
    rows = connection.execute(_GUESSES, {PARAMETER: wanted}) if wanted else ()
    return [Guesses(due, date, wrong, bool(locked)) for due, date, wrong, locked in rows]


def _read_figures(
    connection: Connection, day: Day | None, requests: Sequence[Request]
) -> dict[tuple[str, str], BankDay]:
    """The figures of the batch's banks today, and of the dates that they reconcile; locked in one order
    everywhere.
    """
    if day is None:
        return {}
    wanted = {(request.bank, day.date) for request in requests}
    wanted |= {(request.bank, request.date) for request in requests if request.date}
    rows = connection.execute(_BANK_DAYS, {PARAMETER: sorted(wanted)})
    return {(row[0], row[1]): BankDay(Totals(*row[2:-2]), row[-2], row[-1]) for row in rows}


def _read_earlier_dates(
    connection: Connection, day: Day | None, requests: Sequence[Request]
) -> tuple[str, ...]:
    """The business days before the open one, the latest first, as far back as any reversal may reach."""
    if day is None or all(request.act is not Act.REVERSE for request in requests):
        return ()
    return tuple(connection.execute(_EARLIER_DATES, {PARAMETER: day.date}).scalars())


def _read_kept(connection: Connection, requests: Sequence[Request]) -> frozenset[str]:
    """Of the dates that are reconciled, those that are or were business days of this book."""
    wanted = sorted({request.date for request in requests if request.date})
    return frozenset(connection.execute(_KEPT, {PARAMETER: wanted}).scalars()) if wanted else frozenset()


def _entry(row: Sequence[Any]) -> Entry:
    entry = Entry._make(row)
    return entry._replace(kind=Kind(entry.kind), response=Response(entry.response))


def _due(row: Sequence[Any]) -> Due:
    due = Due._make(row)
    return due._replace(state=DueState(due.state))
