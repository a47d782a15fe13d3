"""Starts the launcher many times at the cost of one: a process that has everything imported, and forks.

Importing the program takes most of a short run's time. Each fork gets an environment, arguments and outputs
of its own, and differs in nothing else from a process that was started afresh. No point and no fault is known
here.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from tests.crash.control import SECONDS, library

ROOT = Path(__file__).resolve().parent.parent.parent
_NUMBER = struct.Struct("i")


class Forked:
    """One process that runs `qianzhi` under the launcher; the part of subprocess.Popen that is needed."""

    def __init__(self, arguments: Sequence[str], environment: dict[str, str], said: Path) -> None:
        """`said` takes its standard error; `output` reads its standard output."""
        reads, writes = os.pipe()
        self.output = os.fdopen(reads, encoding="utf-8")
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(_mother()))
        request = json.dumps({"arguments": list(arguments), "environment": environment}).encode()
        with said.open("ab") as log:
            socket.send_fds(self._socket, [_NUMBER.pack(len(request))], [writes, log.fileno()])
        os.close(writes)
        self._socket.sendall(request)
        self.pid = self._number(SECONDS)
        self.returncode: int | None = None

    def _number(self, seconds: float) -> int:
        self._socket.settimeout(seconds)
        return int(_NUMBER.unpack(self._socket.recv(_NUMBER.size, socket.MSG_WAITALL))[0])

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""
        self.ends_within(0)
        return self.returncode

    def ends_within(self, seconds: float) -> bool:
        """Whether it has ended, or does in that time."""
        if self.returncode is None and select.select([self._socket], [], [], seconds)[0]:
            self.wait()
        return self.returncode is not None

    def wait(self) -> int:
        """Wait for its end. Raises TimeoutError."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(self._number(SECONDS))
            self._socket.close()
            self.output.close()
        return self.returncode

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


@cache
def _mother() -> Path:
    """Start the process that forks, once; its socket. It ends with this one."""
    path = Path(tempfile.mkdtemp(prefix="qianzhi-crash-"), "mother")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.launcher", str(path)],
        cwd=ROOT,
        env={**os.environ, "LD_PRELOAD": str(library())},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    atexit.register(process.wait)
    atexit.register(process.stdin.close)
    return path


def fork_when_asked(path: Path) -> list[str]:
    """Fork whenever it is asked for; returns in the fork, with its arguments. Ends with standard input."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        print("ready", flush=True)  # noqa: T201 - to the process that started this one
        while sys.stdin not in (ready := select.select([listener, sys.stdin], [], [])[0]):
            assert ready
            asked, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                return _begin(asked)
            asked.close()
    path.unlink()
    path.parent.rmdir()
    sys.exit(0)


def _begin(asked: socket.socket) -> list[str]:
    """Become what was asked for. A second fork does; the first one waits for it and tells of its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, outputs, _, _ = socket.recv_fds(asked, _NUMBER.size, 2)
    request = json.loads(asked.recv(_NUMBER.unpack(size)[0], socket.MSG_WAITALL))
    if pid := os.fork():
        asked.sendall(_NUMBER.pack(pid))
        for output in outputs:
            os.close(output)
        _, status = os.waitpid(pid, 0)
        with suppress(OSError):  # nobody may be there any more to be told
            asked.sendall(_NUMBER.pack(status))
        os._exit(0)
    asked.close()
    for output, place in zip((os.open(os.devnull, os.O_RDONLY), *outputs), (0, 1, 2), strict=True):
        os.dup2(output, place)
        os.close(output)
    os.environ.clear()
    os.environ.update(request["environment"])
    ctypes.CDLL(None).crash_begin()
    return list(request["arguments"])
