"""The log's way out: whoever logs never waits, and what was dropped is counted and said."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from fep.process.log_writer import LogWriter

SECONDS = 10
MISSING = b"- [log#error] %d entries of the log are missing here: it was not read, or had no room\n"


class Pipe:
    """A pipe that holds no more until it is read."""

    def __init__(self) -> None:
        self.out, self.into = os.pipe()
        os.set_blocking(self.into, False)
        self.held = 0
        with suppress(BlockingIOError):
            while True:
                self.held += os.write(self.into, b".")
        os.set_blocking(self.into, True)

    def read(self, ending: bytes = b"") -> bytes:
        """What was written after the pipe was full, up to an ending; without one, until the end."""
        left, data = self.held, b""
        while not ending or not data.endswith(ending):
            got = os.read(self.out, 65536)
            if not got:
                break
            skipped = min(left, len(got))
            left -= skipped
            data += got[skipped:]
        self.held = left
        return data


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    for descriptor in (pipe.out, pipe.into):
        with suppress(OSError):
            os.close(descriptor)


def test_nobody_waits_for_a_reader_and_what_is_missing_is_said_where_it_is_missing(pipe: Pipe) -> None:
    writer = LogWriter(pipe.into, waiting_bytes=12).start()
    for text in ("one\n", "two\n", "six\n", "lost\n", "lost\n"):
        writer.write(text)
    assert writer.dropped == 2
    assert pipe.read(MISSING % 2) == b"one\ntwo\nsix\n" + MISSING % 2
    while writer._room < 12:  # until the thread has noted that what was read has left
        pass
    writer.write("more\n")
    assert writer.close(SECONDS)
    os.close(pipe.into)
    assert pipe.read() == b"more\n"
    assert writer.dropped == 2


def test_the_end_writes_what_waits(pipe: Pipe) -> None:
    writer = LogWriter(pipe.into).start()
    for number in range(100):
        writer.write(f"{number}\n")
    reader = threading.Thread(target=lambda: whole.append(pipe.read(b"99\n")))
    whole: list[bytes] = []
    reader.start()
    assert writer.close(SECONDS)
    reader.join(SECONDS)
    assert whole == [b"".join(b"%d\n" % number for number in range(100))]


def test_the_end_does_not_wait_for_a_reader_that_never_reads(pipe: Pipe) -> None:
    writer = LogWriter(pipe.into).start()
    writer.write("never read\n")
    assert not writer.close(0)
    pipe.read(b"never read\n")


def test_a_reader_that_is_gone_stops_nobody_and_what_it_missed_is_counted() -> None:
    out, into = os.pipe()
    os.close(out)
    writer = LogWriter(into).start()
    for _ in range(3):
        writer.write("nobody\n")
    assert writer.close(SECONDS)
    os.close(into)
    assert writer.dropped == 3


def test_what_utf_8_cannot_say_is_written_in_escapes() -> None:
    out, into = os.pipe()
    writer = LogWriter(into).start()
    writer.write("\ud800\n")
    assert writer.close(SECONDS)
    os.close(into)
    assert os.read(out, 99) == b"\\ud800\n"
    os.close(out)
