"""DE 39, the response codes: every outcome that this interface can have, and nothing else.

Words for people (DE 44) and the rules that choose a code do not belong here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Response(StrEnum):
    """A response code (DE 39, `an 2`). The member's value is what goes over the wire."""

    APPROVED = "00"
    """Done, and on disk."""

    NOT_POSSIBLE = "12"
    """Not possible in this state: already paid, cancelled, lapsed; a cancel after cutover."""

    AMOUNT_DIFFERS = "13"
    """The amount is not the due's."""

    NO_ORIGINAL = "21"
    """A reversal or cancel without its original, or the original after its reversal."""

    NOT_FOUND = "25"
    """No such policy or due."""

    FORMAT = "30"
    """A mandatory field is missing or malformed; DE 44 names it."""

    NOT_SUPPORTED = "40"
    """A message or transaction that this interface does not have, or one that carries a PIN."""

    BANK_NOT_ALLOWED = "57"
    """This bank may not do this transaction."""

    TERMINAL_NOT_ALLOWED = "58"
    """This terminal may not do this transaction."""

    OVER_LIMIT = "61"
    """Over the bank's limit for one transaction or for the day."""

    SECURITY = "63"
    """MAC bad or missing, key unknown, or not signed on."""

    IDENTITY_DIFFERS = "76"
    """The identity number is not the one on the due."""

    CUTOVER = "90"
    """Cutover is under way: ask again."""

    UNAVAILABLE = "91"
    """Not available now; only where it is certain that nothing was done."""

    KEY_REUSED = "94"
    """The key of an earlier transaction with other content."""

    TOTALS_DIFFER = "95"
    """The totals of a reconciliation (0510) differ."""

    FAULT = "96"
    """A fault of ours; only where it is certain that nothing was done."""


# Refusals that are recorded under the transaction's key, so that a repeat gets the same one for ever.
# 63, 90, 91, 94 and 96 say nothing about the transaction itself: it may still be done.
FINAL: Final[frozenset[Response]] = frozenset(
    {
        Response.NOT_POSSIBLE,
        Response.AMOUNT_DIFFERS,
        Response.NO_ORIGINAL,
        Response.NOT_FOUND,
        Response.FORMAT,
        Response.NOT_SUPPORTED,
        Response.BANK_NOT_ALLOWED,
        Response.TERMINAL_NOT_ALLOWED,
        Response.OVER_LIMIT,
        Response.IDENTITY_DIFFERS,
    }
)
