"""One leaf's proof as a text that stands alone (tlog-proof): whoever has the log's key checks it, without us.

    c2sp.org/tlog-proof@v1
    extra <base64 of the leaf's own line>
    index 73894
    <hashes beside the leaf's way to the root, in base64, a line each>
    <an empty line>
    <the checkpoint, with its signatures>

No tree is read here.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Final, NamedTuple

from archive.errors import LogFault
from archive.log.checkpoint import Checkpoint, parse_checkpoint
from archive.log.leaf import Leaf, leaf_hash, parse_leaf
from archive.log.note import Note, NoteKey, check_note, parse_note
from archive.log.tree import included_root
from qianzhi_errors.sentence import Sentence

SUFFIX: Final = ".tlog-proof"
_HEAD: Final = "c2sp.org/tlog-proof@v1"
_HASHES_MAX: Final = 63
_TEXT: Final = re.compile(
    rf"{re.escape(_HEAD)}\nextra ([A-Za-z0-9+/=]+)\nindex (0|[1-9][0-9]{{0,18}})\n"
    r"((?:[A-Za-z0-9+/]{43}=\n)*)\n(.+)",
    re.DOTALL,
)


class LeafProof(NamedTuple):
    """A leaf, its place in the log, the hashes that lead from it to the root, and the signed checkpoint."""

    leaf: Leaf
    place: int
    hashes: tuple[bytes, ...]
    checkpoint: Note

    def __str__(self) -> str:
        hashes = "".join(f"{b64encode(hashed).decode()}\n" for hashed in self.hashes)
        extra = b64encode(self.leaf.line).decode()
        return f"{_HEAD}\nextra {extra}\nindex {self.place}\n{hashes}\n{self.checkpoint}"


def parse_proof(data: bytes) -> LeafProof:
    """The proof of these bytes; nothing of it is checked. Raises LogFault."""
    try:
        found = _TEXT.fullmatch(data.decode())
    except UnicodeDecodeError as error:
        raise LogFault(Sentence("is not UTF-8 at byte {byte}", byte=error.start)) from error
    if found is None:
        raise LogFault(Sentence("is no proof of a log: its first line, leaf, index or hashes are not there"))
    hashes = tuple(b64decode(line) for line in found[3].split())
    if len(hashes) > _HASHES_MAX:
        raise LogFault(Sentence("a proof has {most} hashes at most", most=_HASHES_MAX))
    proof = LeafProof(_leaf(found[1]), int(found[2]), hashes, parse_note(found[4].encode()))
    if str(proof).encode() != data:
        raise LogFault(Sentence("is no proof of a log: its base64 is not in the one form that it has"))
    return proof


def check_proof(proof: LeafProof, keys: Iterable[NoteKey]) -> Checkpoint:
    """The checkpoint in whose tree the leaf is. Raises LogFault if no known key signed it, or if the proof
    does not lead from the leaf to its root.
    """
    check_note(proof.checkpoint, keys)
    checkpoint = parse_checkpoint(proof.checkpoint.text)
    root = included_root(leaf_hash(proof.leaf.line), proof.place, checkpoint.size, proof.hashes)
    if root != checkpoint.root:
        raise LogFault(Sentence("the proof does not lead from its leaf to the root of its checkpoint"))
    return checkpoint


def _leaf(coded: str) -> Leaf:
    try:
        return parse_leaf(b64decode(coded, validate=True).decode("ascii"))
    except ValueError as error:
        raise LogFault(Sentence("is no proof of a log: its leaf is not in base64")) from error
