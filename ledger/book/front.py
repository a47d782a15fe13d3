"""What a batch reads from the front book and what it writes, in a fixed number of statements.

This is the only module that reads or writes the front book's rows while banks wait. Each statement takes all
of a batch's keys, or rows, as one JSON array and gives its rows back as one. So the number of statements does
not grow with the batch, and Python's global lock changes hands once a statement instead of once a row. No
rule and no decision lives here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Insert,
    Row,
    bindparam,
    func,
    insert,
    select,
    tuple_,
    update,
)

from ledger.book.journal import LAST_RECORD, entry_of, last_stamp
from ledger.book.retry import retried
from ledger.book.schema import (
    FRONT,
    bank_days,
    chains,
    days,
    dues,
    facts,
    holds,
    identity_guesses,
    make_missing,
)
from ledger.book.statements import (
    FIGURES_TYPES,
    GUESSES_TYPES,
    PARAMETER,
    DueChange,
    statements_of,
)
from ledger.book.store import Store
from ledger.errors import Conflict, Fenced, InvariantBroken
from ledger.rules.day import DayState
from ledger.rules.decide import decide, fold
from ledger.rules.dues import Policy
from ledger.rules.entry import GENESIS, SALT_BYTES, Kind, chain_entries
from ledger.rules.request import REVERSAL_DAYS_MAX, Act, Answer, BankDay, Request, Totals
from ledger.rules.view import Chain, Day, Due, DueState, Guesses, View
from qianzhi_errors.sentence import Sentence

SCHEMA_VERSION = "5"
"""The version of the tables in `ledger.book.schema`; a book of another version is refused."""
CLAIM_ATTEMPTS = 20
"""More new nodes than this do not start at the same moment."""

# Built once: for a small batch, building a statement took longer than running it.
_OPEN_DAY = select(days.c.date, days.c.state, LAST_RECORD.scalar_subquery()).where(
    days.c.state == DayState.OPEN.value
)
_OPEN_DAY_SHARED = _OPEN_DAY.with_for_update(read=True)
_OUR_CHAIN = (
    select(*(chains.c[name] for name in Chain._fields))
    .where(chains.c.chain == bindparam(PARAMETER))
    .with_for_update()
)
_MOVE_CHAIN = (
    update(chains)
    .where(chains.c.chain == bindparam("our_chain"), chains.c.epoch == bindparam("our_epoch"))
    .values(position=bindparam("new_position"), tip=bindparam("new_tip"))
)
_KEEP_CHAIN = (
    update(chains)
    .where(chains.c.chain == bindparam("our_chain"), chains.c.epoch == bindparam("our_epoch"))
    .values(epoch=bindparam("our_epoch"))
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
    select(*(identity_guesses.c[name] for name in Guesses._fields))
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
_KNOWN_DATES = select(days.c.date).where(days.c.date.in_(bindparam(PARAMETER, expanding=True)))
_LOCKED_DUES = select(func.count()).select_from(identity_guesses).where(identity_guesses.c.locked == 1)
_HELD_DUES = select(func.count()).select_from(dues).where(dues.c.held_by != "")
_HELD_SINCE = select(func.coalesce(func.min(holds.c.held_at), 0)).where(
    holds.c.released_at == 0, holds.c.held_at > 0
)
_DAY_FIGURES = select(bank_days).where(bank_days.c.date == bindparam(PARAMETER))


class Overview(NamedTuple):
    """What an operator watches in the book: the open day, how many dues are locked because of wrong identity
    numbers, how many are held by batches and since when the oldest batch holds some (microseconds since
    1970-01-01 UTC; 0 for none), and the day's figures of each bank that has some, by the bank's code.
    """

    day: Day | None = None
    locked_dues: int = 0
    held_dues: int = 0
    held_since: int = 0
    figures: Mapping[str, BankDay] = MappingProxyType({})


class FrontBook:
    """One node's access to the front book. `commit` is the only way in which money moves.

    `key_check` is the check value of the front key, with which identity numbers and contents are digested.
    `entropy` returns that many random bytes, for the salts of the holders' digests.
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
        """Make the tables that are missing. Raises InvariantBroken for a book of another version of the
        tables, or one that was made with another front key.
        """
        with self._store.transaction() as connection:
            make_missing(connection, FRONT)
            stored = {row.name: row.value for row in connection.execute(select(facts.c.name, facts.c.value))}
            for name, value in (("schema", SCHEMA_VERSION), ("front_key", self._key_check)):
                if stored.get(name, value) != value:
                    raise InvariantBroken(
                        Sentence(
                            "the front book was made with another {name}; its repeats could not be told",
                            name=name,
                        )
                    )
                if name not in stored:
                    connection.execute(insert(facts).values(name=name, value=value))

    def claim(self, node: str) -> int:
        """Take the node's chain under a new epoch, which fences out the process that held it before; the
        epoch.

        Two new nodes that start together may insert the same chain; the loser tries again, CLAIM_ATTEMPTS
        times in all. Raises Conflict after that, and what Store.transaction does.
        """
        return retried(partial(self._claim, node), CLAIM_ATTEMPTS, Conflict)

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
        """The open business day; None if there is none."""
        with self._store.reading() as connection:
            return _read_day(connection, lock=False)[0]

    def overview(self) -> Overview:
        """What an operator watches in the book, as it is now. Raises what Store.reading does."""
        with self._store.reading() as connection:
            day, _ = _read_day(connection, lock=False)
            locked = connection.execute(_LOCKED_DUES).scalar_one()
            held, since = (connection.execute(query).scalar_one() for query in (_HELD_DUES, _HELD_SINCE))
            rows = connection.execute(_DAY_FIGURES, {PARAMETER: day.date}).all() if day else ()
            figures = MappingProxyType({row.bank: _figures(row) for row in rows})
            return Overview(day, locked, held, since, figures)

    def commit(self, requests: Sequence[Request], recorded_at: int) -> list[Answer]:
        """Decide a batch and make it durable; the answers in order, all of them safe to send.

        `recorded_at` is microseconds since 1970-01-01 UTC. Where it is before the book's newest entry or
        audit record, since a clock was set back, the batch gets that one's stamp. Raises Unavailable,
        Conflict, BatchRefused, Fenced or InvariantBroken if nothing was done, and OutcomeUnknown if the
        database was lost during COMMIT.
        """
        with self._store.transaction() as connection:
            view = self._read(connection, self._read_chain(connection), requests, recorded_at)
            answers = fold(requests, view)
            self._write(connection, view)
        return answers

    def probe(self) -> None:
        """Write our chain's row as it is: whether the book can be written. Raises Fenced where another
        process has claimed the chain, and what Store.transaction does.
        """
        with self._store.transaction() as connection:
            ours = {"our_chain": self._chain, "our_epoch": self._epoch}
            if connection.execute(_KEEP_CHAIN, ours).rowcount != 1:
                raise Fenced(Sentence("a newer process serves under this node's name"))

    def recorded(self, requests: Sequence[Request]) -> list[Answer | None]:
        """The journal's answer to each request, in order; None where it does not hold the request's key. For
        a process that was fenced out and does not know the outcome of its last COMMIT.

        Every transaction of this process locks the chain's row until it ends, and the process that fenced it
        out locked that row later. So once this call has the row, everything that this process ever did can be
        read, and what cannot be read was not done and will not be. Raises what Store.transaction does.
        """
        with self._store.transaction() as connection:
            chain = connection.execute(_OUR_CHAIN, {PARAMETER: self._chain}).one()
            view = self._read(connection, Chain(*chain), requests, 0)
            are_recorded = [request.key in view.entries for request in requests]
            return [
                decide(request, view).answer if is_known else None
                for request, is_known in zip(requests, are_recorded, strict=True)
            ]

    def _read(
        self, connection: Connection, chain: Chain, requests: Sequence[Request], recorded_at: int
    ) -> View:
        day, last_record = _read_day(connection, lock=True)
        self._stamped = max(self._stamped, last_record, recorded_at)
        view = View(day, chain, self._stamped)
        statements = self._statements
        originals = [request.original for request in requests if request.original]
        receipts = [request.receipt for request in requests if request.receipt]
        keys = [request.key for request in requests if request.key]
        self._read_entries(connection, view, keys + originals)
        cancelled = [entry.original for entry in view.entries.values() if entry.kind is Kind.CANCEL]
        self._read_entries(connection, view, cancelled)
        for entry in map(entry_of, statements.rows(connection, statements.entries_by_receipt, receipts)):
            view.receipts[str(entry.receipt)] = entry
        named = {request.policy for request in requests if request.policy}
        # A repeat, a reversal or an inquiry is about an earlier entry: read whether that is in effect too.
        earlier = [*view.entries.values(), *view.receipts.values()]
        if earlier or originals:
            named.update(entry.policy for entry in earlier if entry.policy)
            undoable = originals + [key for entry in earlier for key in (entry.key, entry.original) if key]
            for original, kind, sequence in statements.rows(connection, statements.reversing, undoable):
                view.note_reversing(original, Kind(kind), sequence)
        wanted = sorted(named)
        for policy in map(Policy._make, statements.rows(connection, statements.policies, wanted)):
            view.policies[policy.policy] = policy
        view.add_dues(map(_due, statements.rows(connection, statements.dues, wanted)))
        view.add_guesses(_read_guesses(connection, view, requests))
        view.add_figures(_read_figures(connection, view.day, requests))
        view.earlier_dates = _read_earlier_dates(connection, view.day, requests)
        view.known_dates = _read_known_dates(connection, requests)
        return view

    def _read_entries(self, connection: Connection, view: View, keys: Sequence[str]) -> None:
        statements = self._statements
        for entry in map(entry_of, statements.rows(connection, statements.entries_by_key, keys)):
            view.entries[entry.key] = entry

    def _read_chain(self, connection: Connection) -> Chain:
        row = connection.execute(_OUR_CHAIN, {PARAMETER: self._chain}).first()
        if row is None or row.epoch != self._epoch:
            raise Fenced(Sentence("a newer process serves under this node's name"))
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
            raise Fenced(Sentence("a newer process serves under this node's name"))

    def _write_dues(self, connection: Connection, view: View) -> None:
        changed = [(view.dues[name], read) for name, read in view.dues_read.items()]
        if not changed:
            return
        rows = [
            DueChange(
                due=due.due,
                sequence_before=read.sequence,
                state_before=read.state,
                held_before=read.held_by,
                amount=due.amount,
                state=due.state,
                settled_by=due.settled_by,
                sequence=due.sequence,
                withdrawn=due.withdrawn,
                held_by=due.held_by,
            )
            for due, read in changed
        ]
        written = connection.execute(self._statements.settle_dues, {PARAMETER: json.dumps(rows)})
        if written.rowcount != len(rows):
            raise Conflict(Sentence("another node changed a due first"))

    def _write_figures(self, connection: Connection, view: View) -> None:
        """Update the rows that were read and locked; insert a bank's first row of the day, which raises
        Conflict if another node does so at the same time.
        """
        rows = {key: (*key, *_flat(view.figures[key])) for key in sorted(view.figures_changed)}
        kept = [row for key, row in rows.items() if key in view.figures_read]
        if kept:
            written = connection.execute(self._statements.set_figures, {PARAMETER: json.dumps(kept)})
            if written.rowcount != len(kept):
                raise InvariantBroken(Sentence("a bank's figures vanished within a transaction"))
        _insert(connection, _FIRST_FIGURES, FIGURES_TYPES, rows.keys() - view.figures_read, rows)

    def _write_guesses(self, connection: Connection, view: View) -> None:
        """Write counts of wrong identity numbers as a bank's figures are written; two nodes that insert the
        first one of a due raise Conflict too.
        """
        changed = (view.guesses[due] for due in sorted(view.guesses_changed))
        rows = {guesses.due: (*guesses[:-1], int(guesses.locked)) for guesses in changed}
        kept = [row for due, row in rows.items() if due in view.guesses_read]
        if kept:
            connection.execute(self._statements.set_guesses, {PARAMETER: json.dumps(kept)})
        _insert(connection, _FIRST_GUESSES, GUESSES_TYPES, rows.keys() - view.guesses_read, rows)


