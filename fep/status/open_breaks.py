"""The open breaks' figures, from a file that the office leaves at this machine.

The machine asks nobody inside for them (DESIGN section 3): whoever runs the office has the file brought here.
It is read in a thread of its own, and only while somebody looks at the page. What stands in it,
`ledger.files.open_breaks_file` says.
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
"""How old what is shown may be; the office writes a few times a day."""


class FiguresFile:
    """The file at `path`, or none where that is empty. `seconds` is the reactor's clock."""

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
        self._found: Figures | str | None = None
        self._look_at = 0.0
        self._is_looking = False

    def latest(self) -> Figures | str | None:
        """The figures as they were last read, or why they cannot be; None where the office has told none."""
        if self._path and not self._is_looking and self._seconds() >= self._look_at:
            self._is_looking = True
            self._run(read, Path(self._path)).addErrback(self._failed).addCallback(self._read)
        return self._found

    def _failed(self, failure: Failure) -> str:
        self.log.failure("the open breaks' figures could not be read", failure=failure)
        return "a fault in the machine: see its log"

    def _read(self, found: Figures | str | None) -> None:
        self._is_looking = False
        self._look_at = self._seconds() + LOOK_SECONDS
        self._found = found


def read(path: Path) -> Figures | str | None:
    """The figures in a file, or why there are none; None where there is no file: nothing was told yet."""
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
