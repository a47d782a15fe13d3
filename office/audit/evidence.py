"""What an audit reads and what it says: both databases as of one moment, findings, and counts of what was
looked at.

Connections, plain values and how rows are read; no check, and no module that did the work under audit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, exists, not_, select, text

from ledger.book import schema as front_schema
from ledger.book.store import Store
from office.database import schema as office_schema

SETTLEMENTS: Final = ("collection", "payout")
"""The kinds of entry that move money by themselves."""
REVERSING_KINDS: Final = ("cancel", "reversal")
"""The kinds that take another entry out of effect."""
POSTED: Final = ("posted", "archived")
"""The states of a day that is in the books."""

_ROWS_AT_ONCE: Final = 2000


class Failing(NamedTuple):
    """One thing that is not as it must be: the number of the invariant (DESIGN section 6), what it is about,
    and what is wrong with it, in words.
    """

    invariant: int
    subject: str
    what: str


@dataclass(frozen=True, slots=True)
class Checked:
    """How many of something a check has looked at; one that looked at nothing proves nothing."""

    invariant: int
    what: str
    count: int


Outcome = Iterator[Failing | Checked]


class Stated(NamedTuple):
    """What the office's settings say, for the books to be held against: the public half (hex) of the key that
    seals days, the chart of accounts by its lines (`office.audit.chart`), and everyone who is, or ever was,
    allowed to decide about breaks.
    """

    seal_public: str
    chart: Mapping[str, str]
    clerks: frozenset[str]


class Journal(NamedTuple):
    """One copy of the journal, with the tables beside it in its own database."""

    name: str
    connection: Connection
    entries: Table
    chains: Table
    days: Table


class Evidence(NamedTuple):
    """All that a check is given. `front` is None where the front book is out of reach; `progress` is told
    what is at work, and how many rows went by since it was told last.
    """

    office: Connection
    front: Connection | None
    stated: Stated
    progress: Callable[[str, int], None]

    @property
    def journals(self) -> tuple[Journal, ...]:
        """The office's copy of the journal, and the front's own where it can be read."""
        one, other = office_schema, front_schema
        ours = Journal("office", self.office, one.entries, one.chains, one.days)
        if self.front is None:
            return (ours,)
        return ours, Journal("front", self.front, other.journal, other.chains, other.days)


@contextmanager
def gathered(
    office: Store,
    front: Store | None,
    stated: Stated,
    progress: Callable[[str, int], None],
) -> Iterator[Evidence]:
    """Both databases, each as of one moment and for reading only. The office's moment is the earlier one, so
    that whatever it has pulled the front has too.
    """
    with ExitStack() as stack:
        ours = stack.enter_context(as_of_now(office, office_schema.facts))
        theirs = None if front is None else stack.enter_context(as_of_now(front))
        yield Evidence(ours, theirs, stated, progress)


@contextmanager
def as_of_now(store: Store, first_read: Table = front_schema.facts) -> Iterator[Connection]:
    """A database, by default the front book's, as of one moment and for reading only."""
    with store.reading(snapshot=True) as connection:
        if not store.is_sqlite:
            # A front book's store is tuned for a few rows by index; here every row is read.
            connection.execute(text("SET LOCAL enable_seqscan = on"))
        connection.execute(select(first_read.c.name).limit(1)).all()
        yield connection


def stream(connection: Connection, query: Select[Any]) -> Iterator[Sequence[Any]]:
    """The rows of a query, a few thousand at a time, whatever their number."""
    with connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE}) as result:
        for part in result.partitions():
            yield from part


def count_of(connection: Connection, query: Select[Any]) -> int:
    """The one figure that a query gives; a sum over nothing is 0. PostgreSQL's sums are whole but no int."""
    return int(connection.execute(query).scalar() or 0)


def is_settlement(entries: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a table or an alias of one
    """Whether an entry is a transaction of ours: an approved collection or payout."""
    return and_(entries.c.response == "00", entries.c.kind.in_(SETTLEMENTS))


def is_reversing(entries: Any) -> ColumnElement[bool]:  # noqa: ANN401 - a table or an alias of one
    """Whether an entry took another one out of effect. Said so that the index on such entries serves."""
    return and_(
        entries.c.original != "", entries.c.sequence.is_not(None), entries.c.kind.in_(REVERSING_KINDS)
    )


def undone(date: str | ColumnElement[str]) -> ColumnElement[bool]:
    """Whether an entry of the office's is undone when the date ends, by what is not undone itself by then."""
    reversing, again = office_schema.entries.alias("undoing"), office_schema.entries.alias("again")
    reinstated = exists().where(
        is_reversing(again), again.c.original == reversing.c.key, again.c.business_date <= date
    )
    return exists().where(
        is_reversing(reversing),
        reversing.c.original == office_schema.entries.c.key,
        reversing.c.business_date <= date,
        not_(reinstated),
    )
