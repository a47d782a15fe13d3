"""A leaf's proof stands alone: a text, checked with the log's key only."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import LogFault
from archive.log.checkpoint import Checkpoint
from archive.log.leaf import Leaf
from archive.log.note import public_half, signed
from archive.log.proof import LeafProof, check_proof, parse_proof
from archive.log.tree import inclusion_proof, root, subtree_hash

SEED = bytes(range(32))
NAME = "insurer.example/archive"
KEY = public_half(NAME, SEED)
LEAVES = tuple(Leaf("entry", f"1/{number}", f"{number:064x}") for number in range(11))


def nodes(level: int, index: int) -> bytes:
    return subtree_hash([leaf.hash for leaf in LEAVES[index << level : (index + 1) << level]])


def proof_of(place: int, size: int = len(LEAVES)) -> LeafProof:
    checkpoint = Checkpoint(NAME, size, root(size, nodes))
    note = signed(checkpoint.text, NAME, SEED)
    return LeafProof(LEAVES[place], place, inclusion_proof(place, size, nodes), note)


@pytest.mark.parametrize("place", range(len(LEAVES)))
def test_each_leaf_is_proved_by_its_text_alone(place: int) -> None:
    proof = parse_proof(str(proof_of(place)).encode())
    assert proof == proof_of(place)
    assert check_proof(proof, [KEY]) == Checkpoint(NAME, 11, root(11, nodes))


def test_the_only_leaf_of_a_tree_needs_no_hash() -> None:
    text = str(proof_of(0, 1))
    assert text.split("\n")[:4] == [
        "c2sp.org/tlog-proof@v1",
        f"extra {b64encode(LEAVES[0].line).decode()}",
        "index 0",
        "",
    ]
    assert check_proof(parse_proof(text.encode()), [KEY]).size == 1


def test_another_leaf_is_not_proved() -> None:
    proof = proof_of(3)
    with pytest.raises(LogFault, match=r"^the proof does not lead from its leaf"):
        check_proof(proof._replace(leaf=LEAVES[4]), [KEY])
    with pytest.raises(LogFault, match=r"^the proof does not lead from its leaf"):
        check_proof(proof._replace(place=4), [KEY])


def test_a_proof_under_a_strangers_checkpoint_counts_for_nothing() -> None:
    with pytest.raises(LogFault, match=r"^no known key has signed it$"):
        check_proof(proof_of(3), [public_half("another.example", SEED)])


@given(st.integers(0, 10), st.data())
def test_no_byte_of_a_proof_can_be_changed(place: int, data: st.DataObject) -> None:
    whole = bytearray(str(proof_of(place)).encode())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(LogFault):
        check_proof(parse_proof(bytes(whole)), [KEY])


@given(st.integers(0, 400))
def test_a_cut_proof_is_refused(length: int) -> None:
    with pytest.raises(LogFault):
        check_proof(parse_proof(str(proof_of(5)).encode()[:length]), [KEY])


def test_a_proof_of_more_hashes_than_any_tree_has_is_refused() -> None:
    proof = proof_of(3)
    with pytest.raises(LogFault, match=r"^a proof has 63 hashes at most$"):
        parse_proof(str(proof._replace(hashes=64 * proof.hashes[:1])).encode())
