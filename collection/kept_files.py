"""Keeps the bytes of every file that was written or taken, once, sealed under a key of collection's own.

A bank's file has accounts and names in it, so that no byte of one stands in the database in clear. Statements
and sealing only; what a file means is read elsewhere.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, insert, select

from collection.database.schema import Direction, files
from collection.desk import Desk
from collection.errors import FileRefused, OtherKeys
from customers.sealing import NONCE_BYTES
from qianzhi_errors.sentence import Sentence


class KeptFile(NamedTuple):
    """A file in clear, with its name and its SHA-256 in hex: use it at once."""

    sha256: str
    name: str
    content: bytes

    def __repr__(self) -> str:
        """Name the file, and say nothing of what is in it."""
        return f"KeptFile({self.name!r})"


def digest_of(content: bytes) -> str:
    """The SHA-256 of a file, in hex: a file is known by it, whatever its name."""
    return hashlib.sha256(content).hexdigest()


def is_kept(connection: Connection, content: bytes) -> bool:
    """Whether this very file was taken or written before."""
    chosen = files.c.sha256 == digest_of(content)
    return connection.execute(select(files.c.sha256).where(chosen)).first() is not None


def check_new(connection: Connection, content: bytes) -> None:
    """Raise FileRefused for a file that was taken before."""
    if is_kept(connection, content):
        raise FileRefused(Sentence("this file was taken before, by its digest: nothing was changed"))


def keep(
    desk: Desk,
    connection: Connection,
    direction: Direction,
    name: str,
    content: bytes,
    *,
    batch: str = "",
    channel: str = "",
) -> str:
    """Keep a file in the caller's transaction, and return its SHA-256 in hex."""
    sha256, nonce = digest_of(content), desk.entropy(NONCE_BYTES)
    sealed = AESGCM(desk.keys.files.reveal()).encrypt(nonce, content, sha256.encode())
    row = {
        "sha256": sha256,
        "batch": batch,
        "channel": channel,
        "direction": direction.value,
        "name": name,
        "at": desk.at,
        "by": desk.by,
        "size": len(content),
        "content_sealed": nonce + sealed,
    }
    connection.execute(insert(files).values(row))
    return sha256


def kept(desk: Desk, connection: Connection, batch: str, direction: Direction) -> tuple[KeptFile, ...]:
    """The files of a batch that went this way, in the order in which they came or were made. Raises OtherKeys
    where one does not open.
    """
    chosen = (files.c.batch == batch, files.c.direction == direction.value)
    rows = connection.execute(select(files).where(*chosen).order_by(files.c.at, files.c.name))
    return tuple(_opened(desk, row.sha256, row.name, row.content_sealed) for row in rows)


def _opened(desk: Desk, sha256: str, name: str, sealed: bytes) -> KeptFile:
    key = AESGCM(desk.keys.files.reveal())
    try:
        content = key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], sha256.encode())
    except InvalidTag:
        raise OtherKeys(
            Sentence("the kept file {name} does not open: it was altered, or the key is another", name=name)
        ) from None
    return KeptFile(sha256, name, content)
