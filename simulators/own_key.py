"""A session key that a simulated bank makes itself, where that was agreed: the key, and the groups of DE 48
that bring it.

Pure: the random bytes are handed in. When it is sent, and from when on it counts, is its link's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from protocol.keyblock import wrap
from protocol.mac import MacKey, MacMethod
from protocol.tlv import build


class OwnKey(NamedTuple):
    """A session key, and the text of DE 48 with its key block (KA) and check value (CA)."""

    key: MacKey
    groups: str


def own_key(method: MacMethod, zmk: bytes, encoding: str, entropy: Callable[[int], bytes]) -> OwnKey:
    """Return a new session key under a ZMK, as long as the method says."""
    material = entropy(method.key_bytes)
    key = MacKey(method, material)
    block = wrap(zmk, material, method, entropy)
    return OwnKey(key, build((("KA", block), ("CA", key.check_value)), encoding))
