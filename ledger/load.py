"""Loads a file of dues into the front book, while it serves: whole, verified inside one transaction, or not
at all.

The first file is the whole book and opens its first business day; each later one brings what is new to the
open day and takes out what leaves. Rows are staged in small transactions, so that no batch waits for a long
one, and taken by one that is set-based. Statements of the load only. What a good file is, `ledger.bookfile`
says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    select,
    text,
    update,
)

from ledger import consent
from ledger.acts import MACHINE, record
from ledger.bookfile import Book
from ledger.cutover import open_day
from ledger.day import DayState
from ledger.errors import Conflict, InvariantBroken, LedgerError, OutcomeUnknown
from ledger.journal import last_stamp
from ledger.schema import acts, days, dues, incoming_dues, incoming_policies, loads, policies
from ledger.store import Store
from ledger.view import DueState

_ROWS_A_STATEMENT = 2000
"""A staging transaction of this size takes about as long as a batch."""
_NAMED_AT_MOST = 5
_SAME = ("due", "policy", "code", "due_date", "amount")
"""All that makes a due."""
_TAKE_ATTEMPTS = 5
"""A batch on another node can be in the way of the taking, or a database be lost during its COMMIT."""
_LOAD_LOCK = 0x5169616E_7A6869
"""The number of the advisory lock that a load holds; any other lock's would do that no one else takes."""

Run = Callable[[Callable[[], Any]], Any]
"""Runs one of the load's transactions where the book's writer lives, and returns what it returns."""


class LoadRefused(LedgerError):
    """The file is sound but cannot be loaded now; nothing was changed."""


class Loaded(NamedTuple):
    """What a load put into the book: counts, and amounts in fen. `withdrawn_late` dues were settled before
    they could be withdrawn; `lapsed` ones went with their policy. `left_out` has a line for each row of the
    file that two people agreed to leave out.
    """

    date: str
    policies: int
    dues: int
    premium: int
    benefit: int
    withdrawn: int = 0
    withdrawn_late: int = 0
    lapsed: int = 0
    left_out: str = ""


def at_once(transaction: Callable[[], Any]) -> Any:  # noqa: ANN401 - gives back whatever the transaction gives
    """Run a transaction here and now."""
    return transaction()


def load_book(
    store: Store,
    book: Book,
    conceal: Callable[[str], str],
    loaded_at: int,
    progress: Callable[[int], None] = lambda _: None,
    run: Run = at_once,
    by: str = MACHINE,
) -> Loaded:
    """Load the day's dues, for `by`; the first load opens its business day. Where the book was read without
    some of its file's lines, `by` must be a person, and another must have said the same before.

    `conceal` turns an identity number into its keyed digest: the number itself never reaches the database.
    `loaded_at` is microseconds since 1970-01-01 UTC. `progress` is told the rows of each statement. `run`
    runs each of the transactions. Raises LoadRefused.
    """
    with _only_load(store):
        if run(lambda: _prepare(store, book, loaded_at, by)):
            raise LoadRefused(
                f"{by} would leave out {len(book.left_out)} rows, which is written down: another person must"
                f" give the same command; nothing was loaded{_told(book)}"
            )
        _stage_all(store, book, conceal, progress, run)
        return _insist(lambda: _take(store, book, loaded_at, by), run)


def _insist(take: Callable[[], Loaded], run: Run) -> Loaded:
    """Take what is staged; again where a batch was in the way, or it is not known whether it was taken."""
    for _ in range(_TAKE_ATTEMPTS - 1):
        try:
            taken: Loaded = run(take)
        except (Conflict, OutcomeUnknown):
            continue  # what is staged is still there, or was taken and says so
        return taken
    last: Loaded = run(take)
    return last


@contextmanager
def _only_load(store: Store) -> Iterator[None]:
    """Refuse while another process loads: rows are staged in one place, and two files would mix.

    An embedded book has one process. On PostgreSQL the lock goes with the connection, however that ends.
    """
    if store.is_sqlite:
        yield
        return
    with store.reading() as connection:
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        if not connection.execute(select(func.pg_try_advisory_xact_lock(_LOAD_LOCK))).scalar_one():
            raise LoadRefused("another load is under way")
        yield


