"""A front book with two nodes and the office beside it: what the tests of the pull and of its days share."""

from __future__ import annotations

import json
from collections.abc import Callable
from os import urandom
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select, text, update

from ledger.book.cutover import cut_over
from ledger.book.front import FrontBook
from ledger.book.journal import read_chains, read_entries
from ledger.book.load import load_book
from ledger.book.schema import chains as front_chains
from ledger.book.schema import days as front_days
from ledger.book.schema import journal, make_missing
from ledger.book.store import Store
from ledger.rules.entry import Entry, entry_hash
from ledger.rules.seal import ChainEnd, Sealer, day_root
from office.database.schema import OFFICE, chains, days, entries
from office.intake.frontday import FrontDay, sealed_by
from office.intake.pull import Pulled, pull
from protocol.responses import Response
from tests.support.builders import DATE, book, premium, request

NEXT, AFTER = "20261125", "20261126"
FOLLOWING = {DATE: NEXT, NEXT: AFTER, AFTER: "20261127"}
CLOSED_AT = 1_700_000_000_000_000
SEALER = Sealer(b"s" * 32)


def refusal(like: Entry, **change: object) -> Entry:
    """An entry like another, without effect, so that the database has nothing against it."""
    without = {"response": Response.NOT_POSSIBLE, "receipt": None, "subject": None, "sequence": None}
    return like._replace(**{**without, "key": f"{like.key} again", **change})  # type: ignore[arg-type]


class Books:
    """A front book with two nodes, and the office beside it."""

    def __init__(self, front_url: str, office_url: str) -> None:
        self.front = Store(front_url)
        self.office = Store(office_url, by_index=False)
        self.nodes = [FrontBook(self.front, "check", urandom) for _ in range(2)]
        self.nodes[0].create()
        load_book(self.front, book(dues=[premium(f"D{n}", f"P{n}") for n in range(1, 4)]), str, 1)
        for number, node in enumerate(self.nodes):
            node.claim(f"fep{number + 1}")
        with self.office.transaction() as connection:
            make_missing(connection, OFFICE)

    def close(self) -> None:
        self.front.close()
        self.office.close()

    def commit(self, size: int, node: int = 0) -> None:
        """A batch of so many entries: the dues of three policies, then what finds no due any more."""
        self.nodes[node].commit([request(policy=f"P{n % 3 + 1}") for n in range(size)], 1)

    def cut_over(self, date: str = DATE) -> None:
        cut_over(self.front, date, FOLLOWING.__getitem__, SEALER, CLOSED_AT)

    def pull(self, progress: Callable[[int], None] = lambda _: None) -> Pulled:
        return pull(self.front, self.office, sealed_by(SEALER.public), 7, "clerk", progress)

    def journal(self) -> list[Entry]:
        with self.front.reading() as connection:
            return [
                entry for chain in read_chains(connection) for entry in read_entries(connection, chain.chain)
            ]

    def ends(self) -> list[ChainEnd]:
        """Where the front's chains end; those that have begun."""
        with self.front.reading() as connection:
            ends = [ChainEnd(end.chain, end.position, end.tip) for end in read_chains(connection)]
        return [end for end in ends if end.position]

    def day(self, date: str = DATE) -> FrontDay:
        with self.front.reading() as connection:
            row = connection.execute(select(front_days).where(front_days.c.date == date)).one()
        ends = tuple(ChainEnd(*end) for end in json.loads(row.chains))
        return FrontDay(row.date, row.next_date, row.closed_at, ends, row.root, row.signature)

    def seal(self, day: FrontDay, sealer: Sealer = SEALER) -> None:
        """Put the day's figures into the front book under a seal that fits them."""
        root = day_root(day.date, day.next_date, day.closed_at, day.ends)
        values = {
            **day._asdict(),
            "chains": json.dumps(day.ends),
            "root": root,
            "signature": sealer.sign(root),
        }
        del values["ends"]
        with self.front.transaction() as connection:
            connection.execute(update(front_days).where(front_days.c.date == day.date).values(values))

    def forge(self, statement: str) -> None:
        """Do to the journal what its triggers refuse."""
        with self.front.transaction() as connection:
            if self.front.is_sqlite:
                for name in ("journal_is_never_updated", "journal_is_never_deleted"):
                    connection.execute(text(f"DROP TRIGGER {name}"))
            else:
                for name in ("journal_is_never_changed", "journal_is_never_deleted"):
                    connection.execute(text(f"DROP TRIGGER {name} ON journal"))
            connection.execute(text(statement))

    def append(self, **change: object) -> None:
        """Put an entry behind the first chain's last, well linked, as only a forger could."""
        last = [entry for entry in self.journal() if entry.chain == 1][-1]
        linked = refusal(last, position=last.position + 1, previous=entry_hash(last), **change)
        with self.front.transaction() as connection:
            connection.execute(insert(journal).values(linked._asdict()))
            end = {"position": linked.position, "tip": entry_hash(linked)}
            connection.execute(update(front_chains).where(front_chains.c.chain == 1).values(end))


class Held(NamedTuple):
    """What the office has of the front."""

    entries: list[tuple[Any, ...]]
    ends: list[ChainEnd]
    days: list[tuple[Any, ...]]


def held(store: Store) -> Held:
    with store.reading() as connection:
        return Held(
            rows(connection, select(entries).order_by(entries.c.chain, entries.c.position)),
            [ChainEnd(*row) for row in rows(connection, select(chains).order_by(chains.c.chain))],
            rows(connection, select(days).order_by(days.c.date)),
        )


def rows(connection: Connection, query: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 - any query will do
    return [tuple(row) for row in connection.execute(query)]


def assert_consistent(store: Store) -> None:
    """The office's chains say just what its entries are."""
    copy = held(store)
    last = {row[0]: Entry._make(row) for row in copy.entries}
    assert copy.ends == [ChainEnd(chain, entry.position, entry_hash(entry)) for chain, entry in last.items()]
