"""`python -m bench.growth`: what a batch costs as the book and the journal grow (DESIGN section 8).

Fills a front book with so many dues and as many journal entries, in bulk, then commits batches of collections
through the real front book, no sockets. Prints a batch's median for each size, and the ratio to the smallest
one's.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from sqlalchemy import text

from bench.__main__ import fresh_database, postgresql
from bench.close import BANK, DATE, fill_journal
from ledger.book.cutover import open_day
from ledger.book.front import FrontBook
from ledger.book.schema import dues, policies
from ledger.book.store import Store
from ledger.rules.request import Act, Request, key_of
from ledger.rules.view import Due, DueState
from office.database.bulk import insert_rows

BATCH = 256
BATCHES = 40
SEED = 1


def main() -> None:
    """Run every size on every database and print a line each."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 200_000, 2_000_000])
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    given = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()},", end=" ")
    print(
        f"SQLite {sqlite3.sqlite_version} synchronous=FULL; batches of {BATCH} collections, {BATCHES} of them"
    )
    if given.database != "postgresql":
        with tempfile.TemporaryDirectory(prefix="qianzhi-bench-growth-") as folder:
            urls = (f"sqlite:///{Path(folder) / str(size)}.db" for size in given.sizes)
            _rows("SQLite", given.sizes, urls)
    if given.database != "sqlite":
        with postgresql() as url:
            _rows("PostgreSQL", given.sizes, (fresh_database(url) for _ in given.sizes))


def _rows(name: str, sizes: list[int], urls: Iterator[str]) -> None:
    smallest = 0.0
    for size, url in zip(sizes, urls, strict=True):
        median = _median_ms(url, size)
        smallest = smallest or median
        print(
            f"{name}, {size:,} dues and {size // 2:,} entries: {median:.1f} ms a batch,"
            f" {median / smallest:.2f} times the first",
            flush=True,
        )


def _median_ms(url: str, size: int) -> float:
    store = Store(url)
    try:
        front = FrontBook(store, "check", os.urandom)
        front.create()
        front.claim("fep1")
        with store.transaction() as connection:
            open_day(connection, DATE)
            insert_rows(connection, policies, _policies(size))
            insert_rows(connection, dues, _dues(size))
        fill_journal(store, size // 2)
        if not store.is_sqlite:
            with store.transaction() as connection:
                connection.execute(text("ANALYZE policies, dues, journal"))
        return statistics.median(_batches(front, size))
    finally:
        store.close()


def _batches(front: FrontBook, size: int) -> Iterator[float]:
    """Commit batches of collections of dues from all over the book; yield the milliseconds of each.

    Raises SystemExit if a collection is refused.
    """
    places = Random(SEED).sample(range(size), BATCH * BATCHES)
    for start in range(0, len(places), BATCH):
        requests = [_request(place) for place in places[start : start + BATCH]]
        started = time.perf_counter()
        answers = front.commit(requests, 1)
        yield (time.perf_counter() - started) * 1000
        if {answer.response.value for answer in answers} != {"00"}:
            raise SystemExit("bench: a collection was refused")


def _policies(size: int) -> Iterator[dict[str, object]]:
    return ({"policy": f"Q{place:09d}", "state": "active", "holder": "张三"} for place in range(size))


def _dues(size: int) -> Iterator[dict[str, object]]:
    for place in range(size):
        due = Due(
            due=f"B{place:09d}",
            policy=f"Q{place:09d}",
            code="500000",
            kind="premium",
            due_date=DATE,
            amount=10_000,
            beneficiary="",
            state=DueState.OPEN,
            settled_by="",
            sequence=0,
            withdrawn=0,
        )
        yield due._asdict()


def _request(place: int) -> Request:
    terminal, moment, stan = f"Q{place // 1_000_000:07d}", "1123090000", f"{place % 1_000_000:06d}"
    return Request(
        key=key_of(BANK, terminal, moment, stan),
        act=Act.COLLECT,
        bank=BANK,
        mti="0200",
        code="500000",
        terminal=terminal,
        branch="BRANCH000000001",
        stan=stan,
        sent_at=moment,
        local_at=moment,
        rrn=f"{place:012d}",
        amount=10_000,
        currency="156",
        policy=f"Q{place:09d}",
        content=f"{place:032x}",
    )


if __name__ == "__main__":
    main()
