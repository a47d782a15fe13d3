"""What a test and the processes under test share: the block of memory that says where to stop and which calls
fail, the socket on which a process that stopped asks what becomes of it, and the preloaded library itself.

No fault is decided here.
"""

from __future__ import annotations

import atexit
import mmap
import os
import shutil
import socket
import struct
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
SECONDS = 60
_FIELDS = (
    *("python_point", "python_count", "sync_point", "sync_count"),
    *("failing", "failure", "fail_left", "failed"),
)
_SIZE = struct.calcsize(f"{len(_FIELDS)}i")
WRITES, SYNCS, READS = 1, 2, 4


class NotReachedError(Exception):
    """No process came to the point that was waited for."""


def compiler() -> str | None:
    """The C compiler that makes the library, if there is one."""
    return shutil.which(os.environ.get("CC", "cc"))


@cache
def library() -> Path:
    """The preloaded library, compiled once for each process that asks."""
    folder = Path(tempfile.mkdtemp(prefix="qianzhi-crash-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    made = folder / "shim.so"
    warnings = ("-Wall", "-Wextra", "-Werror")
    command = [str(compiler()), "-O2", *warnings, "-shared", "-fPIC", "-o", str(made), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    made.chmod(0o755)  # the server, another user, starts without it where it may not read it
    return made


class Block:
    """The shared block, as tests/crash/shim.c has it."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _SIZE)

    def __getitem__(self, name: str) -> int:
        value: int = struct.unpack_from("i", self._memory, 4 * _FIELDS.index(name))[0]
        return value

    def __setitem__(self, name: str, value: int) -> None:
        struct.pack_into("i", self._memory, 4 * _FIELDS.index(name), value)

    def close(self) -> None:
        self._memory.close()


class Stopped:
    """A process that stands at a point and waits for its order."""

    def __init__(self, asked: socket.socket) -> None:
        self._socket = asked
        asked.settimeout(SECONDS)
        self.name = asked.recv(200).decode()

    def go_on(self, error: int = 0) -> None:
        """Let it go on; at a sync, as if the sync had failed with `error`."""
        with suppress(OSError):  # it may have been killed meanwhile
            self._socket.sendall(struct.pack("i", error))
        self._socket.close()


class Control:
    """One test's side: arms a point, waits until a process stands there."""

    def __init__(self, folder: Path, watched: Path) -> None:
        """`folder` holds the block, the log and the socket; `watched` is the folder of the database."""
        self.log = folder / "log"
        self._path = folder / "block"
        self._socket_path = folder / "socket"
        self.log.touch()
        self._path.write_bytes(bytes(_SIZE))
        for path in (self.log, self._path):
            path.chmod(0o666)
        self.block = Block(self._path)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._socket_path))
        self._socket_path.chmod(0o777)
        self._listener.listen()
        self._listener.settimeout(SECONDS)
        self._watched = watched

    def environment(self, *, preload: bool) -> dict[str, str]:
        """What a process under test is started with."""
        given = {
            **os.environ,
            "CRASH_CONTROL": str(self._path),
            "CRASH_SOCKET": str(self._socket_path),
        }
        if preload:
            given |= {
                "LD_PRELOAD": str(library()),
                "CRASH_LOG": str(self.log),
                "CRASH_FOLDER": str(self._watched),
            }
        return given

    def arm(self, point: int, count: int = 1) -> None:
        """Have the first process that passes the point for the `count`-th time stop there."""
        self.block["python_count"] = count
        self.block["python_point"] = point

    def arm_sync(self, when: int) -> None:
        """Have the next sync of a write-ahead log stop, before it (1) or after it (2)."""
        self.block["sync_count"] = 1
        self.block["sync_point"] = when

    def fail(self, calls: int, kinds: int, error: int) -> None:
        """Have the next calls of these kinds fail, then none."""
        self.block["failure"] = error
        self.block["fail_left"] = calls
        self.block["failing"] = kinds

    @property
    def nothing_failed(self) -> bool:
        """Whether calls were to fail, and none has come."""
        return self.block["failing"] != 0 and self.block["failed"] == 0

    def wait(self) -> Stopped:
        """Wait until a process stands at the point that was armed. Raises NotReachedError."""
        try:
            asked, _ = self._listener.accept()
        except TimeoutError:
            raise NotReachedError("nobody came to the point") from None
        return Stopped(asked)

    def close(self) -> None:
        self.block.close()
        self._listener.close()
