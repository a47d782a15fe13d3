"""Which of the keys that a bank has made were replaced by others, so that none of them comes back.

Pure: moments are handed in, in seconds of a monotonic clock. Key blocks are told by a digest, and no key is
known here. Bounded, in memory, and gone with the process: what it keeps away is a block that was recorded on
the way and sent again, and a key that became known. Money it does not guard: that is the transaction's key's
(ledger.rules.request).
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

KEPT_MAX: Final = 4096
"""Key blocks of one bank that are kept; the oldest goes."""


class ReplacedKeys:
    """The key blocks of one bank whose keys were replaced, with the moment from which each is refused."""

    def __init__(self) -> None:
        self._from: dict[bytes, float] = {}

    def add(self, block: str, refused_from: float) -> None:
        """Refuse this key block from a moment on; one that is there already keeps its moment."""
        self._from.setdefault(_digest(block), refused_from)
        if len(self._from) > KEPT_MAX:
            del self._from[next(iter(self._from))]

    def refuse(self, block: str, now: float) -> bool:
        """Whether this key block is refused now."""
        return self._from.get(_digest(block), now + 1) <= now


def _digest(block: str) -> bytes:
    return sha256(block.encode("utf-8", "surrogatepass")).digest()
