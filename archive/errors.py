"""The errors that the archive raises. Only exception types belong here."""

from __future__ import annotations

from ledger.errors import LedgerError
from qianzhi_errors.sentence import Sentence


class ArchiveError(LedgerError):
    """Base of all errors that the archive raises on purpose."""


class LogFault(ArchiveError):
    """A note, a checkpoint, a tile or a proof of a log is not what it must be; the text says why."""


class VolumeRefused(ArchiveError):
    """A volume cannot be made of what was handed in. `place` is the file, key or field at fault. No volume
    was made, and what was handed in is as it was.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(Sentence("{place}: {reason}; no volume was made", place=place, reason=reason))
        self.place = place
        self.reason = reason


class VolumeFault(ArchiveError):
    """A volume, an image, an index or a parity is not what its own sums say. `place` is the file at fault.
    None of its bytes was given out.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(Sentence("{place}: {reason}", place=place, reason=reason))
        self.place = place
        self.reason = reason


class FileNotWritten(ArchiveError):
    """A file could not be written, because the disk is full or for another reason of the system's. What stood
    under its name stands there still; the same step can be run again.
    """

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(Sentence("{place}: not written: {reason}", place=place, reason=reason))
        self.place = place
        self.reason = reason
