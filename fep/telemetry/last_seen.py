"""When a bank was last heard, over all its links.

Values only; times are the reactor's seconds, handed in. Pure.
"""

from __future__ import annotations

from typing import NamedTuple


class LastSeen(NamedTuple):
    """When a bank was last heard, and when it last asked for an echo or answered ours, in reactor seconds;
    None for never.
    """

    heard_at: float | None
    echoed_at: float | None


NEVER = LastSeen(None, None)


def latest(*seen: LastSeen) -> LastSeen:
    """Return the latest moment of each kind; None where none has one."""
    return LastSeen(
        max((last.heard_at for last in seen if last.heard_at is not None), default=None),
        max((last.echoed_at for last in seen if last.echoed_at is not None), default=None),
    )
