"""Reads the figures of the open breaks from a file that the office leaves at this machine.

The machine asks no system inside for them (DESIGN section 3): whoever runs the office has the file brought
here. It is read in a thread, and only while a status page is open. The form of the file is
`ledger.files.open_breaks_file`'s.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from ledger.files.open_breaks_file import BYTES_MAX, Figures, FiguresRefused, parse

LOOK_SECONDS: Final = 10
"""Seconds after which the file is read again; the office writes it a few times a day."""


class OpenBreaksReader:
    """Reads the file at `path`, or nothing where that is empty. `seconds` is the reactor's clock; `run`
    runs a function in a thread and fires with its result.
    """

    log = Logger(namespace="fep.status.open_breaks")

    def __init__(
        self,
        path: str,
        seconds: Callable[[], float],
        run: Callable[..., Deferred[Figures | str | None]] = deferToThread,
    ) -> None:
        self._path = path
        self._seconds = seconds
        self._run = run
        self._latest: Figures | str | None = None
        self._read_at = 0.0
        self._is_reading = False

    def latest(self) -> Figures | str | None:
        """Return the figures as they were last read, or in words why they cannot be read; None where there
        is no file. Starts another read where the last one is LOOK_SECONDS ago.
        """
        if self._path and not self._is_reading and self._seconds() >= self._read_at:
            self._is_reading = True
            self._run(read, Path(self._path)).addErrback(self._failed).addCallback(self._keep)
        return self._latest

    def _failed(self, failure: Failure) -> str:
        self.log.failure("the open breaks' figures could not be read", failure=failure)
        return "a fault in the machine: see its log"

    def _keep(self, latest: Figures | str | None) -> None:
        self._is_reading = False
        self._read_at = self._seconds() + LOOK_SECONDS
        self._latest = latest


def read(path: Path) -> Figures | str | None:
    """Return the figures in a file, or in words why it cannot be used; None where there is no file yet."""
    try:
        # Without waiting: a pipe in the file's place, which nobody writes, would hold the thread for ever.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return "the file cannot be read: it is no regular file"
            return parse(file.read(BYTES_MAX + 1))
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"the file cannot be read: {error.strerror}"
    except FiguresRefused as error:
        return f"the file is not in order: {error}"
