"""Attempts at one transaction that may be made again at once.

Only for a transaction that does nothing twice: one that finds its own work done says so. Three loops
elsewhere look alike and are not this one. The audit log's `write` allows one attempt more after a lost
connection, and only if that came first. The cut-over and the engine wait between attempts without holding a
thread, and each goes on by what the error makes certain (fep.operator.operations, fep.engine.commit).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def retried(call: Callable[[], T], attempts: int, *again: type[Exception]) -> T:
    """What `call` returns, called up to `attempts` times: once more after each error of a class in `again`.
    Raises the last attempt's error, and any other error at once.
    """
    for _ in range(attempts - 1):
        try:
            return call()
        except again:
            continue
    return call()
