"""Loads a file of dues into the front book while it serves: verified and whole, or not at all, and without
keeping banks waiting.

The first file is the whole book and opens its first business day. Each later one brings what is new to the
open day and withdraws what leaves. Small transactions insert and mark rows under the load's number, where
nobody sees them (ledger.book.arrivals); one row of `loads` then makes all of it seen; after that, small
transactions again give the marked rows their new state (ledger.book.departures). Statements of the load only.
What a file may hold is in `ledger.files.bookfile`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Connection, Select, delete, func, insert, or_, select, text

from ledger.book import arrivals, consent, departures, visible
from ledger.book.audit_log import MACHINE, record
from ledger.book.cutover import open_day
from ledger.book.journal import last_stamp
from ledger.book.retry import retried
from ledger.book.schema import audit_log, days, dues, loading, loads, policies
from ledger.book.store import Store
from ledger.errors import Conflict, InvariantBroken, LoadRefused, OutcomeUnknown
from ledger.files.bookfile import PROBLEMS_MAX, Book
from ledger.files.bookline import DueLine
from ledger.rules.day import DayState
from ledger.rules.masking import masked_numbers
from ledger.rules.view import DueState
from qianzhi_errors.sentence import Sentence, listed

LOAD: Final = "load"
LOAD_ENDED: Final = "load ended"
"""The acts of a load in the audit log: that it can be seen, and that everything that leaves by it has left.
"""
LEFT: Final = ("withdrawn", "withdrawn_late", "lapsed", "withdrawn_held", "lapsed_held")
"""The counts of dues that leave by a load, in the order of its note in the audit log."""
ROWS_A_TRANSACTION: Final = 500
"""So many rows take about as long as a batch of requests."""
_IDENTITY: Final = ("due", "policy", "code", "due_date", "amount")
"""The columns in which a due that is to be withdrawn must be the same in the file and in the book."""
_NOT_SO: Final = Sentence("to be withdrawn but not so in the book")
_KNOWN: Final = Sentence("in the book already")
_ATTEMPTS: Final = 5
"""How often a transaction is tried: a batch on another node can be in its way, and the database can be lost
during its COMMIT."""
_LOAD_LOCK: Final = 0x5169616E_7A6869
"""The number of the advisory lock that a load holds: arbitrary, and of no other lock of this program."""

Run = Callable[[Callable[[], Any]], Any]
"""Runs one of the load's transactions on the thread of the book's writer, and returns what it returns."""
Slice = Callable[[Connection, int, Sequence[str]], None]
"""The statements of one small transaction, for a load's number and rows of these names."""
_Any = TypeVar("_Any")


class Loaded(NamedTuple):
    """The outcome of a load: counts, and sums in fen. `withdrawn_late` dues were settled before they could be
    withdrawn; `lapsed` ones left with their policy. `withdrawn_held` and `lapsed_held` ones would have left
    so, but a batch holds them: they leave when it lets them go. `left_out` has a line of text for each row
    of the file that two people agreed to leave out.
    """

    date: str
    policies: int
    dues: int
    premium: int
    benefit: int
    withdrawn: int = 0
    withdrawn_late: int = 0
    lapsed: int = 0
    withdrawn_held: int = 0
    lapsed_held: int = 0
    left_out: str = ""


def at_once(transaction: Callable[[], Any]) -> Any:  # noqa: ANN401 - gives back whatever the transaction gives
    """Run a transaction on this thread."""
    return transaction()


def load_book(
    store: Store,
    book: Book,
    digest_of: Callable[[str], str],
    loaded_at: int,
    progress: Callable[[int], None] = lambda _: None,
    run: Run = at_once,
    by: str = MACHINE,
) -> Loaded:
    """Load the day's dues, on behalf of `by`; the first load opens its business day. If lines of the file
    were left out, `by` must be a person, and another person must have asked for the same before.

    `digest_of` gives the keyed digest of an identity number: the number itself never reaches the database.
    `loaded_at` is microseconds since 1970-01-01 UTC. `progress` is called with the count of rows of each
    transaction. `run` runs each transaction, none of which touches more than a few times ROWS_A_TRANSACTION
    rows. Raises LoadRefused if nothing was loaded.
    """
    with _only_load(store):
        return _Load(store, book, digest_of, loaded_at, progress, run, by).carry_out()


