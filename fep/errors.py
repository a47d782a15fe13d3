"""The errors of the front-end machine. Only types; each text is a sentence that an operator can act on."""

from __future__ import annotations

from qianzhi_errors import QianzhiError


class FepError(QianzhiError):
    """Base of everything the front-end machine raises by design."""
