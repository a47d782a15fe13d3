"""The errors of the back office. Only exception types live here."""

from __future__ import annotations

from ledger.errors import LedgerError


class OfficeError(LedgerError):
    """Base of what the back office raises by design."""
