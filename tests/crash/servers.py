"""The processes of a cell: the front-end machine, a PostgreSQL of its own, and the way between the two.

Starts, stops and ends only what it started. No fault is chosen here.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

import psycopg

from simulators.cluster.postgresql import bundled, initialise, system_user
from simulators.relay import End, Link, Relay
from tests.crash.control import SECONDS
from tests.crash.forked import Forked
from tests.support.machine import _run_reactor, reactor, wait_for
from tests.support.ports import own_ports

_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "on",
    "shared_buffers": "16MB",
    "max_connections": "20",
    "max_prepared_transactions": "0",
    # Nobody but the transaction under test is to reach the write-ahead log's next sync.
    "autovacuum": "off",
    "wal_writer_delay": "10s",
    "bgwriter_lru_maxpages": "0",
    "checkpoint_timeout": "1h",
    "log_min_messages": "log",
}

_READY = "database system is ready to accept connections"
_RECOVERING, _PANIC = "automatic recovery in progress", "PANIC:"
_LOCKED = (b"chains", b"days")
"""What a batch and a cut-over lock first: whoever names one has come to where the lost COMMIT stands."""
_MARKS = (_READY, _RECOVERING, _PANIC, "reinitializing", "starting PostgreSQL")


class Machine:
    """`qianzhi serve` as a process, with its stops."""

    def __init__(self, config: Path, environment: dict[str, str]) -> None:
        self._config, self._environment = config, environment
        self._log = config.with_name("machine.log")
        self.port = 0
        self.starts = 0
        self.process = self._start()

    def _start(self) -> Forked:
        self.starts += 1
        process = Forked(["serve", str(self._config)], self._environment, self._log)
        # One that neither serves nor ends is ended: the supervisor starts it again while a test waits.
        limit = threading.Timer(SECONDS, os.kill, (process.pid, signal.SIGKILL))
        limit.start()
        try:
            for line in iter(process.output.readline, ""):
                if match := re.match(r"bank 01020000 \S+:(\d+)", line):
                    self.port = int(match[1])
                if line.startswith("status "):
                    break
        finally:
            limit.cancel()
        return process

    @property
    def is_up(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def start_again(self) -> None:
        """Start it anew, as a supervisor does with one that ended."""
        self.process.wait()
        self.process = self._start()

    def kill(self) -> None:
        """End it without a word."""
        self.process.send(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """End it as its operator does: its exit code."""
        self.process.send(signal.SIGTERM)
        return self.process.wait()

    def log(self) -> str:
        """What it said."""
        return self._log.read_text(encoding="utf-8", errors="replace")


def own(folder: Path) -> None:
    """Give a cluster's files to the user that its server runs as."""
    if user := system_user():
        subprocess.run(["chown", "-R", user, str(folder)], check=True)


class Cluster:
    """One PostgreSQL server on a data folder of its own."""

    def __init__(self, data: Path, environment: dict[str, str], **options: str) -> None:
        self.data, self._environment = data, environment
        self._options = _OPTIONS | options
        self.port = own_ports() + 1  # the first is the machine's
        self.said: list[str] = []
        self.starts = 0
        self.process = self._start()

    @staticmethod
    def initialise(data: Path) -> None:
        """Make an empty cluster."""
        initialise(data, "--wal-segsize=1")

    def _start(self) -> subprocess.Popen[str]:
        folder = bundled()
        assert folder is not None
        self.starts += 1
        command = [str(folder / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        command += [part for name, value in self._options.items() for part in ("-c", f"{name}={value}")]
        process = subprocess.Popen(
            command,
            env=self._environment,
            user=system_user(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        ready = threading.Event()
        threading.Thread(target=self._listen, args=(process.stderr, ready), daemon=True).start()
        ready.wait(SECONDS)
        assert not any("cannot be preloaded" in line for line in self.said), self.said
        return process

    def _listen(self, stream: IO[str], ready: threading.Event) -> None:
        for line in stream:
            self.said.append(line)
            if _READY in line:
                ready.set()
        ready.set()
        stream.close()

    def url(self, name: str, port: int | None = None) -> str:
        """The URL of a database, perhaps by way of another port."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{port or self.port}/{name}"

    def create(self, name: str) -> None:
        """Make a database."""
        uri = self.url("postgres").replace("+psycopg", "")
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())

    def checkpoint(self) -> None:
        """Have it write what it holds in memory; that this may fail is what a full disk is about."""
        uri = self.url("postgres").replace("+psycopg", "")
        with suppress(psycopg.Error), psycopg.connect(uri, autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    @property
    def is_up(self) -> bool:
        """Whether its first process runs."""
        return self.process.poll() is None

    @property
    def is_stuck(self) -> bool:
        """Whether it failed at its own recovery and will neither serve nor end: PostgreSQL 18 does so where a
        disk is full a second time.
        """
        marks = [mark for line in tuple(self.said) for mark in _MARKS if mark in line]
        return marks[-2:] == [_RECOVERING, _PANIC]

    def start_again(self) -> None:
        """Start it anew on what its folder holds."""
        if self.is_up and self.is_stuck:
            self.stop(signal.SIGQUIT)
        self.process.wait(timeout=SECONDS)
        self.process = self._start()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Shut it down: SIGINT in order, SIGQUIT at once and without a word to its disk."""
        if self.is_up:
            self.process.send_signal(how)
        self.process.wait(timeout=SECONDS)

    def cut_power(self) -> None:
        """End every one of its processes where it stands."""
        children = _children(self.process.pid)
        self.process.kill()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        self.process.wait(timeout=SECONDS)


def _children(parent: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


class Way(Relay):
    """The network between the machine and its database: hands bytes on, until it is told to lose them. Its
    methods are called outside the reactor's thread.
    """

    def __init__(self, port: int) -> None:
        _run_reactor()
        super().__init__(reactor)
        self.is_losing_commit = False
        self.was_cut = False
        self.asked_again = threading.Event()
        self.port: int = wait_for(self.take, "127.0.0.1", 0, lambda: _Carried(self, port))

    def lose_next_commit(self) -> None:
        """Cut the way when a COMMIT comes by, which then never arrives."""
        self.is_losing_commit = True

    def cut(self) -> None:
        """Cut every connection; new ones are let through. What the server still says goes nowhere."""
        self.was_cut = True
        wait_for(self._cut)

    def _cut(self) -> None:
        for end in tuple(self.ends):
            end.link.close()

    def end(self) -> None:
        """Take nothing new, and end what stands."""
        wait_for(self.stop)


class _Carried(Link):
    """A connection to the database."""

    def __init__(self, way: Way, port: int) -> None:
        super().__init__(way, lambda: (("127.0.0.1", port),))
        self._way = way

    def heard(self, end: End, data: bytes) -> None:
        """Hand it on, but for the COMMIT that is to be lost."""
        way = self._way
        if end is self.near and way.is_losing_commit and b"COMMIT\0" in data:
            way.is_losing_commit = False
            self.close()
            return
        super().heard(end, data)
        if end is self.near and way.was_cut and any(table in data for table in _LOCKED):
            way.asked_again.set()