@contextmanager
def _only_load(store: Store) -> Iterator[None]:
    """Raise LoadRefused while another process loads, since all rows that cannot be seen must be one load's.

    An SQLite book has one process. On PostgreSQL the lock ends with its connection, however that ends.
    """
    if store.is_sqlite:
        yield
        return
    with store.reading() as connection:
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        if not connection.execute(select(func.pg_try_advisory_xact_lock(_LOAD_LOCK))).scalar_one():
            raise LoadRefused(Sentence("another load is under way"))
        yield


class _Load:
    """One load, from its first look at the book to its last row."""

    def __init__(
        self,
        store: Store,
        book: Book,
        digest_of: Callable[[str], str],
        loaded_at: int,
        progress: Callable[[int], None],
        run: Run,
        by: str,
    ) -> None:
        self._store, self._book, self._digest_of, self._at = store, book, digest_of, loaded_at
        self._progress, self._run, self._by = progress, run, by
        self._number = 0

    def carry_out(self) -> Loaded:
        """Carry out the load. Raises LoadRefused, after what was inserted is taken out again."""
        with self._store.reading() as connection:
            seen = int(connection.execute(select(visible.newest)).scalar_one())
        self._let_leave(seen)  # an earlier load's process may have been lost before it had ended
        self._insist(self._look)
        self._check_leaving()
        begun = self._insist(self._begin)
        if begun is None:
            raise LoadRefused(
                Sentence(
                    "{person} would leave out {rows} rows, which is written down: another person "
                    "must give the same command; nothing was loaded\n{left_out}",
                    person=self._by,
                    rows=len(self._book.left_out),
                    left_out=_left_out(self._book),
                )
            )
        self._number, is_interrupted = begun
        if is_interrupted:
            self._take_out(seen)
        try:
            self._put_in()
            self._insist(self._switch)
        except LoadRefused:
            self._take_out(seen)
            raise
        self._each(departures.swept_dues, departures.sweep_dues, self._number)
        self._each(departures.swept_policies, departures.sweep_policies, self._number)
        self._let_leave(self._number)
        with self._store.reading() as connection:
            loaded = _taken(connection, self._book)
        if loaded is None or _withdrawn(loaded) != len(self._book.withdrawn):
            raise InvariantBroken(
                Sentence(
                    "after a load that withdraws {number} there is {loaded}",
                    number=len(self._book.withdrawn),
                    loaded=loaded,
                )
            )
        return loaded._replace(left_out=_left_out(self._book))  # the row has the text, which is in English

    def _insist(self, step: Callable[[Connection], _Any]) -> _Any:
        """Run one transaction, up to _ATTEMPTS times: again if a batch was in its way, or if it is not known
        whether it was committed.
        """

        def transaction() -> _Any:
            with self._store.transaction() as connection:
                return step(connection)

        # Every step can be run again, and finds out itself whether it was committed.
        outcome: _Any = retried(partial(self._run, transaction), _ATTEMPTS, Conflict, OutcomeUnknown)
        return outcome

    def _look(self, connection: Connection) -> None:
        """Refuse early what would be refused in the last step anyway."""
        _check_may_load(connection, self._book)

    def _check_leaving(self) -> None:
        """Refuse dues to be withdrawn that the book does not have, or has otherwise; the error then also
        lists the new dues that the book has already.
        """
        unfit: dict[str, str] = {}
        for chunk in _chunks(self._book.withdrawn):
            with self._store.reading() as connection:
                unfit |= dict.fromkeys({due.due for due in chunk} - _held(connection, chunk), _NOT_SO)
        if unfit:
            for chunk in _chunks(self._book.dues):
                with self._store.reading() as connection:
                    unfit |= dict.fromkeys(_in_book(connection, chunk), _KNOWN)
        self._refuse(unfit)

    def _begin(self, connection: Connection) -> tuple[int, bool] | None:
        """Take a number for the load; returns it, and whether an earlier load was interrupted. None if
        another person's consent is still needed; that of `by` is then recorded.
        """
        book = self._book
        if book.left_out and not consent.is_person(self._by):
            raise LoadRefused(
                Sentence("rows are left out by two people, and nobody's name is known; nothing was loaded")
            )
        _check_may_load(connection, book)
        _check_claims(connection, book)
        if book.left_out and not consent.given_by_another(connection, book.digest, book.left_out, self._by):
            consent.give(connection, self._at, book.digest, book.left_out, self._by)
            return None
        before = connection.execute(select(func.max(loading.c.number))).scalar()
        number = max(before or 0, int(connection.execute(select(visible.newest)).scalar_one())) + 1
        connection.execute(delete(loading))
        connection.execute(insert(loading).values(number=number, rows=0))
        return number, before is not None

    def _put_in(self) -> None:
        """Insert and mark everything that the file names, not to be seen yet, and verify it."""
        same = 0
        for leaving in _chunks(self._book.withdrawn):
            self._insist(partial(arrivals.withdraw, number=self._number, given=leaving))
        for named in _chunks(self._book.policies):
            same += self._insist(partial(arrivals.put_policies, number=self._number, given=named))
            self._progress(len(named))
        refused: dict[str, str] = {}
        for chunk in _chunks(self._book.dues):
            given = [due._replace(beneficiary=self._beneficiary(due)) for due in chunk]
            not_inserted = self._insist(partial(arrivals.put_dues, number=self._number, given=given))
            refused |= dict.fromkeys(not_inserted, _KNOWN)
            self._progress(len(chunk))
        self._refuse(refused)
        self._verify(same)

    def _beneficiary(self, due: DueLine) -> str:
        return self._digest_of(due.beneficiary) if due.beneficiary else ""

    def _verify(self, same: int) -> None:
        """Count in the book what this load inserted and marked, and raise InvariantBroken if it is not what
        the file says. `same` policies stayed the same.
        """
        held = (
            select(dues.c.kind, func.count(), func.sum(dues.c.amount))
            .where(dues.c.load == self._number)
            .group_by(dues.c.kind)
        )
        with self._store.reading(snapshot=True) as connection:
            by_kind = {kind: (int(count), int(total)) for kind, count, total in connection.execute(held)}
            named = _count(connection, select(policies).where(policies.c.load == self._number))
            named += _count(connection, select(policies).where(_is(policies.c.changes, self._number)))
            leaving = select(dues).where(_is(dues.c.leaves, self._number), dues.c.leaves_as == "withdrawn")
            withdrawn = _count(connection, leaving)
        book, premium, benefit = self._book, by_kind.get("premium", (0, 0)), by_kind.get("benefit", (0, 0))
        counted = (named + same, premium[0] + benefit[0], premium[1], benefit[1], withdrawn)
        stated = (len(book.policies), len(book.dues), book.premium, book.benefit, len(book.withdrawn))
        if counted != stated:
            raise InvariantBroken(
                Sentence(
                    "a load of {stated} policies, dues, fen and withdrawals has put in {counted}",
                    stated=stated,
                    counted=counted,
                )
            )

    def _switch(self, connection: Connection) -> None:
        """Insert the row of `loads` that makes everything seen, and open the first load's business day."""
        if _taken(connection, self._book):
            return
        if _check_may_load(connection, self._book, alone=True):
            open_day(connection, self._book.business_date)
        arrivals.count_rows(connection, self._number, 0)
        book = self._book
        figures = (book.business_date, len(book.policies), len(book.dues), book.premium, book.benefit)
        loaded = Loaded(*figures, left_out=_left_out(book))
        at = max(self._at, last_stamp(connection))
        values = {"digest": book.digest, "number": self._number, "loaded_at": at, **loaded._asdict()}
        connection.execute(insert(loads).values(values))
        note = _note(connection, book, self._by) + _proof(connection, loaded)
        record(connection, audit_log, at, self._by, LOAD, book.business_date, note)
        connection.execute(delete(loading))

    def _let_leave(self, number: int) -> None:
        """Give rows that are marked by loads up to `number` their new state, and record its end."""
        self._each(departures.leaving_dues, departures.let_dues_leave, number)
        self._each(departures.changing_policies, departures.let_policies_change, number)
        with self._store.reading() as connection:
            has_ended = number == 0 or _end_of(connection, number) == ""
        if not has_ended:
            self._insist(partial(self._end, number=number))

    def _end(self, connection: Connection, number: int) -> None:
        """Record, once, what has left by a load."""
        if date := _end_of(connection, number):
            columns = (loads.c[name] for name in LEFT)
            row = connection.execute(select(*columns).where(loads.c.number == number)).one()
            at = max(self._at, last_stamp(connection))
            record(connection, audit_log, at, self._by, LOAD_ENDED, date, end_note(*row))

    def _take_out(self, seen: int) -> None:
        """Delete what loads after number `seen` inserted, and unmark what they marked."""
        self._each(arrivals.unseen_dues, self._counted(arrivals.take_out_dues), seen)
        self._each(arrivals.unseen_policies, self._counted(arrivals.take_out_policies), seen)

    def _counted(self, work: Slice) -> Slice:
        """The slice, which first learns whether another load has begun (arrivals.count_rows)."""

        def counted(connection: Connection, number: int, names: Sequence[str]) -> None:
            arrivals.count_rows(connection, self._number, len(names))
            work(connection, number, names)

        return counted

    def _each(self, query: Select[Any], work: Slice, number: int) -> None:
        """Do a slice's work on all rows that a query names, ROWS_A_TRANSACTION at a time. The query runs on a
        reading connection, so that the writer does not wait for it.
        """
        names: Sequence[str] = [""]
        while names:
            given = {"number": number, "after": names[-1]}
            with self._store.reading() as connection:
                names = connection.execute(query.limit(ROWS_A_TRANSACTION), given).scalars().all()
            if names:
                self._insist(partial(_apply, work=work, number=number, names=names))

    def _refuse(self, unfit: Mapping[str, str]) -> None:
        """Raise LoadRefused if any dues are unfit, given by name with the reason; in the file's order."""
        if unfit:
            lines = self._book.lines(unfit.keys())
            names = sorted(unfit, key=lambda name: (lines.get(name, 0), name))[:PROBLEMS_MAX]
            faults = (
                Sentence(
                    "due {due}{line}: {reason}",
                    due=masked_numbers(name),
                    line=_line(lines.get(name)),
                    reason=unfit[name],
                )
                for name in names
            )
            raise LoadRefused(listed((*faults, Sentence("nothing was loaded")), "{first}\n{rest}"))


