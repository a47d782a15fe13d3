"""A machine as a process whose wall clock a test sets, as a person with the system's clock would.

The library of shim.c stands between the process and the time of day: whatever in it asks, Python, OpenSSL or
SQLite, is told the moved one. Sockets, timers and the monotonic clock are the real ones. No test is here.
"""

from __future__ import annotations

import atexit
import mmap
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from tests.crash.control import compiler
from tests.support.child_processes import running

SOURCE = Path(__file__).with_name("shim.c")
_COUNT = struct.Struct("q")


@cache
def library() -> Path:
    """The preloaded library, compiled once for each process that asks."""
    folder = Path(tempfile.mkdtemp(prefix="qianzhi-clock-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = folder / "shim.so"
    command = [str(compiler()), "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([*command, "-o", str(made), str(SOURCE), "-ldl"], check=True)
    return made


class SetClock:
    """The wall clock of the processes that are given its environment; it begins at a moment."""

    def __init__(self, folder: Path, moment: datetime) -> None:
        path = folder / "wall-clock"
        path.write_bytes(bytes(_COUNT.size))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _COUNT.size)
        self.environment = {"LD_PRELOAD": str(library()), "WALL_CLOCK": str(path), "TZ": "UTC"}
        self._moved_us = 0
        self.set(moment.replace(tzinfo=UTC).timestamp() - time.time())

    def set(self, seconds: float) -> None:
        """Set it ahead, or back where that is negative."""
        self._moved_us += round(seconds * 1_000_000)
        self._memory[:] = _COUNT.pack(self._moved_us)

    def now_us(self) -> int:
        """What it shows, in microseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1000 + self._moved_us


class Served:
    """A machine that serves as a process: its ports by bank, and the status port as "status"."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.ports: dict[str, int] = {}
        assert process.stdout is not None
        for line in iter(process.stdout.readline, ""):
            if found := re.match(r"bank (\d+) \S+:(\d+) ", line):
                self.ports[found[1]] = int(found[2])
            if found := re.match(r"status http://\S+:(\d+)/", line):
                self.ports["status"] = int(found[1])
                return
        raise AssertionError("the machine did not start")


@contextmanager
def served(config: Path, clock: SetClock) -> Iterator[Served]:
    """The machine, served by that clock; it is ended after the block, and must say that all went well."""
    command = [sys.executable, "-m", "console.main", "serve", str(config)]
    with (
        config.with_name("serve.log").open("a", encoding="utf-8") as log,
        running(command, stderr=log, env={**os.environ, **clock.environment}) as process,
    ):
        yield Served(process)
        process.terminate()
    assert process.returncode == 0


def qianzhi(clock: SetClock, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the `qianzhi` command by that clock."""
    return subprocess.run(
        [sys.executable, "-m", "console.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **clock.environment},
    )
