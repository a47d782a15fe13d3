"""A program that is forked does what the same program does that is started: output, exit code, signals."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.forking import programs

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("nonsense",), ("--lang", "zh", "day"), ("describe", "absent"), ("serve", "absent.toml")],
)
def test_a_fork_writes_and_ends_as_the_program_does(arguments: tuple[str, ...], tmp_path: Path) -> None:
    started, forked = (
        subprocess.run([program, *arguments], capture_output=True, cwd=tmp_path, check=False)
        for program in (Path(sys.executable).with_name("qianzhi"), programs() / "qianzhi")
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (
        started.returncode,
        started.stdout,
        started.stderr,
    )


def test_a_fork_dies_with_its_caller_and_by_its_signals() -> None:
    command = [programs() / "qianzhi", "describe", "-"]
    for number in (signal.SIGKILL, signal.SIGTERM):
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.send_signal(number)
            assert process.wait(60) == -number
            assert process.stdout.read() == b""
