"""What a check is given and what it returns: both databases as of one moment; findings, and counts of the
rows that it looked at.

Connections, plain values and the reading of rows. No check belongs here, and no module that did the work
under audit is used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, exists, not_, select, text

from ledger.book import schema as front_schema
from ledger.book.store import Store
from office.audit.subjects import FRONT_SIDE, OFFICE_SIDE
from office.database import schema as office_schema
from qianzhi_errors.sentence import Sentence

SETTLEMENTS: Final = ("collection", "payout")
"""The kinds of entry that move money."""
REVERSING_KINDS: Final = ("cancel", "reversal")
"""The kinds of entry that take another entry out of effect."""
POSTED: Final = ("posted", "archived")
"""The states of a day that is posted to the books, each of its banks or without the file of some."""
PROGRESS_ROWS: Final = 10_000
"""A check reports its progress after so many rows."""

_ROWS_AT_ONCE: Final = 2000


class Failing(NamedTuple):
    """A finding: something is not as it must be. `invariant` is its number
    (`office.audit.run.INVARIANTS`), `subject` names the row or the sum, `what` says in words what is
    wrong with it. The names of the fields are the keys of `qianzhi audit --json`.
    """

    invariant: int
    subject: Sentence
    what: Sentence


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check has looked at, and the count of it. A check that looked at nothing proves nothing."""

    invariant: int
    what: str
    count: int


Results = Iterator[Failing | Checked]
"""What every check yields."""


class Stated(NamedTuple):
    """What the office's settings state, to compare the books with: the public half (hex) of the key that
    seals days, the chart of accounts by its lines (`office.audit.chart`), and all persons who are, or
    ever were, allowed to decide about breaks.
    """

    seal_public: str
    chart: Mapping[str, str]
    clerks: frozenset[str]


class Journal(NamedTuple):
    """One copy of the journal, and the tables beside it in the same database."""

    name: Sentence
    connection: Connection
    entries: Table
    chains: Table
    days: Table


class Evidence(NamedTuple):
    """All that a check is given. `front` is None if the front book is out of reach. A check calls `progress`
    with the name of its work and the number of rows since the last call.
    """

    office: Connection
    front: Connection | None
    stated: Stated
    progress: Callable[[str, int], None]

    @property
    def journals(self) -> tuple[Journal, ...]:
        """The office's copy of the journal, and the front's own where it can be read."""
        ours = Journal(
            OFFICE_SIDE, self.office, office_schema.entries, office_schema.chains, office_schema.days
        )
        if self.front is None:
            return (ours,)
        return ours, Journal(
            FRONT_SIDE, self.front, front_schema.journal, front_schema.chains, front_schema.days
        )


@contextmanager
def gathered(
    office: Store,
    front: Store | None,
    stated: Stated,
    progress: Callable[[str, int], None],
) -> Iterator[Evidence]:
    """Yield both databases, each as of one moment and for reading only. The office's moment is the earlier
    one, so the front has everything that the office has pulled by then.
    """
    with ExitStack() as stack:
        ours = stack.enter_context(as_of_now(office, office_schema.facts))
        theirs = None if front is None else stack.enter_context(as_of_now(front))
        yield Evidence(ours, theirs, stated, progress)


@contextmanager
def as_of_now(store: Store, first_read: Table = front_schema.facts) -> Iterator[Connection]:
    """Yield a connection to a database as of one moment, for reading only. `first_read` is any table of
    it.
    """
    with store.reading(snapshot=True) as connection:
        if not store.is_sqlite:
            # A front book's store is tuned for a few rows by index; here every row is read.
            connection.execute(text("SET LOCAL enable_seqscan = on"))
        connection.execute(select(first_read.c.name).limit(1)).all()
        yield connection


def stream(
    connection: Connection, query: Select[Any], parameters: Mapping[str, str] | None = None
) -> Iterator[Sequence[Any]]:
    """The rows of a query, read a few thousand at a time so that memory does not grow with their number."""
    with connection.execute(query, parameters, execution_options={"yield_per": _ROWS_AT_ONCE}) as result:
        for part in result.partitions():
            yield from part


def with_progress(rows: Iterable[Sequence[Any]], evidence: Evidence, work: str) -> Iterator[Sequence[Any]]:
    """The same rows; reports the progress of `work` as they go by."""
    for number, row in enumerate(rows, 1):
        if number % PROGRESS_ROWS == 0:
            evidence.progress(work, PROGRESS_ROWS)
        yield row


def count_of(connection: Connection, query: Select[Any], parameters: Mapping[str, str] | None = None) -> int:
    """The only figure that a query gives, as an int also on PostgreSQL; 0 for a sum over nothing."""
    return int(connection.execute(query, parameters).scalar() or 0)


def is_settlement(entries: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a table or an alias of one
    """Whether an entry is a transaction: an approved collection or payout."""
    return and_(entries.c.response == "00", entries.c.kind.in_(SETTLEMENTS))


def is_reversing(entries: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a table or an alias of one
    """Whether an entry took another one out of effect. Written so that the index on such entries is used."""
    return and_(
        entries.c.original != "", entries.c.sequence.is_not(None), entries.c.kind.in_(REVERSING_KINDS)
    )


def undone(date: str | ColumnElement[str]) -> ColumnElement[bool]:
    """Whether an entry of the office is out of effect at the end of the date: a cancel or reversal took
    it out, and no reversal of that cancel has put it back by then.
    """
    reversing, again = office_schema.entries.alias("reversing"), office_schema.entries.alias("again")
    reinstated = exists().where(
        is_reversing(again), again.c.original == reversing.c.key, again.c.business_date <= date
    )
    return exists().where(
        is_reversing(reversing),
        reversing.c.original == office_schema.entries.c.key,
        reversing.c.business_date <= date,
        not_(reinstated),
    )