def _stage_all(
    store: Store, book: Book, conceal: Callable[[str], str], progress: Callable[[int], None], run: Run
) -> None:
    staged: tuple[tuple[Table, Iterable[dict[str, Any]]], ...] = (
        (incoming_policies, (policy._asdict() for policy in book.policies)),
        (incoming_dues, _due_rows(book, conceal)),
    )
    for table, source in staged:
        for chunk in _chunks(source):
            run(partial(_stage, store, table, chunk))
            progress(len(chunk))


def _prepare(store: Store, book: Book, at: int, by: str) -> bool:
    """Refuse early what would be refused in the end, and clear away what an interrupted load left. Whether
    another person's word is needed, `by`'s being written down now.
    """
    if book.left_out and not consent.is_person(by):
        raise LoadRefused("rows are left out by two people, and nobody's name is known; nothing was loaded")
    with store.transaction() as connection:
        _check_may_load(connection, book)
        _check_claims(connection, book)
        _clear(connection)
        if not book.left_out or consent.given_by_another(connection, book.digest, book.left_out, by):
            return False
        consent.give(connection, at, book.digest, book.left_out, by)
        return True


def _check_claims(connection: Connection, book: Book) -> None:
    """Refuse to leave out a row that is in order: by itself it is, and the book finds nothing wrong."""
    for claim in book.claims:
        query = select(dues).where(dues.c.due == claim.due.due)
        row = connection.execute(query).first()
        same = row is not None and all(getattr(row, name) == getattr(claim.due, name) for name in _SAME)
        may_leave = same and row is not None and row.state != DueState.WITHDRAWN.value
        if may_leave if claim.leaves else row is None:
            raise LoadRefused(f"line {claim.line} is in order: it cannot be left out; nothing was loaded")


def _told(book: Book) -> str:
    return "".join(f"\n{row}" for row in book.left_out)


