"""The log's way out of the process: lines wait in a bounded queue, and a thread of its own writes them.

Whoever logs never waits for the reader: a pipe that nobody reads, a terminal that is held, or a full disk
stops the thread alone. What finds no room is dropped and counted, and the log says how much as soon as it
flows again. What a line may hold is `fep.process.logtext`'s; nothing is decided here about what is logged.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Final, NamedTuple, TextIO

WAITING_BYTES: Final = 1_048_576
"""Bytes of the log that wait to be written at most: about ten thousand lines."""
_MISSING: Final = b"- [log#error] %d entries of the log are missing here: it was not read, or had no room\n"


class _Entry(NamedTuple):
    """What waits to be written. `missing` is how many dropped entries it tells of: 0 for one of the log's
    own.
    """

    data: bytes
    missing: int = 0


class LogWriter:
    """Writes text to a file descriptor in the order in which it comes, in a thread of its own.

    `write` may be called by any thread and never blocks. Begin with `start`, end with `close`.
    """

    def __init__(self, descriptor: int, waiting_bytes: int = WAITING_BYTES) -> None:
        self._descriptor = descriptor
        self._room = waiting_bytes
        self._waiting: deque[_Entry] = deque()
        self._changed = threading.Condition()
        self._is_closing = False
        self._untold = 0
        self.dropped = 0
        """Entries that were not written, since the start."""
        # A daemon: one that waits for a reader must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def start(self) -> LogWriter:
        """Begin to write, and return this writer."""
        self._thread.start()
        return self

    def write(self, text: str) -> int:
        """Queue an entry to be written, or drop and count it where there is no room. Returns its length."""
        entry = _Entry(text.encode("utf-8", "backslashreplace"))
        with self._changed:
            if len(entry.data) > self._room:
                self._drop(entry)
            else:
                self._tell_what_is_missing()
                self._queue(entry)
        return len(text)

    def flush(self) -> None:
        """Do nothing: the thread writes as fast as the reader reads."""

    def close(self, seconds: float) -> bool:
        """Write what waits, and end. Returns False where that took more than `seconds`: then the rest is
        lost.
        """
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    # The caller of these three holds the lock.

    def _queue(self, entry: _Entry) -> None:
        self._room -= len(entry.data)
        self._waiting.append(entry)
        self._changed.notify()

    def _drop(self, entry: _Entry) -> None:
        self.dropped += 0 if entry.missing else 1
        self._untold += entry.missing or 1

    def _tell_what_is_missing(self) -> None:
        """Queue a line on what was dropped since the last such line; its few bytes need no room."""
        if self._untold:
            self._queue(_Entry(_MISSING % self._untold, self._untold))
            self._untold = 0

    def _run(self) -> None:
        while (entry := self._next()) is not None:
            try:
                _write_all(self._descriptor, entry.data)
                is_written = True
            except OSError:  # the reader is gone, or the disk is full: the next entry is tried again
                is_written = False
            with self._changed:
                self._room += len(entry.data)
                if not is_written:
                    self._drop(entry)
                elif not self._waiting:
                    self._tell_what_is_missing()

    def _next(self) -> _Entry | None:
        """Return the next entry, once there is one; None when the writer is closing and none is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            return self._waiting.popleft() if self._waiting else None


def _write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`; the system may take a part at a time. Raises OSError."""
    while data:
        data = data[os.write(descriptor, data) :]


def writer_of(stream: TextIO) -> LogWriter:
    """Return a writer, started, to where a stream writes; what the stream still holds goes out first."""
    stream.flush()
    return LogWriter(stream.fileno()).start()