def _apply(connection: Connection, work: Slice, number: int, names: Sequence[str]) -> None:
    work(connection, number, names)


def _line(number: int | None) -> str:
    return Sentence(", line {number}", number=number) if number else ""


def _held(connection: Connection, given: Iterable[DueLine]) -> set[str]:
    """The names of those of these dues that the book has with the file's values, and has not withdrawn."""
    stated = {due.due: tuple(getattr(due, name) for name in _IDENTITY) for due in given}
    query = select(*(dues.c[name] for name in _IDENTITY)).where(
        dues.c.due.in_(list(stated)),
        visible.is_there(dues, visible.newest),
        visible.due_state(visible.newest) != DueState.WITHDRAWN.value,
    )
    return {row.due for row in connection.execute(query) if tuple(row) == stated[row.due]}


def _in_book(connection: Connection, given: Iterable[DueLine]) -> set[str]:
    """The names of those of these dues that the book has, with whatever values."""
    names = [due.due for due in given]
    query = select(dues.c.due).where(dues.c.due.in_(names), visible.is_there(dues, visible.newest))
    return set(connection.execute(query).scalars())


def _check_claims(connection: Connection, book: Book) -> None:
    """Raise LoadRefused if a row that is to be left out is in order, by itself and beside the book."""
    for claim in book.claims:
        due = [claim.due]
        if _held(connection, due) if claim.leaves else not _in_book(connection, due):
            raise LoadRefused(
                Sentence(
                    "line {line} is in order: it cannot be left out; nothing was loaded", line=claim.line
                )
            )


