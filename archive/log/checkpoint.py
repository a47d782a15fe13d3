"""A checkpoint: a tree's size and root as a text to be signed (tlog-checkpoint), and what witnesses add.

A *witness* is anyone who keeps the last checkpoint that they saw and signs a later one only if its tree goes
on from it (tlog-cosignature): a bank, an auditor, a regulator. No tree is read here.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from archive.errors import LogFault
from archive.log.note import Note, NoteKey, NoteSignature, SignatureType, public_half
from archive.log.tree import HASH_BYTES
from qianzhi_errors.sentence import Sentence

_SECONDS_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64
_TEXT: Final = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\n")


class Checkpoint(NamedTuple):
    """The state of a log: what it is called, how many leaves it has, and its root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


class Cosignature(NamedTuple):
    """A witness's word: who, and when in seconds since 1970-01-01 UTC."""

    name: str
    at: int


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint of a note's text. Raises LogFault; a log of ours has no further lines."""
    found = _TEXT.fullmatch(text)
    root = b64decode(found[3]) if found else b""
    if found is None or b64encode(root).decode() != found[3] or len(root) != HASH_BYTES:
        raise LogFault(Sentence("a checkpoint is a log's name, a number of leaves and a root in base64"))
    return Checkpoint(found[1], int(found[2]), root)


def cosigned(note: Note, name: str, seed: bytes, at: int) -> Note:
    """The checkpoint's note with a witness's line under it. `seed` is the witness's private key, 32 bytes;
    `at` is in seconds since 1970-01-01 UTC. That the tree goes on from what the witness saw before is for the
    caller to check first.
    """
    key = public_half(name, seed, SignatureType.COSIGNATURE)
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(_statement(at, note.text))
    line = NoteSignature(name, key.id, at.to_bytes(_SECONDS_BYTES, "big") + signature)
    return Note(note.text, (*note.signatures, line))


def cosignatures(note: Note, witnesses: Iterable[NoteKey]) -> tuple[Cosignature, ...]:
    """What the known witnesses said about the checkpoint, in the note's order. Raises LogFault if a known
    witness's line is wrong.
    """
    known = {(key.name, key.id): key for key in witnesses if key.kind is SignatureType.COSIGNATURE}
    statements = []
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        at = moment_of(line)
        signature = line.signature[_SECONDS_BYTES:]
        if len(signature) != _SIGNATURE_BYTES or not key.is_signature(_statement(at, note.text), signature):
            raise LogFault(Sentence("the signature of {name} is wrong", name=key.name))
        statements.append(Cosignature(key.name, at))
    return tuple(statements)


def moment_of(line: NoteSignature) -> int:
    """When a witness signed, by its line: seconds since 1970-01-01 UTC. It is not known to hold by that."""
    return int.from_bytes(line.signature[:_SECONDS_BYTES], "big")


def _statement(at: int, text: str) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text}".encode()
