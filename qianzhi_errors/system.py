"""Why the operating system refused something, as a sentence for a person.

Its own words are kept for what is not in the table. What was refused, the caller says.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from qianzhi_errors.sentence import Sentence, phrase

_REASONS: Final[Mapping[int, str]] = MappingProxyType(
    {
        errno.EPERM: phrase("Operation not permitted"),
        errno.ENOENT: phrase("No such file or directory"),
        errno.EIO: phrase("Input/output error"),
        errno.EACCES: phrase("Permission denied"),
        errno.EBUSY: phrase("Device or resource busy"),
        errno.EEXIST: phrase("File exists"),
        errno.ENOTDIR: phrase("Not a directory"),
        errno.EISDIR: phrase("Is a directory"),
        errno.EINVAL: phrase("Invalid argument"),
        errno.EMFILE: phrase("Too many open files"),
        errno.EFBIG: phrase("File too large"),
        errno.ENOSPC: phrase("No space left on device"),
        errno.EROFS: phrase("Read-only file system"),
        errno.EPIPE: phrase("Broken pipe"),
        errno.ENAMETOOLONG: phrase("File name too long"),
        errno.ENOTEMPTY: phrase("Directory not empty"),
        errno.ELOOP: phrase("Too many levels of symbolic links"),
        errno.EADDRINUSE: phrase("Address already in use"),
        errno.EADDRNOTAVAIL: phrase("Cannot assign requested address"),
        errno.ENETUNREACH: phrase("Network is unreachable"),
        errno.ECONNRESET: phrase("Connection reset by peer"),
        errno.ETIMEDOUT: phrase("Connection timed out"),
        errno.ECONNREFUSED: phrase("Connection refused"),
        errno.EHOSTUNREACH: phrase("No route to host"),
        errno.EDQUOT: phrase("Disk quota exceeded"),
    }
)
"""The words of Linux for the errors that are met at files and sockets."""


def system_reason(error: OSError) -> str:
    """Return the operating system's reason, without the file; the whole text where it has given no number."""
    known = _REASONS.get(error.errno or 0)
    if known is not None and known == error.strerror:
        return Sentence(known)
    return error.strerror or str(error)


def system_text(error: OSError) -> str:
    """Return the whole text of an error, as Python has it: its number, reason and file."""
    reason = system_reason(error)
    if not isinstance(reason, Sentence) or error.filename2 is not None:
        return str(error)
    text = Sentence("[Errno {number}] {reason}", number=error.errno, reason=reason)
    return text if error.filename is None else Sentence("{text}: {file!r}", text=text, file=error.filename)


def text_of(error: BaseException) -> str:
    """Return an error's text, which is a Sentence where it was raised with one, or the system raised it."""
    return system_text(error) if isinstance(error, OSError) else str(error)