def end_note(withdrawn: int, late: int, lapsed: int, withdrawn_held: int, lapsed_held: int) -> str:
    """The audit log's note at a load's end: counts of the dues that left by it, in the order of LEFT."""
    held = f"{withdrawn_held} withdrawn and {lapsed_held} lapsed while held"
    return f"{withdrawn} withdrawn, {late} too late, {lapsed} lapsed; {held}"


def _withdrawn(loaded: Loaded) -> int:
    """How many dues a load has withdrawn, or will as soon as something lets go of them."""
    return loaded.withdrawn + loaded.withdrawn_late + loaded.withdrawn_held


def _end_of(connection: Connection, number: int) -> str:
    """The date of a load by which something left while the audit log does not say so yet; else empty."""
    ended = select(audit_log.c.subject).where(audit_log.c.act == LOAD_ENDED)
    left = or_(*(loads.c[name] > 0 for name in LEFT))
    query = select(loads.c.date).where(loads.c.number == number, left, loads.c.date.not_in(ended))
    return str(connection.execute(query).scalar() or "")


def _left_out(book: Book) -> str:
    return listed(tuple(map(str, book.left_out)), "{first}\n{rest}")


def _note(connection: Connection, book: Book, by: str) -> str:
    """The audit log's note on the load: its file's digest, and which lines were left out with whose consent
    besides that of `by`.
    """
    if not book.left_out:
        return book.digest
    other = consent.given_by_another(connection, book.digest, book.left_out, by)
    if not other:
        raise InvariantBroken(Sentence("rows would be left out by the word of one person"))
    return f"{book.digest}; without {consent.note_of(book.left_out)}, as {other} says too"


