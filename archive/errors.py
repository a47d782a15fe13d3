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


class NoSuchItem(ArchiveError):
    """The catalogue has no volume, copy, parcel or proposal of this name."""


class ActRefused(ArchiveError):
    """What was asked for cannot be done in the state that the archive is in. Nothing was changed."""


class SamePerson(ActRefused):
    """The person who proposed an act may not also decide on it."""


class NotAllowed(ActRefused):
    """The settings do not give this person the permission."""


class NoRoom(ArchiveError):
    """The disk has too little room for what was to be written. Nothing was begun."""


class ParcelDiffers(ArchiveError):
    """A business date was taken in before, with other content. Nothing was overwritten."""


class IntakeRefused(ArchiveError):
    """What is to be taken in contradicts its own proofs. Nothing of it was kept."""


class DocumentRefused(ArchiveError):
    """A document of the inbox, or the list of them, has a fault. Nothing of it was kept."""


class NothingServed(ArchiveError):
    """No copy of a volume gives the bytes that were sealed. Nothing was shown."""
