"""`python -m bench.close`: a day's close, from the pull to the posting, at growing sizes (DESIGN section 8).

Makes a front book with one closed day and a bank's file of as many lines, a few of them wrong; then runs the
real `qianzhi office close` as a process and reads its time and peak memory from the system. Prints how it was
run, and the ratio to a baseline: as many rows bare, into one narrow table of the same kind of database.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import NamedTuple

import psycopg
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import insert

from bench.__main__ import fresh_database, postgresql
from fep.keys.key_provider import KeyProvider
from fep.settings.config import load_settings
from fep.setup.install import SAMPLE_BANKS, install
from ledger.book.cutover import cut_over, open_day
from ledger.book.front import FrontBook
from ledger.book.schema import bank_days, chains, journal
from ledger.book.store import Store
from ledger.files import bankfile, layout
from ledger.files.bankline import BankLine
from ledger.rules.entry import GENESIS, SALT_BYTES, Entry, Kind, chain_entries
from ledger.rules.numbering import authorization_code, receipt_number
from ledger.rules.request import key_of
from office import install as office_install
from office.database.bulk import insert_rows
from protocol.responses import Response
from simulators.days.discrepancies import Counts, seed
from simulators.processes import PROGRAM

BANK = SAMPLE_BANKS[0].code
DATE, NEXT_DATE = "20261123", "20261124"
CHUNK = 10_000
PER_MILLE_WRONG = 1
_MEGABYTE = 1024


class Figures(NamedTuple):
    """One close: seconds, peak memory of the process in MB, and the baseline's seconds."""

    seconds: float
    peak_mb: int
    baseline: float


def main() -> None:
    """Run every size on every database and print a line each."""
    parser = argparse.ArgumentParser(prog="python -m bench.close", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    given = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()},", end=" ")
    print(f"SQLite {sqlite3.sqlite_version} synchronous=FULL")
    print("one bank: pull and verify the journal, take the file, reconcile, post (qianzhi office close)")
    if given.database != "postgresql":
        for size in given.sizes:
            _say("SQLite", size, _run(size, None))
    if given.database != "sqlite":
        with postgresql() as url:
            for size in given.sizes:
                _say("PostgreSQL", size, _run(size, url))


def _say(name: str, size: int, figures: Figures) -> None:
    each, ratio = figures.seconds / size * 1_000_000, figures.seconds / figures.baseline
    print(
        f"{name}, {size:,} transactions and lines: {figures.seconds:.1f} s ({each:.0f} us each,"
        f" {ratio:.1f} times the baseline's {figures.baseline:.2f} s), peak {figures.peak_mb} MB",
        flush=True,
    )