def _read_day(connection: Connection, *, lock: bool) -> tuple[Day | None, int]:
    """The open day, and the newest audit record's time stamp. Queried a second time if the first query finds
    no day: where PostgreSQL waited for the day's lock, it then finds that day closed, and sees the next one
    only in a new query.
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
    """Insert those of `rows` whose keys are `fresh`, in the order of their keys on every node."""
    given = [dict(zip(columns, rows[key], strict=True)) for key in sorted(fresh)]
    if given:
        connection.execute(statement, given)


def _flat(figures: BankDay) -> tuple[int, ...]:
    """A bank's figures in the order of ledger.book.statements.FIGURES."""
    return (*figures.totals, figures.used, figures.unfit)


def _figures(row: Row[Any]) -> BankDay:
    return BankDay(Totals(*(getattr(row, name) for name in Totals._fields)), row.used, row.unfit)


def _read_guesses(connection: Connection, view: View, requests: Sequence[Request]) -> list[Guesses]:
    """The counts of wrong identity numbers for the benefits of policies of which something is to be paid;
    locked in the same order on every node.
    """
    policies_paid = {request.policy for request in requests if request.act is Act.PAY}
    wanted = sorted(
        due
        for policy in policies_paid
        for due in view.dues_by_policy.get(policy, ())
        if view.dues[due].kind == "benefit"
    )
    rows = connection.execute(_GUESSES, {PARAMETER: wanted}) if wanted else ()
    return [Guesses(row.due, row.date, row.wrong, bool(row.locked)) for row in rows]


