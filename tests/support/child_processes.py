"""Processes that a test starts: gone when the test is over, whatever it came to.

`with subprocess.Popen(...)` waits without end: a test that fails while its process serves would hang, and
never say so.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

SECONDS = 60


@contextmanager
def running(
    command: Sequence[str],
    seconds: float = SECONDS,
    **options: Any,  # noqa: ANN401 - Popen's own
) -> Iterator[subprocess.Popen[str]]:
    """A process, its standard output a pipe. After the block it is waited for, and must end within so many
    seconds: raises TimeoutExpired. If the block fails, it is killed.
    """
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
    try:
        yield process
        process.wait(seconds)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
