"""The last signs of life of a bank, over all its links, and of who is no bank. Times are the reactor's
seconds, handed in; pure.
"""

from __future__ import annotations

from typing import NamedTuple


class LastSeen(NamedTuple):
    """When a bank was heard, and when it asked for an echo or answered ours; None for never."""

    heard_at: float | None
    echoed_at: float | None


class Stranger(NamedTuple):
    """An address on no bank's list, and when it was turned away."""

    host: str
    at: float


NEVER = LastSeen(None, None)


def latest(*contacts: LastSeen) -> LastSeen:
    """The later of each."""
    return LastSeen(
        max((one.heard_at for one in contacts if one.heard_at is not None), default=None),
        max((one.echoed_at for one in contacts if one.echoed_at is not None), default=None),
    )
