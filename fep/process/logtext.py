"""The text of the log, and of a traceback: the one place through which either reaches a file or a person.

An exception that nobody expected is told by its kind and where it was raised, never by its own text: that may
repeat what a bank or a person wrote. Only our own errors speak, since none of them carries a value. Whatever
is as long as a card number, an identity number, a PIN block or a key is struck out in the end, whoever wrote
it. Nothing is decided here about what is worth logging.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Final, TextIO

from twisted.logger import FileLogObserver, LogEvent, eventAsText
from twisted.python.failure import Failure

from qianzhi_errors import QianzhiError

# Digits as many as the shortest card number has (ISO/IEC 7812) or more, with the X of an identity number; hex
# digits as many as a PIN block or a key has. What goes on with other letters is the name of something.
_SECRET_LIKE: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9]{13,}[Xx]?|(?=[A-Fa-f]*[0-9])[0-9A-Fa-f]{16,})(?![0-9A-Za-z])"
)


def struck(text: str) -> str:
    """The text, with stars for what could be a card number, an identity number, a PIN block or a key."""
    return _SECRET_LIKE.sub(lambda found: "*" * len(found[0]), text)


def traceback_text(error: BaseException, raised: TracebackType | None = None) -> str:
    """A traceback with what led to it, and without a value; `raised` if the error has lost its own."""
    return struck("\n".join(_chain(error, raised)))


def log_observer(stream: TextIO) -> FileLogObserver:
    """Writes the events of the log to a stream, a line each, with `traceback_text` after a failure."""

    def written(event: LogEvent) -> str | None:
        text = struck(eventAsText(event, includeTraceback=False))
        failure = event.get("log_failure")
        if isinstance(failure, Failure):
            text += "\n" + traceback_text(failure.value, failure.getTracebackObject())
        return text.replace("\n", "\n\t") + "\n" if text else None

    return FileLogObserver(stream, written)


def _chain(error: BaseException, raised: TracebackType | None = None) -> Iterator[str]:
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _chain(before)
        yield "which led to:"
    yield "Traceback (most recent call last):"
    yield from (line.rstrip() for line in traceback.format_tb(error.__traceback__ or raised))
    yield _said(error)


def _said(error: BaseException) -> str:
    name = type(error).__qualname__
    if isinstance(error, QianzhiError):
        return f"{name}: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {error.strerror}"
    return name
