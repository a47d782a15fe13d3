"""`python -m bench.overload`: ten times what the machine can bear, and how it is afterwards.

A closed loop of 64 links finds what it bears. Then ten times as many are kept in flight, and in open loops
twice and ten times as many a second are sent as it bears, for two seconds: what would wait too long is
answered 91. Then half the load again. Prints the latencies of what was taken and what was refused as banks
see them (in an open loop from when each was due to be sent), and within what time the machine answered 99 in
100 from when it had taken them; the machine's memory in each phase, and how 10,000 links that say nothing
weigh.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import resource
import socket
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

from bench.__main__ import (
    CODEC,
    IN_FLIGHT,
    LINKS,
    begun,
    compiled,
    fresh_database,
    latencies_of,
    postgresql,
    signed_on,
    unshaped,
)
from bench.frames import BANK, DATE, policies, write_frames
from fep.settings.config import load_settings
from fep.setup.install import install
from ledger.files.bookfile import write
from simulators.processes import Served, qianzhi, serving

TIMES = 10
BURST_SECONDS = 2
"""How long an open loop sends more than the machine bears."""
IDLE = 10_000
QUEUE_MS = 100
"""limits.queue_ms here: what would wait longer is refused."""


BURSTS_MAX = 240_000
"""Policies for both open loops, each of which has one due; a faster machine's bursts are shorter."""
_BUCKET = re.compile(r'qianzhi_latency_seconds_bucket\{le="([^"]+)"\} (\S+)').fullmatch


class Phase(NamedTuple):
    """The result of one phase: answers of each kind and the 99th percentile of each in milliseconds;
    `within`,
    the bound of the machine's own histogram, in seconds, within which 99 in 100 were answered ("" without
    any); the phase's seconds, the machine's memory in MB, and the slowest answer in milliseconds.
    """

    approved: int
    refused: int
    approved_ms: float
    refused_ms: float
    within: str
    seconds: float
    memory: int
    slowest_ms: float


def main() -> None:
    """Run every phase on each database asked for and print its row."""
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description=__doc__)
    parser.add_argument("--transactions", type=int, default=60_000, help="in a phase")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    given = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()},", end=" ")
    print(
        f"SQLite {sqlite3.sqlite_version} synchronous=FULL; the load on these cores too; queue_ms {QUEUE_MS}"
    )
    with tempfile.TemporaryDirectory(prefix="qianzhi-bench-overload-") as folder:
        program = compiled(Path(folder))
        if program is None:
            raise SystemExit("bench: no cc here, and a slower load would be no overload")
        if given.database != "postgresql":
            _rows("SQLite", "sqlite:///front.db", program, given.transactions)
        if given.database != "sqlite":
            with postgresql() as url:
                _rows("PostgreSQL", fresh_database(url), program, given.transactions)


