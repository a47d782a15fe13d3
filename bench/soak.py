"""`python -m bench.soak`: half an hour of steady load on one machine, looked at minute by minute.

The journal grows by every collection. Prints each minute's latency and the machine's memory, and at the end
both ends of the run held against each other: a leak or a slope would show in the ratio.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bench.__main__ import compiled, fresh_database, postgresql, unshaped
from bench.frames import DATE, policies
from bench.overload import Phase, Run
from fep.setup.install import install
from ledger.files.bookfile import write
from simulators.processes import qianzhi, serving

_SECONDS = 60
_ENDS = 3
"""So many minutes at each end are held against each other, after the first, in which everything is new."""


def main() -> None:
    """Run on the database asked for and print a line for each minute."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--rate", type=int, default=1000, help="collections a second")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    if given.minutes <= 2 * _ENDS:
        parser.error(f"--minutes: more than {2 * _ENDS}, or the ends are not apart")
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(
        f"{given.database}, {given.rate} collections a second for {given.minutes} minutes, the load here too"
    )
    with tempfile.TemporaryDirectory(prefix="qianzhi-bench-soak-") as name, ExitStack() as stack:
        folder = Path(name)
        program = compiled(folder)
        if program is None:
            raise SystemExit("bench: no cc here")
        server = given.database == "postgresql"
        database = fresh_database(stack.enter_context(postgresql())) if server else "sqlite:///front.db"
        now = datetime.now(UTC)
        path = install(folder, os.urandom, now, first_port=0, status_port=0, database=database, plain=True)
        unshaped(path)
        book = folder / "book.csv"
        book.write_bytes(b"".join(write(DATE, policies(given.rate * _SECONDS * given.minutes))))
        qianzhi("book", "load", str(book), "--config", str(path))
        run = Run(program, path, stack.enter_context(serving(path)))
        _print_ends([_minute(run, given.rate, number) for number in range(1, given.minutes + 1)])


def _minute(run: Run, rate: int, number: int) -> Phase:
    phase = run.phase(rate * _SECONDS, rate, 0)
    print(f"minute {number}: p99 {phase.approved_ms:.1f} ms, {phase.memory} MB", flush=True)
    if phase.refused:
        raise SystemExit(f"bench: {phase.refused} were refused")
    return phase


def _print_ends(phases: list[Phase]) -> None:
    """Print how the last minutes compare with the first ones: memory, and p99 latency."""
    early, late = phases[1 : 1 + _ENDS], phases[-_ENDS:]
    memory = sum(phase.memory for phase in late) / sum(phase.memory for phase in early)
    latency = sum(phase.approved_ms for phase in late) / sum(phase.approved_ms for phase in early)
    entries = sum(phase.approved for phase in phases)
    print(f"{entries:,} entries; the end over the beginning: memory {memory:.2f}, p99 {latency:.2f}")


if __name__ == "__main__":
    main()
