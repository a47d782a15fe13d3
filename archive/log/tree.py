"""Roots and proofs of a Merkle tree (RFC 6962, section 2.1) out of the hashes of its complete subtrees.

A *node* is a complete subtree: `(level, index)` covers the 2**level leaves from leaf index * 2**level on.
Where the hashes of nodes come from is the caller's matter: `Nodes` gives one. No file is read here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

HASH_BYTES: Final = 32
_NODE_PREFIX: Final = b"\x01"
_EMPTY: Final = hashlib.sha256(b"").digest()

Nodes = Callable[[int, int], bytes]
"""The hash, 32 bytes, of the complete subtree of this level and index."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node out of those of its halves, 32 bytes."""
    return hashlib.sha256(_NODE_PREFIX + left + right).digest()


def subtree_hash(hashes: Sequence[bytes]) -> bytes:
    """The hash of a complete subtree out of the hashes of its nodes of one level, a power of two of them."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def root(size: int, nodes: Nodes) -> bytes:
    """The root of the tree of the first `size` leaves, 32 bytes."""
    return _range_hash(0, size, nodes) if size else _EMPTY


def inclusion_proof(index: int, size: int, nodes: Nodes) -> tuple[bytes, ...]:
    """The proof that leaf `index` is in the tree of the first `size` leaves: the hashes beside its way to the
    root, the nearest first (RFC 6962, section 2.1.1). Raises ValueError unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    proof = []
    first, last = 0, size
    while last - first > 1:
        middle = first + _split(last - first)
        if index < middle:
            proof.append(_range_hash(middle, last, nodes))
            last = middle
        else:
            proof.append(_range_hash(first, middle, nodes))
            first = middle
    return tuple(reversed(proof))


def consistency_proof(old: int, new: int, nodes: Nodes) -> tuple[bytes, ...]:
    """The proof that the tree of `new` leaves begins with that of `old` (RFC 6962, section 2.1.2); empty
    where the old tree is empty or the new one. Raises ValueError unless 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} does not go on from one of {old}")
    if old in {0, new}:
        return ()
    proof = []
    first, last, is_whole = 0, new, True
    while old != last:
        middle = first + _split(last - first)
        if old <= middle:
            proof.append(_range_hash(middle, last, nodes))
            last = middle
        else:
            proof.append(_range_hash(first, middle, nodes))
            first, is_whole = middle, False
    if not is_whole:
        proof.append(_range_hash(first, last, nodes))
    return tuple(reversed(proof))


def included_root(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that a tree of `size` leaves must have if `proof` holds for the leaf of this hash at `index`
    (RFC 9162, section 2.1.3.2); None where the proof's length or the index does not fit.
    """
    if not 0 <= index < size:
        return None
    at, last, computed = index, size - 1, leaf
    for hashed in proof:
        if last == 0:
            return None
        if at % 2 or at == last:
            computed = node_hash(hashed, computed)
            while at % 2 == 0:
                at, last = at >> 1, last >> 1
        else:
            computed = node_hash(computed, hashed)
        at, last = at >> 1, last >> 1
    return computed if last == 0 else None


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the tree of `new` leaves with `new_root` begins with the tree of `old`
    leaves with `old_root` (RFC 9162, section 2.1.4.2).
    """
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == _EMPTY
    hashes = list(proof)
    if old & (old - 1) == 0:  # the old tree is a node of the new one: its root is where the proof begins
        hashes.insert(0, old_root)
    if not hashes:
        return False
    at, last = old - 1, new - 1
    while at % 2:
        at, last = at >> 1, last >> 1
    of_old = of_new = hashes[0]
    for hashed in hashes[1:]:
        if last == 0:
            return False
        if at % 2 or at == last:
            of_old, of_new = node_hash(hashed, of_old), node_hash(hashed, of_new)
            while at % 2 == 0:
                at, last = at >> 1, last >> 1
        else:
            of_new = node_hash(of_new, hashed)
        at, last = at >> 1, last >> 1
    return last == 0 and of_old == old_root and of_new == new_root


def _range_hash(first: int, last: int, nodes: Nodes) -> bytes:
    """The hash of the subtree of the leaves from `first` to before `last`, as the tree divides them."""
    size = last - first
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return nodes(level, first >> level)
    middle = first + _split(size)
    return node_hash(_range_hash(first, middle, nodes), _range_hash(middle, last, nodes))


def _split(size: int) -> int:
    """The largest power of two below `size`, which is 2 or more."""
    return 1 << ((size - 1).bit_length() - 1)
