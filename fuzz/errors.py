"""What a target raises when the code under it is wrong. Nothing else may be raised by a target.

An error that the module under test documents is no defect: the target takes it and returns.
"""

from __future__ import annotations


class Defect(AssertionError):
    """The code under a target broke a promise; the text says which."""


class TooMuch(Defect):
    """An input cost more time or memory than its length allows."""


def require(kept: object, promise: str) -> None:
    """Raise Defect unless a promise was kept. Not `assert`: `python -O` would fuzz nothing."""
    if not kept:
        raise Defect(promise)