def _proof(connection: Connection, loaded: Loaded) -> str:
    """The rest of that note: figures, and the digest of the load's row as it is now, before anything has left
    by it, with which the audit compares the row.
    """
    row = connection.execute(select(loads).where(loads.c.date == loaded.date)).one()
    digest = sha256(json.dumps(list(row), ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
    figures = f"{loaded.dues} dues, {loaded.premium} fen premium, {loaded.benefit} fen benefit"
    return f"; {figures}; row {digest}"


def _taken(connection: Connection, book: Book) -> Loaded | None:
    """The outcome of the load of this very file, None if it was not loaded. An attempt of this load may have
    been committed without this process having learnt of it.
    """
    names = (loads.c[name] for name in Loaded._fields)
    row = connection.execute(select(*names).where(loads.c.digest == book.digest)).first()
    return Loaded(*row) if row else None


def _check_may_load(connection: Connection, book: Book, *, alone: bool = False) -> bool:
    """Whether this is the book's first load. Raises LoadRefused if the file may not be loaded now.

    Locks the open day shared, as a batch does; with `alone`, so that no batch is under way, which would make
    some of its reads before the load can be seen and some after.
    """
    taken = connection.execute(select(loads.c.date).where(loads.c.digest == book.digest)).scalar()
    if taken is not None:
        raise LoadRefused(Sentence("this file was loaded already, for {date}", date=taken))
    query = select(days.c.date).where(days.c.state == DayState.OPEN.value).with_for_update(read=not alone)
    day = connection.execute(query).scalar()
    if day is None:
        if connection.execute(select(days.c.date).limit(1)).first() is not None:
            raise LoadRefused(Sentence("no business day is open: cut over first"))
        return True
    if day != book.business_date:
        raise LoadRefused(
            Sentence(
                "business day {date} is open, and the file is for {file_date}",
                date=day,
                file_date=book.business_date,
            )
        )
    if connection.execute(select(loads.c.digest).where(loads.c.date == day)).first() is not None:
        raise LoadRefused(Sentence("the dues of {date} were loaded already, from another file", date=day))
    return False


def _is(column: Any, number: int) -> Any:  # noqa: ANN401 - SQLAlchemy's column of a number, and its condition
    """The condition that a pending change is this load's, in a form for which its index is used."""
    return (column > 0) & (column == number)


def _count(connection: Connection, query: Select[Any]) -> int:
    return int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())


def _chunks(rows: Iterable[_Any]) -> Iterator[list[_Any]]:
    source = iter(rows)
    while chunk := list(islice(source, ROWS_A_TRANSACTION)):
        yield chunk