def _rows(name: str, database: str, program: Path, count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="qianzhi-bench-overload-run-") as folder, ExitStack() as stack:
        path = install(
            Path(folder),
            os.urandom,
            datetime.now(UTC),
            first_port=0,
            status_port=0,
            database=database,
            plain=True,
        )
        unshaped(path)
        _limited(path)
        book = path.with_name("book.csv")
        book.write_bytes(b"".join(write(DATE, policies(count * 3 + BURSTS_MAX))))
        qianzhi("book", "load", str(book), "--config", str(path))
        served = stack.enter_context(serving(path))
        run = Run(program, path, served)
        _print(name, "what it bears", full := run.phase(count, 0, IN_FLIGHT))
        rate = full.approved / full.seconds
        _print(name, f"{TIMES} times as many in flight", run.phase(count, 0, IN_FLIGHT * TIMES))
        for times in (2, TIMES):
            many = min(int(rate * times * BURST_SECONDS), BURSTS_MAX * times // (2 + TIMES))
            words = f"{times} times as many a second, {many:,} in all"
            _print(name, words, run.phase(many, rate * times, 0))
        _print(name, "half of what it bears, at once afterwards", run.phase(count // 2, rate / 2, 0))
        before = run.memory()
        idle = [
            stack.enter_context(socket.create_connection(("127.0.0.1", served.ports[BANK])))
            for _ in range(IDLE)
        ]
        run.settle()
        print(f"{name}: {len(idle):,} links more that say nothing: {run.memory() - before} MB more")
        _print(name, "half of what it bears beside them", run.phase(count // 2, rate / 2, 0))


class Run:
    """One machine and the phases of its load; each phase pays dues that no other phase pays."""

    def __init__(self, program: Path, settings: Path, served: Served) -> None:
        self._program, self._settings = program, settings
        self._ports, self._status = served.ports, served.status_url
        self._used = 0

    def phase(self, count: int, rate: float, in_flight: int) -> Phase:
        """Send `count` collections and return the result: at `rate` a second, or at 0 with `in_flight`
        unanswered on
        each link.
        """
        before = self._buckets()
        sockets, keys = signed_on(load_settings(self._settings), BANK, self._ports, LINKS)
        frames = self._settings.with_name(f"frames{self._used}")
        write_frames(frames, CODEC, range(LINKS), keys, count, start=self._used)
        self._used += count
        process = begun(self._program, frames, [link.fileno() for link in sockets], rate, in_flight)
        result = json.loads(process.communicate()[0])
        memory = self.memory()
        for link in sockets:
            link.close()
        latencies = latencies_of(frames)
        good = sorted(latency for latency in latencies if latency >= 0)
        bad = sorted(-latency for latency in latencies if latency < 0)
        seconds = result["end"] - result["start"]
        within = _within(before, self._buckets())
        slowest = max(map(abs, latencies), default=0.0) * 1000
        return Phase(len(good), len(bad), _p99_ms(good), _p99_ms(bad), within, seconds, memory, slowest)

    def _buckets(self) -> dict[str, float]:
        """Return the machine's own histogram since its start: answers within each bound, by its text in
        seconds.
        """
        with urlopen(self._status.replace("/status", "/metrics")) as answer:
            lines = answer.read().decode().splitlines()
        matches = (_BUCKET(line) for line in lines)
        return {match[1]: float(match[2]) for match in matches if match}

    def memory(self) -> int:
        """Return the machine's resident memory, in MB."""
        pages = int((self._process() / "statm").read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize() // 1_000_000

    def peak(self) -> int:
        """Return the highest resident memory of the machine so far, in MB."""
        status = (self._process() / "status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) // 1000

    def _process(self) -> Path:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
        for child in children:
            process = Path("/proc", child)
            if b"\0serve\0" in (process / "cmdline").read_bytes():
                return process
        raise SystemExit("bench: the machine has ended")

    def settle(self) -> None:
        """Wait until the machine has taken every link that is open."""
        while len(self._shown()["links"]) < IDLE:
            pass

    def _shown(self) -> dict[str, list[object]]:
        with urlopen(self._status) as answer:
            shown: dict[str, list[object]] = json.load(answer)
        return shown


def _limited(path: Path) -> None:
    """Change the settings: room for the idle links, and a queue that bounds the wait."""
    text = path.read_text(encoding="utf-8")
    links = f"links = {IDLE + 2 * LINKS}\nunsigned_links = {IDLE}\nnew_links_a_minute = 60000\nlimit_day_fen"
    text = text.replace("limit_day_fen", links)
    text = text.replace("[day]", f"[limits]\nqueue_ms = {QUEUE_MS}\nsign_on_seconds = 3600\n[day]")
    path.write_text(text, encoding="utf-8")


def _within(before: dict[str, float], after: dict[str, float]) -> str:
    """Return the lowest bound, in seconds, within which 99 in 100 of the requests between two readings were
    answered.
    """
    more = {bound: count - before.get(bound, 0) for bound, count in after.items()}
    return next((bound for bound, count in more.items() if count >= 0.99 * more["+Inf"] > 0), "")


def _p99_ms(ordered: Sequence[float]) -> float:
    return ordered[len(ordered) * 99 // 100] * 1000 if ordered else 0.0


def _print(name: str, words: str, phase: Phase) -> None:
    refused = (
        f", {phase.refused / phase.seconds:,.0f} refused a second at p99 {phase.refused_ms:.1f} ms"
        if phase.refused
        else ""
    )
    rate = phase.approved / phase.seconds
    taken = f"{rate:,.0f} approved a second at p99 {phase.approved_ms:.1f} ms (from taken: {phase.within} s)"
    print(f"{name}, {words}: {taken}{refused}; {phase.memory} MB", flush=True)


if __name__ == "__main__":
    main()
