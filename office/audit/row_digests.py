"""How the audit hashes rows, written here anew: SHA-256 over a fixed JSON form, in lower-case hex.

A row is one JSON array (RFC 8259) of its values in order, without blanks, text as itself and not escaped,
NULL as null, in UTF-8. A digest over several rows has a line feed after each.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Final

NO_HASH: Final = "0" * 64
"""The hash that the first record of a chain carries, in the place of the hash of the one before it."""
_ENCODED = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def json_bytes(row: Sequence[object]) -> bytes:
    """The JSON form of a row, in UTF-8."""
    return _ENCODED(list(row)).encode()


def row_hash(row: Sequence[object]) -> str:
    """The SHA-256 of one row, without a line feed, in hex."""
    return hashlib.sha256(json_bytes(row)).hexdigest()


def rows_digest(rows: Iterable[Sequence[object]]) -> str:
    """The SHA-256 of rows in their order, each followed by a line feed, in hex."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json_bytes(row) + b"\n")
    return digest.hexdigest()
