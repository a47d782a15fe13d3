"""The programs that are installed, started at a tenth of the cost: `programs` is a folder of them to put
before others in a PATH.

Importing the program takes most of a short run's time. So one process has everything imported and forks for
each start, with the caller's arguments, environment, folder, mode of new files and standard streams. What
the caller has started is a small program that passes signals on and ends as the fork ends; where it is
killed, the fork is killed too, and whoever reads its output to the end knows that it is gone.

For tests of what the programs do. Not for tests of a process as the system sees it: its id, its memory, its
start, a terminal.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
_PACKAGES: Final = ("console", "fep", "office", "ledger", "protocol", "firewall_rules")
_ENTRIES: Final = {"qianzhi": "console.main:main", "qianzhi-bank": "simulators.cli:main"}
_CLIENT: Final = """#!{python} -IS
import os, sys
from _signal import SIG_DFL, SIGHUP, SIGINT, SIGTERM, SIGUSR1, signal
from _socket import AF_UNIX, SCM_RIGHTS, SOL_SOCKET, socket

mode = os.umask(0)
os.umask(mode)
begun = socket(AF_UNIX)
begun.connect({path!r})
environment = [name + b"=" + value for name, value in os.environb.items()]
arguments = [{entry!r}, os.path.abspath(sys.argv[0]), *{given!r}, *sys.argv[1:]]
parts = [os.getcwdb(), str(mode).encode(), str(len(arguments)).encode()]
request = b"\\0".join([*parts, *map(os.fsencode, arguments), *environment])
streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
begun.sendmsg([len(request).to_bytes(4, "big")], [(SOL_SOCKET, SCM_RIGHTS, streams)])
for number in (SIGHUP, SIGINT, SIGTERM, SIGUSR1):
    signal(number, lambda number, frame: begun.send(bytes([number])))
begun.sendall(request)
status = int.from_bytes(begun.recv(4), "big")
if os.WIFSIGNALED(status):
    signal(os.WTERMSIG(status), SIG_DFL) if os.WTERMSIG(status) != 9 else None
    os.kill(os.getpid(), os.WTERMSIG(status))
os._exit(os.WEXITSTATUS(status))
"""


@cache
def programs() -> Path:
    """A folder with `qianzhi` and `qianzhi-bank`, good until this process ends."""
    folder = _mother()
    for name, entry in _ENTRIES.items():
        program(folder / name, entry)
    return folder


def program(path: Path, entry: str, *arguments: str) -> None:
    """Write a program that calls `entry` (module:function) in a fork, with these arguments before its own."""
    text = _CLIENT.format(python=sys.executable, path=str(_mother() / "mother"), entry=entry, given=arguments)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o700)


@cache
def _mother() -> Path:
    """Start the process that forks, once; the folder of its socket. Both end with this process."""
    folder = tempfile.TemporaryDirectory(prefix="qianzhi-forking-")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.forking", str(Path(folder.name, "mother"))],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    for done in (folder.cleanup, process.wait, process.stdin.close):
        atexit.register(done)
    return Path(folder.name)


def main() -> None:
    """Import everything, and fork whenever it is asked for; in the fork, run what was asked for."""
    for name in _PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(module.name)
    for entry in (*_ENTRIES.values(), "tests.docs.keyboard:main"):
        importlib.import_module(entry.partition(":")[0])
    assert "twisted.internet.reactor" not in sys.modules, "each fork must make its own"
    gc.freeze()  # so that no fork writes to the memory of all that is imported
    module, _, function = _forked(Path(sys.argv[1])).partition(":")
    try:
        getattr(importlib.import_module(module), function)()
    except SystemExit as ended:
        _end(ended.code)


def _forked(path: Path) -> str:
    """Fork whenever it is asked for; returns in the fork, with its entry. Ends with standard input."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        print("ready", flush=True)  # noqa: T201 - to the process that started this one
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            asked, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                return _begin(asked)
            asked.close()
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
    sys.exit(0)


def _begin(asked: socket.socket) -> str:
    """Become what was asked for, in a second fork; the first one watches over it."""
    size, streams, _, _ = socket.recv_fds(asked, 4, 3)
    request = asked.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
    if pid := os.fork():
        _watch(pid, asked)
    asked.close()
    for stream, place in zip(streams, (0, 1, 2), strict=True):
        os.dup2(stream, place)
        os.close(stream)
    folder, mode, count, *rest = request.split(b"\0")
    os.chdir(folder)
    os.umask(int(mode))
    sys.modules["__main__"].__package__ = None  # or click would call the program `python -m` and our name
    entry, *sys.argv[:] = map(os.fsdecode, rest[: int(count)])
    os.environb.clear()
    os.environb.update(part.split(b"=", 1) for part in rest[int(count) :])  # type: ignore[arg-type]
    return entry


def _end(code: object) -> None:
    """End as Python does, but for taking apart all that is imported."""
    if isinstance(code, str):
        print(code, file=sys.stderr)  # noqa: T201 - as Python does
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else code is not None)


def _watch(pid: int, asked: socket.socket) -> None:
    """Pass signals on until the process has ended, and tell how it has. It is killed with whom it is for. Its
    standard streams stay open here until it is gone.
    """
    over = os.pidfd_open(pid)
    listened = [over, asked]
    while over not in select.select(listened, [], [])[0]:
        numbers = asked.recv(1)
        if not numbers:
            listened.remove(asked)
        os.kill(pid, numbers[0] if numbers else signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):  # nobody may be there any more to be told
        asked.sendall(status.to_bytes(4, "big"))
    os._exit(0)


if __name__ == "__main__":
    main()
