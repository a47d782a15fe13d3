"""The seal on a closed business day: one root over the tips of all chains, signed with Ed25519 (RFC 8032).

Pure. The front-end machine holds the private key; whoever checks a seal needs the public key only. With the
seal, an entry that is changed, left out or put in afterwards cannot be passed off as that day's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SEED_BYTES = 32
"""The length of an Ed25519 private key (RFC 8032, section 5.1.5)."""


class ChainEnd(NamedTuple):
    """The end of a chain at a cut-over: its last entry's position, and that entry's hash (hex)."""

    chain: int
    position: int
    tip: str


def day_root(date: str, next_date: str, closed_at: int, ends: Sequence[ChainEnd]) -> str:
    """The root of a closed day: SHA-256, hex, over a JSON array of its date, the next business date (both
    YYYYMMDD), the moment of the cut-over (microseconds since 1970-01-01 UTC) and every chain's end.
    """
    content = [date, next_date, closed_at, [list(end) for end in sorted(ends)]]
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


class Sealer:
    """Signs roots. `seed` is the Ed25519 private key, SEED_BYTES long; `public` is the public key, hex."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw().hex()

    def sign(self, root: str) -> str:
        """The signature on a root, hex; the same every time, since Ed25519 is deterministic."""
        return self._key.sign(root.encode()).hex()


def is_signed(root: str, signature: str, public: str) -> bool:
    """Whether `signature` (hex) on this root was made with the private key of `public` (hex)."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(
            bytes.fromhex(signature), root.encode()
        )
    except (InvalidSignature, ValueError):
        return False
    return True
