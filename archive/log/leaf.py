"""A leaf of the log: one line of text that names a thing which was archived, and has its SHA-256.

A leaf says nothing of what the thing contains, so that a proof may be shown to anyone. Nothing is hashed here
but the line itself.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, NamedTuple

from archive.errors import LogFault
from qianzhi_errors.sentence import Sentence

_LINE: Final = re.compile(r"([a-z]{1,16}) ([!-~]{1,96}) ([0-9a-f]{64})")
_LEAF_PREFIX: Final = b"\x00"  # RFC 6962, section 2.1: a leaf's hash is never a node's


class Leaf(NamedTuple):
    """A thing that was archived: its kind (`entry`, `seal`, `receipt` ...), its name among those, and its
    SHA-256 in hex.
    """

    kind: str
    name: str
    digest: str

    @property
    def line(self) -> bytes:
        """The leaf as text, without a line end: what the tree's leaf is the hash of."""
        return f"{self.kind} {self.name} {self.digest}".encode("ascii")

    @property
    def hash(self) -> bytes:
        """The leaf's hash in the tree, 32 bytes (RFC 6962, section 2.1)."""
        return leaf_hash(self.line)


def leaf_hash(line: bytes) -> bytes:
    """The hash in the tree of a leaf with this text, 32 bytes (RFC 6962, section 2.1)."""
    return hashlib.sha256(_LEAF_PREFIX + line).digest()


def parse_leaf(line: str) -> Leaf:
    """The leaf of a line without its line end. Raises LogFault."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise LogFault(Sentence("a leaf is a kind, a name and a SHA-256 in hex, with a blank between them"))
    return Leaf(*found.groups())