def _read_figures(
    connection: Connection, day: Day | None, requests: Sequence[Request]
) -> dict[tuple[str, str], BankDay]:
    """The figures of the batch's banks today, and on the dates that its 0500s are about; locked in the same
    order on every node.
    """
    if day is None:
        return {}
    wanted = {(request.bank, day.date) for request in requests}
    wanted |= {(request.bank, request.date) for request in requests if request.date}
    rows = connection.execute(_BANK_DAYS, {PARAMETER: sorted(wanted)})
    return {(row.bank, row.date): _figures(row) for row in rows}


def _read_earlier_dates(
    connection: Connection, day: Day | None, requests: Sequence[Request]
) -> tuple[str, ...]:
    """The business days before the open one, the latest first, as far back as any bank's reversals may reach;
    none if the batch has no reversal.
    """
    if day is None or all(request.act is not Act.REVERSE for request in requests):
        return ()
    return tuple(connection.execute(_EARLIER_DATES, {PARAMETER: day.date}).scalars())


def _read_known_dates(connection: Connection, requests: Sequence[Request]) -> frozenset[str]:
    """Those of the dates of the batch's 0500s that are, or were, business days of this book."""
    wanted = sorted({request.date for request in requests if request.date})
    return (
        frozenset(connection.execute(_KNOWN_DATES, {PARAMETER: wanted}).scalars()) if wanted else frozenset()
    )


def _due(row: Sequence[Any]) -> Due:
    due = Due._make(row)
    return due._replace(state=DueState(due.state))
