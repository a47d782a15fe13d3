"""The errors that the archive raises. Only exception types belong here."""

from __future__ import annotations

from ledger.errors import LedgerError


class ArchiveError(LedgerError):
    """Base of all errors that the archive raises on purpose."""


class LogFault(ArchiveError):
    """A note, a checkpoint, a tile or a proof of a log is not what it must be; the text says why."""
