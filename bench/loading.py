"""`python -m bench.loading`: how long anybody waits while a day's dues are loaded.

Serves a bank at a steady rate, and has a file of a million dues loaded meanwhile. Prints the slowest answer
before and during the load, the load's own time, and the most memory that the machine took.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import subprocess
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bench.__main__ import compiled, fresh_database, postgresql, unshaped
from bench.frames import DATE, policies
from bench.overload import Phase, Run
from fep.setup.install import install
from ledger.files.bookfile import PolicyDues, write
from ledger.files.bookline import DueLine
from ledger.rules.dues import Policy
from simulators.processes import PROGRAM, qianzhi, serving

PHASE_SECONDS = 10
PHASES_LEAST = 4
DUES_A_PHASE = 15_000
"""No machine loads so few in a phase's time: there are enough dues to collect meanwhile."""


def main() -> None:
    """Measure on each database asked for and print a row."""
    parser = argparse.ArgumentParser(prog="python -m bench.loading", description=__doc__)
    parser.add_argument("--dues", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=500, help="collections a second")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    given = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()},", end=" ")
    print(f"SQLite {sqlite3.sqlite_version} synchronous=FULL; the load on these cores too")
    with tempfile.TemporaryDirectory(prefix="qianzhi-bench-loading-") as folder:
        program = compiled(Path(folder))
        if program is None:
            raise SystemExit("bench: no cc here")
        if given.database != "postgresql":
            _row("SQLite", "sqlite:///front.db", program, given.dues, given.rate)
        if given.database != "sqlite":
            with postgresql() as url:
                _row("PostgreSQL", fresh_database(url), program, given.dues, given.rate)


def _row(name: str, database: str, program: Path, dues: int, rate: int) -> None:
    with tempfile.TemporaryDirectory(prefix="qianzhi-bench-loading-run-") as folder, ExitStack() as stack:
        now = datetime.now(UTC)
        path = install(
            Path(folder), os.urandom, now, first_port=0, status_port=0, database=database, plain=True
        )
        unshaped(path)
        first, later = path.with_name("first.csv"), path.with_name("later.csv")
        _write(first, DATE, rate * PHASE_SECONDS * (PHASES_LEAST + dues // DUES_A_PHASE))
        qianzhi("book", "load", str(first), "--config", str(path))
        run = Run(program, path, stack.enter_context(serving(path)))
        following = _cut_over(path)
        _write_later(later, following, dues)
        before = run.phase(rate * PHASE_SECONDS, rate, 0)
        started = time.monotonic()
        command = [*PROGRAM, "book", "load", str(later), "--config", str(path)]
        loading = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        during = []
        while loading.poll() is None:
            during.append(run.phase(rate * PHASE_SECONDS, rate, 0))
        seconds = time.monotonic() - started
        if loading.returncode:
            raise SystemExit("bench: the load was refused")
        print(
            f"{name}, {dues:,} dues while {rate} a second are collected: {_latencies([before])} before,"
            f" {_latencies(during)} during; {sum(phase.refused for phase in during)} refused;"
            f" {seconds:.0f} s at the most; {run.peak()} MB at the most",
            flush=True,
        )


def _latencies(phases: list[Phase]) -> str:
    """The slowest answer and the highest p99 of the phases, in milliseconds, as text."""
    slowest, p99 = max(phase.slowest_ms for phase in phases), max(phase.approved_ms for phase in phases)
    return f"slowest answer {slowest:.0f} ms, p99 {p99:.0f} ms"


def _cut_over(settings: Path) -> str:
    """Close the first day and return the date that is open then."""
    report = qianzhi("day", "cutover", "--date", DATE, "--early", "--json", "--config", str(settings))
    return str(json.loads(report)["next_date"])


def _write(path: Path, date: str, count: int) -> None:
    with path.open("wb") as file:
        file.writelines(write(date, policies(count)))


def _write_later(path: Path, date: str, count: int) -> None:
    """Write a day's file of `count` dues of new policies, half of them benefits."""
    entries = (PolicyDues(Policy(f"L{n:09d}", "active", "李四"), (_due(n),)) for n in range(count))
    with path.open("wb") as file:
        file.writelines(write(date, entries))


def _due(number: int) -> DueLine:
    code, kind, person = ("500000", "premium", "") if number % 2 else ("260000", "benefit", "E12345678")
    return DueLine(
        f"L{number:09d}",
        f"L{number:09d}",
        code,
        kind,
        "20261201",
        120_000,
        person,
        "passport" if person else "",
    )


if __name__ == "__main__":
    main()
