"""The text of the log and of tracebacks: both reach files and people through this module only.

An unexpected exception is reported by its class and by where it was raised, never by its own text, which may
repeat what a bank or a person wrote. Only the texts of our own errors are shown, since none of them carries a
value. In the end everything as long as a card number, an identity number, a PIN block or a key is struck out,
wherever it came from. What is worth logging is not decided here.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Final, Protocol, TextIO, cast

from twisted.logger import FileLogObserver, LogEvent, eventAsText
from twisted.python.failure import Failure

from ledger.rules.escaping import escaped
from qianzhi_errors import QianzhiError

# Digits, as many as the shortest card number has (ISO/IEC 7812) or more, with the X of an identity number; or
# hex digits, as many as a PIN block or a key has. What has other letters directly before or after is a name.
# The pin of a certificate's public key, which is no secret, is named as one and has 64 digits.
_SECRET_LIKE: Final = re.compile(
    r"(?!(?<=pin )[0-9a-f]{64}(?![0-9A-Za-z]))"
    r"(?<![0-9A-Za-z])(?:[0-9]{13,}[Xx]?|(?=[A-Fa-f]*[0-9])[0-9A-Fa-f]{16,})(?![0-9A-Za-z])"
)


class Stream(Protocol):
    """Where the log's lines go: a text file, or a writer that is one in this."""

    def write(self, text: str, /) -> object:
        """Write a text, or take it to be written."""

    def flush(self) -> object:
        """Have what was written leave the process now, if it can."""


def struck(text: str) -> str:
    """The text, with a star for each character of what could be a card number, an identity number, a PIN
    block or a key.
    """
    return _SECRET_LIKE.sub(lambda match: "*" * len(match[0]), text)


def traceback_text(error: BaseException, raised: TracebackType | None = None) -> str:
    """The traceback of an error and of the errors that caused it, without values. `raised` stands in for a
    traceback that the error has lost.
    """
    return escaped(struck("\n".join(_chain(error, raised))), lines=True)


def log_observer(stream: Stream) -> FileLogObserver:
    """An observer that writes each event of the log to a stream as one line, and the traceback of a failure
    after it, indented.
    """

    def written(event: LogEvent) -> str | None:
        text = struck(eventAsText(event, includeTraceback=False))
        failure = event.get("log_failure")
        if isinstance(failure, Failure) and failure.value is not None:
            raised = failure.getTracebackObject()
            text += "\n" + traceback_text(failure.value, raised)
        return escaped(text, lines=True).replace("\n", "\n\t") + "\n" if text else None

    return FileLogObserver(cast("TextIO", stream), written)


def _chain(error: BaseException, raised: TracebackType | None = None) -> Iterator[str]:
    """The lines of the traceback, the first cause first."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _chain(before)
        yield "which led to:"
    yield "Traceback (most recent call last):"
    yield from (line.rstrip() for line in traceback.format_tb(error.__traceback__ or raised))
    yield _summary(error)


def _summary(error: BaseException) -> str:
    """The error's class, with its text if that is ours or the operating system's."""
    name = type(error).__qualname__
    if isinstance(error, QianzhiError):
        return f"{name}: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {error.strerror}"
    return name