def _stage(store: Store, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    with store.transaction() as connection:
        connection.execute(insert(table), list(rows))


def _clear(connection: Connection) -> None:
    connection.execute(delete(incoming_dues))
    connection.execute(delete(incoming_policies))


def _take(store: Store, book: Book, loaded_at: int, by: str) -> Loaded:
    """The one transaction that matters: everything staged becomes the book's, or nothing does."""
    with store.transaction() as connection:
        if not store.is_sqlite:  # without figures on the new rows PostgreSQL reads whole tables
            connection.execute(text("ANALYZE incoming_policies, incoming_dues"))
        if taken := _taken(connection, book):
            return taken
        is_first = _check_may_load(connection, book)
        if is_first:
            open_day(connection, book.business_date)
        _check_against_book(connection)
        _sweep(connection)
        lapsed = _take_policies(connection)
        withdrawn, late = _withdraw(connection)
        if withdrawn + late != len(book.withdrawn):
            raise InvariantBroken(f"{withdrawn + late} dues of {len(book.withdrawn)} were to be withdrawn")
        _take_dues(connection)
        loaded = _verified(connection, book)._replace(
            withdrawn=withdrawn, withdrawn_late=late, lapsed=lapsed, left_out=_told(book).lstrip()
        )
        loaded_at = max(loaded_at, last_stamp(connection))
        connection.execute(insert(loads).values(digest=book.digest, loaded_at=loaded_at, **loaded._asdict()))
        note = _note(connection, book, by) + _proof(connection, loaded)
        record(connection, acts, loaded_at, by, "load", loaded.date, note)
        _clear(connection)
        if is_first and not store.is_sqlite:
            connection.execute(text("ANALYZE policies, dues"))
    return loaded


def _note(connection: Connection, book: Book, by: str) -> str:
    """What the trail says of the load: its file's digest, and what was left out by whose word besides
    `by`'s.
    """
    if not book.left_out:
        return book.digest
    other = consent.given_by_another(connection, book.digest, book.left_out, by)
    if not other:
        raise InvariantBroken("rows would be left out by the word of one person")
    return f"{book.digest}; without {consent.note_of(book.left_out)}, as {other} says too"


def _proof(connection: Connection, loaded: Loaded) -> str:
    """What the trail says of a load after its file's digest: figures, and the digest of the load's row, for
    the audit to hold the row against.
    """
    row = connection.execute(select(loads).where(loads.c.date == loaded.date)).one()
    digest = sha256(json.dumps(list(row), ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
    figures = f"{loaded.dues} dues, {loaded.premium} fen premium, {loaded.benefit} fen benefit"
    return f"; {figures}; row {digest}"


def _taken(connection: Connection, book: Book) -> Loaded | None:
    """What was taken of this very file, if an attempt of ours has committed without our hearing of it."""
    names = (loads.c[name] for name in Loaded._fields)
    row = connection.execute(select(*names).where(loads.c.digest == book.digest)).first()
    return Loaded(*row) if row else None


def _check_may_load(connection: Connection, book: Book) -> bool:
    """Whether this is the book's first load. Locks the open day shared, as a batch does."""
    taken = connection.execute(select(loads.c.date).where(loads.c.digest == book.digest)).scalar()
    if taken is not None:
        raise LoadRefused(f"this file was loaded already, for {taken}")
    query = select(days.c.date).where(days.c.state == DayState.OPEN.value).with_for_update(read=True)
    day = connection.execute(query).scalar()
    if day is None:
        if connection.execute(select(days.c.date).limit(1)).first() is not None:
            raise LoadRefused("no business day is open: cut over first")
        return True
    if day != book.business_date:
        raise LoadRefused(f"business day {day} is open, and the file is for {book.business_date}")
    if connection.execute(select(loads.c.digest).where(loads.c.date == day)).first() is not None:
        raise LoadRefused(f"the dues of {day} were loaded already, from another file")
    return False


def _is_same() -> ColumnElement[bool]:
    """Whether a staged due and the book's are the same in all that makes a due."""
    return and_(*(dues.c[name] == incoming_dues.c[name] for name in _SAME))


def _check_against_book(connection: Connection) -> None:
    new = incoming_dues.c.state == DueState.OPEN.value
    known = exists().where(dues.c.due == incoming_dues.c.due)
    _refuse_if_any(connection, and_(new, known), "in the book already")
    there = exists().where(_is_same(), dues.c.state != DueState.WITHDRAWN.value)
    _refuse_if_any(connection, and_(~new, ~there), "to be withdrawn but not so in the book")
    without = ~exists().where(incoming_policies.c.policy == incoming_dues.c.policy)
    _refuse_if_any(connection, and_(new, without), "without its policy")


def _refuse_if_any(connection: Connection, condition: ColumnElement[bool], what: str) -> None:
    query = select(incoming_dues.c.due).where(condition)
    count = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    if count:
        names = connection.execute(query.order_by(incoming_dues.c.due).limit(_NAMED_AT_MOST)).scalars().all()
        more = f" and {count - len(names)} more" if count > len(names) else ""
        raise LoadRefused(f"dues {what}: {', '.join(names)}{more}; nothing was loaded")


def _sweep(connection: Connection) -> None:
    """What lapsed or was withdrawn earlier leaves, unless the journal or this file speaks of it."""
    left = dues.c.state.in_((DueState.LAPSED.value, DueState.WITHDRAWN.value))
    named = exists().where(incoming_dues.c.due == dues.c.due)
    connection.execute(delete(dues).where(left, dues.c.turn == 0, ~named))
    unused = ~exists().where(dues.c.policy == policies.c.policy)
    connection.execute(delete(policies).where(policies.c.state == "terminated", unused))


def _take_policies(connection: Connection) -> int:
    """New policies come in, known ones change; the open premiums of those that lapsed lapse with them."""
    staged = incoming_policies
    same = policies.c.policy == staged.c.policy
    connection.execute(
        update(policies)
        .values(
            state=select(staged.c.state).where(same).scalar_subquery(),
            holder=select(staged.c.holder).where(same).scalar_subquery(),
        )
        .where(policies.c.policy.in_(select(staged.c.policy)))
    )
    fresh = select(staged.c.policy, staged.c.state, staged.c.holder).where(~exists().where(same))
    connection.execute(insert(policies).from_select(["policy", "state", "holder"], fresh))
    ended = select(staged.c.policy).where(staged.c.state.in_(("lapsed", "terminated")))
    lapsed = connection.execute(
        update(dues)
        .values(state=DueState.LAPSED.value)
        .where(
            dues.c.policy.in_(ended),
            dues.c.kind == "premium",
            dues.c.state == DueState.OPEN.value,
            ~exists().where(incoming_dues.c.due == dues.c.due),
        )
    )
    return lapsed.rowcount


def _withdraw(connection: Connection) -> tuple[int, int]:
    """How many dues were withdrawn, and how many came too late: a settled one stays settled."""
    leaving = select(incoming_dues.c.due).where(incoming_dues.c.state == DueState.WITHDRAWN.value)
    settled = dues.c.state == DueState.SETTLED.value
    withdrawn = connection.execute(
        update(dues)
        .values(state=DueState.WITHDRAWN.value, withdrawn=1)
        .where(dues.c.due.in_(leaving), ~settled)
    ).rowcount
    # Should its settlement be undone, it does not become payable again.
    connection.execute(update(dues).values(withdrawn=1).where(dues.c.due.in_(leaving), settled))
    total = connection.execute(select(func.count()).select_from(leaving.subquery())).scalar_one()
    return withdrawn, total - withdrawn


def _take_dues(connection: Connection) -> None:
    names = ["due", "policy", "code", "kind", "due_date", "amount", "beneficiary", "state"]
    new = select(*(incoming_dues.c[name] for name in names), text("''"), text("0"), text("0")).where(
        incoming_dues.c.state == DueState.OPEN.value
    )
    connection.execute(insert(dues).from_select([*names, "settled_by", "turn", "withdrawn"], new))


def _verified(connection: Connection, book: Book) -> Loaded:
    """What the book now holds of the file, counted in the book: it must be what the file says."""
    held = (
        select(dues.c.kind, func.count(), func.sum(dues.c.amount))
        .join(incoming_dues, and_(_is_same(), dues.c.beneficiary == incoming_dues.c.beneficiary))
        .where(incoming_dues.c.state == DueState.OPEN.value)
        .group_by(dues.c.kind)
    )
    by_kind = {kind: (int(count), int(total)) for kind, count, total in connection.execute(held)}
    there = (
        select(func.count())
        .select_from(policies)
        .join(
            incoming_policies,
            and_(
                policies.c.policy == incoming_policies.c.policy, policies.c.state == incoming_policies.c.state
            ),
        )
    )
    premium, benefit = by_kind.get("premium", (0, 0)), by_kind.get("benefit", (0, 0))
    policy_count = connection.execute(there).scalar_one()
    found = Loaded(book.business_date, policy_count, premium[0] + benefit[0], premium[1], benefit[1])
    expected = Loaded(book.business_date, len(book.policies), len(book.dues), book.premium, book.benefit)
    if found != expected:
        raise InvariantBroken(f"the book holds {found} after a load of {expected}")
    return found


def _due_rows(book: Book, conceal: Callable[[str], str]) -> Iterator[dict[str, Any]]:
    for state, given in ((DueState.OPEN, book.dues), (DueState.WITHDRAWN, book.withdrawn)):
        for due in given:
            row = due._asdict()
            del row["document"]
            row["beneficiary"] = conceal(due.beneficiary) if due.beneficiary else ""
            yield {**row, "state": state.value}


def _chunks(rows: Iterable[Any]) -> Iterator[Sequence[Any]]:
    source = iter(rows)
    while chunk := list(islice(source, _ROWS_A_STATEMENT)):
        yield chunk
