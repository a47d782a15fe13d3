"""`python -m bench.years`: whether a front book that retires its days keeps its size and its speed.

Trades so many simulated business days through the real front book, no sockets: refusals, and collections that
are reversed, so that no due is used up. Each day is cut over, told as archived, and what is past the window
is retired. Prints size and a batch's median over the days after the first window and over the last ones.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import func, select, text

from bench.__main__ import fresh_database, postgresql
from bench.close import BANK
from ledger.book.cutover import cut_over
from ledger.book.front import FrontBook
from ledger.book.journal import prove
from ledger.book.load import load_book
from ledger.book.retire import retire
from ledger.book.schema import journal
from ledger.book.store import Store
from ledger.files.archived import ArchivedDay
from ledger.files.bookfile import Book
from ledger.files.bookline import DueLine
from ledger.rules.dues import Policy
from ledger.rules.request import Act, Request, key_of
from ledger.rules.seal import Sealer

BATCH = 256
DUES = 2_000
KEY_DAYS = 31
FIRST = date(2026, 1, 1)
SHOWN_DAYS = 30
AMOUNT = 10_000


def main() -> None:
    """Run on each database asked for and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.years", description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--batches", type=int, default=8, help="a day")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="sqlite")
    given = parser.parse_args()
    if given.days < 2 * SHOWN_DAYS + KEY_DAYS:
        parser.error(f"--days: at least {2 * SHOWN_DAYS + KEY_DAYS}")
    if given.database != "postgresql":
        with tempfile.TemporaryDirectory(prefix="qianzhi-bench-years-") as folder:
            _run("SQLite", f"sqlite:///{Path(folder) / 'front.db'}", given.days, given.batches)
    if given.database != "sqlite":
        with postgresql() as url:
            _run("PostgreSQL", fresh_database(url), given.days, given.batches)


def _run(name: str, url: str, days: int, batches: int) -> None:
    store = Store(url)
    try:
        years = _Years(store, batches)
        medians, sizes, retiring = [], [], []
        for number in range(days):
            medians.append(years.trade(number))
            retiring.append(years.close(number))
            sizes.append(years.megabytes())
        broken = years.broken_links()
    finally:
        store.close()
    early = slice(KEY_DAYS + 3, KEY_DAYS + 3 + SHOWN_DAYS)
    rows = (("a batch, ms", medians), ("the book, MB", sizes), ("cut-over and retiring, s", retiring))
    print(
        f"{name}: {days} days of {batches * BATCH:,} entries, the last {KEY_DAYS} kept; {broken} broken links"
    )
    for label, figures in rows:
        first, last = statistics.median(figures[early]), statistics.median(figures[-SHOWN_DAYS:])
        print(f"{label}: {first:.2f} after the first window, {last:.2f} at the end, {last / first:.2f} times")


class _Years:
    """A front book and its days."""

    def __init__(self, store: Store, batches: int) -> None:
        self._store = store
        self._batches = batches
        self._sealer = Sealer(bytes(32))
        self._archived: dict[str, ArchivedDay] = {}
        self._stan = 0
        self.front = FrontBook(store, "check", os.urandom)
        self.front.create()
        names = [f"{place:09d}" for place in range(DUES)]
        policies = tuple(Policy(f"Q{name}", "active", "张三") for name in names)
        dues = tuple(
            DueLine(f"B{name}", f"Q{name}", "500000", "premium", "20260101", AMOUNT, "") for name in names
        )
        load_book(store, Book(_day(0), policies, dues, DUES * AMOUNT, 0, "bench"), str, 1)
        self.front.claim("fep1")

    def trade(self, number: int) -> float:
        """A day's batches; a batch's median in milliseconds."""
        took = []
        for _ in range(self._batches):
            requests = list(self._requests(_day(number)))
            started = time.perf_counter()
            self.front.commit(requests, 1)
            took.append((time.perf_counter() - started) * 1000)
        return statistics.median(took)

    def close(self, number: int) -> float:
        """Cut over, have the day archived, and retire the days past the window; return the seconds."""
        today, following = _day(number), _day(number + 1)
        size = self._batches * BATCH
        started = time.perf_counter()
        closed = cut_over(self._store, today, lambda _: following, self._sealer, 1)
        self._archived[today] = ArchivedDay(today, closed.root, size)
        retire(self._store, self._archived, _day(number - KEY_DAYS), lambda: 1)
        return time.perf_counter() - started

    def megabytes(self) -> float:
        """Return the size of the book in MB: on SQLite its file without free pages, on PostgreSQL the
        journal.
        """
        with self._store.reading() as connection:
            if self._store.is_sqlite:
                pages, page = (
                    connection.execute(text(f"PRAGMA {pragma}")).scalar_one()
                    for pragma in ("page_count", "page_size")
                )
                return float(pages * page / 1e6)
            return float(
                connection.execute(select(func.pg_total_relation_size(journal.name))).scalar_one() / 1e6
            )

    def broken_links(self) -> int:
        """Return how many links of the hash chains do not hold."""
        with self._store.reading() as connection:
            return sum(len(chain.broken) for chain in prove(connection))

    def _requests(self, today: str) -> Iterator[Request]:
        """A quarter collections, each reversed at once, and half refusals."""
        for place in range(BATCH // 4):
            policy = f"Q{(self._stan + place) % DUES:09d}"
            paid = self._request(today, Act.COLLECT, policy)
            yield paid
            yield self._request(today, Act.REVERSE, "", original=paid.key)
            yield self._request(today, Act.COLLECT, "NONE")
            yield self._request(today, Act.COLLECT, "NONE")

    def _request(self, today: str, act: Act, policy: str, original: str = "") -> Request:
        self._stan += 1
        terminal, moment = f"Q{self._stan // 1_000_000:07d}", f"{today}090000"
        stan = f"{self._stan % 1_000_000:06d}"
        return Request(
            key=key_of(BANK, terminal, moment, stan),
            act=act,
            bank=BANK,
            mti="0400" if act is Act.REVERSE else "0200",
            code="500000",
            terminal=terminal,
            branch="BRANCH000000001",
            stan=stan,
            sent_at=moment,
            local_at=moment,
            rrn=f"{self._stan:012d}",
            amount=AMOUNT,
            currency="156",
            policy=policy,
            original=original,
            content=f"{self._stan:032x}",
        )


def _day(number: int) -> str:
    return f"{FIRST + timedelta(number):%Y%m%d}"


if __name__ == "__main__":
    main()
