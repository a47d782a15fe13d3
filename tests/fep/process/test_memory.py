"""The process keeps its memory to itself, no core file, not dumpable: each command, before it reads a key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import console.main
import fep.process.memory
from fep.process.memory import ProcessError, keep_memory_private
from tests.support.child_processes import running

DUMPABLE = "import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"  # PR_GET_DUMPABLE
PRIVATE = "from fep.process.memory import keep_memory_private; keep_memory_private(); "


def printed(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def core_limits(text: str) -> list[str]:
    """The soft and the hard limit of core files, as /proc/PID/limits has them."""
    [line] = [line for line in text.splitlines() if line.startswith("Max core file size")]
    return line.split()[4:6]


def test_the_process_is_not_dumpable() -> None:
    assert (printed(DUMPABLE), printed(PRIVATE + DUMPABLE)) == ("1", "0")


def test_the_process_writes_no_core_file() -> None:
    limits = "print(open('/proc/self/limits').read())"
    [line] = [
        line for line in printed(PRIVATE + limits).splitlines() if line.startswith("Max core file size")
    ]
    assert line.split()[4:6] == ["0", "0"], "the hard limit too, so that nothing raises it again"


def test_a_refusal_of_the_kernel_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def __init__(self, *_: object, **__: object) -> None: ...

        def prctl(self, *_: int) -> int:
            return -1

    monkeypatch.setattr(fep.process.memory.ctypes, "CDLL", Refusing)
    monkeypatch.setattr(fep.process.memory.resource, "setrlimit", lambda *_: None)
    with pytest.raises(ProcessError, match="cannot be made undumpable"):
        keep_memory_private()


WAITING = """
import sys
import console.main
console.main.cli.main = lambda **_: (print("ready", flush=True), sys.stdin.read())
console.main.main()
"""


def test_a_running_command_can_be_neither_dumped_nor_read() -> None:
    """From outside: by its limits, and by whose its files in /proc are (root's, where it is not dumpable)."""
    with running([sys.executable, "-c", WAITING], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        folder = Path("/proc", str(process.pid))
        assert core_limits((folder / "limits").read_text(encoding="ascii")) == ["0", "0"]
        assert (folder / "limits").stat().st_uid == 0
        process.stdin.close()
    assert process.returncode == 0


def test_every_command_begins_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(console.main, "keep_memory_private", lambda: done.append("private"))
    monkeypatch.setattr(console.main.cli, "main", lambda **_: done.append("command"))
    monkeypatch.setattr(console.main.os, "umask", lambda mode: done.append(f"umask {mode:o}"))
    with pytest.raises(SystemExit):
        console.main.main()
    assert done == ["umask 77", "private", "command"]
