"""The seal on a closed business day: one root over the tips of all chains, signed with Ed25519 (RFC 8032).

Pure. Who seals holds a key that never leaves it; who checks holds the public half. With the seal, an entry
that is changed, left out or put in afterwards cannot be passed off as that day's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SEED_BYTES = 32


class ChainEnd(NamedTuple):
    """Where a chain stood at the cut-over: its last entry's position, and that entry's hash (hex)."""

    chain: int
    position: int
    tip: str


def day_root(date: str, next_date: str, closed_at: int, ends: Sequence[ChainEnd]) -> str:
    """SHA-256, hex, over the day's date, the next one's, the moment of the cut-over (microseconds since
    1970-01-01 UTC) and every chain's end, as a JSON array.
    """
    content = [date, next_date, closed_at, [list(end) for end in sorted(ends)]]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


class Sealer:
    """Signs roots. `seed` is the 32-byte private key of Ed25519."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw().hex()

    def sign(self, root: str) -> str:
        """The signature on a root, hex; the same each time (Ed25519 is deterministic)."""
        return self._key.sign(root.encode()).hex()


def is_signed(root: str, signature: str, public: str) -> bool:
    """Whether the holder of the public key (hex) signed this root."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(
            bytes.fromhex(signature), root.encode()
        )
    except (InvalidSignature, ValueError):
        return False
    return True
