"""`python -m bench.flood`: what one bank feels when another floods (DESIGN section 5).

One bank sends at a steady rate, first alone, then while another sends as fast as it is let, with and without
the limit on its rate. Prints the steady bank's latency each time, and the ratio to when it was alone. The
program in C is needed: a flood must cost less to send than to take.
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.__main__ import CODEC, begun, compiled, fresh_database, latencies_of, postgresql, signed_on
from bench.frames import BANK, DATE, policies, write_frames
from fep.settings.config import load_settings
from fep.setup.install import install
from ledger.files.bookfile import write
from simulators.processes import qianzhi, serving

FLOODER = "01030000"
STEADY_LINKS, FLOOD_LINKS = 8, 64
FLOOD_IN_FLIGHT = 256
UNLIMITED = 1_000_000
USUAL = 1000
"""The default of messages_a_second."""


def main() -> None:
    """Measure every row on each database asked for and print it."""
    parser = argparse.ArgumentParser(prog="python -m bench.flood", description=__doc__)
    parser.add_argument("--rate", type=int, default=300, help="the steady bank's collections a second")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    given = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()},", end=" ")
    print(f"SQLite {sqlite3.sqlite_version} synchronous=FULL; the load on these cores too")
    print(
        f"steady: {given.rate} collections a second over {STEADY_LINKS} links for {given.seconds} s;"
        f" flood: {FLOOD_LINKS} links, {FLOOD_IN_FLIGHT} collections in flight each"
    )
    with tempfile.TemporaryDirectory(prefix="qianzhi-bench-flood-") as folder:
        program = compiled(Path(folder))
        if program is None:
            raise SystemExit("bench: no cc here, and a slower load would be no flood")
        if given.database != "postgresql":
            _rows("SQLite", "sqlite:///front.db", program, given.rate, given.seconds)
        if given.database != "sqlite":
            with postgresql() as url:
                _rows("PostgreSQL", url, program, given.rate, given.seconds)


def _rows(name: str, database: str, program: Path, rate: int, seconds: int) -> None:
    alone = 0.0
    for words, limit in (
        ("alone", None),
        (f"while another floods, held to {USUAL} messages a second", USUAL),
        ("while another floods without a limit", UNLIMITED),
    ):
        latencies = _run(database, program, rate, rate * seconds, limit)
        p50, p99 = (latencies[len(latencies) * percent // 100] * 1000 for percent in (50, 99))
        alone = alone or p99
        print(f"{name}, {words}: p50 {p50:.1f} ms, p99 {p99:.1f} ms ({p99 / alone:.1f} of alone)", flush=True)


def _run(database: str, program: Path, rate: int, count: int, limit: int | None) -> list[float]:
    """Return the steady bank's latencies in ascending order, in seconds; `limit` None runs without a flood.

    Raises SystemExit if a collection was not answered.
    """
    with tempfile.TemporaryDirectory(prefix="qianzhi-bench-flood-run-") as name, ExitStack() as stack:
        folder = Path(name)
        if database.startswith("postgresql"):
            database = fresh_database(database)
        path = install(
            folder, os.urandom, datetime.now(UTC), first_port=0, status_port=0, database=database, plain=True
        )
        _like_the_first(path, limit or USUAL)
        flood = 400_000 if limit else 0
        (folder / "book.csv").write_bytes(b"".join(write(DATE, policies(count + flood))))
        qianzhi("book", "load", str(folder / "book.csv"), "--config", str(path))
        ports = stack.enter_context(serving(path)).ports
        settings = load_settings(path)
        steady = signed_on(settings, BANK, ports, STEADY_LINKS)
        frames = folder / "steady"
        write_frames(frames, CODEC, range(STEADY_LINKS), steady[1], count)
        if limit:
            flooders = signed_on(settings, FLOODER, ports, FLOOD_LINKS)
            write_frames(
                folder / "flood", CODEC, range(FLOOD_LINKS), flooders[1], flood, bank=FLOODER, start=count
            )
            stack.enter_context(_flooding(program, folder / "flood", flooders[0]))
        begun(program, frames, [link.fileno() for link in steady[0]], rate).communicate()
        latencies = latencies_of(frames)
        if len(latencies) != count:
            raise SystemExit(f"bench: {len(latencies)} of {count} were answered")
        return sorted(latencies)


def _like_the_first(path: Path, limit: int) -> None:
    """Give the flooding bank the steady bank's framing and dialect, and `limit` messages a second."""
    head, mark, rest = path.read_text(encoding="utf-8").partition(f'code = "{FLOODER}"')
    rest = rest.replace('"4ascii"', '"2be"', 1).replace('"bcd87"', '"ascii87"', 1)
    rest = rest.replace(
        "limit_day_fen", f"messages_a_second = {limit}\nrefusals_a_minute = 1000000\nlimit_day_fen", 1
    )
    path.write_text(head + mark + rest, encoding="utf-8")


@contextmanager
def _flooding(program: Path, frames: Path, sockets: list[socket.socket]) -> Iterator[None]:
    process = begun(program, frames, [link.fileno() for link in sockets], 0, FLOOD_IN_FLIGHT)
    try:
        yield
        if process.poll() is not None:
            raise SystemExit("bench: the flood ended before what it was to disturb")
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
