"""A wall clock that a test sets for a process, as a person would set the system's.

The library of shim.c stands between the process and the time of day: whatever in it asks, Python, OpenSSL or
SQLite, is told the moved one. Sockets, timers and the monotonic clock are the real ones. No test is here.
"""

from __future__ import annotations

import atexit
import mmap
import shutil
import struct
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from tests.crash.control import compiler

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
