"""The `qianzhi` command as a process of its own: run to its end, or serving until a block is over.

The one way in which the demo, the cluster, the benchmarks and the tests start it, so that what they hold
against the machine is held against the program that is installed, and none of them leaves a process behind.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from qianzhi_errors import QianzhiError

PROGRAM: Final = (sys.executable, "-m", "console.main")
STATUS: Final = "status"
"""The name of the status port among a machine's ports."""
_SECONDS: Final = 60
_LOG_CHARACTERS: Final = 2000
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class ProcessError(QianzhiError):
    """A command failed, or a machine did not start or did not end well; with what it wrote."""


class Served(NamedTuple):
    """A machine that serves: its process, and its ports, by bank code, and by STATUS."""

    process: subprocess.Popen[str]
    ports: dict[str, int]

    @property
    def status_url(self) -> str:
        """Where its figures are, as JSON."""
        return f"http://127.0.0.1:{self.ports[STATUS]}/status"


def run(*arguments: str, environment: Mapping[str, str] = _NOTHING) -> subprocess.CompletedProcess[str]:
    """Run `qianzhi` to its end, whatever its exit code is, and keep what it writes. `environment` is added to
    ours.
    """
    return subprocess.run(
        [*PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


def qianzhi(*arguments: str, code: int = 0) -> str:
    """Run `qianzhi`; its standard output, or its errors where another exit code than 0 is expected. Raises
    ProcessError where the exit code is another.
    """
    completed = run(*arguments)
    if completed.returncode != code:
        raise ProcessError(
            f"qianzhi {' '.join(arguments)} gave {completed.returncode}:\n"
            f"{completed.stdout}{completed.stderr}"
        )
    return completed.stdout if code == 0 else completed.stderr


def ports_of(lines: Iterable[str]) -> dict[str, int]:
    """The ports that a machine names on its standard output when it serves; reads no further than the last.
    Raises ProcessError where it ends before.
    """
    ports: dict[str, int] = {}
    for line in lines:
        if bank := re.match(r"bank (\d+) \S+:(\d+)", line):
            ports[bank[1]] = int(bank[2])
        elif status := re.match(r"status http://\S+:(\d+)/", line):
            return {**ports, STATUS: int(status[1])}
    raise ProcessError("the machine did not start")


@contextmanager
def serving(
    config: Path, program: Sequence[str] = PROGRAM, environment: Mapping[str, str] = _NOTHING
) -> Iterator[Served]:
    """A machine by these settings; what it logs is appended to serve.log beside them.

    After the block it is stopped as its operator does (SIGTERM) if it still runs, and must end with code 0
    within a minute; one that was killed within the block is no fault. If the block fails, it is killed.
    Raises ProcessError where it does not start, or ends otherwise.
    """
    path = config.with_name("serve.log")
    with path.open("a", encoding="utf-8") as log:
        # Apart from the terminal: its Ctrl-C is for us, and would end the machine under the banks' hands.
        process = subprocess.Popen(
            [*program, "serve", str(config)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
            env={**os.environ, **environment},
        )
        with process:
            try:
                yield Served(process, _ports(process, path))
                was_up = process.poll() is None
                process.send_signal(signal.SIGTERM)
                code = process.wait(_SECONDS)
            finally:
                process.kill()
    if code > 0 or (was_up and code):
        raise ProcessError(f"the machine ended with code {code}:\n{_end_of(path)}")


def _ports(process: subprocess.Popen[str], log: Path) -> dict[str, int]:
    try:
        return ports_of(iter(process.stdout.readline, "") if process.stdout else ())
    except ProcessError as error:
        raise ProcessError(f"{error}:\n{_end_of(log)}") from None


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-_LOG_CHARACTERS:]