def _run(size: int, url: str | None) -> Figures:
    with tempfile.TemporaryDirectory(prefix="qianzhi-bench-close-") as name:
        folder = Path(name)
        front_url = f"sqlite:///{folder / 'front.db'}" if url is None else fresh_database(url)
        office_url = f"sqlite:///{folder / 'office.db'}" if url is None else fresh_database(url)
        baseline = _baseline(size, folder / "baseline.db" if url is None else fresh_database(url))
        config = _prepare(folder, front_url, office_url, size)
        started = time.perf_counter()
        command = [*PROGRAM, "office", "close", "--config", str(config)]
        process = os.spawnv(os.P_NOWAIT, sys.executable, command)
        _, status, usage = os.wait4(process, 0)
        seconds = time.perf_counter() - started
        if status:
            raise SystemExit(f"bench: the close ended with status {status}")
        return Figures(seconds, usage.ru_maxrss // _MEGABYTE, baseline)


def _baseline(size: int, where: Path | str) -> float:
    """Return the seconds that `size` rows of 300 bytes take into one narrow table, in one transaction."""
    rows = ((f"{row:012d}", "x" * 300) for row in range(size))
    started = time.perf_counter()
    if isinstance(where, Path):
        connection = sqlite3.connect(where, isolation_level=None)
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE t (k TEXT, v TEXT)",
        ):
            connection.execute(statement)
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        connection.execute("COMMIT")
        connection.close()
    else:
        plain = where.replace("postgresql+psycopg://", "postgresql://", 1)
        with psycopg.connect(plain) as connected, connected.cursor() as cursor:
            cursor.execute("CREATE TABLE t (k TEXT, v TEXT)")
            with cursor.copy("COPY t FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
    return time.perf_counter() - started


def _prepare(folder: Path, front_url: str, office_url: str, size: int) -> Path:
    """Make a front book with one closed day, its bank file and an office; return its settings' path."""
    front_config = install(
        folder / "front",
        os.urandom,
        datetime.now(UTC),
        first_port=0,
        status_port=0,
        database=front_url,
        plain=True,
    )
    key_provider = KeyProvider(load_settings(front_config).keystore)
    store = Store(front_url)
    front = FrontBook(store, key_provider.front_key.check_value, os.urandom)
    front.create()
    front.claim("fep1")
    with store.transaction() as connection:
        open_day(connection, DATE)
    fill_journal(store, size)
    cut_over(store, DATE, lambda _: NEXT_DATE, key_provider.sealer, 1_763_906_400_000_000)
    store.close()
    banks = (office_install.SampleBank(BANK, "bench", "standard"),)
    config = office_install.install(
        folder / "office", banks, front=front_url, seal_key=key_provider.sealer.public, database=office_url
    )
    wrong = max(1, size * PER_MILLE_WRONG // 1000)
    counts = Counts(
        bank_only=wrong,
        ours_only=wrong,
        amount_differs=wrong,
        state_differs=wrong,
        details_differ=wrong,
        duplicate=wrong,
        renumbered=wrong,
    )
    lines = seed(BANK, tuple(_lines(size)), (), Random(1), counts).lines
    path = folder / "office" / "bankfiles" / f"{BANK}.{DATE}.txt"
    with path.open("wb") as file:
        for data in bankfile.write(layout.load("standard"), BANK, DATE, lines):
            file.write(data)
    return config


def fill_journal(store: Store, size: int) -> None:
    """Write the journal's entries in bulk: the close is measured, not the day."""
    tip, position = GENESIS, 0
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("journal", total=size)
        while position < size:
            entries = [_entry(place) for place in range(position + 1, min(position + CHUNK, size) + 1)]
            linked, tip = chain_entries(entries, tip, os.urandom(SALT_BYTES * len(entries)))
            with store.transaction() as connection:
                insert_rows(connection, journal, (entry._asdict() for entry in linked))
                position += len(linked)
                connection.execute(
                    chains.update().where(chains.c.chain == 1).values(position=position, tip=tip)
                )
            progress.advance(task, len(linked))
    totals = dict.fromkeys((column.name for column in bank_days.columns), 0)
    totals |= {
        "bank": BANK,
        "date": DATE,
        "collections": size,
        "collected": sum(map(_amount, range(1, size + 1))),
    }
    with store.transaction() as connection:
        connection.execute(insert(bank_days).values(totals))


def _amount(place: int) -> int:
    return 10_000 + place * 7919 % 1_000_000


def _terminal(place: int) -> str:
    """Return an entry's terminal: one of 5,000, others for each million, so that keys are unique."""
    return f"T{place // 1_000_000 % 100:02d}{place % 5000:05d}"


def _moment(place: int) -> str:
    minutes = place * 800 // 1_000_000 % 800
    return f"{DATE}{8 + minutes // 60:02d}{minutes % 60:02d}{place % 60:02d}"


def _entry(place: int) -> Entry:
    terminal, stan = _terminal(place), f"{place % 1_000_000:06d}"
    return Entry(
        chain=1,
        position=place,
        key=key_of(BANK, terminal, _moment(place), stan),
        kind=Kind.COLLECTION,
        mti="0200",
        code="500000",
        bank=BANK,
        terminal=terminal,
        branch="BRANCH000000001",
        stan=stan,
        sent_at=_moment(place),
        local_at=_moment(place),
        rrn=f"{place:012d}",
        card="",
        amount=_amount(place),
        currency="156",
        policy=f"P2020001{place:07d}",
        holder="张三",
        due=f"D{place:012d}",
        due_date=DATE,
        original="",
        content=f"{place:032x}",
        business_date=DATE,
        recorded_at=1_763_856_000_000_000 + place,
        response=Response.APPROVED,
        reason="",
        authorization=authorization_code(place),
        receipt=receipt_number(DATE, 1, place),
        exception_code="",
        side="premium",
        subject=f"D{place:012d}",
        sequence=1,
        sequence_before=None,
        previous=GENESIS,
        salt="",
    )


def _lines(size: int) -> Iterator[BankLine]:
    for place in range(1, size + 1):
        yield BankLine(
            place,
            _terminal(place),
            "BRANCH000000001",
            _moment(place),
            f"{place % 1_000_000:06d}",
            f"{place:012d}",
            "500000",
            f"P2020001{place:07d}",
            f"D{place:012d}",
            _amount(place),
            receipt_number(DATE, 1, place),
            "S",
        )


if __name__ == "__main__":
    main()
