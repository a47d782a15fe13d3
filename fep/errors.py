"""The errors of the front-end machine. Only types; each text is a sentence that an operator can act on."""

from __future__ import annotations


class FepError(Exception):
    """Base of everything the front-end machine raises by design."""
